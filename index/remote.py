"""One revision of a library on a Milvus server, as `library.Library` is one in a folder.

It must not know what a question is.
"""

import time
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from index.errors import LibraryCorrupt
from index.library import MODELS, model_name
from index.milvus import Milvus
from index.parcels import Row, one_of, quoted
from index.place import Remote
from index.records import Article, Counts, Failure, Hit, Passage
from index.remote_rows import (
    HEAD_FIELDS,
    Head,
    head_of,
    last_heads,
    named,
    read_article,
    read_failures,
)
from index.remote_search import WIDE, Search
from index.remote_state import edition, missing, newest, state_of

_KNOWN = 100_000  # heads that are kept in memory
_ARTICLES, _ACRONYMS = 1000, 10_000  # the same of whole articles, and of words looked up
_BEHIND = 10.0  # seconds until the last replica has heard of what is published; Milvus says 5
_AMONG = 4096  # passages in one expression
Numbers = NDArray[np.int64]


class RemoteLibrary:
    """Everything a question needs, at one revision; safe to use from several threads."""

    def __init__(self, remote: Remote) -> None:
        """Open the library as it is now.

        Raises `LibraryMissing` when nothing was indexed there, `LibraryMismatch` when it is of
        another format, `LibraryError` when the server can't be used.
        """
        self.remote = remote
        self._milvus = Milvus(remote)
        self._search: Search | None = None
        self._known: dict[str, Head | None] = {}
        self._settled = time.monotonic() + _BEHIND
        self._named = lru_cache(_ARTICLES)(named)
        try:
            if not self._milvus.has(self._milvus.rows):
                raise missing(remote)
            self._milvus.load(self._milvus.rows)
            state = state_of(self._milvus, remote)
            published, now = edition(state.published), state.now
            if state.fingerprint is None or published is None or now is None:
                raise missing(remote)
            self.fingerprint, self._now, self.revision = state.fingerprint, now, now.revision
            self.published = published
            self._seen, self._contents = state.heads, state.contents
            if self._milvus.has(self._milvus.passages):
                self._milvus.load(self._milvus.passages)
                # From here on the server reads all that was written before this revision.
                self._milvus.get(self._milvus.passages, "id == 0", ["id"], strong=True)
                passages = now.counts.passages
                self._search = Search(self._milvus, self._contents, self._live, passages)
        except Exception:
            self._milvus.close()
            raise
        self.models = remote.folder / MODELS / model_name(self.fingerprint)
        self.notes: tuple[str, ...] = ()
        if self._search is not None and not self._milvus.can_match:
            self.notes = (
                "the library's server has no BM25, which Milvus has from 2.5 on: words are looked"
                f" for in the {WIDE} passages that are nearest in meaning",
            )
        self._read = lru_cache(_ARTICLES)(self._read_article)
        self._expand = lru_cache(_ACRONYMS)(self._read_expansions)

    def latest(self) -> tuple[int, str]:
        """Revision and seal as they are published now. Raises `LibraryMissing`."""
        now = newest(self._milvus)
        if now is None:
            raise missing(self.remote)
        return now

    def renew(self) -> None:
        """Nothing has to be: the server keeps no log for its readers."""

    def reach(self) -> None:
        """Raises `LibraryAway` when the server can't be used now."""
        newest(self._milvus)

    def close(self) -> None:
        """End the connection."""
        self._milvus.close()

    def nearest(
        self, vector: NDArray[np.float32], k: int, among: Numbers | None = None
    ) -> list[tuple[int, float]]:
        """At most `k` (passage number, cosine) pairs, best first; `vector`: (dimension,)."""
        return [] if self._search is None else self._search.nearest(vector, k, among)

    def matching(self, text: str, k: int, among: Numbers | None = None) -> list[tuple[int, float]]:
        """At most `k` (passage number, BM25 score) pairs, best first; none without BM25."""
        return [] if self._search is None else self._search.matching(text, k, among)

    def rankings(
        self, text: str, vector: NDArray[np.float32], k: int, among: Numbers | None
    ) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
        """The best by meaning and the best by words, as `Library.rankings` gives them."""
        return ([], []) if self._search is None else self._search.rankings(text, vector, k, among)

    def _live(self, rows: Sequence[Row]) -> list[Row]:
        """Those of the versions that count at this revision."""
        heads = self._heads({row["article"] for row in rows})
        return [
            row
            for row in rows
            if (head := heads[row["article"]]) is not None and row["id"] in self._named(head)
        ]

    def _heads(self, ids: Iterable[str]) -> dict[str, Head | None]:
        """The version of each article that counts; None for one that is not, or no more."""
        kept = self._known  # another thread may put a new one in its place meanwhile
        known = {id: kept[id] for id in ids if id in kept}
        wanted = sorted(set(ids) - known.keys())
        if wanted:
            also = f'kind == "head" and {self._seen}'
            rows = self._milvus.get_by(self._milvus.rows, "article", wanted, HEAD_FIELDS, also)
            last = last_heads(map(head_of, rows))
            found = {id: None if id not in last or last[id].is_gone else last[id] for id in wanted}
            if len(self._known) > _KNOWN:
                self._known = {}
            if time.monotonic() > self._settled:
                self._known.update(found)
            known.update(found)
        return known

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
        chosen = [
            head.id
            for head in self._catalogue.values()
            if (not sources or head.source in sources)
            and (not ids or head.id in ids)
            and (published_from is None or (head.published or "") >= published_from)
            and (published_to is None or "" < (head.published or "") <= published_to)
        ]
        found: set[int] = set()
        for at in range(0, 0 if self._search is None else len(chosen), _AMONG):
            where = f"{one_of('article', chosen[at : at + _AMONG])} and {self._contents}"
            rows = self._milvus.every(self._milvus.passages, where, ["article"])
            found.update(int(row["id"]) for row in self._live(list(rows)))
        return np.array(sorted(found), dtype=np.int64)

    @cached_property
    def _catalogue(self) -> dict[str, Head]:
        """The heads of all articles, newest article first: the server can't sort."""
        where = f'kind == "head" and {self._seen}'
        rows = self._milvus.every(self._milvus.rows, where, HEAD_FIELDS)
        last = last_heads(map(head_of, rows))
        heads = sorted((one for one in last.values() if not one.is_gone), key=lambda one: one.id)
        heads.sort(key=lambda one: one.published or "", reverse=True)
        return {one.id: one for one in heads}

    def known(self, word: str) -> bool:
        """Whether the word stands anywhere in the library; true where that can't be told."""
        return not self._milvus.can_match or bool(self.matching(word, 1))

    def nearest_word(self, word: str) -> str | None:
        """None: a Milvus server has no list of its words."""
        return None

    def hits(self, scored: Sequence[tuple[int, float]]) -> list[Hit]:
        """Passage numbers with scores as `Hit`s, in the order given."""
        numbers = [number for number, _ in scored]
        if not numbers or self._search is None:
            return []
        fields = ["article", "start", "stop"]
        rows = self._milvus.get_by(self._milvus.passages, "id", numbers, fields, self._contents)
        found: dict[int, Passage] = {}
        for row in self._live(rows):
            article, start, stop = self.article(row["article"]), row["start"], row["stop"]
            if article is not None:
                text = article.text[start:stop]
                found[int(row["id"])] = Passage(article.id, start, stop, text)
        return [Hit(found[number], score) for number, score in scored if number in found]

    def expansions(self, short: str) -> list[str]:
        """What an acronym stands for in these articles, most used first."""
        return self._expand(short.lower())

    def _read_expansions(self, short: str) -> list[str]:
        where = f'kind == "acronym" and word == {quoted(short)} and {self._contents}'
        rows = self._milvus.get(self._milvus.rows, where, ["article", "value"])
        uses: dict[str, list[str]] = {}
        for row in self._live(rows):
            uses.setdefault(row["value"].lower(), []).append(row["value"])
        return [min(one) for one in sorted(uses.values(), key=lambda one: (-len(one), min(one)))]

    def heads(self) -> list[Head]:
        """What is told of each article that is there."""
        return list(self._catalogue.values())

    def digests(self, ids: Sequence[str]) -> dict[str, str]:
        """The digest of each of these articles that is there."""
        heads = self._heads(ids).items()
        return {id: head.digest for id, head in heads if head is not None}

    def article(self, id: str) -> Article | None:
        """The article with this id, or None. Raises `LibraryCorrupt` when it is not whole."""
        head = self._heads([id])[id]
        return None if head is None else self._read(head)

    def _read_article(self, head: Head) -> Article:
        return read_article(self._milvus, head)

    def check(self, articles: Iterable[Article]) -> None:
        """Raises `LibraryCorrupt` for an article that is not, to the letter, as it was indexed."""
        for article in articles:
            head = self._heads([article.id])[article.id]
            if head is None or head.digest != article.digest:
                raise LibraryCorrupt(
                    f"article {article.id} in {self.remote} is damaged: run citespan verify"
                    " --repair"
                )

    def articles(self, offset: int, limit: int, words: str = "") -> list[Article]:
        """Articles with all `words` in their titles, newest first."""
        return [self._read(head) for head in self._titled(words)[offset : offset + limit]]

    def count_articles(self, words: str) -> int:
        """How many articles have all `words` in their titles."""
        return len(self._titled(words))

    def _titled(self, words: str) -> list[Head]:
        wanted = words.casefold().split()
        return [
            head
            for head in self._catalogue.values()
            if all(word in head.title.casefold() for word in wanted)
        ]

    def recall(self) -> float | None:
        """None: it is not measured here."""
        return None

    def sources(self) -> list[tuple[str, int]]:
        """Each source that articles name, with the number of them, most first."""
        uses: dict[str, int] = {}
        for head in self._catalogue.values():
            if head.source is not None:
                uses[head.source] = uses.get(head.source, 0) + 1
        return sorted(uses.items(), key=lambda one: (-one[1], one[0]))

    def counts(self) -> Counts:
        """Number of articles and passages."""
        return self._now.counts

    def failures(self) -> list[Failure]:
        """What could not be read when it was last tried."""
        return sorted(
            (failure for _, failure in read_failures(self._milvus)), key=lambda one: one.origin
        )
