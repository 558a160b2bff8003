"""Rows of JSONL and CSV files become articles, one row in memory at a time.

This file must not know any other kind of file.
"""

import csv
import json
import os
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import Path

from index.errors import SourceError
from index.records import Article, Failure
from index.sources.archives import START, refuse_archive
from index.sources.fields import make_article, web_url
from index.sources.files import open_file, shown, why
from index.sources.normalise import decode, one_line

ROW_LIMIT = 10_000_000  # bytes
TOLD = 100  # rows of a file that are told, each with what is wrong with it
_ROW = re.compile(r"(.*?\.(?:csv|jsonl))#", re.IGNORECASE)  # the origin of a table's row
_TEXTS = ("text", "body", "content")
_CELL_END = re.compile(rb'[^"]*+"(?:,|\r?\n?\Z)')


def file_of(origin: str) -> str:
    """The file that an origin, "path" or "path#row", lies in."""
    row = _ROW.match(origin)
    return origin if row is None else row[1]


def read_table(path: Path) -> Iterator[Article | Failure]:
    """The articles in a .jsonl or .csv file, and a failure for each row that holds none.

    Rows count from 1, without blank lines and the header. Past `TOLD` failures the rest is one
    more, with their number, so that a file of nothing else fills no memory. Raises `SourceError`
    when the file as a whole can't be read.
    """
    rows_of = _csv_rows if path.suffix.lower() == ".csv" else _json_rows
    taken: dict[str, tuple[int, bool]] = {}  # article id: row, and whether it names itself
    failed = 0
    try:
        with os.fdopen(open_file(path), "rb") as file:
            refuse_archive(file.peek(START))
            _skip_byte_order_mark(file)
            for number, row in enumerate(rows_of(file), start=1):
                try:
                    yield _article(path, number, row, taken)
                except SourceError as error:
                    failed += 1
                    if failed <= TOLD:
                        yield Failure(f"{shown(path)}#row {number}", str(error))
    except OSError as error:
        raise SourceError(f"can't be read: {why(error)}") from error
    if failed > TOLD:
        yield Failure(shown(path), f"has {failed - TOLD:,} more rows that hold no article")


def _article(
    path: Path,
    number: int,
    row: Mapping[str, object] | SourceError,
    taken: dict[str, tuple[int, bool]],
) -> Article:
    if isinstance(row, SourceError):
        raise row
    texts = [row[key] for key in _TEXTS if row.get(key) not in (None, "")]
    if not texts:
        raise SourceError("holds no text")
    if not isinstance(texts[0], str):
        raise SourceError("has a text that is not a string")
    own = _own_name(row)
    name = str(number) if own is None else own
    article = make_article(f"{shown(path)}#{name}", path.name, texts[0], row)
    holder, is_named = taken.setdefault(article.id, (number, own is not None))
    if holder == number:
        return article
    if is_named and own is not None:
        raise SourceError(f"has the id {name}, which stands in row {holder} already")
    if own is not None:
        taken[article.id] = (number, True)
    # One's number is the other's id: the second is called by both.
    return make_article(f"{shown(path)}#{name} in row {number}", path.name, texts[0], row)


def _own_name(row: Mapping[str, object]) -> str | None:
    """What sets the row apart in its file, its id, else its address; where it has neither, its
    number does."""
    own = row.get("id")
    if isinstance(own, str | int) and not isinstance(own, bool) and one_line(str(own)):
        return one_line(str(own))
    return web_url(row.get("url"))


def _skip_byte_order_mark(file: BufferedReader) -> None:
    start = file.peek(3)
    if start.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise SourceError("is UTF-16 text, but rows are read as UTF-8 only")
    if start.startswith(BOM_UTF8):
        file.read(3)


def _too_large() -> SourceError:
    return SourceError(f"is larger than {ROW_LIMIT / 1e6:g} MB, the limit for a row")


