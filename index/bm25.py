"""BM25 as the term engine of `terms` counts it, for passages that a server has found. Pure.

A passage is one text: the stems of its title, a line break, and those of its body, with a dot
for each word that is not indexed, so that neighbours can be told. It must not know who finds them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log

from index.terms import APART, PAIR_WEIGHT, TITLE_WEIGHT, places, stems

_K1, _B = 1.2, 0.75  # tantivy's
_NOTHING = "."


@dataclass(frozen=True, slots=True)
class Frequencies:
    """In how many of so many passages each stem stands, and their mean length; of one field."""

    passages: int
    of_stems: Mapping[str, int]
    mean: float

    def idf(self, stem: str) -> float:
        """How rare a stem is (Robertson and Zaragoza 2009, as Lucene smooths it)."""
        found = self.of_stems.get(stem, 0)
        return log(1 + (self.passages - found + 0.5) / (found + 0.5))

    def weigh(self, idf: float, count: int, length: int) -> float:
        """What `count` uses in a field of so many words add."""
        if count == 0:
            return 0.0
        longer = _B * _rounded(length) / self.mean if self.mean else 0.0
        return idf * count * (_K1 + 1) / (count + _K1 * (1 - _B + longer))


def written(title: str, body: str) -> str:
    """A passage as this file reads it."""
    return "\n".join(" ".join(word or _NOTHING for word in places(one)) for one in (title, body))


def indexed(passage: str) -> str:
    """The stems of a passage, those of its title first."""
    return " ".join(word for word in passage.split() if word != _NOTHING)


def count_stems(passages: Iterable[str]) -> tuple[Frequencies, Frequencies]:
    """The frequencies of the titles' and of the bodies' stems."""
    rows = [_fields(one) for one in passages]
    title, body = (_count([row[place] for row in rows]) for place in (0, 1))
    return title, body


def _count(fields: Sequence[list[str]]) -> Frequencies:
    found = Counter(stem for field in fields for stem in set(field))
    mean = sum(map(_length, fields)) / max(1, len(fields))
    return Frequencies(len(fields), found, mean)


def matching(
    text: str, passages: Mapping[int, str], title: Frequencies, body: Frequencies
) -> list[tuple[int, float]]:
    """The passages with any of the words of `text`, best first: number and score."""
    words = stems(text)
    pairs = [pair for pair in dict.fromkeys(pairwise(words)) if pair[0] != pair[1]]
    in_title = {word: TITLE_WEIGHT * title.idf(word) for word in words}
    in_body = {word: body.idf(word) for word in words}
    scores: dict[int, float] = {}
    for number, passage in passages.items():
        above, below = _fields(passage)
        high, long = _length(above), _length(below)
        score = sum(title.weigh(idf, above.count(word), high) for word, idf in in_title.items())
        found = {word: count for word in in_body if (count := below.count(word))}
        score += sum(body.weigh(in_body[word], count, long) for word, count in found.items())
        for one, two in pairs:
            if one in found and two in found:
                idf = PAIR_WEIGHT * (in_body[one] + in_body[two])
                score += body.weigh(idf, _together(below, one, two), long)
        if score > 0:
            scores[number] = score
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def _together(words: Sequence[str], one: str, two: str) -> int:
    """How often one word stands near another, each place taken once.

    The term engine counts fewer where a word stands twice within reach of the other.
    """
    ones, twos = ([at for at, word in enumerate(words) if word == it] for it in (one, two))
    count, place = 0, 0
    for at in ones:
        while place < len(twos) and twos[place] - at < 1 - APART:
            place += 1
        if place < len(twos) and twos[place] - at <= 1 + APART:
            count += 1
            place += 1
    return count


def _fields(passage: str) -> tuple[list[str], list[str]]:
    title, _, body = passage.partition("\n")
    return title.split(), body.split()


def _length(words: list[str]) -> int:
    return len(words) - words.count(_NOTHING)


def _rounded(length: int) -> int:
    """A field's length in the eight bits that Lucene and tantivy keep it in: four are exact."""
    above = max(0, length - 24)
    shift = max(0, above.bit_length() - 4)
    return length - above + (above >> shift << shift)
