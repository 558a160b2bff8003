"""Files become articles: the front door of this package."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType, TracebackType
from typing import Self
from urllib.parse import urlsplit

from index.errors import SourceError
from index.records import Article, Failure
from index.sources.entries import Entry, Listing, checked_listing
from index.sources.fields import make_article, web_url
from index.sources.files import KINDS, find_files, shown, why
from index.sources.normalise import in_utf8, one_line, shorten
from index.sources.parser import Parser
from index.sources.tables import file_of, read_table
from index.sources.text import read_text

__all__ = [
    "KINDS",
    "Entry",
    "Listing",
    "Sources",
    "file_of",
    "find_files",
    "make_article",
    "one_line",
    "page_id",
    "shown",
    "web_url",
]


_SUFFIXES = {  # of the media types that are read
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
    "text/markdown": ".md",
}
_ENCODING = re.compile(r";\s*charset\s*=\s*[\"']?([\w-]{1,40})", re.ASCII)
_NOT_PUT = "can't be put into the folder for temporary files, which the parser reads from"


class Sources:
    """Reads files one after the other; `close`, or leaving `with`, ends its child process.

    Not thread-safe.
    """

    def __init__(self) -> None:
        self._parser = Parser()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child process; reading another file starts a new one."""
        self._parser.close()

    def read(
        self, path: Path, given: Mapping[str, str] = MappingProxyType({})
    ) -> Iterator[Article | Failure]:
        """The articles of one file, and a failure for all in it that can't become one.

        `given`: fields for what a file of one article doesn't say of itself. Raises
        `SourceError` only when the parser of HTML and PDF can't run at all.
        """
        path = path.resolve()
        origin = shown(path)
        if file_of(origin) != origin:
            yield Failure(origin, "has .csv# or .jsonl# in its path, as rows have: rename it")
            return
        kind = path.suffix.lower()
        if kind in (".html", ".htm", ".pdf"):
            self._parser.start()
        try:
            if kind in (".jsonl", ".csv"):
                yield from read_table(path)
            elif kind in (".txt", ".md"):
                yield read_text(path, given)
            elif kind in KINDS:
                fields = {**given, **_said(self._parser.parse(path))}
                yield make_article(origin, path.name, fields.get("text", ""), fields)
            else:
                yield Failure(origin, f"is not a file of the kinds {', '.join(KINDS)}")
        except SourceError as error:
            yield Failure(origin, str(error))

    def read_page(
        self, url: str, data: bytes, kind: str, given: Mapping[str, str] = MappingProxyType({})
    ) -> Article | Failure:
        """The article that was fetched from `url` as `data` of the media type `kind`.

        `kind` may tell the encoding as well, as a site does. `given`: fields for what the page
        doesn't say of itself. Raises `SourceError` only when the parser of HTML and PDF can't run
        at all.
        """
        media = kind.partition(";")[0].strip()
        suffix = _SUFFIXES.get(media)
        if suffix is None:
            told = shorten(one_line(media), 80) or "of no kind"
            return Failure(url, f"is {told}, not a page, a PDF or plain text")
        encoding = None if suffix == ".pdf" else _ENCODING.search(kind)
        try:
            data = data if encoding is None else in_utf8(data, encoding[1])
        except SourceError as error:
            return Failure(url, str(error))
        try:
            with TemporaryDirectory() as folder:
                path = Path(folder, f"page{suffix}")
                path.write_bytes(data)
                (found,) = self.read(path, given)
        except OSError as error:
            return Failure(url, f"{_NOT_PUT} ({why(error)})")
        if isinstance(found, Failure):
            return Failure(url, found.reason)
        host = urlsplit(url).hostname
        source = host if found.source in (None, path.name) else found.source
        # Its address is where it was found, whatever the page says of itself.
        return replace(found, id=page_id(url), origin=url, url=url, source=source)

    def read_listing(self, url: str, data: bytes) -> Listing | Failure:
        """What the feed or sitemap that was fetched from `url` lists.

        Raises `SourceError` only when the parser of HTML and PDF can't run at all.
        """
        self._parser.start()
        try:
            with TemporaryDirectory() as folder:
                path = Path(folder, "listing.xml")
                path.write_bytes(data)
                return checked_listing(url, self._parser.parse(path))
        except SourceError as error:
            return Failure(url, str(error))
        except OSError as error:
            return Failure(url, f"{_NOT_PUT} ({why(error)})")


def page_id(url: str) -> str:
    """The id of the article of a page."""
    return sha256(url.encode()).hexdigest()[:16]


def _said(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value.strip()}
