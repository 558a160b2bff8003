"""The figures: EM and F1 as SQuAD counts them, recall, and how far the confidence is true."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qa.labels import Labelled
from qa.metrics import (
    Bin,
    Outcome,
    auroc,
    by_file,
    by_question_word,
    calibration_error,
    coverage_at,
    exact_match,
    f1,
    holds,
    question_word,
    reliability,
    risk_coverage,
    summary,
)

KEYS = [
    "questions",
    "em",
    "f1",
    "has_answer_em",
    "has_answer_f1",
    "no_answer_accuracy",
    "recall_at_1",
    "recall_at_5",
    "recall_at_20",
    "latency_ms_p50",
    "latency_ms_p95",
    "ece",
    "auroc",
    "auroc_right",
    "coverage_at_95",
    "coverage_at_95_exact",
    "shown",
    "precision_shown",
    "sure",
    "precision_sure",
    "auroc_pairs",
]
PAIRS = [
    ("The Tower of London", ["tower of london"]),
    ("a pact", ["the pact", "an agreement"]),
    ("Sunak, Rishi", ["Rishi Sunak"]),
    ("RISHI SUNAK!", ["Rishi Sunak"]),
    ("11 January 2023", ["January 2023", "2023"]),
    ("the the the", ["a"]),
    ("the", ["pact"]),
    ("pact", ["the"]),
    ("", ["pact"]),
    ("Kōmeitō", ["komeito"]),
    ("ÉTÉ 2023", ["été 2023"]),
    ("£1.8 billion", ["1.8 billion"]),
    ("$1,000", ["1000"]),
    ("U.S.", ["US"]),
    ("well-known man", ["wellknown man"]),
    ("“hugely significant”", ['"hugely significant"', "significant"]),
    ("東京 で", ["東京"]),
    ("one one two", ["one two two"]),
    ("anthem of a theory", ["them of the ory"]),
    ("tab\tand\nline", ["tab and line"]),
    ("😀", ["😀", ""]),
]


@pytest.fixture(scope="module")
def official():
    """EM and F1 of one answer, 0 to 1, by another's implementation of the official script."""
    from torchmetrics.functional.text import squad

    def measure(answer, accepted):
        found = squad(
            [{"prediction_text": answer, "id": "q"}],
            [{"answers": {"answer_start": [0] * len(accepted), "text": accepted}, "id": "q"}],
        )
        return float(found["exact_match"]) / 100, float(found["f1"]) / 100

    return measure


@pytest.mark.model
@pytest.mark.parametrize(("answer", "accepted"), PAIRS)
def test_em_and_f1_are_those_of_the_official_script(official, answer, accepted):
    em, overlap = official(answer, accepted)
    assert exact_match(answer, accepted) == em
    assert f1(answer, accepted) == pytest.approx(overlap)


@given(st.text(max_size=20), st.lists(st.text(max_size=20), min_size=1, max_size=3))
def test_both_are_from_0_to_1_and_an_exact_match_is_a_full_overlap(answer, accepted):
    em, overlap = exact_match(answer, accepted), f1(answer, accepted)
    assert em in (0.0, 1.0)
    assert 0 <= overlap <= 1
    assert em <= overlap
    assert exact_match(answer, [*accepted, answer]) == f1(answer, [*accepted, answer]) == 1


@pytest.mark.parametrize(
    ("text", "answers", "held"),
    [
        ("It was signed in the Tower of London.", ["tower of London!"], True),
        ("It was signed in the Tower.", ["Oslo", "the tower"], True),
        ("The towers stood there.", ["tower"], False),
        ("Tower, of London", ["London tower"], False),
        ("anything", [], False),
    ],
)
def test_an_answer_stands_in_a_text_word_by_word(text, answers, held):
    assert holds(text, answers) is held


def outcome(answer, accepted, confidence=0.9, *, threshold=0.5, always=False, **more):
    """What came out for one question, shown from the threshold on and sure from 0.95 on."""
    shown = bool(answer) and confidence >= threshold
    return replace(
        Outcome(
            file="x.json",
            labelled=Labelled("?", tuple(accepted), "p"),
            paragraph="",
            answer=answer,
            confidence=confidence if answer else 0.0,
            shown=shown,
            sure=bool(answer) and confidence >= 0.95,
            counts=shown or always,
            found=None,
            took_ms=10.0,
        ),
        **more,
    )


