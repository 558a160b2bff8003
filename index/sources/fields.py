"""What a file or row says of itself (title, date, address, author) becomes an `Article`.

This file must not know where the fields were written.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from itertools import pairwise
from pathlib import PurePath
from urllib.parse import urlsplit

from sentencex import get_sentence_boundaries

from index.errors import SourceError
from index.records import Article
from index.sources.normalise import normalise, one_line, shorten

_LABEL_LENGTH = 300  # code points of a title, source or author
_SENTENCE_LENGTH = 120  # code points of a first sentence that stands in for a title
_URL_LENGTH = 2000
_DAY_FIRST = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ]|$)", re.ASCII)


def make_article(
    origin: str, name: str, text: str, fields: Mapping[str, object], heading: str | None = None
) -> Article:
    """The article at `origin`, from the file called `name`; `heading` is its first heading.

    The title falls back to the heading, the first sentence, the file's name; the source to the
    file's name, so that a citation always tells where it is from. Raises `SourceError`.
    """
    text = normalise(text)
    if not text:
        raise SourceError("holds no text")
    titles = (label(fields.get("title")), label(heading), first_sentence(text))
    source = label(fields.get("source"))
    published = iso_date(fields.get("published"))
    return Article(
        id=sha256(origin.encode()).hexdigest()[:16],
        origin=origin,
        title=next((title for title in titles if title is not None), _spoken(name)),
        text=text,
        url=web_url(fields.get("url")),
        source=one_line(name) if source is None else source,
        published=iso_date(fields.get("date")) if published is None else published,
        author=names(fields.get("author")),
        page_starts=_page_starts(fields.get("page_starts"), len(text)),
    )


def label(value: object) -> str | None:
    """A string or number as one short line; None for anything else and for blanks."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    line = one_line(str(value))
    return shorten(line, _LABEL_LENGTH) if line else None


def names(value: object) -> str | None:
    """One author, or a list of them joined with ", "."""
    if not isinstance(value, list):
        return label(value)
    return label(", ".join(name for name in map(label, value) if name is not None))


def web_url(value: object) -> str | None:
    """The address if it is an http(s) URL that a page can link to, else None."""
    if not isinstance(value, str):
        return None
    url = normalise(value)
    if len(url) > _URL_LENGTH or re.search(r"\s", url):
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and host else None


def iso_date(value: object) -> str | None:
    """YYYY-MM-DD, as written there, from an ISO 8601 or an RFC 2822 date, or its day; else None."""
    if not isinstance(value, str):
        return None
    written = one_line(value)[:100]
    first = _DAY_FIRST.match(written)
    try:
        if first is not None:
            return date.fromisoformat(first[1]).isoformat()
        return datetime.fromisoformat(written).date().isoformat()
    except ValueError:
        day = _mail_date(written)
        return _mail_date(f"{written} 00:00") if day is None else day  # a day alone


def first_sentence(text: str) -> str | None:
    """The first sentence of normalised `text` as a title; None if it holds no word."""
    paragraph = one_line(text[:1000].partition("\n\n")[0])
    sentences = get_sentence_boundaries("en", paragraph)
    sentence = sentences[0]["text"].strip() if sentences else paragraph
    return shorten(sentence, _SENTENCE_LENGTH) if re.search(r"\w", sentence) else None


def _page_starts(value: object, length: int) -> tuple[int, ...]:
    """Offsets written with spaces between; none unless they are where pages may begin."""
    if not isinstance(value, str) or re.fullmatch(r"0( \d{1,9})*", value, re.ASCII) is None:
        return ()
    starts = tuple(map(int, value.split()))
    return starts if all(a <= b for a, b in pairwise((*starts, length))) else ()


def _mail_date(written: str) -> str | None:
    try:
        return parsedate_to_datetime(written).date().isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _spoken(name: str) -> str:
    """A file's name as words: no suffix, "-" and "_" as spaces."""
    return one_line(re.sub("[-_]", " ", PurePath(name).stem)) or one_line(name)
