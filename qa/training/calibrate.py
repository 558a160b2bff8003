"""Fits how surely an answer is right, through the whole pipeline, on held-out questions.

Half of the paragraphs are kept out of the library, so that half of the questions have no
answer there, beside those that have none anywhere; what is learned is when to believe the
reader, and when to be silent.
"""

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from index import (
    MODELS,
    Article,
    build_articles,
    embedder_fingerprint,
    library_fingerprint,
    write_whole,
)
from qa.ask import CORES, QA, Reading
from qa.confidence import CALIBRATION, Confidence, leads
from qa.convert import reader_folder
from qa.errors import TrainingError
from qa.labels import Labelled, kept_out, load_labels
from qa.metrics import RIGHT, cuts, f1
from qa.rank import candidates
from qa.reader import load_reader
from qa.records import Span

_LOOKED_AT = 10  # answers of each question, when spans are weighed against each other
_LEAST = 100  # questions; from fewer, no share of 95 % can be told from one of 85 %
# The surest answer is shown from here on: more questions come out right than from a half on, and
# a little lower no more of seeds/, but more that it can't answer get one (figures in README.md).
_SHOWN = 0.28
# Where the fit begins; it only decides which spans stand for an answer in the first round.
_FIRST = Confidence(score=0.35, support=1.75, agreement=0.3)

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Case:
    """A held-out question, whether its paragraph is in the library, and what was read."""

    labelled: Labelled
    present: bool
    reading: Reading

    def candidates(self, confidence: Confidence) -> list[tuple[Span, ...]]:
        """The distinct answers that would have been read with these numbers, strongest first."""
        spans = _read(self.reading.spans, replace(confidence, calibrated=True))
        return candidates(self.reading.asked, spans, self.reading.texts, confidence)

    def right(self, group: Sequence[Span]) -> bool:
        """Whether the answer that these spans give is right."""
        text = self.reading.texts[group[0].article_id][group[0].start : group[0].end]
        accepted = self.labelled.answers if self.present else ()
        return bool(accepted) and f1(text, accepted) >= RIGHT


def calibrate(
    files: Sequence[Path],
    distractors: Sequence[Path],
    reader: str | None,
    embedder: str,
    data: Path,
    promise: float,
    limit: int | None,
    progress: bool,
) -> dict[str, Any]:
    """Fit the numbers, write them beside the reader, and return what was written.

    `data`: the library's folder, where a converted model lies, too. `promise`: the share of the
    sure answers that shall be right, 0 to 1. `limit`: the first so many questions of each file.
    Raises `LabelError`, `ReaderError`, or `TrainingError` when there are too few questions, or
    the numbers can't be written.
    """
    home = reader_folder(reader, data / MODELS)
    model = load_reader(home, CORES)
    folder = data / "calibration"
    file = home / CALIBRATION
    with _writing(file), TemporaryFile(dir=home):
        pass  # rather than ask for hours what can't be written down
    cases = _asked(
        files, distractors, QA(folder, model, _FIRST, embedder), embedder, folder, limit, progress
    )
    confidence = _fit(cases, promise)
    library = library_fingerprint(embedder_fingerprint(embedder))
    numbers = {name: value for name, value in asdict(confidence).items() if name != "calibrated"}
    written = {
        "fingerprint": {"reader": model.fingerprint, "library": library},
        "promise": promise,
        "questions": len(cases),
        "numbers": numbers,
    }
    with _writing(file):
        write_whole(file, json.dumps(written, indent=2) + "\n")
    return written


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TrainingError(f"{file} can't be written: {error.strerror}") from error


