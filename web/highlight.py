"""A text with a marked span, cut into paragraphs; pure.

Nothing is added, moved or dropped: the pieces joined are the text. This file must not
know HTML.
"""

import re
from dataclasses import dataclass

_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a paragraph; `first` is the piece in which the marked span begins."""

    text: str
    marked: bool = False
    first: bool = False


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Pieces of text, and the blank lines after them."""

    pieces: tuple[Piece, ...]
    gap: str


def fits(text: str, span: tuple[int, int] | None) -> bool:
    """Whether `span`, code points with end exclusive, marks more than space in `text`."""
    if span is None or not 0 <= span[0] < span[1] <= len(text):
        return False
    return not text[span[0] : span[1]].isspace()


def paragraphs(text: str, span: tuple[int, int] | None) -> list[Paragraph]:
    """`text` cut at blank lines, with `span` marked; a span that does not fit marks nothing."""
    start, end = span if span is not None and fits(text, span) else (0, 0)
    cut, at, begun = [], 0, False
    for gap in [*_BLANK_LINES.finditer(text), None]:
        stop = len(text) if gap is None else gap.start()
        left, right = min(max(at, start), stop), min(max(at, end), stop)
        pieces = (
            Piece(text[at:left]),
            Piece(text[left:right], marked=True, first=not begun),
            Piece(text[right:stop]),
        )
        begun = begun or left < right
        kept = tuple(piece for piece in pieces if piece.text)
        cut.append(Paragraph(kept, "" if gap is None else gap.group()))
        at = stop if gap is None else gap.end()
    return cut
