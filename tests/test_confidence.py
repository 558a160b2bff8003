"""Scores become a probability by the numbers beside the reader, when they are for these models."""

import json
import math
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa import ReaderError, Span
from qa.confidence import CALIBRATION, Confidence, leads, load_confidence

NUMBERS = {
    "score": 0.25,
    "support": 2.0,
    "words": 0.75,
    "agreement": 0.3,
    "bias": -0.5,
    "slope": 1.5,
    "margin": 0.4,
    "threshold": 0.35,
    "sure": 0.9,
}
FITTED = Confidence(**NUMBERS)
MODELS = {"reader": "reader-1:0a", "library": "embedder:0b+1"}
SCORES = st.floats(-1e6, 1e6)


def span(score, support=0.5, shared=0.0):
    return Span("a", 0, 1, score, support, shared)


NUMBERS_OF_A_SPAN = st.tuples(SCORES, st.floats(0, 1), st.floats(0, 1))


@given(NUMBERS_OF_A_SPAN, NUMBERS_OF_A_SPAN)
def test_more_of_anything_is_never_less_relevant(one, other):
    low, high = ([pick(pair) for pair in zip(one, other, strict=True)] for pick in (min, max))
    assert FITTED.relevance(span(*low)) <= FITTED.relevance(span(*high))


NUMBERS_OF_AN_ANSWER = st.tuples(SCORES, st.floats(-4, 4))


@given(NUMBERS_OF_AN_ANSWER, NUMBERS_OF_AN_ANSWER)
def test_an_answer_with_less_of_nothing_is_never_less_sure(one, other):
    low, high = ([pick(pair) for pair in zip(one, other, strict=True)] for pick in (min, max))
    assert FITTED.probability(*low) <= FITTED.probability(*high)


@given(st.lists(SCORES, min_size=1, max_size=5), SCORES)
def test_another_place_that_says_it_never_weakens_an_answer(scores, more):
    spans = [span(score) for score in scores]
    assert FITTED.strength(spans) < FITTED.strength([*spans, span(more)])


def test_reading_is_over_when_no_retrieval_score_could_make_up_for_the_lead():
    found = [span(2.0), span(20.0, support=0.5)]
    fitted = replace(FITTED, calibrated=True)
    assert fitted.settled(found, "b", 0.5) and not fitted.settled(found, "b", 2.0)
    assert not fitted.settled(found[:1], "b", 0.5) and not fitted.settled([], "b", 0.0)


def test_what_words_are_shared_ends_no_reading_by_itself():
    fitted = replace(FITTED, calibrated=True)
    for shared in (0.0, 1.0):
        assert fitted.settled([span(12.0, 0.5, shared)], "b", 0.5)
        assert not fitted.settled([span(11.9, 0.5, shared)], "b", 0.5)


def test_another_passage_of_the_same_article_is_always_read():
    assert not replace(FITTED, calibrated=True).settled([span(1e6)], "a", 0.0)


def test_uncalibrated_scores_end_no_reading():
    assert not FITTED.settled([span(1e6)], "b", 0.0)


@given(st.floats(allow_nan=False), st.floats(-4, 4))
def test_it_is_a_probability_even_at_the_ends(strength, lead):
    assert 0 <= FITTED.probability(strength, lead) <= 1


def test_the_curves_are_those_that_are_written_down():
    one, other = span(2.0, 0.25, 0.5), span(-2.0, 0.25)
    assert FITTED.relevance(one) == 0.25 * 2 + 2 * 0.25 + 0.75 * 0.5
    assert FITTED.strength([other, one]) == FITTED.relevance(one) + 0.3 * math.log(2)
    assert FITTED.strength([one]) == FITTED.relevance(one)
    power = -0.5 + 1.5 * 2.0 + 0.4 * -1.0
    assert FITTED.probability(2.0, -1.0) == pytest.approx(1 / (1 + math.exp(-power)))


ANSWERS = st.lists(st.tuples(st.floats(-10, 10), st.floats(-10, 10)), min_size=1, max_size=6)


@given(ANSWERS)
def test_a_lead_is_over_the_best_of_the_others_within_four(answers):
    strengths, scores = map(list, zip(*answers, strict=True))
    found = leads(strengths, scores)
    assert len(found) == len(strengths)
    for number, lead in enumerate(found):
        others = strengths[:number] + strengths[number + 1 :]
        plain = strengths[number] - max(others) if others else math.inf
        whole = max(-4, min(4, plain))
        if whole < 0 or scores[number] >= 3:
            assert lead == whole
        else:
            assert lead == pytest.approx(whole * max(0, scores[number] / 3))


