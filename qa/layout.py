"""The tokens of one row as words and sentences: where an answer may stand."""

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index import sentences
from qa.decode import Best, best_spans
from qa.window import Window

SPANS = 5  # kept of each row

Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Layout:
    """All arrays have shape (tokens,). `sentence`: number of the one that a token stands in, from
    1, or −1 where no answer may be. `first`, `last`: whether it begins or ends a word.
    `places`: start and end of every sentence of the window.
    """

    sentence: NDArray[np.int64]
    first: NDArray[np.bool_]
    last: NDArray[np.bool_]
    places: list[tuple[int, int]]

    def best(self, start: Scores, end: Scores) -> list[Best]:
        """The best spans, each within a sentence and of whole words."""
        return best_spans(start, end, self.sentence, self.first, self.last, SPANS)

    def text(self, window: Window, number: int) -> str:
        """A sentence of the window."""
        return window.text[slice(*self.places[number - 1])]


def lay_out(encoding: Any, window: Window) -> Layout:
    """The layout of a row whose second text is the window's."""
    length = len(encoding.ids)
    offsets, words = encoding.offsets, encoding.word_ids
    places = sentences(window.text)
    starts = [start for start, _ in places]
    sentence = np.full(length, -1, dtype=np.int64)
    for token, sequence in enumerate(encoding.sequence_ids):
        if sequence == 1 and window.locate(*offsets[token]) is not None:
            sentence[token] = bisect_right(starts, offsets[token][0])
    first = np.array([i == 0 or words[i] != words[i - 1] for i in range(length)])
    last = np.append(first[1:], True)
    # A long window is read in parts, which may begin and end in the middle of a word.
    own = np.flatnonzero(np.array(encoding.sequence_ids) == 1)
    if len(own):
        first[own[0]] &= not _inside(window.text, offsets[own[0]][0])
        last[own[-1]] &= not _inside(window.text, offsets[own[-1]][1])
    return Layout(sentence, first, last, places)


def _inside(text: str, place: int) -> bool:
    """Whether letters or digits stand on both sides of a place."""
    return text[:place][-1:].isalnum() and text[place : place + 1].isalnum()
