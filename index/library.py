"""One revision of a library, whole: rows, vectors and words that belong together.

It composes the store and the two derived indexes for reading; `build` writes. It must not
know what a question is.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.database import missing
from index.derived import derive, open_derived
from index.errors import LibraryCorrupt
from index.records import Article, Counts, Failure, Hit
from index.spelling import nearest_word
from index.split import SPLITTER
from index.store import Store

DATABASE, DERIVED, MODELS = "library.db", "derived", "models"
_SPELLED = 20  # passages looked through for the nearest spelling of a word
Numbers = NDArray[np.int64]
LOG_LIMIT = 16_000_000  # bytes of write-ahead log before a reader makes way for it


class Library:
    """Everything a question needs, at one revision; safe to use from several threads.

    `notes`: sentences about what had to be mended when it was opened.
    """

    def __init__(self, folder: Path) -> None:
        """Open the library in `folder` as it is now.

        Raises `LibraryMissing` when nothing was indexed there, `LibraryCorrupt` when its
        rows can't be read. A damaged derived index is built again in memory.
        """
        self._path = folder / DATABASE
        self._store = Store(self._path)
        try:
            self._store.freeze()
            self.revision = self._store.revision
            if self.revision == 0:
                raise missing(folder)
            self.fingerprint = self._store.meta("fingerprint") or ""
            self.models = folder / MODELS / model_name(self.fingerprint)
            self.notes: tuple[str, ...] = ()
            self._open_derived(folder)
        except Exception:
            self._store.close()
            raise

    def _open_derived(self, folder: Path) -> None:
        dimension = self._store.dimension()
        seal = self._store.meta("seal") or "{}"
        self.published = (self.revision, seal)
        self._counts = self._store.counts()
        count = self._counts.passages
        try:
            derived = open_derived(folder / DERIVED, self.revision, seal, dimension, count)
        except LibraryCorrupt as error:
            derived = derive(self._store, dimension, None)
            self.notes = (
                f"the search index was damaged ({error}) and has been rebuilt from the"
                " articles; run citespan index to mend it on disk",
            )
        self._vectors, self._terms = derived.vectors, derived.terms

    def latest(self) -> tuple[int, str]:
        """Revision and seal on disk now. Raises `LibraryMissing`."""
        return published(self._path.parent)

    def reach(self) -> None:
        """Nothing has to be: files do not go away."""

    def renew(self) -> None:
        """Read the same revision through a new connection once the write-ahead log is long.

        SQLite starts its log again only when no reader stands in the middle of it; a server
        that always held one there would let the log grow with every indexing run.
        """
        if self._store.log_bytes() < LOG_LIMIT:
            return
        fresh = Store(self._path)
        fresh.checkpoint()
        fresh.freeze()
        if fresh.revision == self.revision:
            self._store = fresh  # the old one is closed when the last question lets go of it

    def close(self) -> None:
        """Let go of the files."""
        self._store.close()

    def nearest(
        self, vector: NDArray[np.float32], k: int, among: Numbers | None = None
    ) -> list[tuple[int, float]]:
        """At most `k` (passage number, cosine) pairs, best first; `vector`: (dimension,)."""
        return self._vectors.nearest(vector, k, among)

    def matching(self, text: str, k: int, among: Numbers | None = None) -> list[tuple[int, float]]:
        """At most `k` (passage number, BM25 score) pairs, best first."""
        return self._terms.matching(text, k, among)

    def rankings(
        self, text: str, vector: NDArray[np.float32], k: int, among: Numbers | None
    ) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
        """The best by meaning and the best by words, at most `k` each; and among the first, last,
        those that words alone have found.
        """
        near, words = self.nearest(vector, k, among), self.matching(text, k, among)
        met = {number for number, _ in near}
        rest = np.array([number for number, _ in words if number not in met], dtype=np.int64)
        return near + self.nearest(vector, len(rest), rest), words

    def numbers(
        self,
        sources: Sequence[str] = (),
        published_from: str | None = None,
        published_to: str | None = None,
        ids: Sequence[str] = (),
    ) -> Numbers:
        """The passages of articles that are all of this: what `among` is for.

        Dates are ISO days, both inclusive; an article without one is never among dated ones.
        """
        return self._store.numbers(sources, published_from, published_to, ids)

    def known(self, word: str) -> bool:
        """Whether the word, or another form of it, stands anywhere in the library."""
        return self._terms.known(word)

    def nearest_word(self, word: str) -> str | None:
        """The word of the library that is spelled most like this one, if one is close."""
        passages = self._store.passages(self._terms.alike(word, _SPELLED)).values()
        titles = {one.article_id: self._store.article(one.article_id) for one in passages}
        texts = [one.text for one in passages]
        texts += [article.title for article in titles.values() if article is not None]
        return nearest_word(word, texts)

    def hits(self, scored: Sequence[tuple[int, float]]) -> list[Hit]:
        """Passage numbers with scores as `Hit`s, in the order given."""
        passages = self._store.passages([number for number, _ in scored])
        return [Hit(passages[number], score) for number, score in scored if number in passages]

    def expansions(self, short: str) -> list[str]:
        """What an acronym stands for in these articles, most used first."""
        return self._store.expansions(short)

    def article(self, id: str) -> Article | None:
        """The article with this id, or None."""
        return self._store.article(id)

    def check(self, articles: Iterable[Article]) -> None:
        """Raises `LibraryCorrupt` for an article that is not, to the letter, as it was indexed."""
        for id, article in {one.id: one for one in articles}.items():
            if self._store.digest(id, live=True) != article.digest:
                raise LibraryCorrupt(
                    f"article {id} in {self._path} is damaged: run citespan verify, then"
                    " citespan index or citespan restore"
                )

    def articles(self, offset: int, limit: int, words: str = "") -> list[Article]:
        """Articles with all `words` in their titles, newest first."""
        return self._store.articles(offset, limit, words)

    def count_articles(self, words: str) -> int:
        """How many articles have all `words` in their titles."""
        return self._store.count_articles(words)

    def recall(self) -> float | None:
        """Of the 20 nearest vectors by exact search, the share that is found; as last measured."""
        told = self._store.meta("recall")
        return None if told is None else float(told)

    def sources(self) -> list[tuple[str, int]]:
        """Each source that articles name, with the number of them, most first."""
        return self._store.sources()

    def counts(self) -> Counts:
        """Number of articles and passages."""
        return self._counts

    def failures(self) -> list[Failure]:
        """What could not be read when it was last tried."""
        return self._store.failures()


def passage_input(title: str, text: str) -> str:
    """What is embedded for a passage: its article's title and its own words."""
    return f"{title}\n{text}"


def library_fingerprint(embedder: str) -> str:
    """The embedder's fingerprint and the splitter: what a library was built with."""
    return f"{embedder}+{SPLITTER}"


def model_name(fingerprint: str) -> str:
    """The folder name of the ONNX form of a library's embedder."""
    return fingerprint.partition("+")[0].replace(":", "-")


def published(folder: Path) -> tuple[int, str]:
    """Revision and seal on disk now; cheap enough to ask every second.

    The seal tells a library apart from another with the same number, made after the folder
    was deleted. Raises `LibraryMissing`.
    """
    store = Store(folder / DATABASE)
    try:
        return store.revision, store.meta("seal") or "{}"
    finally:
        store.close()
