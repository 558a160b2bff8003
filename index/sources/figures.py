"""Figures that a page raises or lowers stay apart from those before them; marks of notes go.

This file must not know where the page is from. It runs in the killable child only.
"""

import re
from typing import Any

from lxml import etree

_WORD = re.compile(r"\w")
_FIGURES = re.compile(r"[-+=(),.\s\d−]{1,20}", re.ASCII)
_PLAIN = "0123456789+-−=()"
_SHIFTED = {
    "sup": str.maketrans(_PLAIN, "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾"),
    "sub": str.maketrans(_PLAIN, "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎"),
}


def with_figures(tree: Any) -> Any:
    """The page without the marks of notes, and with raised figures that stay so: 10⁶ is not 106."""
    if tree is None:
        return None
    for one in list(tree.iter(*_SHIFTED)):
        words, is_mark = one.text_content(), _is_mark(one)
        if is_mark or _FIGURES.fullmatch(words):
            del one[:]
            one.text = "" if is_mark else words.translate(_SHIFTED[one.tag])
    etree.strip_tags(tree, *_SHIFTED)  # where there is little text a paragraph would begin there
    return tree


def _is_mark(one: Any) -> bool:
    """Whether all its words are links to places of the page, or it is all of such a link."""
    around, words, links = one.getparent(), one.text_content(), list(one.iter("a"))
    is_alone = around is not None and len(around) == 1 and not around.text and not one.tail
    if is_alone and around.tag == "a":
        links.append(around)
    marks = [link.text_content() for link in links if link.get("href", "").startswith("#")]
    return 0 < len(_WORD.findall(words)) <= len(_WORD.findall("".join(marks)))
