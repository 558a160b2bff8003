"""The part of an address that takes a browser to words on the publisher's page; pure.

As in WICG's "Scroll To Text Fragment": `#:~:text=prefix-,start,end,-suffix`. A browser looks
for whole words and may fold letter case, accents and spaces; so does this file when it makes
sure that the words are found in one place only. It must not know HTML.
"""

import re
import unicodedata
from urllib.parse import quote

_WORD = re.compile(r"\w+(?:['’.,:;·]\w+)*")  # at least what a browser takes for one word
_SPACED = re.compile(r"\S+")
_FOLDED_AWAY = re.compile(r"[\s\u0300-\u036f]+")
_LONGEST = 200  # characters that are spelled out; of more, the first and the last words
_EDGE = 5  # first and last words of what is not spelled out
_CONTEXT = 12  # words on either side, at most
_REACH = 400  # characters in which they are looked for


def link_to_words(url: str, text: str, start: int, end: int) -> str:
    """`url` made to scroll to `text[start:end]`, when few words can say where that is."""
    directive = text_directive(text, start, end)
    return url if directive is None else f"{url}{'' if '#' in url else '#'}:~:text={directive}"


def text_directive(text: str, start: int, end: int) -> str | None:
    """What names `text[start:end]` and no other place in `text`; None when nothing short does.

    A range that begins or ends inside a word names the whole word.
    """
    if text[start:end].isspace():
        return None
    start, end = _whole_words(text, start, end)
    whole = end - start <= _LONGEST and "\n" not in text[start:end]
    first = end if whole else _after(text, start, _EDGE)
    last = start if whole else _before(text, end, _EDGE)
    if not whole and first > last:
        return None
    folded = _fold(text)
    for words in range(_CONTEXT + 1):
        opening, closing = _before(text, start, words), _after(text, end, words)
        if whole:
            found = _only(text, folded, opening, closing)
        else:
            found = _only(text, folded, opening, first) and _next(
                text, folded, first, last, closing
            )
        if found:
            parts = [text[start:first], *([] if whole else [text[last:end]])]
            return _directive(text[opening:start], parts, text[end:closing])
    return None


def _directive(prefix: str, parts: list[str], suffix: str) -> str:
    before = [f"{_encoded(prefix)}-"] if prefix.strip() else []
    after = [f"-{_encoded(suffix)}"] if suffix.strip() else []
    return ",".join([*before, *map(_encoded, parts), *after])


def _encoded(words: str) -> str:
    return quote(" ".join(words.split()), safe="").replace("-", "%2D")


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    for word in _WORD.finditer(text, max(0, start - _REACH), end + _REACH):
        if word.start() < start < word.end():
            start = word.start()
        if word.start() < end < word.end():
            end = word.end()
    return start, end


def _before(text: str, stop: int, count: int) -> int:
    """Where the last `count` words before `stop` begin; they stand on one line."""
    edge = len(text[:stop].rstrip())
    line = max(0, edge - _REACH, text.rfind("\n", 0, edge) + 1)
    words = list(_SPACED.finditer(text, line, edge))[-count:] if count else []
    return words[0].start() if words else stop


def _after(text: str, start: int, count: int) -> int:
    """Where the first `count` words from `start` on end; they stand on one line."""
    edge = len(text) - len(text[start:].lstrip())
    line = text.find("\n", edge)
    stop = min(edge + _REACH, len(text) if line < 0 else line)
    words = list(_SPACED.finditer(text, edge, stop))[:count]
    return words[-1].end() if words else start


def _only(text: str, folded: str, start: int, end: int) -> bool:
    """Whether `text[start:end]` stands there and nowhere else."""
    words, at = _fold(text[start:end]), len(_fold(text[:start]))
    return words != "" and folded.find(words) == at and folded.find(words, at + 1) < 0


def _next(text: str, folded: str, since: int, start: int, end: int) -> bool:
    """Whether `text[start:end]` stands nowhere between `since` and there."""
    words, at = _fold(text[start:end]), len(_fold(text[:start]))
    return words != "" and folded.find(words, len(_fold(text[:since]))) == at


def _fold(text: str) -> str:
    return _FOLDED_AWAY.sub("", unicodedata.normalize("NFKD", text).casefold())
