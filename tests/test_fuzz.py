"""From any text to a citation, and from any bytes to a request: what fuzzing holds us to.

What each module promises by itself its own test file says; here is what goes through several of
them, and what no other file throws at them. `oracles.py` has what must hold.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from oracles import HEAD, an_article, check_cite, check_decode, check_framing, check_prose
from test_framing import MADE

from index import Hit, Passage, sentences
from index.sources.markdown import strip_markdown
from index.sources.normalise import normalise
from qa.cite import cite
from qa.confidence import Confidence
from qa.rank import rank
from qa.reader import DEFAULT_READER, TOKENIZER, Reader, load_tokenizer
from qa.window import windows

WORDS = (
    "Anna Stone opened the bridge. Mr. 3.5 “No!” said (AP) she's U.S. 2023-01-11 one, two;"
    " 🙂 👩‍🚀 e\u0301 ﬁ İ ß ῼ الجسر 橋。 שָׁלוֹם नमस्ते \u200d\u202e … ?! — ' \" 's"
).split(" ")
TEXTS = (
    st.lists(
        st.one_of(
            st.sampled_from(WORDS), st.sampled_from([" ", "\n", "\n\n"]), st.text(max_size=4)
        ),
        min_size=1,
        max_size=40,
    )
    .map(" ".join)
    .map(normalise)
    .filter(bool)
)


def some_range(data: st.DataObject, text: str) -> tuple[int, int]:
    start = data.draw(st.integers(0, len(text) - 1))
    return start, data.draw(st.integers(start + 1, len(text)))


@given(TEXTS, st.data(), st.text(max_size=5))
def test_a_citation_of_any_words_is_true_and_found_again(
    text: str, data: st.DataObject, more: str
) -> None:
    check_cite(text, *some_range(data, text), more)


class Oracle:
    """A network that says of so many tokens what it is told to."""

    def __init__(self, says: Callable[[int], tuple[NDArray[np.float32], ...]]) -> None:
        self._says = says

    def get_inputs(self) -> list[Any]:
        return [type("Input", (), {"name": "input_ids"})]

    def run(self, names: list[str], given: dict[str, Any]) -> list[Any]:
        return [row[None] for row in self._says(given["input_ids"].shape[1])]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return load_tokenizer(DEFAULT_READER / TOKENIZER)


NUMBERS = st.floats(width=32) | st.sampled_from([np.nan, np.inf, -np.inf, 3e38, -3e38, 1.0])


@given(TEXTS, st.data())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_whatever_the_network_says_an_answer_is_words_of_one_sentence(
    tokenizer: Any, text: str, data: st.DataObject
) -> None:
    article, spans = an_article(text), sentences(text)
    oracle = Oracle(
        lambda length: data.draw(
            st.tuples(*[arrays(np.float32, length, elements=NUMBERS, fill=NUMBERS)] * 2)
        )
    )
    hits = [
        Hit(Passage(article.id, start, end, text[start:end]), 0.5)
        for start, end in data.draw(st.lists(st.sampled_from(spans), min_size=1, max_size=3))
    ]
    found = Reader(oracle, tokenizer, "fuzzed").read("who?", windows(article, hits))
    ranked = rank("who?", found, {article.id: text}, Confidence(agreement=0.3, margin=0.5), 3)
    for answer in cite(ranked, {article.id: article}, 0.5):
        assert 0 <= answer.confidence <= 1
        for one in answer.citations:
            assert text[one.start : one.end] == one.quote == one.quote.strip() != ""
            assert any(start <= one.start and one.end <= end for start, end in spans)


@given(st.integers(1, 40), st.data())
def test_scores_of_any_kind_give_legal_spans(length: int, data: st.DataObject) -> None:
    scores = arrays(np.float32, length, elements=NUMBERS, fill=NUMBERS)
    ends = arrays(np.bool_, length)
    parts = arrays(np.int64, length, elements=st.integers(-1, 2))
    check_decode(*data.draw(st.tuples(scores, scores, parts, ends, ends)))


MARKS = st.lists(
    st.sampled_from([*"*_#>-+=|:\\!& \n", "---", "\n\n", "    ", "- ", "**", "a", "bc", "1."])
).map("".join)


@given(MARKS)
def test_marks_go_and_every_letter_stays(marked: str) -> None:
    prose = strip_markdown(normalise(marked))
    kept = prose.text if not prose.leads else f"{prose.heading}{prose.text}"
    assert [sign for sign in kept if sign.isalnum()] == [one for one in marked if one.isalnum()]


LINKED = st.lists(st.sampled_from([*"[]()<>`~^*_#'\" \n", "](", "]: /a", "```\n", "~~~", "b", "1"]))


@given(st.one_of(LINKED.map("".join), st.text()))
def test_prose_is_what_is_left_of_a_document_in_its_order(marked: str) -> None:
    text = normalise(marked)
    check_prose(text, strip_markdown(text).text)


LONG = st.integers(HEAD - 40, HEAD).map(lambda n: b"GET / HTTP/1.1\r\nX: " + b"x" * n + b"\r\n\r\n")


@given(MADE | LONG | st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6))
def test_in_what_pieces_a_request_comes_changes_nothing(data: bytes, cuts: list[int]) -> None:
    check_framing(data, cuts)