@given(ANSWERS)
def test_of_two_answers_the_stronger_never_has_the_smaller_lead_below_nothing(answers):
    strengths, scores = map(list, zip(*answers, strict=True))
    found = sorted(zip(strengths, leads(strengths, scores), strict=True))
    behind = [lead for strength, lead in found if strength < max(strengths)]
    assert behind == sorted(behind)
    assert all(lead <= 0 for lead in behind)


def test_a_lead_counts_as_far_as_the_answer_beats_no_answer():
    assert leads([2.0, 1.0], [3.0, 9.0]) == [1.0, -1.0]
    assert leads([2.0, 1.0], [1.5, 9.0]) == [0.5, -1.0]
    assert leads([2.0, 1.0], [-0.5, 9.0]) == [0.0, -1.0], "it is ahead of poor answers alone"


def test_equal_answers_lead_by_nothing():
    assert leads([1.5, 1.5, 0.0], [5.0, 5.0, 5.0]) == [0.0, 0.0, -1.5]
    assert leads([], []) == []


@pytest.fixture
def beside(tmp_path):
    """Writes a calibration into a folder of its own, as a value or as it stands."""

    def write(numbers=NUMBERS, fingerprint=MODELS, raw=None):
        written = {"fingerprint": fingerprint, "promise": 0.95, "numbers": numbers}
        text = json.dumps(written) if raw is None else raw
        (tmp_path / CALIBRATION).write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_the_numbers_are_read_from_beside_the_reader(beside):
    found = load_confidence(beside(), **MODELS)
    assert found == replace(FITTED, calibrated=True)


@pytest.mark.parametrize("changed", [{"reader": "reader-1:0c"}, {"library": "embedder:0b+2"}])
def test_a_calibration_of_other_models_is_refused(beside, changed):
    assert load_confidence(beside(), **(MODELS | changed)) == Confidence()


@pytest.mark.parametrize("fingerprint", [{}, None, "reader-1:0a", MODELS | {"more": 1}])
def test_a_calibration_that_names_its_models_otherwise_is_refused(beside, fingerprint):
    assert load_confidence(beside(fingerprint=fingerprint), **MODELS) == Confidence()


def test_without_a_calibration_an_answer_counts_when_it_beats_no_answer(tmp_path):
    plain = load_confidence(tmp_path, **MODELS)
    assert not plain.calibrated
    for score, shown in ((0.01, True), (0.0, True), (-0.01, False)):
        strength = plain.strength([span(score, support=0.9), span(-5.0)])
        for lead in (-4.0, 0.0, 4.0):
            assert (plain.probability(strength, lead) >= plain.threshold) == shown
    assert plain.probability(1e9, 4.0) < plain.sure, "nothing is sure that was not calibrated"


@pytest.mark.parametrize(
    "raw", ["", "{", "[]", "null", "{}", '"calibration"', "[[[[", "[" * 99_999]
)
def test_a_file_that_is_no_calibration_is_told(beside, raw):
    with pytest.raises(ReaderError, match=r"calibration\.json can't be read: run citespan calibra"):
        load_confidence(beside(raw=raw), **MODELS)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_is_missing_or_none_is_told(beside, name):
    without = {other: value for other, value in NUMBERS.items() if other != name}
    for numbers in (without, NUMBERS | {name: "much"}, NUMBERS | {name: None}, [NUMBERS]):
        with pytest.raises(ReaderError, match=r"calibration\.json can't be read"):
            load_confidence(beside(numbers), **MODELS)


def test_a_calibration_of_numbers_that_are_weighed_no_more_is_told(beside):
    with pytest.raises(ReaderError, match="run citespan calibrate to make it anew"):
        load_confidence(beside(NUMBERS | {"names": 0.6}), **MODELS)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 10**400])
def test_a_number_that_is_not_finite_is_told(beside, number):
    with pytest.raises(ReaderError, match=r"calibration\.json can't be read"):
        load_confidence(beside(NUMBERS | {"slope": number}), **MODELS)


def test_bytes_that_are_no_text_are_told(tmp_path):
    (tmp_path / CALIBRATION).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReaderError, match="or delete it"):
        load_confidence(tmp_path, **MODELS)


def test_a_gigabyte_is_not_read(tmp_path):
    with (tmp_path / CALIBRATION).open("wb") as file:
        file.truncate(10**9)
    with pytest.raises(ReaderError, match=r"can't be read: run citespan calibrate"):
        load_confidence(tmp_path, "r", "l")


def test_every_number_has_a_name_in_the_file():
    assert set(NUMBERS) == set(asdict(Confidence())) - {"calibrated"}
