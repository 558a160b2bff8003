"""An article becomes passages on sentence borders. Pure: text in, offsets out.

This file must not know what a model or an index is.
"""

import re
from collections.abc import Iterator

from sentencex import get_sentence_boundaries

from index.records import Article, Passage

PASSAGE_WORDS = 120  # about 160 tokens: a reader sees several in one question's budget
OVERLAP_WORDS = 40  # a longer last sentence is not repeated in the next passage
# In an article's last passage, so that a short rest is not torn off. Of 2,349 such passages 22 are
# longer than the 256 tokens that are embedded.
LAST_WORDS = 160
SPLITTER = f"sentences-{PASSAGE_WORDS}-{OVERLAP_WORDS}-v2"  # part of a library's fingerprint

# "(Pool photo)(Kyodo)" at the end of a line closes the sentence before it.
_CREDIT = re.compile(r"[^\S\n]*(\([^()]{1,80}\)[^\S\n]*)+(?=\n|\Z)")


def sentences(text: str) -> list[tuple[int, int]]:
    """Start and end offsets of the sentences of `text`, without the white space between.

    A sentence of more than `PASSAGE_WORDS` words (tables, endless quotations) is cut there.
    """
    spans: list[tuple[int, int]] = []
    for boundary in get_sentence_boundaries("en", text):
        start, end = boundary["start_index"], boundary["end_index"]
        credit = _CREDIT.match(text, start, end)
        if spans and credit is not None and "\n" not in text[spans[-1][1] : start]:
            spans.extend(_pieces(text, spans.pop()[0], credit.end()))
            start = credit.end()
        spans.extend(_pieces(text, start, end))
    return spans


def split(article: Article) -> list[Passage]:
    """Passages of about `PASSAGE_WORDS` words that overlap by a sentence; none for no text.

    Only the last may have more, up to `LAST_WORDS`.
    """
    text = article.text
    return [
        Passage(article.id, start, end, text[start:end])
        for start, end in _groups(text, sentences(text))
    ]


def _groups(text: str, spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Runs of whole sentences, each within the word limit where its sentences allow."""
    lengths = [len(text[start:end].split()) for start, end in spans]
    first, words, rest = 0, 0, sum(lengths)
    for index, length in enumerate(lengths):
        if index > first and words + length > PASSAGE_WORDS:
            if words + rest <= LAST_WORDS:
                break
            yield spans[first][0], spans[index - 1][1]
            keep = index - 1 > first and lengths[index - 1] <= OVERLAP_WORDS
            first = index - 1 if keep else index
            words = sum(lengths[first:index])
            if words + length > PASSAGE_WORDS:  # the repeated sentence would crowd this one out
                first, words = index, 0
        words += length
        rest -= length
    if spans:
        yield spans[first][0], spans[-1][1]


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The slice trimmed of white space, cut between words where it is too long."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if len(text[start:end].split()) <= PASSAGE_WORDS:  # nearly always
        if start < end:
            yield start, end
        return
    words = 0
    position = start
    while position < end:
        while position < end and not text[position].isspace():
            position += 1
        words += 1
        if words == PASSAGE_WORDS and position < end:
            yield start, position
            words = 0
            start = position
            while text[start].isspace():
                start += 1
            position = start
            continue
        while position < end and text[position].isspace():
            position += 1
    if start < end:
        yield start, end