def _json_rows(file: BufferedReader) -> Iterator[Mapping[str, object] | SourceError]:
    while line := file.readline(ROW_LIMIT + 1):
        if len(line) > ROW_LIMIT:
            while line and not line.endswith(b"\n"):
                line = file.readline(ROW_LIMIT)
            yield _too_large()
        elif line.strip():
            yield _json_row(line)


def _json_row(line: bytes) -> Mapping[str, object] | SourceError:
    try:
        row = json.loads(decode(line.rstrip()))
    except SourceError as error:
        return error
    except json.JSONDecodeError as error:
        return SourceError(f"is not JSON ({error.msg}, column {error.colno})")
    except (ValueError, RecursionError):  # a number of thousands of digits; deep nesting
        return SourceError("is JSON with a number or a nesting beyond all measure")
    if not isinstance(row, dict):
        return SourceError("is not a JSON object")
    return {key.lower(): value for key, value in row.items()}


def _csv_rows(file: BufferedReader) -> Iterator[Mapping[str, object] | SourceError]:
    csv.field_size_limit(ROW_LIMIT)
    lines = _CsvLines(file)
    columns = _columns(lines)
    reader = csv.reader(lines, strict=True)
    while True:
        lines.start_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            lines.skip_rest()
            yield SourceError(f"is not CSV ({error})")
        except SourceError as error:
            lines.skip_row()
            reader = csv.reader(lines, strict=True)
            yield error
        else:
            if cells:
                yield _csv_row(columns, cells, lines.fault)


def _columns(lines: "_CsvLines") -> list[str]:
    try:
        header = next(csv.reader(lines, strict=True), [])
    except csv.Error as error:
        raise SourceError(f"has a header that is not CSV ({error})") from error
    if lines.fault is not None:
        raise lines.fault
    columns = [one_line(cell).lower() for cell in header]
    if not set(columns) & set(_TEXTS):
        raise SourceError(f"has no column called {', '.join(_TEXTS[:-1])} or {_TEXTS[-1]}")
    return columns


def _csv_row(
    columns: list[str], cells: list[str], fault: SourceError | None
) -> Mapping[str, object] | SourceError:
    if fault is not None:
        return fault
    if len(cells) > len(columns):
        return SourceError(f"has {len(cells)} cells for {len(columns)} columns")
    return dict(zip(columns, cells, strict=False))


class _CsvLines:
    """The lines of a file for a CSV reader; ends a row that grows over the limit.

    `fault`: what is wrong with the bytes of the row so far.
    """

    def __init__(self, file: BufferedReader) -> None:
        self._file = file
        self.start_row()

    def start_row(self) -> None:
        """Take the next line for the first of a row."""
        self._size = 0
        self._quotes = 0
        self._line_ended = True
        self.fault: SourceError | None = None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._read_line()
        if not line:
            raise StopIteration
        if self._size > ROW_LIMIT:
            raise _too_large()
        try:
            return decode(line)
        except SourceError as error:
            self.fault = error
            return line.decode(errors="replace")

    def skip_row(self) -> None:
        """Pass over the rest of a row: to the end of a line outside quotation marks."""
        while (not self._line_ended or self._quotes % 2) and self._read_line():
            pass

    def skip_rest(self) -> None:
        """Pass over the rest of a row that is not CSV, where it is told by how it ends.

        That is by a line whose first quotation mark ends a cell. Without one the row may as well
        have ended with its line, and what follows are rows.
        """
        if self._quotes % 2 == 0:
            return
        start = self._file.tell()
        while (line := self._read_line()) and b'"' not in line and self._size <= ROW_LIMIT:
            pass
        if not _CELL_END.match(line) or self._quotes % 2:
            self._file.seek(start)

    def _read_line(self) -> bytes:
        line = self._file.readline(ROW_LIMIT + 1)
        self._size += len(line)
        self._quotes += line.count(b'"')
        self._line_ended = line.endswith(b"\n")
        return line
