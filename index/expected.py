"""What an article must have in a library, wherever that lies: derived from its text and compared.

It must not know how anything is stored.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.embed import load_question_embedder
from index.library import passage_input
from index.records import Article
from index.split import split

SAMPLE = 32  # passages embedded again, spread over the library
_SAME = 0.999  # least cosine of a stored vector and the one made again
_UNIT = 1e-3  # how far from 1 a vector's length may be

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """A passage to embed again, and its vector as stored."""

    article: Article
    start: int
    end: int
    vector: Floats

    @property
    def text(self) -> str:
        """What of it is embedded."""
        return passage_input(self.article.title, self.article.text[self.start : self.end])


@dataclass(slots=True)
class Findings:
    """What is wrong with a library, as sentences, and of which articles.

    `damaged`: ids of those that are not as they should be; `whole`: those of them whose text is,
    so that all else can be made anew.
    """

    problems: list[str] = field(default_factory=list)
    damaged: set[str] = field(default_factory=set)
    whole: list[Article] = field(default_factory=list)

    def add(self, article: Article, digest: str | None, problems: Iterable[str]) -> bool:
        """Take note of an article's problems, if there are any, and whether there are."""
        found = list(problems)
        self.problems += found
        if found and article.id not in self.damaged:
            self.damaged.add(article.id)
            self.whole += [article] if article.digest == digest else []
        return bool(found)


def article_problems(
    article: Article, digest: str | None, places: Sequence[tuple[int, int]], has_acronyms: bool
) -> Iterator[str]:
    """What is wrong with an article, its digest as stored, and starts and ends of its passages."""
    name = name_of(article)
    if digest != article.digest:
        yield f"{name} is not as it was stored: its checksum differs"
    if list(places) != [(passage.start, passage.end) for passage in split(article)]:
        yield f"{name} has other passages than its text gives"
    if not has_acronyms:
        yield f"{name} has other acronyms than its text gives"


def vector_problem(article: Article, start: int, vector: Floats, dimension: int) -> str | None:
    """What is wrong with the vector of the passage that begins there, if anything is."""
    is_unit = abs(float(np.linalg.norm(vector)) - 1) <= _UNIT  # false for what is no number
    if len(vector) == dimension and is_unit:
        return None
    return f"{place_in(article, start)} has a vector that is not {dimension} unit numbers"


def differing(models: Path, fingerprint: str, sample: Sequence[Sampled]) -> list[Sampled]:
    """Those whose vector is not the one that the embedder in `models` gives.

    Raises `EmbedderError` when it can't be asked.
    """
    embedder = load_question_embedder(models, fingerprint)

    def is_same(one: Sampled) -> bool:
        [again] = embedder.encode([one.text])
        return len(again) == len(one.vector) and float(again @ one.vector) >= _SAME

    return [one for one in sample if not is_same(one)]


def vector_differs(one: Sampled) -> str:
    """The problem of one that differs."""
    return f"{place_in(one.article, one.start)} has another vector than its text gives"


def name_of(article: Article) -> str:
    """The article as it is called in a sentence."""
    return f"article {article.id} ({article.title})"


def place_in(article: Article, start: int) -> str:
    """The passage of the article that begins there."""
    return f"{name_of(article)}: the passage at {start}"
