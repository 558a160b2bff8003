"""What the reader reads for a passage: the passage with enough of its article around it.

The article's title and lead say what the article is about; the sentences next to the passage
say who "he" is. Every piece is a slice of the article, so that a place in the window can be
taken back to a place in the article. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from index import Article, Hit, sentences

LEAD_WORDS = 60  # of the article's first sentences, when the passage is further down
PARAGRAPH = "\n\n"  # stands between the pieces; no answer crosses one
AROUND_WORDS = 40  # of the sentences before and after the passage
# Read of a range at its beginning, and as many at its end. 200 words have some 1,400; a column of
# figures without a space is one word, and a megabyte of it would be read for minutes.
MOST_CHARACTERS = 4000


@dataclass(frozen=True, slots=True)
class Piece:
    """`length` characters that stand at `at` in the window and at `start` in the article."""

    at: int
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Window:
    """Text for the reader; what lies outside the pieces (the title) can't be an answer.

    `support`: the retrieval score of the article, 0 to 1, which is that of its best passage.
    """

    article_id: str
    text: str
    pieces: tuple[Piece, ...]
    support: float

    def locate(self, start: int, end: int) -> tuple[int, int] | None:
        """A range of the window as a range of the article; None unless within one piece."""
        for piece in self.pieces:
            if piece.at <= start and end <= piece.at + piece.length:
                shift = piece.start - piece.at
                return start + shift, end + shift
        return None

    def find(self, start: int, end: int) -> tuple[int, int] | None:
        """A range of the article as a range of the window; None unless within one piece."""
        for piece in self.pieces:
            if piece.start <= start and end <= piece.start + piece.length:
                shift = piece.at - piece.start
                return start + shift, end + shift
        return None


def windows(article: Article, hits: Sequence[Hit]) -> list[Window]:
    """A window for each passage of the article that was retrieved, one at least, in their order."""
    spans = sentences(article.text)
    # A detail stands in a passage that says little of what the question is about; its article does.
    support = max(hit.score for hit in hits)
    return [_window(article, spans, hit, support) for hit in hits]


def whole(article: Article) -> Window:
    """The window for a whole article, as labelled paragraphs are read."""
    pieces = (Piece(0, 0, len(article.text)),)
    return Window(article.id, article.text, pieces, 1.0)


def _window(article: Article, spans: list[tuple[int, int]], hit: Hit, support: float) -> Window:
    start, end = _widened(article.text, spans, hit.passage.start, hit.passage.end)
    lead_start, lead_end = spans[0][0], _lead_end(article.text, spans)
    if lead_end >= start:
        ranges = [(lead_start, max(end, lead_end))]
    else:
        ranges = [(lead_start, lead_end), (start, end)]
    text = f"{article.title}{PARAGRAPH}"
    pieces = []
    for start, end in chain.from_iterable(_ends(*one) for one in ranges):
        pieces.append(Piece(len(text), start, end - start))
        text += article.text[start:end] + PARAGRAPH
    return Window(article.id, text, tuple(pieces), support)


def _ends(start: int, end: int) -> list[tuple[int, int]]:
    """The range, or its two ends where it is too long to be read whole."""
    if end - start <= 2 * MOST_CHARACTERS:
        return [(start, end)]
    return [(start, start + MOST_CHARACTERS), (end - MOST_CHARACTERS, end)]


def _lead_end(text: str, spans: list[tuple[int, int]]) -> int:
    """Where the article's lead ends: its first sentence, and more within `LEAD_WORDS`."""
    words, reached = 0, spans[0][1]
    for start, end in spans:
        words += len(text[start:end].split())
        if words > LEAD_WORDS:
            break
        reached = end
    return reached


def _widened(text: str, spans: list[tuple[int, int]], start: int, end: int) -> tuple[int, int]:
    """The range with whole sentences of at most `AROUND_WORDS` words on either side."""
    words = 0
    for before_start, before_end in reversed(spans):
        if before_end <= start:
            words += len(text[before_start:before_end].split())
            if words > AROUND_WORDS:
                break
            start = before_start
    words = 0
    for after_start, after_end in spans:
        if after_start >= end:
            words += len(text[after_start:after_end].split())
            if words > AROUND_WORDS:
                break
            end = after_end
    return start, end
