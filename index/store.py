"""What the library holds, as rows in SQLite: the one truth.

It must not know what a vector or a word means, nor where articles come from.

An indexing run stages each article in a transaction of its own (live = 0) and makes all of
them live in one last transaction, so a reader sees the library before the run or after it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.database import Database
from index.errors import LibraryCorrupt
from index.records import Article, Failure, Passage

_COLUMNS = "id, origin, title, text, url, source, published, author, page_starts"
_BATCH = 4096  # rows of one step through all vectors

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Counts:
    """How much the library holds."""

    articles: int
    passages: int


class Store(Database):
    """Articles, passages, vectors and acronyms, usable from several threads in turn."""

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

    # Reading what is live

    def article(self, id: str) -> Article | None:
        """The live article with this id, or None."""
        rows = self._rows(f"SELECT {_COLUMNS} FROM articles WHERE id = ? AND live", (id,))
        return _article(*rows[0]) if rows else None

    def articles(self, offset: int, limit: int, words: str = "") -> list[Article]:
        """Live articles with all `words` in their titles, newest first, then by id."""
        condition, values = _titled(words)
        rows = self._rows(
            f"SELECT {_COLUMNS} FROM articles WHERE {condition}"
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
            f"SELECT row, {_COLUMNS} FROM articles WHERE row > ? AND live ORDER BY row LIMIT 1",
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
            number: Passage(id, start, end, texts[row][start:end])
            for number, row, id, start, end in rows
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
        """Start, end and raw vector of a live article's passages, in order."""
        rows = self._rows(
            'SELECT start, "end", vector FROM passages'
            " WHERE article = (SELECT row FROM articles WHERE id = ? AND live) ORDER BY id",
            (id,),
        )
        return [(start, end, vector) for start, end, vector in rows]

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
            length = len(rows[0][1])
            if length % 2 or any(len(row[1]) != length for row in rows):
                raise LibraryCorrupt(f"{self._path} holds vectors that are not of one length")
            flat = np.frombuffer(b"".join(row[1] for row in rows), dtype="<f2")
            yield ids, flat.reshape(len(rows), -1).astype(np.float32)

    def dimension(self) -> int:
        """Numbers in the vector of a live passage; 0 when there is no passage."""
        rows = self._rows(
            "SELECT length(vector) / 2 FROM passages JOIN articles ON row = article"
            " WHERE live LIMIT 1"
        )
        return int(rows[0][0]) if rows else 0

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
        return [Failure(*row) for row in self._rows("SELECT * FROM failures ORDER BY origin")]

    # Writing: stage, then publish

    def digest(self, id: str, *, live: bool) -> str | None:
        """The digest of the live or the staged version of an article, or None."""
        rows = self._rows("SELECT digest FROM articles WHERE id = ? AND live = ?", (id, live))
        return str(rows[0][0]) if rows else None

    def live_with_text(self, text_digest: str) -> list[tuple[str, str]]:
        """Id and origin of the live articles that hold exactly this text."""
        rows = self._rows(
            "SELECT id, origin FROM articles WHERE text_digest = ? AND live ORDER BY row",
            (text_digest,),
        )
        return [(id, origin) for id, origin in rows]

    def live_origins(self) -> Iterator[tuple[str, str]]:
        """Id and origin of every live article."""
        rows = self._rows("SELECT id, origin FROM articles WHERE live ORDER BY row")
        yield from ((id, origin) for id, origin in rows)

    def stage(
        self,
        article: Article,
        passages: Sequence[Passage],
        vectors: Floats,
        acronyms: dict[str, str],
    ) -> None:
        """Store a new version of an article in one transaction, not live yet.

        `vectors` has shape (passages, dimension).
        """
        with self.transaction():
            self.unstage(article.id)
            [(row,)] = self._rows(
                f"INSERT INTO articles (live, {_COLUMNS}, digest, text_digest)"
                " VALUES (0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING row",
                (
                    *(article.id, article.origin, article.title, article.text),
                    *(article.url, article.source, article.published, article.author),
                    " ".join(map(str, article.page_starts)),
                    *(article.digest, article.text_digest),
                ),
            )
            self._many(
                'INSERT INTO passages (article, start, "end", vector) VALUES (?, ?, ?, ?)',
                (
                    (row, passage.start, passage.end, vector.astype("<f2").tobytes())
                    for passage, vector in zip(passages, vectors, strict=True)
                ),
            )
            self._many(
                "INSERT INTO acronyms VALUES (?, ?, ?)",
                ((row, short, long) for short, long in acronyms.items()),
            )

    def staged_ids(self) -> list[str]:
        """Ids of the articles that have a staged version."""
        return [str(row[0]) for row in self._rows("SELECT id FROM articles WHERE NOT live")]

    def unstage(self, id: str) -> None:
        """Forget the staged version of an article, if there is one."""
        self._rows("DELETE FROM articles WHERE id = ? AND NOT live", (id,))

    def unstage_all(self) -> None:
        """Forget every staged version."""
        self._rows("DELETE FROM articles WHERE NOT live")

    def forget(self, ids: Iterable[str]) -> None:
        """Forget the digests of these live articles: they are written anew once they are met."""
        with self.transaction():
            self._many(
                "UPDATE articles SET digest = '' WHERE id = ? AND live", ((id,) for id in ids)
            )

    def make_live(self, removed: Iterable[str]) -> None:
        """Replace old versions by staged ones and drop `removed` ids, inside a transaction."""
        self._rows(
            "DELETE FROM articles WHERE live AND id IN (SELECT id FROM articles WHERE NOT live)"
        )
        self._many("DELETE FROM articles WHERE live AND id = ?", ((id,) for id in removed))
        self._rows("UPDATE articles SET live = 1 WHERE NOT live")

    def set_failures(self, failures: Iterable[Failure], inside: Callable[[str], bool]) -> None:
        """Remember what this run could not read, in place of former failures `inside` it."""
        with self.transaction():
            former = [one.origin for one in self.failures() if inside(one.origin)]
            self._many("DELETE FROM failures WHERE origin = ?", ((origin,) for origin in former))
            self._many(
                "INSERT OR REPLACE INTO failures VALUES (?, ?)",
                ((failure.origin, failure.reason) for failure in failures),
            )


def _article(*columns: Any) -> Article:
    """The article of a row of `_COLUMNS`."""
    *fields, page_starts = columns
    try:
        return Article(*(*fields, tuple(map(int, page_starts.split()))))
    except ValueError as error:
        raise LibraryCorrupt(f"article {fields[0]} is damaged: run citespan verify") from error


def _titled(words: str) -> tuple[str, list[str]]:
    """The SQL condition for live articles with all `words` in their titles, and its values."""
    values = [re.sub(r"([\\\\%_])", r"\\\1", word) for word in words.split()]
    likes = "".join(r" AND title LIKE '%' || ? || '%' ESCAPE '\'" for _ in values)
    return f"live{likes}", values
