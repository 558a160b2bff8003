"""How surely a span answers: a logistic curve whose numbers lie beside the reader.

The numbers belong to one reader and were fitted with it; another reader brings its own.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from qa.errors import ReaderError
from qa.records import Span

_ABOUT = "reader.json"


@dataclass(frozen=True, slots=True)
class Confidence:
    """probability = 1 / (1 + exp(−(bias + score × span.score + support × span.support))).

    An answer whose probability is below `threshold` is not shown.
    """

    bias: float
    score: float
    support: float
    threshold: float

    def of(self, span: Span) -> float:
        """The probability, 0 to 1, that the span answers."""
        power = self.bias + self.score * span.score + self.support * span.support
        return 1 / (1 + math.exp(-max(-500.0, min(500.0, power))))


def load_confidence(folder: Path) -> Confidence:
    """The numbers in the reader folder's reader.json. Raises `ReaderError` without them."""
    try:
        numbers = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))["confidence"]
        return Confidence(
            *(float(numbers[name]) for name in ("bias", "score", "support", "threshold"))
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReaderError(f"{folder / _ABOUT} gives no confidence numbers") from error
