"""BM25 outside of the term engine: the same scores as inside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import bm25
from index.terms import build_terms

WORDS = ("tower", "London", "the", "of", "bridges", "bridge", "Zürich", "x" * 70, "№", "o'clock")
# Of a word twice within reach of another ("tower tower London London") the engine counts fewer.
parts = st.lists(st.sampled_from(WORDS), unique=True).map(" ".join)
texts = st.tuples(parts, parts).map(f" {'and ' * 6}".join)


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=8), texts)
def test_scores_are_those_of_the_term_engine(passages, asked):
    rows = [(number, title, body) for number, (title, body) in enumerate(passages)]
    kept = {number: bm25.written(title, body) for number, title, body in rows}
    found = bm25.matching(asked, kept, *bm25.count_stems(kept.values()))
    engine = dict(build_terms(rows, None).matching(asked, len(rows)))
    assert dict(found) == pytest.approx(engine, rel=1e-5)
    assert found == sorted(found, key=lambda pair: (-pair[1], pair[0]))


@pytest.mark.parametrize("length", [*range(1, 80), 100, 1000, 2007, 5000])
def test_a_length_counts_as_the_engine_rounds_it(length):
    rows = [(0, "", "tower " + "bridge " * (length - 1)), (1, "", "tower")]
    kept = {number: bm25.written(title, body) for number, title, body in rows}
    found = bm25.matching("tower", kept, *bm25.count_stems(kept.values()))
    assert dict(found) == pytest.approx(
        dict(build_terms(rows, None).matching("tower", 2)), rel=1e-5
    )


def test_a_word_that_was_not_counted_is_the_rarest():
    counted = bm25.count_stems(bm25.written("", f"tower {n}") for n in range(100))
    kept = {1: bm25.written("", "a tower"), 2: bm25.written("", "a castle")}
    assert [number for number, _ in bm25.matching("castle tower", kept, *counted)] == [2, 1]


def test_of_nothing_nothing_is_found():
    nothing = bm25.count_stems([])
    assert bm25.matching("tower", {}, *nothing) == []
    assert bm25.matching("the", {1: bm25.written("", "the")}, *nothing) == []
    assert bm25.matching("tower", {1: bm25.written("tower", "")}, *nothing)[0][0] == 1
