"""Nearest vectors. The only file that imports faiss; it knows ids and numbers, no text."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from index.errors import LibraryCorrupt, LibraryError

EXACT_LIMIT = 50_000  # vectors; below it every one is compared, above it those in near cells
_PART = 4096  # vectors compared at once when only some count
_CELLS = 4  # times the square root of the number of vectors
_PER_CELL = 40  # vectors that a cell's centre is made of; faiss asks for 39 at least
_NEAR = 8
_ASKED, _DEPTH = 200, 20  # questions and nearest vectors, when recall is measured
_BY_ID = 2  # faiss' DirectMap::Hashtable: an id leads to its vector
RECALL = 0.995  # of those nearest; as many cells are searched as that takes

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
Batches = Callable[[], Iterable[tuple[Ids, Floats]]]


class VectorIndex:
    """Unit vectors by id, searched by inner product (cosine).

    `recall`: of the nearest by exact search, the share that is found; None when not measured.
    """

    def __init__(self, index: Any, recall: float | None) -> None:
        self._index = index
        self.recall = recall

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Numbers in one vector."""
        return int(self._index.d)

    def nearest(self, vector: Floats, k: int, among: Ids | None = None) -> list[tuple[int, float]]:
        """At most `k` (id, cosine) pairs, best first; `vector` has shape (dimension,).

        `among`: the only ids that count, each of them compared, whatever the index's kind.
        """
        if among is not None:
            return self._nearest_of(among, vector, k)
        if len(self) == 0:
            return []
        scores, ids = self._index.search(vector.reshape(1, -1), min(k, len(self)))
        return [
            (int(found), float(score))
            for found, score in zip(ids[0], scores[0], strict=True)
            if found >= 0  # faiss pads with -1
        ]

    def _nearest_of(self, ids: Ids, vector: Floats, k: int) -> list[tuple[int, float]]:
        parts = [ids[at : at + _PART] for at in range(0, len(ids), _PART)]
        scores = np.concatenate([np.zeros(0), *(self.vectors(part) @ vector for part in parts)])
        best = np.argsort(-scores, kind="stable")[:k]
        return [(int(ids[place]), float(scores[place])) for place in best]

    def ids(self) -> set[int]:
        """Every id in the index."""
        if isinstance(self._index, faiss.IndexIDMap2):
            return set(faiss.vector_to_array(self._index.id_map).tolist())
        cells = self._index.invlists
        found: set[int] = set()
        for cell in range(cells.nlist):
            if size := cells.list_size(cell):
                found.update(faiss.rev_swig_ptr(cells.get_ids(cell), size).tolist())
        return found

    def vectors(self, ids: Ids) -> Floats:
        """The vectors as they are indexed, shape (ids, dimension)."""
        return np.asarray(self._index.reconstruct_batch(ids), dtype=np.float32)

    def suits(self, count: int) -> bool:
        """Whether an index of so many vectors would be about like this one."""
        if isinstance(self._index, faiss.IndexIDMap2):
            return count < EXACT_LIMIT
        return count >= EXACT_LIMIT and 0.7 < self._index.nlist / _cells(count) < 1.4

    def change(self, removed: Ids, added: Iterable[tuple[Ids, Floats]]) -> None:
        """Take vectors out, put others in."""
        if len(removed):
            kind = (  # the one is quick, the other the only one that cells with a map can use
                faiss.IDSelectorBatch
                if isinstance(self._index, faiss.IndexIDMap2)
                else faiss.IDSelectorArray
            )
            self._index.remove_ids(kind(len(removed), faiss.swig_ptr(removed)))
        for ids, vectors in added:
            self._index.add_with_ids(vectors, ids)
        self.recall = None

    def save(self, path: Path) -> None:
        """Write the index to `path`. Raises `LibraryError` when it can't be written whole."""
        try:
            faiss.write_index(self._index, str(path))
        except RuntimeError as error:
            raise LibraryError(f"{path} can't be written: is the disk full?") from error


