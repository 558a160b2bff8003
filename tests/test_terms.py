"""Best passages by their words."""

import resource

import numpy as np
import pytest
import tantivy
from hypothesis import given
from hypothesis import strategies as st

from index.errors import LibraryCorrupt, LibraryError
from index.terms import build_terms, load_terms

ROWS = [
    (10, "The treaty", "Ministers signed the agreement at the Tower of London."),
    (20, "Weather", "It rained on the café in Zürich. The agreements were wet."),
    (30, "Signing ceremonies", "Nobody came. The tower stood empty, the guards slept."),
    (2**40, "日本", "会談は東京で行われた。 Naïve façade 🙂"),
]


@pytest.fixture(scope="module")
def terms():
    return build_terms(ROWS, None)


def found(terms, text, k=10):
    return [id for id, _ in terms.matching(text, k)]


def test_words_match_whatever_their_ending_and_letter_case(terms):
    for question in ("rain", "RAINS", "raining", "Rained"):
        assert found(terms, question) == [20]
    assert set(found(terms, "agree agreement")) == {10, 20}


def test_accents_do_not_matter_on_either_side(terms):
    for question in ("cafe", "café", "CAFÉ", "Zurich", "cafe\u0301"):
        assert found(terms, question) == [20]
    assert found(terms, "naive") == found(terms, "facade") == [2**40]


def test_the_best_comes_first_and_scores_fall(terms):
    hits = terms.matching("the agreement signed in the tower", 10)
    assert hits[0][0] == 10
    scores = [score for _, score in hits]
    assert scores == sorted(scores, reverse=True) and min(scores) > 0
    assert terms.matching("the agreement signed in the tower", 2) == hits[:2]


def test_words_that_stand_together_as_in_the_question_count_more():
    rows = [
        (1, "", "The bank of the river floods the old town in most years."),
        (2, "", "The river floods the old bank in the town of most years."),
    ]
    terms = build_terms(rows, None)
    (first, more), (second, less) = terms.matching("the bank of the river", 2)
    assert (first, second) == (1, 2) and more > less
    (_, one), (_, other) = terms.matching("bank", 2)
    assert one == pytest.approx(other)


def test_among_some_ids_scores_are_as_among_all(terms):
    among = np.array([10, 2**40], dtype=np.int64)
    everywhere = dict(terms.matching("the agreement in the tower", 10))
    assert set(everywhere) == {10, 20, 30}
    [(id, score)] = terms.matching("the agreement in the tower", 10, among)
    assert (id, score) == (10, pytest.approx(everywhere[10]))
    assert terms.matching("tower", 10, np.array([], dtype=np.int64)) == []


@pytest.mark.parametrize(
    ("word", "ids"),
    [
        ("agreemant", [10, 20]),
        ("Zurihc", [20]),
        ("twoer", [10, 30]),
        ("cermony", [30]),
        ("xyzzy", []),
        ("the", []),
        ("", []),
    ],
)
def test_passages_with_a_word_spelled_alike_are_found(terms, word, ids):
    assert sorted(terms.alike(word, 10)) == ids


def test_stop_words_alone_find_nothing(terms):
    assert found(terms, "the of to and it was") == []
    assert not terms.known("the")


def test_repeating_a_word_changes_nothing(terms):
    assert terms.matching("tower tower towers", 9) == terms.matching("tower", 9)


@pytest.mark.parametrize("question", ["", " ", "?!", "🙂", "xyzzy", "a" * 100_000])
def test_nothing_is_found_for_no_known_word(terms, question):
    assert found(terms, question) == []


@pytest.mark.parametrize(
    "syntax",
    ['rain AND OR NOT ( : " * ~', '"rain', "rain*^2", "body:rain", "-rain", "+rain)", "[rain TO"],
)
def test_query_syntax_is_just_words(terms, syntax):
    assert 20 in found(terms, syntax)
    assert found(terms, syntax.replace("rain", "")) == []


@given(st.text(max_size=80))
def test_any_question_is_harmless(terms, question):
    assert set(found(terms, question)) <= terms.ids()
    assert set(found(terms, question + " rain")) >= {20}
    terms.known(question)