def test_silence_is_right_only_where_there_is_no_answer():
    figures = summary(
        [
            outcome("", ["London"]),
            outcome("London", []),
            outcome("", []),
            outcome("London", [], 0.1),
        ]
    )
    assert figures["em"] == figures["f1"] == 50.0
    assert figures["has_answer_em"] == figures["has_answer_f1"] == 0.0
    assert figures["no_answer_accuracy"] == 66.67


def test_an_answer_below_the_threshold_counts_only_where_every_answer_does():
    kept_back = summary([outcome("London", ["London"], 0.4)])
    assert kept_back["em"] == kept_back["f1"] == 0.0
    counted = summary([outcome("London", ["London"], 0.4, always=True)])
    assert counted["em"] == counted["f1"] == 100.0
    assert kept_back["shown"] == counted["shown"] == 0.0
    assert kept_back["ece"] == counted["ece"] == 0.6


def test_the_figures_of_a_list_counted_by_hand():
    figures = summary(
        [
            outcome("the Tower of London", ["Tower of London"], 0.97, found=1),
            outcome("Sunak", ["Rishi Sunak"], 0.9, found=4, took_ms=20.0),
            outcome("Paris", ["London", "Oslo"], 0.6, found=20, took_ms=30.0),
            outcome("London", ["London"], 0.3, found=0, took_ms=40.0),
            outcome("Rome", [], 0.1, found=0, took_ms=1000.0),
        ]
    )
    assert list(figures) == KEYS
    assert figures["questions"] == 5
    assert figures["em"] == 40.0
    assert figures["f1"] == pytest.approx(100 * (1 + 2 / 3 + 0 + 0 + 1) / 5, abs=0.01)
    assert figures["has_answer_em"] == 25.0
    assert figures["has_answer_f1"] == pytest.approx(100 * (1 + 2 / 3) / 4, abs=0.01)
    assert figures["no_answer_accuracy"] == 100.0
    assert figures["recall_at_1"] == 0.25
    assert figures["recall_at_5"] == 0.5
    assert figures["recall_at_20"] == 0.75
    assert figures["latency_ms_p50"] == 30.0
    assert 40.0 < figures["latency_ms_p95"] <= 1000.0
    # Right are the first, the second (F1 2/3) and the fourth; the fifth can't be.
    assert figures["ece"] == pytest.approx((0.03 + 0.1 + 0.6 + 0.7 + 0.1) / 5)
    assert figures["auroc"] == 1.0
    assert figures["auroc_right"] == pytest.approx(5 / 6, abs=1e-4)
    assert figures["coverage_at_95"] == 0.5
    assert figures["coverage_at_95_exact"] == 0.25
    assert (figures["shown"], figures["precision_shown"]) == (0.6, 0.6667)
    assert (figures["sure"], figures["precision_sure"]) == (0.2, 1.0)


def test_a_question_to_which_nothing_was_read_says_nothing_of_the_confidence():
    wrong = outcome("Paris", ["London"], 0.9)
    assert summary([wrong, outcome("", ["London"], 0.0)])["ece"] == pytest.approx(0.9)


def test_pairs_are_compared_across_questions():
    pairs = [(5.0, 1.0), (3.0, 4.0), None]
    figures = summary([outcome("London", ["London"], pair=pair) for pair in pairs])
    assert figures["auroc_pairs"] == 0.75


def test_a_figure_over_nothing_is_none():
    figures = summary([outcome("", [])])
    for name in ("has_answer_em", "has_answer_f1", "recall_at_1", "coverage_at_95"):
        assert figures[name] is None
    for name in ("auroc", "auroc_right", "auroc_pairs", "precision_shown", "precision_sure"):
        assert figures[name] is None
    assert (figures["shown"], figures["ece"]) == (0.0, None)
    answered = summary([outcome("London", ["London"])])
    assert answered["no_answer_accuracy"] is None
    assert answered["recall_at_20"] is None
    assert answered["latency_ms_p50"] == answered["latency_ms_p95"] == 10.0