def _asked(
    files: Sequence[Path],
    distractors: Sequence[Path],
    qa: QA,
    embedder: str,
    folder: Path,
    limit: int | None,
    progress: bool,
) -> list[Case]:
    """The questions of the files, asked of a library with half of the paragraphs."""
    articles: dict[str, Article] = {}
    questions: list[Labelled] = []
    for file in files:
        found, asked = load_labels(file)
        articles |= {one.id: one for one in found}
        questions += asked[:limit]
    if len(questions) < _LEAST:
        raise TrainingError(
            f"{len(questions):,} questions are too few to calibrate with: give {_LEAST} at least"
        )
    absent = {id for id in articles if kept_out(id)}
    for file in distractors:
        articles |= {one.id: one for one in load_labels(file)[0]}
    present = [one for one in articles.values() if one.id not in absent]
    build_articles(tqdm(present, "indexing", disable=not progress), folder, embedder)
    return [
        Case(one, one.article_id not in absent, qa.read(one.question))
        for one in tqdm(questions, "asking", disable=not progress)
    ]


def _read(spans: Sequence[Span], confidence: Confidence) -> list[Span]:
    """The spans up to where reading would have ended; uncalibrated, every passage is read."""

    def article(span: Span) -> tuple[float, str]:
        return -span.support, span.article_id

    found: list[Span] = []
    for (support, article_id), group in groupby(sorted(spans, key=article), article):
        if confidence.settled(found, article_id, -support):
            break
        found += group
    return found


def _fit(cases: Sequence[Case], promise: float) -> Confidence:
    """Weights of a span's numbers first, over many answers; then the curve of the best ones."""
    confidence = _FIRST
    for _ in range(2):
        _, score, support, words, agreement = _logistic(*_answers(cases, confidence))
        confidence = replace(
            confidence,
            score=score,
            support=support,
            words=words,
            agreement=agreement,
        )
    rows, right = _best_answers(cases, confidence)
    bias, slope, margin = _logistic(rows, right)
    confidence = replace(confidence, bias=bias, slope=slope, margin=margin)
    sure = np.array([confidence.probability(*row) for row in rows])
    return replace(confidence, threshold=_SHOWN, sure=_promised(sure, right, promise))


def _answers(cases: Sequence[Case], confidence: Confidence) -> tuple[Floats, Truths]:
    """Numbers of the best span of each of the best answers, and whether it is right."""
    rows, right = [], []
    for case in cases:
        for group in case.candidates(confidence)[:_LOOKED_AT]:
            best = max(group, key=confidence.relevance)
            places = math.log(len(group))
            rows.append((best.score, best.support, best.shared, places))
            right.append(case.right(group))
    return np.array(rows), np.array(right)


def _best_answers(cases: Sequence[Case], confidence: Confidence) -> tuple[Floats, Truths]:
    """Strength and lead of each question's best answer, and whether it is right."""
    rows, right = [], []
    for case in cases:
        found = case.candidates(confidence)
        if found:
            strengths = [confidence.strength(group) for group in found]
            ahead = leads(strengths, [group[0].score for group in found])
            rows.append((strengths[0], ahead[0]))
            right.append(case.right(found[0]))
    return np.array(rows), np.array(right)


def _logistic(rows: Floats, right: Truths) -> list[float]:
    """Intercept and weights of a logistic regression; none of them below 0, for each number
    that it weighs speaks for an answer.

    Raises `TrainingError` when all answers are right, or none is.
    """
    from sklearn.linear_model import LogisticRegression

    if len(set(right)) < 2:
        raise TrainingError("the held-out questions are all answered alike: nothing can be fitted")
    fitted = LogisticRegression(C=10.0, max_iter=1000).fit(rows, right)
    return [float(fitted.intercept_[0]), *(max(0.0, float(one)) for one in fitted.coef_[0])]


def _promised(sure: Floats, right: Truths, promise: float) -> float:
    """The lowest probability at and above which the promised share of answers is right.

    More than 1, so that nothing is sure, when there is none.
    """
    order, ends = cuts(sure, np.ones(len(sure), np.bool_))
    kept = ends[np.cumsum(right[order])[ends] / (ends + 1) >= promise]
    return float(sure[order][kept[-1]]) if len(kept) else 2.0