def test_a_word_of_the_title_counts_less_than_one_of_the_passage():
    rows = [(1, "Volcano", "Ash fell here"), (2, "Ash", "Volcano fell here")]
    (first, high), (second, low) = build_terms(rows, None).matching("volcano", 5)
    assert (first, second) == (2, 1)
    assert 0 < low < 0.6 * high


def test_known_words_are_those_of_passages_and_titles_in_any_form(terms):
    for word in ("signed", "signs", "Tower", "WEATHER", "cafe", "ceremony"):
        assert terms.known(word), word
    for word in ("", "treason", "?", "signet"):
        assert not terms.known(word), word


def test_it_finds_the_same_after_a_round_trip_on_disk(terms, tmp_path):
    written = build_terms(ROWS, tmp_path / "terms")
    loaded = load_terms(tmp_path / "terms", len(ROWS))
    for question in ("signed agreement", "tower", "cafe", "東京"):
        assert (
            loaded.matching(question, 5)
            == written.matching(question, 5)
            == terms.matching(question, 5)
        )
    assert loaded.ids() == written.ids() == terms.ids() == {row[0] for row in ROWS}
    assert len(loaded) == 4
    assert loaded.known("signs")


def test_an_empty_index_finds_nothing(tmp_path):
    build_terms([], tmp_path / "terms")
    empty = load_terms(tmp_path / "terms", 0)
    assert (len(empty), empty.ids(), found(empty, "rain"), empty.known("rain")) == (
        0,
        set(),
        [],
        False,
    )


def test_many_passages_keep_their_numbers(tmp_path):
    rows = [(7 * number, "T", f"number word{number}") for number in range(5000)]
    terms = build_terms(rows, tmp_path / "terms")
    assert terms.ids() == {row[0] for row in rows}
    assert found(terms, "word1234") == [7 * 1234]
    assert len(found(terms, "number", 6000)) == 5000


def test_another_count_is_refused(tmp_path):
    build_terms(ROWS, tmp_path / "terms")
    with pytest.raises(LibraryCorrupt, match="terms holds 4 passages, not 5"):
        load_terms(tmp_path / "terms", 5)


def test_an_index_without_positions_is_refused(tmp_path):
    schema = (
        tantivy.SchemaBuilder()
        .add_unsigned_field("passage", stored=False, indexed=True, fast=True)
        .add_text_field("title", index_option="freq")
        .add_text_field("body", index_option="freq")
        .build()
    )
    tantivy.Index(schema, path=str(tmp_path))
    with pytest.raises(LibraryCorrupt, match="another version"):
        load_terms(tmp_path, 0)


@pytest.mark.parametrize("content", [b"", b"{}", b"garbage", b"[1, 2]"])
def test_a_folder_that_is_no_index_is_refused(tmp_path, content):
    with pytest.raises(LibraryCorrupt, match="terms can't be read as a term index"):
        load_terms(tmp_path / "terms", 4)
    build_terms(ROWS, tmp_path / "terms")
    (tmp_path / "terms" / "meta.json").write_bytes(content)
    with pytest.raises(LibraryCorrupt, match="terms can't be read as a term index"):
        load_terms(tmp_path / "terms", 4)


@pytest.mark.parametrize("kind", ["term", "store", "fast", "idx", "fieldnorm"])
def test_a_missing_or_cut_file_is_refused(tmp_path, kind):
    build_terms(ROWS, tmp_path / "terms")
    [file] = (tmp_path / "terms").glob(f"*.{kind}")
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(LibraryCorrupt, match="terms can't be read as a term index"):
        load_terms(tmp_path / "terms", 4)
    file.unlink()
    with pytest.raises(LibraryCorrupt, match="terms can't be read as a term index"):
        load_terms(tmp_path / "terms", 4)


def test_a_disk_that_refuses_is_an_error_of_ours(tmp_path):
    rows = [(number, "T", f"word{number} word{number // 7}") for number in range(5000)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(LibraryError, match="the term index can't be written"):
            build_terms(rows, tmp_path / "terms")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