@pytest.mark.parametrize(
    ("question", "word"),
    [
        ("Who built it?", "who"),
        ("By whom was it built?", "who"),
        ("Whose bridge is it?", "who"),
        ("Who's that?", "who"),
        ("WHEN was it?", "when"),
        ("In which year did it open, and where?", "which"),
        ("The bridge stands where?", "where"),
        ("What did he say when asked?", "what"),
        ("How many people came?", "how many"),
        ("for how  much was it sold", "how many"),
        ("How long is it?", "how"),
        ("How did he know how many came?", "how"),
        ("why", "why"),
        ("Name the show somewhat whatever", "other"),
        ("Is it a whole?", "other"),
    ],
)
def test_a_question_belongs_to_the_first_word_that_asks(question, word):
    assert question_word(question) == word


def test_groups_hold_their_own_questions_and_empty_ones_are_left_out():
    def asked(question, file, answer):
        labelled = Labelled(question, ("London",), "p")
        return outcome(answer, ["London"], labelled=labelled, file=file)

    outcomes = [
        asked("Where?", "b.json", "London"),
        asked("Who?", "a.json", "Paris"),
        asked("Where then?", "a.json", "Paris"),
        asked("Tell me.", "b.json", "the London"),
    ]
    assert by_question_word(outcomes) == {
        "who": {"questions": 1, "em": 0.0, "f1": 0.0},
        "where": {"questions": 2, "em": 50.0, "f1": 50.0},
        "other": {"questions": 1, "em": 100.0, "f1": 100.0},
    }
    files = by_file(outcomes)
    assert list(files) == ["b.json", "a.json"]
    assert files["b.json"] == summary([outcomes[0], outcomes[3]])
    assert files["a.json"] == summary(outcomes[1:3])


def floats(*values):
    return np.array(values, dtype=np.float64)


def truths(*values):
    return np.array(values, dtype=bool)


def test_bins_are_open_below_and_closed_above():
    bins = reliability(floats(0.0, 0.1, 0.1000001, 0.95, 1.0), truths(0, 1, 1, 0, 1))
    assert bins == [
        Bin(0.0, 2, 0.05, 0.5),
        Bin(0.1, 1, pytest.approx(0.1), 1.0),
        Bin(0.9, 2, 0.975, 0.5),
    ]


def test_calibration_error_by_hand():
    # (0.8, 0.9]: 0.85 promised, 0.5 held, twice; (0, 0.1]: 0.05 promised, 0 held, once.
    error = calibration_error(floats(0.82, 0.88, 0.05), truths(1, 0, 0))
    assert error == pytest.approx((2 * 0.35 + 0.05) / 3)
    assert calibration_error(floats(), truths()) is None


NUMBERS = st.floats(0, 1, exclude_max=True)
ROWS = st.lists(st.tuples(NUMBERS, st.booleans(), st.booleans(), st.booleans()), min_size=1)
COARSE = st.lists(st.integers(-5, 5), min_size=1)  # so that ties are common


@pytest.mark.model
@settings(deadline=None, max_examples=50)
@given(ROWS)
def test_calibration_error_is_that_of_torchmetrics(rows):
    import torch
    from torchmetrics.functional.classification import binary_calibration_error

    confidence = floats(*(row[0] for row in rows))
    right = truths(*(row[1] for row in rows))
    # Which bin an edge is in differs, and there they count in single precision.
    assume((np.abs(confidence * 10 - np.round(confidence * 10)) > 1e-4).all())
    theirs = binary_calibration_error(torch.tensor(confidence), torch.tensor(right).int(), 10, "l1")
    assert calibration_error(confidence, right) == pytest.approx(float(theirs), abs=1e-5)


@given(ROWS)
def test_calibration_error_is_from_0_to_1_and_0_for_one_who_knows(rows):
    confidence = floats(*(row[0] for row in rows))
    right = truths(*(row[1] for row in rows))
    assert 0 <= calibration_error(confidence, right) <= 1
    assert calibration_error(right.astype(float), right) == 0
    assert calibration_error(right.astype(float), ~right) == 1


def test_auroc_by_hand():
    assert auroc(floats(2, 3), floats(1, 0)) == 1
    assert auroc(floats(0, 3), floats(1, 2)) == 0.5
    assert auroc(floats(1), floats(1)) == 0.5
    assert auroc(floats(1, 2), floats(1)) == 0.75
    assert auroc(floats(), floats(1)) is None
    assert auroc(floats(1), floats()) is None


