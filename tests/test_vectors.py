"""Nearest vectors: exact for a library, nearly exact for a very large one."""

import struct

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import LibraryCorrupt, LibraryError
from index.vectors import EXACT_LIMIT, build_vectors, load_vectors


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def random_vectors(count, dimension, seed=0):
    return unit(np.random.default_rng(seed).normal(size=(count, dimension)))


def index_of(vectors, ids=None):
    numbers = np.arange(len(vectors), dtype=np.int64) if ids is None else np.array(ids, np.int64)
    return build_vectors(lambda: [(numbers, vectors)], vectors.shape[1], len(vectors))


@given(st.integers(1, 60), st.integers(1, 8), st.integers(1, 70), st.integers(0, 99))
def test_the_nearest_are_exact_and_in_order(count, dimension, k, seed):
    vectors, [question] = random_vectors(count, dimension, seed), random_vectors(1, dimension, 100)
    ids = np.random.default_rng(seed).permutation(10 * count)[:count]
    found = index_of(vectors, ids).nearest(question, k)
    cosines = dict(zip(ids.tolist(), (vectors @ question).tolist(), strict=True))
    assert len(found) == min(k, count) == len({id for id, _ in found})
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    assert [score for _, score in found] == pytest.approx(
        sorted(cosines.values(), reverse=True)[:k], abs=1e-5
    )
    assert all(score == pytest.approx(cosines[id], abs=1e-5) for id, score in found)


