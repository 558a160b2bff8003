"""What must hold of our own parsers whatever they are given; the fuzzers only supply the input."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import NamedTemporaryFile
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from index import Article, SourceError, sentences
from index.sources.fields import make_article
from index.sources.markdown import strip_markdown
from index.sources.normalise import decode, normalise
from index.sources.tables import read_table
from index.sources.text import split_front_matter
from index.split import LAST_WORDS, PASSAGE_WORDS, split
from qa import recheck
from qa.cite import cite
from qa.decode import MAX_TOKENS, best_spans
from qa.rank import Ranked
from qa.records import Span
from web import framing


def an_article(text: str) -> Article:
    """An article of this text."""
    return Article("0" * 16, "one.txt", "A title", text)


def check_split(text: str) -> None:
    """Passages are slices, in order, end where sentences do, and leave out nothing but space."""
    spans = sentences(text)
    assert all(text[start:end].strip() == text[start:end] != "" for start, end in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    starts, ends = {start for start, _ in spans}, {end for _, end in spans}
    reached = 0
    passages = split(an_article(text))
    for passage in passages:
        assert text[passage.start : passage.end] == passage.text
        assert passage.start in starts and passage.end in ends
        most = LAST_WORDS if passage is passages[-1] else PASSAGE_WORDS
        assert len(passage.text.split()) <= most
        assert text[reached : passage.start].strip() == ""
        assert passage.end > reached
        reached = passage.end
    assert text[reached:].strip() == ""


def check_cite(text: str, start: int, end: int, more: str) -> None:
    """A citation is one slice of its article, and its words are found again after a change."""
    article = an_article(text)
    span = Span(article.id, start, end, 1.0, 0.5)
    (answer,) = cite([Ranked((span,), 0.5)], {article.id: article}, 0.5)
    (one,) = answer.citations
    whole = one.before + one.quote + one.after
    opening = one.start - len(one.before)
    assert text[one.start : one.end] == one.quote == answer.text != ""
    assert text[opening : opening + len(whole)] == whole
    assert recheck(article, start, end, one.quote, None).verdict == "holds"
    assert recheck(article, start, end, None, article.text_digest).verdict == "holds"
    now = recheck(an_article(more + text), start, end, one.quote, None)
    assert now.start is not None and now.end is not None
    assert (more + text)[now.start : now.end] == one.quote


def check_decode(
    start: NDArray[np.float32],
    end: NDArray[np.float32],
    part: NDArray[np.int64],
    first: NDArray[np.bool_],
    last: NDArray[np.bool_],
) -> None:
    """Whatever the scores are, spans are legal, apart, in order, and their numbers are some."""
    chosen = best_spans(start, end, part, first, last, 5)
    for one in chosen:
        assert 0 <= one.first <= one.last < min(len(start), one.first + MAX_TOKENS)
        assert part[one.first] == part[one.last] >= 0
        assert first[one.first] and last[one.last]
        assert np.isfinite(one.score)
    assert all(one.score >= other.score for one, other in pairwise(chosen))
    taken = [token for one in chosen for token in range(one.first, one.last + 1)]
    assert len(taken) == len(set(taken))


def check_markdown_file(data: bytes) -> None:
    """Any bytes are an article in canonical form, or there is one sentence that says why not."""
    try:
        fields, text = split_front_matter(normalise(decode(data)))
        prose = strip_markdown(text)
        check_prose(text, prose.text)
        article = make_article("any.md", "any.md", prose.text, fields, prose.heading)
    except SourceError as error:
        assert str(error).isprintable()
        return
    assert article.text == normalise(article.text) != ""
    told = (article.title, article.source, article.author, article.url, article.published)
    assert all(one is None or one == " ".join(one.split()) != "" for one in told)
    assert article.digest
    check_split(article.text)


def check_prose(text: str, prose: str) -> None:
    """Nothing that was not there, and nothing in another order: marks only go."""
    left = iter("".join(text.split()))
    assert all(sign in left for sign in "".join(prose.split()))


MOST = 40  # bytes of a body, and
HEAD = 80  # of a head; so small that a fuzzer gets there


def check_framing(data: bytes, cuts: Sequence[int]) -> None:
    """In what pieces a request comes changes nothing of what becomes of it."""
    with patch.object(framing, "MAX_HEAD", HEAD):
        slow = _framed([data[at : at + 1] for at in range(len(data))])
        places = sorted({0, len(data), *(cut for cut in cuts if 0 < cut < len(data))})
        pieces = [data[one:other] for one, other in pairwise(places)]
        assert _framed(pieces)[0] == slow[0]
        if slow[0].startswith("whole"):
            assert slow[1] == _framed([data])[1][: len(slow[1])]


def _framed(pieces: Sequence[bytes]) -> tuple[str, bytes]:
    """What becomes of a request that comes in these pieces, and what of it is kept."""
    incoming = framing.Incoming(MOST)
    try:
        whole = any(incoming.take(piece) for piece in pieces)
    except framing.Refused as refused:
        assert refused.status in (400, 413, 414, 431) and str(refused)
        return f"refused {refused.status}", b""
    return f"{'whole' if whole else 'waits'} {incoming.expects}", bytes(incoming.data)


def check_table(data: bytes, suffix: str) -> None:
    """Any bytes of a table are articles in canonical form and sentences that say why not."""
    with NamedTemporaryFile(suffix=suffix) as file:
        file.write(data)
        file.flush()
        try:
            found = list(read_table(Path(file.name)))
        except SourceError as error:
            assert str(error).isprintable()
            return
    for one in found:
        if isinstance(one, Article):
            assert one.text == normalise(one.text) != "" and one.title and one.digest
        else:
            assert one.reason.isprintable()
    ids = [one.id for one in found if isinstance(one, Article)]
    assert len(ids) == len(set(ids))