def build_vectors(batches: Batches, dimension: int, count: int) -> VectorIndex:
    """An index over batches of ids and vectors, which are gone through twice at most.

    `count` in all decides its kind.
    """
    if count >= EXACT_LIMIT:
        return _in_cells(batches, dimension, count)
    index = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))
    for ids, vectors in batches():
        index.add_with_ids(vectors, ids)
    return VectorIndex(index, 1.0)


def _cells(count: int) -> int:
    return _CELLS * int(count**0.5)


def _in_cells(batches: Batches, dimension: int, count: int) -> VectorIndex:
    """Vectors as float16 in cells around centres, of which the nearest are searched."""
    step = max(1, count // (_PER_CELL * _cells(count)))
    sample = np.concatenate([vectors[::step] for _, vectors in batches()])
    centres = faiss.IndexFlatIP(dimension)
    index = faiss.IndexIVFScalarQuantizer(
        centres,
        dimension,
        _cells(count),
        faiss.ScalarQuantizer.QT_fp16,
        faiss.METRIC_INNER_PRODUCT,
        False,  # the numbers themselves, not what they differ from a centre by
    )
    index.train(sample)
    index.set_direct_map_type(_BY_ID)
    asked = _questions(sample)
    exact = faiss.ResultHeap(len(asked), _DEPTH, keep_max=True)
    for ids, vectors in batches():
        index.add_with_ids(vectors, ids)
        scores, places = faiss.knn(
            asked, vectors, min(_DEPTH, len(ids)), faiss.METRIC_INNER_PRODUCT
        )
        exact.add_result(scores, ids[places])
    exact.finalize()
    return VectorIndex(index, _search_enough(index, asked, exact.I))


def _questions(sample: Floats) -> Floats:
    """Unit vectors, each between `_NEAR` of the sample, and about as hard to search for as the
    real questions of tests/bench/growth.py: those between two are found in far fewer cells.
    """
    chosen = np.random.default_rng(1).integers(0, len(sample), (_ASKED, _NEAR))
    between = sample[chosen].sum(axis=1)
    return np.ascontiguousarray(between / np.linalg.norm(between, axis=1, keepdims=True))


def _search_enough(index: faiss.IndexIVF, asked: Floats, exact: Ids) -> float:
    """Set how many cells are searched, so that recall is enough; the recall."""
    index.nprobe, recall = 8, 0.0
    while True:
        _, found = index.search(asked, _DEPTH)
        kept = [np.isin(one, other).mean() for one, other in zip(exact, found, strict=True)]
        recall = float(np.mean(kept))
        if recall >= RECALL or index.nprobe >= index.nlist:
            return recall
        index.nprobe = min(index.nlist, index.nprobe * 3 // 2)


def load_vectors(path: Path, dimension: int, count: int) -> VectorIndex:
    """The index saved at `path`; its checksum must have been compared before.

    Raises `LibraryCorrupt` when it is not an index of `count` vectors of `dimension` numbers.
    """
    # A crafted file could declare more than it holds: never allocate past what it can hold.
    faiss.set_deserialization_vector_byte_limit(max(1 << 20, 2 * path.stat().st_size))
    faiss.set_deserialization_loop_limit(10_000_000)
    try:
        found = faiss.read_index(str(path))
    except RuntimeError as error:
        raise LibraryCorrupt(f"{path.name} can't be read as a vector index") from error
    if not isinstance(found, faiss.IndexIDMap2 | faiss.IndexIVFScalarQuantizer):
        raise LibraryCorrupt(f"{path.name} is another kind of vector index")
    index = VectorIndex(found, None)
    if (index.dimension, len(index)) != (dimension, count):
        raise LibraryCorrupt(
            f"{path.name} holds {len(index)} vectors of {index.dimension} numbers,"
            f" not {count} of {dimension}"
        )
    return index
