"""Days and years that a sentence tells from its article's date: "Wednesday", "a year ago"; pure.

What is not sure is left out: it is shown beside a quotation and must not mislead. This file
must not know HTML.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from web.wording import day

_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTHS = (
    "January February March April May June July August September October November December".split()
)
_NUMBERS = "one two three four five six seven eight nine ten eleven twelve".split()


def _named(names: list[str]) -> str:
    """One of the names as it is written: without its capital "may" is no month."""
    return f"(?-i:{'|'.join(names)})"


_DAY, _MONTH = _named(_DAYS), _named(_MONTHS)
# In ASCII: a long s would be an s elsewhere.
_COUNT = rf"(?P<count>an?|\d{{1,3}}|(?a:{'|'.join(_NUMBERS)}))"
# Not the end of a longer number ("twenty-one", "1,200", "a hundred and two", "half a"), nor more
# or less than it.
_WHOLE = r"(?<![-–.,\d])" + "".join(
    rf"(?<!{word}\s)"
    for word in "half and or to than over under nearly almost not least most".split()
)
_PHRASE = re.compile(
    rf"\b(?:(?P<yesterday>yesterday)"
    rf"|(?:(?P<weekday>{_DAY}),?\s+)?(?P<day>\d{{1,2}})\s+(?P<month>{_MONTH})"
    rf"|(?P<alone>{_DAY})"
    rf"|last\s+(?P<last>year|month)"
    rf"|{_WHOLE}{_COUNT}\s+(?P<unit>day|month|year)s?\s+ago"
    rf")\b",
    re.IGNORECASE,
)
_YEAR = re.compile(r"\b[12]\d{3}\b")  # names the day itself, or another time
# What is to come, or may; a habit; told from elsewhere; a name ("Sheffield Wednesday").
_UNSURE = re.compile(
    rf"\b(?:will|would|shall|should|must|(?:is|are)\s+to|next|coming|plans?|planned|expected|due(?!\s+to\b)"
    rf"|(?:is|are|was|were)\s+set|scheduled|(?-i:may)|might|could|can|begins?|starts?|(?-i:opens?)|ends"
    rf"|closes|meets?|resumes?|leaves|arrives|(?:is|are)\s+(?:on\s+)?{_DAY}"
    rf"|(?:takes?|comes?|goes)\s+(?:place|effect|into)|(?:delayed|postponed|moved)\s+to"
    rf"|until|every|each|{_DAY}\s*(?:to|through|-|–)\s*{_DAY}"
    rf"|following|previous|{_DAY}\s+(?:before|after|earlier|later)|(?:by|from)\s+(?:{_DAY}|\d{{1,2}}\s+{_MONTH})"
    rf"|(?:an?|the|any|most|last|this|that|good|black|bloody|ash|easter)\s+{_DAY}"
    rf"|(?-i:(?!(?:On|Since|Late|Early|Before|After|And|But)\b)[A-Z]\w*)\s+{_DAY}"
    rf"|{_DAY}\s+(?-i:Times|Mirror|Telegraph|Express|Mail|Post|Herald|Star|Sun|World|Independent)"
    rf")\b",
    re.IGNORECASE,
)
_LONGEST = timedelta(days=300)  # a day without a year is of the year before at most


@dataclass(frozen=True, slots=True)
class Told:
    """Words as they stand in the sentence, and the time that they mean."""

    words: str
    time: str


def told(sentence: str, published: str | None) -> list[Told]:
    """What the sentence's dates mean, seen from the ISO day its article was published."""
    try:
        base = None if published is None else date.fromisoformat(published)
    except ValueError:
        base = None
    if base is None or base.year < 1000 or _UNSURE.search(sentence):
        return []
    dated = _YEAR.search(sentence) is not None
    matches = [one for one in _PHRASE.finditer(sentence) if one["last"] or not dated]
    found = [(match.group(), _time(match, base)) for match in matches]
    return [Told(words, time) for words, time in dict(found).items() if time is not None]


def _time(match: re.Match[str], base: date) -> str | None:
    if match["yesterday"]:
        return _back(1, "day", base)
    if match["alone"]:
        return _full(base - timedelta(days=(base.weekday() - _weekday(match["alone"])) % 7))
    if match["day"]:
        return _of_the_year(match, base)
    if match["last"]:
        return _back(1, match["last"].lower(), base)
    count = match["count"].lower()
    number = int(count) if count.isdigit() else _number(count)
    unit = match["unit"].lower()
    time = _back(number, unit, base)
    return time if time is None or unit == "day" else f"about {time}"


def _of_the_year(match: re.Match[str], base: date) -> str | None:
    """The last such day before, when the weekday named with it agrees."""
    month = _MONTHS.index(match["month"]) + 1
    for when in _days(int(match["day"]), month, base):
        agrees = match["weekday"] is None or when.weekday() == _weekday(match["weekday"])
        return _full(when) if agrees and base - when <= _LONGEST else None
    return None


def _days(number: int, month: int, base: date) -> Iterator[date]:
    for year in (base.year, base.year - 1):
        try:
            when = date(year, month, number)
        except ValueError:
            continue
        if when <= base:
            yield when


def _back(number: int, unit: str, base: date) -> str | None:
    if unit == "day":
        return _full(base - timedelta(days=number))
    if unit == "year":
        return str(base.year - number)
    months = base.year * 12 + base.month - 1 - number
    return f"{_MONTHS[months % 12]} {months // 12}"


def _weekday(name: str) -> int:
    return _DAYS.index(name)


def _number(word: str) -> int:
    return 1 if word in ("a", "an") else _NUMBERS.index(word) + 1


def _full(when: date) -> str:
    return day(when.isoformat())
