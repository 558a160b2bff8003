"""What the library holds, as rows in SQLite: the one truth.

It must not know what a vector or a word means, nor where articles come from.

An indexing run stages each article in a transaction of its own (live = 0) and makes all of
them live in one last transaction, so a reader sees the library before the run or after it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from index.live import COLUMNS, Floats, Live
from index.records import Article, Failure, Passage


class Store(Live):
    """What an indexing run needs beside what readers see: stage, then publish."""

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
                f"INSERT INTO articles (live, {COLUMNS}, digest, text_digest)"
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
