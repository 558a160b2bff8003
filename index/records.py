"""The records that travel between the parts: frozen, and with one promise each.

This file must not know how any of them is made or stored.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

GIVEN = "put:"  # begins the origin of an article that came by itself, not from a file


@dataclass(frozen=True, slots=True)
class Article:
    """One article; `text` is normalised once in `sources` and never changes after.

    `id`: 16 hex digits, the same for the same origin.
    `origin`: where it was read from, a path or "path#row".
    `published`: an ISO date, YYYY-MM-DD.
    `page_starts`: where in `text` each page of a file with pages begins, ascending.
    """

    id: str
    origin: str
    title: str
    text: str
    url: str | None = None
    source: str | None = None
    published: str | None = None
    author: str | None = None
    page_starts: tuple[int, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of everything a reader can see; equal digests need no new work."""
        told = (self.title, self.url, self.source, self.published, self.author)
        fields = (*told, self.text, self.page_starts)
        return sha256(repr(fields).encode()).hexdigest()

    def page(self, offset: int) -> int | None:
        """The number, from 1, of the page with this code point; None where there are no pages."""
        return bisect_right(self.page_starts, offset) or None

    @property
    def text_digest(self) -> str:
        """SHA-256 of the text alone; equal for copies of one article."""
        return sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Passage:
    """A slice of an article: `article.text[start:end] == text`.

    `start`, `end`: Unicode code points, end exclusive.
    """

    article_id: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """An article with all that is stored of it; `vectors`: shape (passages, dimension)."""

    article: Article
    passages: Sequence[Passage]
    vectors: NDArray[np.float32]
    acronyms: dict[str, str]


@dataclass(frozen=True, slots=True)
class Counts:
    """How much the library holds."""

    articles: int
    passages: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved passage; a higher score is better, always."""

    passage: Passage
    score: float


@dataclass(frozen=True, slots=True)
class Same:
    """What lies at an origin is as it was when it was last read; nothing has to be done."""

    origin: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A file or row that could not be read, by name and reason."""

    origin: str
    reason: str
