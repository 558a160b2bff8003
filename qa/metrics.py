"""Figures from what was answered to labelled questions. Pure.

It must not know how a question is answered, nor what is done with a figure.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import mean, quantiles
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qa.labels import Labelled
from qa.rank import normalise_answer

DEPTHS = (1, 5, 20)
BINS = 10
RIGHT = 0.5  # word-F1 from which on an answer is right
PROMISE = 0.95  # the share of right answers at which coverage is compared
_ASKING = {
    "who": r"who(?:m|se)?",
    "when": "when",
    "where": "where",
    "what": "what",
    "which": "which",
    "how many": r"how\s+(?:many|much)",
    "how": "how",
    "why": "why",
}
_ANY = re.compile("|".join(rf"\b({forms})\b" for forms in _ASKING.values()), re.IGNORECASE)

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]
Numbers = dict[str, float | int | None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The best answer to one labelled question, however unsure; "" when nothing was read.

    `confidence`: 0 to 1. `shown`, `sure`: it reaches that threshold of the confidence.
    `counts`: for EM and F1 it was given; else there was silence.
    `found`: rank, from 1, of the first passage of the right paragraph that holds an accepted
    answer; 0 when it was not among those looked at, None when nothing was searched.
    `title`, `sentence`: where the answer stands. `paragraph`: what the question is about.
    `pair`: the reader's best scores on that paragraph and on a passage without the answer.
    """

    file: str
    labelled: Labelled
    paragraph: str
    answer: str
    confidence: float
    shown: bool
    sure: bool
    counts: bool
    found: int | None
    took_ms: float
    title: str = ""
    sentence: str = ""
    pair: tuple[float, float] | None = None


class Bin(NamedTuple):
    """The answers with confidence above `low`, up to the next bin: how many, and two means."""

    low: float
    size: int
    confidence: float
    right: float


def exact_match(answer: str, accepted: Sequence[str]) -> float:
    """1 when the answer equals an accepted one after SQuAD's normalisation, else 0."""
    return max(float(normalise_answer(answer) == normalise_answer(one)) for one in accepted)


def f1(answer: str, accepted: Sequence[str]) -> float:
    """Best harmonic mean of precision and recall over normalised words, 0 to 1.

    As in SQuAD's official script (Rajpurkar et al. 2016, 2018): no words on either side
    counts only when both have none.
    """
    return max(_overlap(normalise_answer(answer), normalise_answer(one)) for one in accepted)


def _overlap(answer: str, accepted: str) -> float:
    given, wanted = answer.split(), accepted.split()
    if not given or not wanted:
        return float(given == wanted)
    common = sum((Counter(given) & Counter(wanted)).values())
    return 2 * common / (len(given) + len(wanted))


def score(measure: Callable[[str, Sequence[str]], float], one: Outcome) -> float:
    """EM or F1 of what was given, 0 to 1; silence is right where there is no answer (SQuAD 2.0)."""
    return measure(_given(one), one.labelled.answers or ("",))


def _given(one: Outcome) -> str:
    return one.answer if one.counts else ""


def holds(text: str, answers: Sequence[str]) -> bool:
    """Whether one of the answers stands in the text, whole words after normalisation."""
    words = f" {normalise_answer(text)} "
    return any(f" {normalise_answer(answer)} " in words for answer in answers)


def summary(outcomes: Sequence[Outcome]) -> Numbers:
    """The figures of a run: EM, F1 and accuracy in percent, milliseconds, the rest 0 to 1.

    A figure over no questions is None. An answer is right when its F1 is at least `RIGHT`;
    to an unanswerable question none is.
    """
    having = [one for one in outcomes if one.labelled.answers]
    lacking = [one for one in outcomes if not one.labelled.answers]
    times = [one.took_ms for one in outcomes]
    percentiles = quantiles(times, n=20, method="inclusive") if len(times) > 1 else times * 19
    return {
        "questions": len(outcomes),
        "em": _percent(score(exact_match, one) for one in outcomes),
        "f1": _percent(score(f1, one) for one in outcomes),
        "has_answer_em": _percent(score(exact_match, one) for one in having),
        "has_answer_f1": _percent(score(f1, one) for one in having),
        "no_answer_accuracy": _percent(float(not _given(one)) for one in lacking),
        **{f"recall_at_{depth}": _recall(having, depth) for depth in DEPTHS},
        "latency_ms_p50": round(percentiles[9], 1),
        "latency_ms_p95": round(percentiles[18], 1),
        **_trust(outcomes),
    }


def _trust(outcomes: Sequence[Outcome]) -> Numbers:
    """How far the confidence can be believed, from each question's best answer."""
    confidence, right = confidences(outcomes), rights(outcomes)
    exact = rights(outcomes, exact_match, 1.0)
    answerable = np.array([bool(one.labelled.answers) for one in outcomes], dtype=bool)
    answered = np.array([bool(one.answer) for one in outcomes], dtype=bool)
    shown = np.array([one.shown for one in outcomes], dtype=bool)
    sure = np.array([one.sure for one in outcomes], dtype=bool)
    pairs = np.array([one.pair for one in outcomes if one.pair is not None]).reshape(-1, 2)
    found = {
        "ece": calibration_error(confidence[answered], right[answered]),
        "auroc": auroc(confidence[answerable], confidence[~answerable]),
        "auroc_right": auroc(confidence[answered & right], confidence[answered & ~right]),
        "coverage_at_95": coverage_at(PROMISE, confidence, right, answerable, answered),
        "coverage_at_95_exact": coverage_at(PROMISE, confidence, exact, answerable, answered),
        "shown": _share(shown),
        "precision_shown": _share(right[shown]),
        "sure": _share(sure),
        "precision_sure": _share(right[sure]),
        "auroc_pairs": auroc(pairs[:, 0], pairs[:, 1]),
    }
    return {name: None if value is None else round(value, 4) for name, value in found.items()}


