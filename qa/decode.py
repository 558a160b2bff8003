"""Start and end scores become the best legal spans. Pure numpy.

A span is scored start + end − null, where null is the score of answering nothing (both ends
on the first token), as in Devlin et al. 2019 for SQuAD 2.0. It is not squeezed to a
probability per passage, so that passages compete fairly (Clark and Gardner 2018).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_TOKENS = 30  # in an answer

Floats = NDArray[np.float32]


class Best(NamedTuple):
    """A span of tokens, and its score."""

    first: int
    last: int
    score: float


def best_spans(
    start: Floats,
    end: Floats,
    part: NDArray[np.int64],
    first: NDArray[np.bool_],
    last: NDArray[np.bool_],
    count: int,
) -> list[Best]:
    """At most `count` spans, best first, none overlapping another.

    All arrays have shape (tokens,). `part`: number of the sentence that a token stands in, −1
    where no answer may be; a span stays within one. `first`, `last`: whether the token begins
    or ends a word; a span is made of whole words. Scores that are not finite are never chosen.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        null = float(start[0] + end[0])
        scores = _scores(start, end, part, first, last) - null
    scores = np.where(np.isfinite(scores), scores, -np.inf)
    row, column = np.arange(len(start))[:, None], np.arange(MAX_TOKENS)[None, :]
    chosen: list[Best] = []
    while len(chosen) < count:
        begin, more = divmod(int(np.argmax(scores)), MAX_TOKENS)
        score = float(scores[begin, more])
        if score == -np.inf:
            break
        chosen.append(Best(begin, begin + more, score))
        scores[(row <= begin + more) & (row + column >= begin)] = -np.inf  # all that overlaps it
    return chosen


def _scores(
    start: Floats,
    end: Floats,
    part: NDArray[np.int64],
    first: NDArray[np.bool_],
    last: NDArray[np.bool_],
) -> Floats:
    """Shape (tokens, lengths): of the spans of 1, 2, … tokens from each on; −inf for illegal."""
    tokens = len(start)
    begins = np.arange(tokens)[:, None]
    beyond = begins + np.arange(MAX_TOKENS)[None, :]
    stops = np.minimum(beyond, tokens - 1)
    legal = (beyond == stops) & first[begins] & last[stops]
    legal &= (part[begins] == part[stops]) & (part[begins] >= 0)
    return np.where(legal, start[begins] + end[stops], np.float32(-np.inf))
