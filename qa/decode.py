"""Start and end scores become the best legal spans. Pure numpy.

A span is scored start + end − null, where null is the score of answering nothing (both ends
on the first token), as in Devlin et al. 2019 for SQuAD 2.0. It is not squeezed to a
probability per passage, so that passages compete fairly (Clark and Gardner 2018).
"""

import numpy as np
from numpy.typing import NDArray

MAX_TOKENS = 30  # in an answer

Floats = NDArray[np.float32]


def best_spans(
    start: Floats,
    end: Floats,
    paragraph: NDArray[np.int64],
    first: NDArray[np.bool_],
    last: NDArray[np.bool_],
    count: int,
) -> list[tuple[int, int, float]]:
    """At most `count` (first token, last token, score), best first, none overlapping another.

    All arrays have shape (tokens,). `paragraph`: which one a token stands in, −1 where no
    answer may be; a span stays within one. `first`, `last`: whether the token begins or ends a
    word; a span is made of whole words. Scores that are not finite are never chosen.
    """
    tokens = len(start)
    with np.errstate(invalid="ignore", over="ignore"):
        null = float(start[0] + end[0])
        scores = start[:, None] + end[None, :] - null
    row, column = np.arange(tokens)[:, None], np.arange(tokens)[None, :]
    legal = (column >= row) & (column < row + MAX_TOKENS)
    legal &= (paragraph[:, None] == paragraph[None, :]) & (paragraph[:, None] >= 0)
    legal &= first[:, None] & last[None, :] & np.isfinite(scores)
    scores = np.where(legal, scores, -np.inf)
    chosen: list[tuple[int, int, float]] = []
    while len(chosen) < count:
        best = int(np.argmax(scores))
        begin, stop = divmod(best, tokens)
        score = float(scores[begin, stop])
        if score == -np.inf:
            break
        chosen.append((begin, stop, score))
        scores[(row <= stop) & (column >= begin)] = -np.inf  # all that overlaps it
    return chosen
