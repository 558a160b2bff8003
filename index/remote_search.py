"""Searching one revision of a library on a Milvus server: by meaning, and by words.

A server finds passages by their words in a way of its own, or not at all; what they count is
counted here, as in a folder. It must not know what an article is.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from index import bm25
from index.errors import LibraryCorrupt
from index.milvus import MOST, Milvus
from index.parcels import Row, one_of
from index.terms import stems

# Passages near in meaning that words are looked for in, by a server without BM25: with texts of
# full length 59 MB, of the 64 MB that are sent.
WIDE = 900
_SAMPLE = 4096  # passages that words are counted in; to read all would take ever longer
_NUMBERS = 2**63  # as many numbers of passages as there can be
_AMONG = 4096  # passages in one expression

Numbers = NDArray[np.int64]
Scored = list[tuple[int, float]]
Live = Callable[[Sequence[Row]], list[Row]]


class Search:
    """The passages for which `until` holds and that `live` leaves, `passages` of them."""

    def __init__(self, milvus: Milvus, until: str, live: Live, passages: int) -> None:
        self._milvus = milvus
        self._until = until
        self._live = live
        # Of many passages those with the lowest numbers: they are drawn at random, and every
        # reader of the revision draws the same.
        drawn = _NUMBERS * _SAMPLE // max(_SAMPLE, passages) - 1
        rows = milvus.get(milvus.passages, f"id < {drawn} and {until}", ["article", "words"])
        with suppress(LibraryCorrupt):  # a damaged head is told when its article is met
            rows = live(rows)
        self._stems = bm25.count_stems(row["words"] for row in rows)

    def nearest(self, vector: NDArray[np.float32], k: int, among: Numbers | None) -> Scored:
        """What `Library.nearest` gives."""
        return _pairs(self._near(vector, k, among))

    def matching(self, text: str, k: int, among: Numbers | None) -> Scored:
        """What `Library.matching` gives; nothing where the server has no BM25."""
        return self._weighed(text, self._found(text, k, among))

    def rankings(
        self, text: str, vector: NDArray[np.float32], k: int, among: Numbers | None
    ) -> tuple[Scored, Scored]:
        """What `Library.rankings` gives; without BM25, of words in what is near in meaning."""
        near = self._near(vector, k if self._milvus.can_match else max(k, WIDE), among)
        words = self._weighed(text, [*near, *self._found(text, k, among)])[:k]
        met = {int(row["id"]) for row in near}
        rest = np.array([number for number, _ in words if number not in met], dtype=np.int64)
        return _pairs(near) + self.nearest(vector, len(rest), rest), words

    def _near(self, vector: NDArray[np.float32], k: int, among: Numbers | None) -> list[Row]:
        return self._best(lambda most, where: self._milvus.nearest(vector, most, where), k, among)

    def _found(self, text: str, k: int, among: Numbers | None) -> list[Row]:
        words = " ".join(stems(text))
        if not self._milvus.can_match or not words:
            return []
        return self._best(lambda most, where: self._milvus.matching(words, most, where), k, among)

    def _weighed(self, text: str, rows: Sequence[Row]) -> Scored:
        return bm25.matching(text, {int(row["id"]): row["words"] for row in rows}, *self._stems)

    def _best(
        self, search: Callable[[int, str], list[Row]], k: int, among: Numbers | None
    ) -> list[Row]:
        if k < 1:
            return []
        if among is None:
            return self._live_best(search, k, self._until)
        found = [
            row
            for at in range(0, len(among), _AMONG)
            for row in self._live_best(
                search, k, f"{one_of('id', among[at : at + _AMONG].tolist())} and {self._until}"
            )
        ]
        return sorted(found, key=lambda row: -float(row["score"]))[:k]

    def _live_best(self, search: Callable[[int, str], list[Row]], k: int, where: str) -> list[Row]:
        """The best `k` that count: more are asked for where replaced ones are among them."""
        asked = min(k, MOST)
        while True:
            rows = search(asked, where)
            live = {int(row["id"]): row for row in self._live(rows)}
            if len(live) >= k or len(rows) < asked or asked == MOST:
                return list(live.values())[:k]
            asked = min(2 * asked, MOST)


def _pairs(rows: Sequence[Row]) -> Scored:
    return [(int(row["id"]), float(row["score"])) for row in rows]
