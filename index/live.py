"""What readers see of the rows in SQLite: what is live of articles, passages and acronyms.

It must not know what a vector or a word means, nor how anything comes to be live.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.database import Database
from index.errors import LibraryCorrupt
from index.records import Article, Counts, Failure, Passage

COLUMNS = "id, origin, title, text, url, source, published, author, page_starts"
_BATCH = 4096  # rows of one step through all vectors

Floats = NDArray[np.float32]


class Live(Database):
    """What is live, usable from several threads in turn."""

    @property
    def revision(self) -> int:
        """How often the library has been published; 0 for never."""
        told = self.meta("revision") or "0"
        if not re.fullmatch("[0-9]{1,18}", told):
            raise LibraryCorrupt(f"{self._path} is damaged: its revision is no number")
        return int(told)

    def counts(self) -> Counts:
        """Live articles and passages."""
        [(articles, passages)] = self._rows(
            "SELECT (SELECT count(*) FROM articles WHERE live),"
            " (SELECT count(*) FROM passages JOIN articles ON row = article WHERE live)"
        )
        return Counts(articles, passages)

    def article(self, id: str) -> Article | None:
        """The live article with this id, or None."""
        rows = self._rows(f"SELECT {COLUMNS} FROM articles WHERE id = ? AND live", (id,))
        return _article(*rows[0]) if rows else None

    def articles(self, offset: int, limit: int, words: str = "") -> list[Article]:
        """Live articles with all `words` in their titles, newest first, then by id."""
        condition, values = _titled(words)
        rows = self._rows(
            f"SELECT {COLUMNS} FROM articles WHERE {condition}"
            " ORDER BY published DESC, id LIMIT ? OFFSET ?",
            (*values, limit, offset),
        )
        return [_article(*row) for row in rows]

    def count_articles(self, words: str) -> int:
        """How many live articles have all `words` in their titles."""
        condition, values = _titled(words)
        [(count,)] = self._rows(f"SELECT count(*) FROM articles WHERE {condition}", values)
        return int(count)

    def sources(self) -> list[tuple[str, int]]:
        """Each source of live articles with the number of them, most first."""
        rows = self._rows(
            "SELECT source, count(*) FROM articles WHERE live AND source IS NOT NULL"
            " GROUP BY source ORDER BY count(*) DESC, source"
        )
        return [(str(source), int(count)) for source, count in rows]

    def every_article(self) -> Iterator[Article]:
        """All live articles, one at a time, in the order they came."""
        last = 0
        while rows := self._rows(
            f"SELECT row, {COLUMNS} FROM articles WHERE row > ? AND live ORDER BY row LIMIT 1",
            (last,),
        ):
            [(last, *columns)] = rows
            yield _article(*columns)

    def passages(self, ids: Sequence[int]) -> dict[int, Passage]:
        """Live passages by their numbers; a number that is none is left out."""
        rows = self._rows(
            'SELECT p.id, a.row, a.id, p.start, p."end"'
            " FROM passages p JOIN articles a ON a.row = p.article"
            f" WHERE live AND p.id IN ({','.join('?' * len(ids))})",
            ids,
        )
        texts = self._texts({row for _, row, *_ in rows})
        return {
            number: _passage(id, start, end, texts[row]) for number, row, id, start, end in rows
        }

    def _texts(self, articles: set[int]) -> dict[int, str]:
        """The texts of articles by their rows, for passages to be cut from.

        SQLite would count every passage's characters from the start of its article, so that a
        long one took the square of its length: hours for 50 MB.
        """
        rows = self._rows(
            f"SELECT row, text FROM articles WHERE row IN ({','.join('?' * len(articles))})",
            tuple(articles),
        )
        return {int(row): str(text) for row, text in rows}

    def passages_of(self, id: str) -> list[tuple[int, int, bytes]]:
        """Start, end and raw vector of a live article's passages, in order; of a damaged one
        0, 0 and nothing."""
        rows = self._rows(
            'SELECT start, "end", vector FROM passages'
            " WHERE article = (SELECT row FROM articles WHERE id = ? AND live) ORDER BY id",
            (id,),
        )
        kinds = (int, int, bytes)
        return [row if tuple(map(type, row)) == kinds else (0, 0, b"") for row in rows]

    def passage_numbers(self) -> set[int]:
        """The number of every live passage; one stored later has a higher number."""
        rows = self._rows(
            "SELECT p.id FROM passages p JOIN articles a ON a.row = p.article WHERE live"
        )
        return {int(row[0]) for row in rows}

    def numbers(
        self,
        sources: Sequence[str],
        published_from: str | None,
        published_to: str | None,
        ids: Sequence[str],
    ) -> NDArray[np.int64]:
        """Numbers of the live passages of articles that are all of this, in order.

        An empty sequence and None ask for nothing; an article without a date was published
        neither from nor to any day.
        """
        conditions, values = ["live"], [*sources, *ids]
        for column, names in (("source", sources), ("a.id", ids)):
            if names:
                conditions.append(f"{column} IN ({','.join('?' * len(names))})")
        for condition, day in (
            ("published >= ?", published_from),
            ("published <= ?", published_to),
        ):
            if day is not None:
                conditions.append(condition)
                values.append(day)
        rows = self._rows(
            "SELECT p.id FROM passages p JOIN articles a ON a.row = p.article"
            f" WHERE {' AND '.join(conditions)} ORDER BY p.id",
            values,
        )
        return np.array([row[0] for row in rows], dtype=np.int64)

    def passage_texts(self, after: int = 0) -> Iterator[tuple[int, str, str]]:
        """Number, article title and text of every live passage with a higher number."""
        last = after
        while rows := self._rows(
            'SELECT p.id, a.row, a.title, p.start, p."end"'
            " FROM passages p JOIN articles a ON a.row = p.article"
            " WHERE live AND p.id > ? ORDER BY p.id LIMIT ?",
            (last, _BATCH),
        ):
            last = rows[-1][0]
            texts = self._texts({row for _, row, *_ in rows})
            for number, row, title, start, end in rows:
                yield number, title, texts[row][start:end]

    def vectors(self, after: int = 0) -> Iterator[tuple[NDArray[np.int64], Floats]]:
        """Numbers and vectors of every live passage with a higher number, in batches."""
        last = after
        while rows := self._rows(
            "SELECT p.id, p.vector FROM passages p JOIN articles a ON a.row = p.article"
            " WHERE live AND p.id > ? ORDER BY p.id LIMIT ?",
            (last, _BATCH),
        ):
            last = rows[-1][0]
            ids = np.array([row[0] for row in rows], dtype=np.int64)
            lengths = {len(row[1]) if isinstance(row[1], bytes) else -1 for row in rows}
            if len(lengths) > 1 or min(lengths) % 2:
                raise LibraryCorrupt(f"{self._path} holds vectors that are not of one length")
            flat = np.frombuffer(b"".join(row[1] for row in rows), dtype="<f2")
            yield ids, flat.reshape(len(rows), -1).astype(np.float32)

    def dimension(self) -> int:
        """Numbers in the vector of a live passage; 0 when there is no passage."""
        rows = self._rows(
            "SELECT length(vector) / 2 FROM passages JOIN articles ON row = article"
            " WHERE live LIMIT 1"
        )
        return int(rows[0][0] or 0) if rows else 0

    def expansions(self, short: str) -> list[str]:
        """What an acronym stands for in the library, most used first; any letter case."""
        rows = self._rows(
            "SELECT long FROM acronyms JOIN articles ON row = article"
            " WHERE live AND short = ? COLLATE NOCASE"
            " GROUP BY lower(long) ORDER BY count(*) DESC, long",
            (short,),
        )
        return [str(row[0]) for row in rows]

    def acronyms(self, id: str) -> dict[str, str]:
        """Short and long forms stored with a live article."""
        rows = self._rows(
            "SELECT short, long FROM acronyms"
            " WHERE article = (SELECT row FROM articles WHERE id = ? AND live)",
            (id,),
        )
        return {str(short): str(long) for short, long in rows}

    def failures(self) -> list[Failure]:
        """What could not be read when it was last tried."""
        rows = self._rows("SELECT * FROM failures ORDER BY origin")
        return [Failure(str(origin), str(reason)) for origin, reason in rows]


def _article(*columns: Any) -> Article:
    """The article of a row of `COLUMNS`; a damaged row may hold anything."""
    id, *fields, page_starts = columns
    try:
        told = [id, *fields[:2], page_starts, *(one for one in fields[2:] if one is not None)]
        if fields[2] is None or not all(isinstance(one, str) for one in told):
            raise ValueError("a column is of another kind")
        return Article(*(id, *fields, tuple(map(int, page_starts.split()))))
    except ValueError as error:
        raise LibraryCorrupt(f"article {id} is damaged: run citespan verify") from error


def _passage(id: str, start: Any, end: Any, text: str) -> Passage:
    if not (isinstance(start, int) and isinstance(end, int) and 0 <= start <= end <= len(text)):
        raise LibraryCorrupt(f"a passage of article {id} is damaged: run citespan verify")
    return Passage(id, start, end, text[start:end])


def _titled(words: str) -> tuple[str, list[str]]:
    """The SQL condition for live articles with all `words` in their titles, and its values."""
    wanted = " ".join(dict.fromkeys(words.casefold().split()))
    return ("live AND has_words(title, ?)", [wanted]) if wanted else ("live", [])