@pytest.mark.model
@settings(deadline=None, max_examples=50)
@given(COARSE, COARSE)
def test_auroc_is_that_of_scikit_learn(positive, negative):
    from sklearn.metrics import roc_auc_score

    labels = [1] * len(positive) + [0] * len(negative)
    theirs = roc_auc_score(labels, [*positive, *negative])
    assert auroc(floats(*positive), floats(*negative)) == pytest.approx(theirs)


@given(COARSE, COARSE)
def test_auroc_depends_on_order_alone_and_turns_round_with_the_sides(positive, negative):
    here, there = floats(*positive), floats(*negative)
    area = auroc(here, there)
    assert auroc(there, here) == pytest.approx(1 - area)
    assert auroc(here**3 + 7, there**3 + 7) == area


def test_coverage_at_a_precision_by_hand():
    confidence = floats(0.9, 0.8, 0.7, 0.6, 0.5)
    right = truths(1, 0, 1, 1, 0)
    every = truths(1, 1, 1, 1, 1)
    # Precision down the list: 1, 1/2, 2/3, 3/4, 3/5.
    assert coverage_at(1.0, confidence, right, every, every) == 0.2
    assert coverage_at(0.75, confidence, right, every, every) == 0.8
    assert coverage_at(0.6, confidence, right, every, every) == 1.0
    # The second has no answer: it is shown and wrong, but no question that could be answered.
    assert coverage_at(0.75, confidence, right, truths(1, 0, 1, 1, 1), every) == 0.75
    # Nothing was read for the second: nothing is shown.
    assert coverage_at(1.0, confidence, right, every, truths(1, 0, 1, 1, 1)) == 0.6
    assert coverage_at(1.0, confidence, ~right & ~every, every, every) == 0.0
    assert coverage_at(1.0, confidence, right, ~every, every) is None


def test_equal_confidences_are_shown_together():
    every = truths(1, 1, 1)
    tied = floats(0.9, 0.9, 0.5)
    assert coverage_at(1.0, tied, truths(1, 0, 1), every, every) == 0.0
    assert coverage_at(0.5, tied, truths(0, 1, 0), every, every) == pytest.approx(2 / 3)


def test_19_of_20_are_95_in_100():
    confidence = np.linspace(1, 0.5, 20)
    right = np.arange(20) != 3
    every = np.ones(20, dtype=bool)
    assert coverage_at(0.95, confidence, right, every, every) == 1.0


@given(ROWS, st.floats(0.01, 1))
def test_coverage_is_that_of_the_best_of_all_thresholds(rows, precision):
    confidence = floats(*(round(row[0], 1) for row in rows))
    answered, answerable = truths(*(row[2] for row in rows)), truths(*(row[3] for row in rows))
    right = truths(*(row[1] for row in rows)) & answerable & answered
    assume(answerable.any())
    found = [0.0]
    for threshold in set(confidence):
        shown = answered & (confidence >= threshold)
        if shown.any() and right[shown].mean() >= precision:
            found.append((shown & answerable).sum() / answerable.sum())
    assert coverage_at(precision, confidence, right, answerable, answered) == max(found)


def test_risk_and_coverage_by_hand():
    coverage, risk, area = risk_coverage(
        floats(0.5, 0.9, 0.7, 0.9, 0.1), truths(0, 1, 1, 0, 0), truths(1, 1, 1, 1, 0)
    )
    assert coverage.tolist() == pytest.approx([0.4, 0.6, 0.8])
    assert risk.tolist() == pytest.approx([1 / 2, 1 / 3, 1 / 2])
    assert area == pytest.approx(0.4 / 2 + 0.2 / 3 + 0.2 / 2)


def test_nothing_shown_has_no_risk():
    coverage, risk, area = risk_coverage(floats(0.0), truths(0), truths(0))
    assert (len(coverage), len(risk), area) == (0, 0, 0.0)


@given(ROWS)
def test_the_curve_ends_where_every_answer_is_shown(rows):
    confidence = floats(*(row[0] for row in rows))
    right, every = truths(*(row[1] for row in rows)), truths(*(1 for _ in rows))
    coverage, risk, area = risk_coverage(confidence, right, every)
    assert coverage[-1] == 1
    assert risk[-1] == pytest.approx(1 - right.mean())
    assert (np.diff(coverage) > 0).all()
    assert len(coverage) == len(set(confidence))
    assert risk.min() - 1e-9 <= area <= risk.max() + 1e-9
