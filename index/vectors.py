"""Nearest vectors. The only file that imports faiss; it knows ids and numbers, no text."""

from collections.abc import Iterable
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from index.errors import LibraryCorrupt, LibraryError

EXACT_LIMIT = 50_000  # vectors; below it every one is compared, above it a graph is searched
_GRAPH_LINKS = 32  # HNSW's M; with these values recall@20 against exact search is above .99
_GRAPH_BUILD = 200
_GRAPH_SEARCH = 256
_PART = 4096  # vectors compared at once when only some count

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]


class VectorIndex:
    """Unit vectors by id, searched by inner product (cosine)."""

    def __init__(self, index: faiss.IndexIDMap2) -> None:
        self._index = index

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
        return set(faiss.vector_to_array(self._index.id_map).tolist())

    def vectors(self, ids: Ids) -> Floats:
        """The vectors as they are indexed, shape (ids, dimension)."""
        return np.asarray(self._index.reconstruct_batch(ids), dtype=np.float32)

    def save(self, path: Path) -> None:
        """Write the index to `path`. Raises `LibraryError` when it can't be written whole."""
        try:
            faiss.write_index(self._index, str(path))
        except RuntimeError as error:
            raise LibraryError(f"{path} can't be written: is the disk full?") from error


def build_vectors(batches: Iterable[tuple[Ids, Floats]], dimension: int, count: int) -> VectorIndex:
    """An index over batches of ids and vectors; `count` in all decides its kind."""
    inner = faiss.IndexFlatIP(dimension) if count < EXACT_LIMIT else _graph(dimension)
    index = faiss.IndexIDMap2(inner)
    for ids, vectors in batches:
        index.add_with_ids(vectors, ids)
    return VectorIndex(index)


def _graph(dimension: int) -> faiss.Index:
    graph = faiss.IndexHNSWFlat(dimension, _GRAPH_LINKS, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = _GRAPH_BUILD
    graph.hnsw.efSearch = _GRAPH_SEARCH
    return graph


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
    if not isinstance(found, faiss.IndexIDMap2):
        raise LibraryCorrupt(f"{path.name} is another kind of vector index")
    index = VectorIndex(found)
    if (index.dimension, len(index)) != (dimension, count):
        raise LibraryCorrupt(
            f"{path.name} holds {len(index)} vectors of {index.dimension} numbers,"
            f" not {count} of {dimension}"
        )
    return index