def _percent(values: Iterable[float]) -> float | None:
    found = list(values)
    return round(100 * mean(found), 2) if found else None


def _share(truths: Truths) -> float | None:
    return float(truths.mean()) if len(truths) else None


def _recall(having: Sequence[Outcome], depth: int) -> float | None:
    ranks = [one.found for one in having if one.found is not None]
    return round(mean(0 < rank <= depth for rank in ranks), 4) if ranks else None


def by_file(outcomes: Sequence[Outcome]) -> dict[str, Numbers]:
    """The summary of each file's questions, in the order of the files."""
    names = dict.fromkeys(one.file for one in outcomes)
    return {name: summary([one for one in outcomes if one.file == name]) for name in names}


def by_question_word(outcomes: Sequence[Outcome]) -> dict[str, Numbers]:
    """Number of questions, EM and F1 in percent for each word that asks."""
    groups: dict[str, list[Outcome]] = {word: [] for word in (*_ASKING, "other")}
    for one in outcomes:
        groups[question_word(one.labelled.question)].append(one)
    return {
        word: {
            "questions": len(group),
            "em": _percent(score(exact_match, one) for one in group),
            "f1": _percent(score(f1, one) for one in group),
        }
        for word, group in groups.items()
        if group
    }


def question_word(question: str) -> str:
    """The first word that asks, as it is listed above, or "other"."""
    found = _ANY.search(question)
    if found is None or found.lastindex is None:
        return "other"
    return list(_ASKING)[found.lastindex - 1]


def confidences(outcomes: Sequence[Outcome]) -> Floats:
    """The confidence of each best answer, shape (questions,)."""
    return np.array([one.confidence for one in outcomes], dtype=np.float64)


def rights(
    outcomes: Sequence[Outcome],
    measure: Callable[[str, Sequence[str]], float] = f1,
    least: float = RIGHT,
) -> Truths:
    """Whether each best answer, shown or not, measures at least so much; shape (questions,)."""
    return np.array(
        [
            bool(one.answer and one.labelled.answers)
            and measure(one.answer, one.labelled.answers) >= least
            for one in outcomes
        ],
        dtype=bool,
    )


def reliability(confidence: Floats, right: Truths) -> list[Bin]:
    """The bins, of `BINS` of equal width, that hold an answer; arrays of shape (answers,)."""
    edges = np.linspace(0, 1, BINS + 1)
    places = np.searchsorted(edges[1:-1], confidence)
    return [
        Bin(
            float(edges[number]),
            int(inside.sum()),
            float(confidence[inside].mean()),
            float(right[inside].mean()),
        )
        for number in range(BINS)
        if (inside := places == number).any()
    ]


def calibration_error(confidence: Floats, right: Truths) -> float | None:
    """Expected calibration error, 0 to 1 (Guo et al. 2017); arrays of shape (answers,)."""
    bins = reliability(confidence, right)
    if not bins:
        return None
    return sum(one.size * abs(one.right - one.confidence) for one in bins) / len(right)


def auroc(positive: Floats, negative: Floats) -> float | None:
    """The chance that a positive's score is above a negative's; a tie counts half.

    The area under the ROC curve, as the Mann–Whitney statistic. None when either is empty.
    """
    if not (len(positive) and len(negative)):
        return None
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left")
    not_above = np.searchsorted(ordered, positive, "right")
    return float((below + not_above).mean() / 2 / len(negative))


def coverage_at(
    precision: float, confidence: Floats, right: Truths, answerable: Truths, answered: Truths
) -> float | None:
    """Share of the answerable questions that are answered when `precision` of the shown is right.

    At the lowest threshold at which it is; answers to the unanswerable are shown, too, and
    wrong. Arrays of shape (questions,). None when no question is answerable.
    """
    if not answerable.any():
        return None
    order, ends = cuts(confidence, answered)
    kept = np.cumsum(right[order])[ends] / (ends + 1) >= precision
    shown = np.cumsum(answerable[order])[ends]
    return float(shown[kept][-1] / answerable.sum()) if kept.any() else 0.0


def risk_coverage(
    confidence: Floats, right: Truths, answered: Truths
) -> tuple[Floats, Floats, float]:
    """Coverage and risk at each threshold, highest first, and the area under the curve (AURC).

    Coverage: share of all questions to which an answer is shown. Risk: share of those that are
    wrong. Area: mean over the questions of the risk at the threshold that shows them (Geifman
    and El-Yaniv 2017). Arrays of shape (questions,), or (thresholds,) of those that come out.
    """
    order, ends = cuts(confidence, answered)
    risk = 1 - np.cumsum(right[order])[ends] / (ends + 1)
    coverage = (ends + 1) / max(1, len(confidence))
    return coverage, risk, float((np.diff(coverage, prepend=0) * risk).sum())


def cuts(confidence: Floats, answered: Truths) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The answered questions, surest first, and the last place of each confidence among them."""
    asked = np.flatnonzero(answered)
    order = asked[np.argsort(-confidence[asked], kind="stable")]
    falls = np.append(np.diff(confidence[order]) != 0, True)
    return order, np.flatnonzero(falls[: len(order)])
