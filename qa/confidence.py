"""How surely an answer is right: curves whose numbers lie beside the reader, or do not.

`calibration.json` belongs to one reader, embedder and splitter, which it names; with any
other of them it is refused, and what is left is the reader's own score, "uncalibrated".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from index import read_settings
from qa.errors import ReaderError
from qa.records import Span

CALIBRATION = "calibration.json"
_FAR = 4.0  # a lead of more than this over the next answer says nothing more
# Score from which on a lead counts in full, and less the nearer it is to that of "no answer":
# where nothing answers, the first of several poor answers may be far ahead.
_CLEAR = 3.0
# What a span that is read later would have to make up for by its own score. With 3, a third of
# the spans of eight passages was not looked for on seeds/ by the tenth reader, F1 being the same.
_AHEAD = 3.0


@dataclass(frozen=True, slots=True)
class Confidence:
    """The numbers of the curves, and from which probability on an answer is shown.

    relevance of a span = score × span.score + support × span.support + words × span.shared
    strength of an answer = relevance of its best span + agreement × ln(places that say it)
    probability = 1 / (1 + exp(−(bias + slope × strength + margin × lead))),
    where the lead is what `leads` gives.

    `threshold`: with no answer as sure as that, none is shown. `sure`: from here on, the promised
    share of answers is right.
    `calibrated`: fitted with this reader and library.
    """

    score: float = 1.0
    support: float = 0.0
    words: float = 0.0
    agreement: float = 0.0
    bias: float = 0.0
    slope: float = 1.0
    margin: float = 0.0
    threshold: float = 0.5
    sure: float = 2.0
    calibrated: bool = False

    def relevance(self, span: Span) -> float:
        """What one span counts, by itself."""
        return self.score * span.score + self.support * span.support + self.words * span.shared

    def settled(self, spans: Sequence[Span], article_id: str, support: float) -> bool:
        """Whether an article of this retrieval score is not likely to answer better.

        The best span's own article is read to its end.
        """
        best = max(spans, key=self.relevance, default=None)
        return (
            self.calibrated
            and best is not None
            and best.article_id != article_id
            # As if the sentences there shared as many words with the question.
            and self.relevance(best) >= self.support * support + self.words * best.shared + _AHEAD
        )

    def strength(self, spans: Sequence[Span]) -> float:
        """What an answer counts that all of `spans` give."""
        return max(map(self.relevance, spans)) + self.agreement * math.log(len(spans))

    def probability(self, strength: float, lead: float) -> float:
        """The probability, 0 to 1, that an answer of this strength is right."""
        power = self.bias + self.slope * strength + self.margin * lead
        return 1 / (1 + math.exp(-max(-500.0, min(500.0, power))))


def leads(strengths: Sequence[float], scores: Sequence[float]) -> list[float]:
    """By how much each answer is stronger than the best of the others, within ±`_FAR`.

    `scores`: of each answer's best span. One that is ahead is so by the share of its lead that
    its score is of `_CLEAR`, all at most, and by nothing when it does not beat "no answer".
    """
    found = []
    for number, (one, score) in enumerate(zip(strengths, scores, strict=True)):
        others = [*strengths[:number], *strengths[number + 1 :]]
        lead = max(-_FAR, min(_FAR, one - max(others, default=-math.inf)))
        found.append(min(lead, lead * max(0.0, min(1.0, score / _CLEAR))))
    return found


def load_confidence(folder: Path, reader: str, library: str) -> Confidence:
    """The calibration beside the reader; SQuAD 2.0's own rule, an answer counts when it beats
    "no answer", where there is none or it is of another `reader` or `library` fingerprint.

    Raises `ReaderError` when the file is there but can't be read.
    """
    path = folder / CALIBRATION
    if not path.is_file():
        return Confidence()
    try:
        written = read_settings(path)
        if written["fingerprint"] != {"reader": reader, "library": library}:
            return Confidence()
        names = [field.name for field in fields(Confidence) if field.name != "calibrated"]
        numbers = {name: float(written["numbers"][name]) for name in names}
        if not written["numbers"].keys() <= {field.name for field in fields(Confidence)}:
            raise ValueError("it was fitted with numbers that are weighed no more")
        if not all(map(math.isfinite, numbers.values())):
            raise ValueError("a number is not finite")
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ReaderError(
            f"{path} can't be read: run citespan calibrate to make it anew, or delete it"
        ) from error
    return Confidence(**numbers, calibrated=True)