@pytest.mark.parametrize("cells", [False, True])
@given(st.integers(0, 40), st.integers(1, 50), st.integers(0, 99))
def test_among_some_ids_every_one_is_compared(cells, allowed, k, seed):
    vectors, [question] = random_vectors(40, 8, seed), random_vectors(1, 8, 100)
    among = np.sort(np.random.default_rng(seed).permutation(40)[:allowed]).astype(np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("index.vectors.EXACT_LIMIT", 1 if cells else 1000)
        found = index_of(vectors).nearest(question, k, among)
    if cells:
        vectors = vectors.astype(np.float16).astype(np.float32)
    cosines = vectors @ question
    assert [id for id, _ in found] == sorted(among.tolist(), key=lambda id: -cosines[id])[:k]
    assert all(score == pytest.approx(cosines[id], abs=1e-3) for id, score in found)


def test_batches_are_put_together():
    vectors = random_vectors(10, 4)
    ids = np.arange(10, dtype=np.int64) + 2**40
    index = build_vectors(lambda: [(ids[:3], vectors[:3]), (ids[3:], vectors[3:])], 4, 10)
    assert index.ids() == set(ids.tolist())
    assert (len(index), index.dimension) == (10, 4)
    assert index.nearest(vectors[7], 1)[0][0] == ids[7]
    assert np.array_equal(index.vectors(ids[[9, 0]]), vectors[[9, 0]])


def test_an_empty_index_finds_nothing(tmp_path):
    index = build_vectors(list, 4, 0)
    assert index.nearest(np.ones(4, np.float32), 5) == []
    assert index.ids() == set()
    index.save(tmp_path / "v")
    assert len(load_vectors(tmp_path / "v", 4, 0)) == 0


def kind(index):
    return type(index._index)


@pytest.fixture(scope="module")
def many():
    """10,000 vectors around 300 places, and 100 questions about them."""
    random = np.random.default_rng(7)
    places = random_vectors(300, 16, 8)
    vectors = unit(places[random.integers(0, 300, 10_000)] + random.normal(0, 0.15, (10_000, 16)))
    return vectors, unit(vectors[:100] + random.normal(0, 0.1, (100, 16)))


@pytest.fixture
def large(monkeypatch):
    monkeypatch.setattr("index.vectors.EXACT_LIMIT", 5_000)  # a tenth of it: in seconds


def met(index, vectors, questions):
    """Of the exact 20 nearest, the share that is found."""
    exact = np.argsort(-(questions @ vectors.T), axis=1)[:, :20].tolist()
    found = [[id for id, _ in index.nearest(question, 20)] for question in questions]
    assert all(len(set(one)) == 20 and min(one) >= 0 for one in found)
    return np.mean([len(set(a) & set(b)) / 20 for a, b in zip(found, exact, strict=True)])


def test_every_vector_is_compared_up_to_the_limit_and_cells_are_searched_above(many, large):
    assert kind(index_of(many[0][: EXACT_LIMIT // 11])) is faiss.IndexIDMap2
    assert kind(index_of(many[0])) is faiss.IndexIVFScalarQuantizer
    assert index_of(many[0][:10]).recall == 1.0


def test_cells_find_nearly_all_of_the_nearest_and_say_how_many(many, large, tmp_path):
    vectors, questions = many
    index = index_of(vectors)
    assert met(index, vectors, questions) >= 0.99 and 0.995 <= index.recall <= 1
    index.save(tmp_path / "cells")
    loaded = load_vectors(tmp_path / "cells", 16, len(vectors))
    for question in questions:
        assert loaded.nearest(question, 20) == index.nearest(question, 20)
    assert loaded.ids() == index.ids() == set(range(10_000))
    assert np.abs(loaded.vectors(np.array([9, 3])) - vectors[[9, 3]]).max() < 1e-3


@pytest.mark.parametrize("count", [300, 10_000])
def test_a_changed_index_holds_what_it_is_told_to(many, large, tmp_path, count):
    vectors, _ = many
    index = index_of(vectors[:count])
    gone = np.arange(0, count, 10, dtype=np.int64)
    fresh = random_vectors(50, 16, 3)
    index.change(gone, [(np.arange(count, count + 50, dtype=np.int64), fresh)])
    index.save(tmp_path / "v")
    changed = load_vectors(tmp_path / "v", 16, count - len(gone) + 50)
    assert changed.ids() == set(range(count + 50)) - set(gone.tolist())
    assert [id for id, _ in changed.nearest(fresh[7], 1)] == [count + 7]
    assert not set(gone.tolist()) & {id for id, _ in changed.nearest(vectors[0], 20)}
    assert np.abs(changed.vectors(np.array([count + 9])) - fresh[9]).max() < 1e-3
    assert changed.recall is None


def test_an_index_suits_about_as_many_vectors_as_it_was_made_of(many, large):
    few, cells = index_of(many[0][:10]), index_of(many[0])
    assert few.suits(0) and few.suits(4_999) and not few.suits(5_000)
    assert cells.suits(9_000) and cells.suits(12_000)
    assert not cells.suits(4_999) and not cells.suits(40_000)


def test_a_saved_index_finds_the_same(tmp_path):
    vectors = random_vectors(30, 6)
    index = index_of(vectors, range(100, 130))
    index.save(tmp_path / "v")
    loaded = load_vectors(tmp_path / "v", 6, 30)
    assert loaded.ids() == index.ids()
    for vector in vectors:
        assert loaded.nearest(vector, 7) == index.nearest(vector, 7)


@pytest.mark.parametrize(("dimension", "count"), [(5, 30), (6, 29), (6, 31), (0, 0)])
def test_an_index_of_another_shape_is_refused(tmp_path, dimension, count):
    index_of(random_vectors(30, 6)).save(tmp_path / "v")
    with pytest.raises(LibraryCorrupt, match="v holds 30 vectors of 6 numbers, not"):
        load_vectors(tmp_path / "v", dimension, count)


@pytest.mark.parametrize("content", [b"", b"x", b"garbage" * 1000, bytes(5000)])
def test_a_file_that_is_no_index_is_refused(tmp_path, content):
    (tmp_path / "v").write_bytes(content)
    with pytest.raises(LibraryCorrupt, match="v can't be read as a vector index"):
        load_vectors(tmp_path / "v", 6, 30)


@pytest.mark.parametrize("cells", [False, True])
def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path, monkeypatch, cells):
    if cells:
        monkeypatch.setattr("index.vectors.EXACT_LIMIT", 1)
    path = tmp_path / "v"
    index_of(random_vectors(30, 6)).save(path)
    content = path.read_bytes()
    for length in range(0, len(content), 29):
        path.write_bytes(content[:length])
        with pytest.raises(LibraryCorrupt):
            load_vectors(path, 6, 30)


def test_a_file_that_declares_more_than_it_holds_is_refused_before_it_takes_memory(tmp_path):
    path = tmp_path / "v"
    index_of(random_vectors(30, 6)).save(path)
    content = path.read_bytes()
    declared = struct.pack("<q", 30 * 6)
    place = content.index(declared)
    path.write_bytes(content[:place] + struct.pack("<q", 2**36) + content[place + 8 :])
    with pytest.raises(LibraryCorrupt):
        load_vectors(path, 6, 30)
    assert faiss.get_deserialization_vector_byte_limit() == 1 << 20
    assert 0 < faiss.get_deserialization_loop_limit() <= 10_000_000


def test_a_file_that_can_not_be_written_is_named(tmp_path):
    with pytest.raises(LibraryError, match=r"v can't be written"):
        index_of(random_vectors(3, 2)).save(tmp_path / "nowhere" / "v")
