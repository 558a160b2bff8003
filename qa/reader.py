"""The model: a question and windows become spans. The only file that runs the network.

A reader is a folder: `reader.onnx`, `tokenizer.json` and `reader.json`, which names the
checksums of the other two. It must not know where windows come from or what wins.
"""

from collections.abc import Iterator
from pathlib import Path
from threading import Semaphore
from types import SimpleNamespace
from typing import Any

import numpy as np

from index import file_digest, open_session, read_settings, stems
from qa.borders import trim
from qa.decode import Best
from qa.errors import ReaderError
from qa.layout import Layout, Scores, lay_out
from qa.records import Span
from qa.window import Window

DEFAULT_READER = Path(__file__).with_name("model")
MODEL, TOKENIZER, ABOUT = "reader.onnx", "tokenizer.json", "reader.json"
AT_ONCE = 2  # rows that the network runs at once: each holds some 15 MB until it is done
_TOKENS = 384  # of question and window together; a longer window is read in parts
_STRIDE = 128  # tokens that two parts of a window share
_QUESTION_TOKENS = 128


class Reader:
    """Reads windows one by one; `fingerprint` names the model to the byte."""

    def __init__(self, session: Any, tokenizer: Any, fingerprint: str) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self._inputs = [given.name for given in session.get_inputs()]
        self._turn = Semaphore(AT_ONCE)
        self.fingerprint = fingerprint

    def read(self, question: str, windows: list[Window]) -> list[Span]:
        """The best spans of every window, in article offsets; scores compare across windows."""
        found: dict[tuple[str, int, int], Span] = {}
        asked = set(stems(question))
        question = shortened(self._tokenizer, question)
        for window, row in self._rows(question, windows):
            layout = lay_out(row, window)
            best = layout.best(*self._run(row))
            for span in _spans(row, window, layout, asked, best):
                place = span.article_id, span.start, span.end
                if place not in found or found[place].score < span.score:
                    found[place] = span
        return list(found.values())

    def try_out(self) -> None:
        """Run the network once on the tokenizer's last token; raises anything if it can't be."""
        last = max(self._tokenizer.get_vocab().values())
        start, end = self._run(SimpleNamespace(ids=[last], attention_mask=[1], type_ids=[0]))
        if start.shape != (1,) or end.shape != (1,):
            raise ValueError("one token has not one score")

    def _rows(self, question: str, windows: list[Window]) -> Iterator[tuple[Window, Any]]:
        """Each window, in parts when it is long, as the tokens of one row for the network."""
        encodings = self._tokenizer.encode_batch([(question, one.text) for one in windows])
        for window, encoding in zip(windows, encodings, strict=True):
            for row in (encoding, *encoding.overflowing):
                yield window, row

    def _run(self, row: Any) -> tuple[Scores, Scores]:
        """Start and end scores of one row, each of shape (tokens,)."""
        # Never several rows at once: int8 numbers are scaled over the whole batch, so that
        # scores would depend on what else is read. On a CPU it saves no time either.
        feeds = {
            "input_ids": row.ids,
            "attention_mask": row.attention_mask,
            "token_type_ids": row.type_ids,
        }
        given = {name: np.array([feeds[name]], dtype=np.int64) for name in self._inputs}
        with self._turn:
            start, end = self._session.run(["start_logits", "end_logits"], given)
        return start[0], end[0]


def load_reader(folder: Path, threads: int) -> Reader:
    """The reader in `folder`, on `threads` CPU threads.

    Raises `ReaderError` when a file is absent or its checksum is not the one in reader.json.
    """
    about = _about(folder)
    for name in (MODEL, TOKENIZER):
        path = folder / name
        if not path.is_file():
            raise ReaderError(f"{folder} is no reader: {name} is missing")
        if file_digest(path) != about["sha256"].get(name):
            raise ReaderError(f"{path} is not the file that {ABOUT} names by its checksum")
    try:
        tokenizer = load_tokenizer(folder / TOKENIZER)
        session = open_session(folder / MODEL, threads)
    except Exception as error:  # neither library has an error class of its own
        raise ReaderError(f"{folder} can't be loaded as a reader: {error}") from error
    if not {"start_logits", "end_logits"} <= {given.name for given in session.get_outputs()}:
        raise ReaderError(f"{folder / MODEL} does not give start_logits and end_logits")
    reader = Reader(session, tokenizer, f"{about['name']}:{about['sha256'][MODEL][:16]}")
    try:
        reader.try_out()
    except MemoryError:
        raise
    except Exception as error:  # whatever ONNX Runtime raises of numbers that don't fit
        raise ReaderError(f"{folder} has a model and a tokenizer that don't fit") from error
    return reader


def load_tokenizer(path: Path) -> Any:
    """The tokenizer of a reader, set to give a question with a long window in several parts."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(_TOKENS, stride=_STRIDE, strategy="only_second")
    return tokenizer


def shortened(tokenizer: Any, question: str) -> str:
    """The question, or as much of it as leaves room for text beside it."""
    # In second place, because the tokenizer refuses a text in first place that is too long.
    head = tokenizer.encode("", question, add_special_tokens=False)
    if len(head.ids) > _QUESTION_TOKENS:
        return question[: head.offsets[_QUESTION_TOKENS - 1][1]]
    return question


def _about(folder: Path) -> dict[str, Any]:
    try:
        about = read_settings(folder / ABOUT)
    except (OSError, ValueError, RecursionError) as error:
        raise ReaderError(f"{folder} is no reader: {ABOUT} can't be read") from error
    if not (isinstance(about, dict) and isinstance(about.get("sha256"), dict) and "name" in about):
        raise ReaderError(f"{folder / ABOUT} names no checksums")
    return about


def _spans(
    encoding: Any,
    window: Window,
    layout: Layout,
    asked: set[str],
    spans: list[Best],
) -> list[Span]:
    """The spans of one row, in article offsets. `asked`: the stems of the question."""
    offsets = encoding.offsets
    found = []
    for best in spans:
        place = window.locate(*trim(window.text, offsets[best.first][0], offsets[best.last][1]))
        if place is not None:
            said = stems(layout.text(window, layout.sentence[best.first]))
            shared = len(asked.intersection(said)) / max(1, len(asked))
            found.append(Span(window.article_id, *place, best.score, window.support, shared))
    return found
