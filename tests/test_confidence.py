"""A score becomes a probability by the numbers beside the reader."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa import ReaderError, Span
from qa.confidence import Confidence, load_confidence
from qa.reader import DEFAULT_READER

NUMBERS = {"bias": -0.5, "score": 0.25, "support": 2.0, "threshold": 0.4}
SCORES = st.floats(-1e6, 1e6)


def span(score, support=0.5):
    return Span("a", 0, 1, score, support)


@settings(deadline=None)
@given(SCORES, SCORES, st.floats(0, 1))
def test_a_higher_score_is_never_less_sure(one, other, support):
    confidence = Confidence(**NUMBERS)
    low, high = sorted((one, other))
    assert confidence.of(span(low, support)) <= confidence.of(span(high, support))


@settings(deadline=None)
@given(SCORES, st.floats(0, 1), st.floats(0, 1))
def test_more_support_is_never_less_sure(score, one, other):
    confidence = Confidence(**NUMBERS)
    low, high = sorted((one, other))
    assert confidence.of(span(score, low)) <= confidence.of(span(score, high))


@settings(deadline=None)
@given(st.floats(allow_nan=False))
def test_it_is_a_probability_even_at_the_ends(score):
    assert 0 <= Confidence(**NUMBERS).of(span(score)) <= 1


def test_the_curve_is_the_logistic_one():
    assert Confidence(0.0, 1.0, 0.0, 0.5).of(span(0.0)) == 0.5
    assert Confidence(1.0, 2.0, 4.0, 0.5).of(span(-1.0, 0.5)) == pytest.approx(0.7310586)


def test_the_numbers_are_read_from_beside_the_reader(tmp_path):
    (tmp_path / "reader.json").write_text(json.dumps({"confidence": NUMBERS}))
    assert load_confidence(tmp_path) == Confidence(**NUMBERS)


def test_the_shipped_reader_brings_its_numbers():
    shipped = load_confidence(DEFAULT_READER)
    assert shipped.score > 0
    assert shipped.support >= 0
    assert 0 <= shipped.threshold < 1


@pytest.mark.parametrize(
    "written",
    [
        None,
        "",
        "{",
        "[]",
        "{}",
        '{"confidence": null}',
        '{"confidence": {"bias": 0, "score": 1, "support": 0}}',
        '{"confidence": {"bias": 0, "score": "much", "support": 0, "threshold": 0}}',
        '{"confidence": {"bias": 0, "score": [1], "support": 0, "threshold": 0}}',
    ],
)
def test_a_folder_without_them_is_refused(tmp_path, written):
    if written is not None:
        (tmp_path / "reader.json").write_text(written)
    with pytest.raises(ReaderError, match=r"reader\.json gives no confidence numbers"):
        load_confidence(tmp_path)
