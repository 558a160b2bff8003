"""A question asked of another name or number than its text speaks of. Pure.

Swapping one is a way in which people made the questions of SQuAD 2.0 that have no answer
(Rajpurkar et al. 2018: "entity swap").
"""

import re
from collections.abc import Sequence
from random import Random

from index import sentences

_NEAR = 0.5  # share of the swaps with another name of the same text, where there is one
_NEAR_YEAR = 0.6  # share of the years that become another one nearby
_YEARS = 12  # how far that is at most
_TRIES = 20  # questions looked through for a name of the same kind
_CAPITAL = r"[A-Z](?:[\w'’.-]*\w)?"
_NAME = re.compile(rf"(?<!\w)(?:{_CAPITAL}(?:\s(?:of\s)?{_CAPITAL})*|\d(?:[\w.,:-]*\w)?)")
_WORD = re.compile(r"\s*[^\W\d]+")
_POSSESSIVE = re.compile(r"['’]s$")
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")


def swapped(
    question: str, text: str, said: str, others: Sequence[str], random: Random
) -> str | None:
    """The question with another name or number in the place of one that the text mentions.

    `said`: the answers and their sentences, from which nothing is put there. `others`: questions
    from which names are taken that the text does not mention. None when it names nothing, or
    nothing of the kind is found.
    """
    known = text.lower()
    named = [found for found in _asked(question) if _bare(found).lower() in known]
    if not named:
        return None
    place = random.choice(named)
    name = _bare(place)
    taken = f"{said} {question}".lower()
    choice = [one for one in _choice(name, text, others, random) if one.lower() not in taken]
    alike = [one for one in choice if _shape(one) == _shape(name)]
    if not choice:
        return None
    after = question[place.start() + len(name) :]
    return question[: place.start()] + random.choice(alike or choice) + after


def _choice(name: str, text: str, others: Sequence[str], random: Random) -> list[str]:
    """What may stand in the name's place: a year nearby, others of the text, one of elsewhere."""
    if _YEAR.fullmatch(name) and random.random() < _NEAR_YEAR:
        return [str(int(name) + years) for years in range(-_YEARS, _YEARS + 1) if years]
    near = [one for one in _told(text) if _is_number(one) == _is_number(name)]
    if near and random.random() < _NEAR:
        return near
    known = text.lower()
    for _ in range(_TRIES):
        asked = map(_bare, _asked(random.choice(others)))
        far = [one for one in asked if _is_number(one) == _is_number(name)]
        if found := [one for one in far if one.lower() not in known]:
            return found
    return near


def _asked(question: str) -> list[re.Match[str]]:
    """Names and numbers of a question; its first word is none unless it is a number."""
    first = _WORD.match(question)
    return list(_NAME.finditer(question, first.end() if first else 0))


def _told(text: str) -> list[str]:
    """Names and numbers of a text; the word that begins a sentence is of none."""
    starts = {start for start, _ in sentences(text)}
    found = []
    for one in _NAME.finditer(text):
        begins = one.start() in starts and not _is_number(one[0])
        name = _bare(one).partition(" ")[2].removeprefix("of ") if begins else _bare(one)
        found += [name] if name else []
    return found


def _bare(found: re.Match[str]) -> str:
    return _POSSESSIVE.sub("", found[0])


def _is_number(name: str) -> bool:
    return any(sign.isdigit() for sign in name)


def _shape(name: str) -> tuple[int, bool, int]:
    """Names alike in it are easily taken for each other: words, capitals, length of a number."""
    return len(name.split()), name.isupper(), len(name) if _is_number(name) else 0
