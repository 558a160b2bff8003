"""Two rankings become one; acronyms are spelled out as the library's own articles do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import Library
from qa import open_qa
from qa.retrieve import expand, fuse

RAA = "Reciprocal Access Agreement"
LONG = {"raa": [RAA, "Royal Academy of Arts"], "who": ["World Health Organization"]} | {
    "it": ["information technology"],
    "us": ["United States"],
    "cop28": ["28th Conference of the Parties"],
    "ers": ["European Respiratory Society"],
}


def expansions(short):
    return LONG.get(short.lower(), [])


def test_each_ranking_counts_by_its_weight():
    fused = fuse([(1, 0.8), (2, 0.4), (3, 0.1)], [(2, 10.0), (3, 5.0)], 0.6)
    assert fused == [(2, pytest.approx(0.64)), (1, pytest.approx(0.58)), (3, pytest.approx(0.26))]


def test_all_the_weight_on_one_side_is_that_ranking():
    dense, words = [(1, 0.8), (2, 0.4)], [(2, 10.0), (1, 5.0)]
    assert fuse(dense, words, 1.0) == dense
    assert fuse(dense, words, 0.0) == [(2, 1.0), (1, 0.5)]


def test_what_the_words_do_not_hold_stands_below_their_last():
    fused = fuse([(1, 0.5), (2, 0.5), (3, 0.5)], [(3, 8.0), (1, 2.0)], 0.5)
    assert [number for number, _ in fused] == [3, 1, 2]
    assert fused[2] == (2, pytest.approx(0.5 * 0.5 + 0.5 * 0.125))


def test_equal_scores_are_in_order_of_number():
    assert fuse([(9, 0.5), (3, 0.5)], [], 0.5) == [(3, 0.25), (9, 0.25)]


def test_a_cosine_below_zero_counts_as_nothing():
    assert fuse([(1, -0.5), (2, 0.0)], [(2, 3.0)], 0.5) == [(2, 0.5), (1, 0.25)]


def test_no_words_may_match():
    assert fuse([], [], 0.5) == []
    assert fuse([(4, 1.0)], [], 0.5) == [(4, 0.5)]


@st.composite
def rankings(draw, top):
    numbers = draw(st.lists(st.integers(1, 20), unique=True, max_size=8))
    scores = st.floats(min_value=0.01, max_value=top)
    found = [(number, draw(scores)) for number in numbers]
    return sorted(found, key=lambda item: -item[1])


@given(rankings(1.0), rankings(40.0), st.floats(0, 1))
def test_fused_scores_are_from_0_to_1_best_first_and_each_passage_once(dense, words, weight):
    met = {number for number, _ in dense}
    dense += [(number, 0.0) for number, _ in words if number not in met]
    fused = fuse(dense, words, weight)
    scores = [score for _, score in fused]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 + 1e-9 for score in scores)
    assert sorted(number for number, _ in fused) == sorted(number for number, _ in dense)


@pytest.mark.parametrize(
    ("text", "spelled_out"),
    [
        ("who signed the RAA?", f"who signed the {RAA}?"),
        ("who signed raa", f"who signed {RAA}"),
        ("Raa: who?", f"{RAA}: who?"),
        ("the RAA's text", f"the {RAA}'s text"),
        ("the (RAA)", f"the ({RAA})"),
        ("the RAA-related talks", f"the {RAA}-related talks"),
        ("What did the WHO say about COP28?", None),
    ],
)
def test_an_acronym_is_spelled_out_however_it_is_typed(text, spelled_out):
    if spelled_out is None:
        spelled_out = text.replace("WHO", LONG["who"][0]).replace("COP28", LONG["cop28"][0])
    assert expand(text, expansions, keep=False) == spelled_out


def test_with_keep_the_acronym_stays_beside_it():
    assert expand("who signed raa", expansions, keep=True) == f"who signed raa ({RAA})"


@pytest.mark.parametrize(
    "text",
    [
        "who said it to us",
        "Who did it?",
        "which Reciprocal Access Agreement, or RAA?",
        "was the reciprocal access agreement, the RAA, signed?",
        "what is an XYZ?",
        "the photographers",
        "braavely",
        "RAA_1",
        "",
    ],
)
def test_nothing_else_is_changed(text):
    assert expand(text, expansions, keep=False) == text
    assert expand(text, expansions, keep=True) == text


@pytest.mark.parametrize(
    "text",
    [
        "what does RAA stand for?",
        "What is raa short for?",
        "which acronym is RAA?",
        "what does RAA mean",
        "What is the full name of the RAA?",
        "the meaning of RAA?",
        "what is RAA?",
        "What is the RAA?",
        "what does the RAA mean?",
        "What’s an RAA",
    ],
)
def test_a_question_about_the_acronym_itself_is_read_as_it_is(text):
    assert expand(text, expansions, keep=False) == text
    assert RAA in expand(text, expansions, keep=True)


@given(st.text(max_size=60))
def test_a_library_without_acronyms_leaves_every_question_alone(text):
    assert expand(text, lambda short: [], keep=True) == text


@pytest.fixture(scope="module")
def qa(seed_library):
    return open_qa(seed_library)


@pytest.mark.model
@pytest.mark.parametrize(
    ("question", "gold"),
    [
        ("who signed the uk japan raa", "Rishi Sunak and Japanese Prime Minister Fumio Kishida"),
        ("where did sunak and kishida sign the raa?", "the Tower of London"),
        ("when did japans raa with australia take effect", "13 August"),
        ("what does gcap stand for", "Global Combat Air Programme"),
        ("How many kuna do you have to hand in for one euro?", "7.5345"),
        ("Who presided over COP28?", "Sultan Al Jaber"),
        ("who owns the ever given", "Shoei Kisen Kaisha"),
        ("other name for rts,s vaccine", "Mosquirix"),
        ("after whom is the jwst named", "James E. Webb"),
        ("What storm hit Houston while Webb was being tested in the vacuum chamber?", "Harvey"),
        ("Which phone of Apple's was the first with a USB-C port?", "iPhone 15"),
        ("Whose penalty decided the shoot-out between Argentina and France?", "Montiel"),
        ("how long is each arm of a LIGO detector", "four kilometres"),
        ("Which RFC contains HTTP/3?", "RFC 9114"),
    ],
)
def test_the_passage_with_the_answer_is_among_the_first_five(qa, question, gold):
    hits = qa.search(question, 5)
    assert len(hits) == 5
    assert any(gold in hit.passage.text for hit in hits)


@pytest.mark.model
def test_hits_come_best_first_with_scores_from_0_to_1_and_are_slices(qa):
    hits = qa.search("who signed the RAA?", 20)
    scores = [hit.score for hit in hits]
    assert len(hits) == 20
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1.000001 for score in scores)
    for hit in hits:
        text = qa.library.article(hit.passage.article_id).text
        assert text[hit.passage.start : hit.passage.end] == hit.passage.text


@pytest.mark.model
def test_the_acronyms_are_those_of_the_library_asked(qa, new_library, article):
    folder = new_library(
        [
            article("The Regional Airline Alliance (RAA) met in Oslo.", "Airlines", "one.txt"),
            article("The old bridge was closed on Monday.", "Bridge", "two.txt"),
        ]
    )
    library = Library(folder)
    assert expand("the RAA", library.expansions, keep=False) == "the Regional Airline Alliance"
    assert expand("the RAA", qa.library.expansions, keep=False) == f"the {RAA}"


@pytest.mark.model
def test_a_library_of_one_article_is_searched(new_library, article):
    qa = open_qa(new_library([article("The old bridge was closed on Monday.", "Bridge")]))
    (hit,) = qa.search("when was the bridge closed?", 20)
    assert hit.passage.text == "The old bridge was closed on Monday."
