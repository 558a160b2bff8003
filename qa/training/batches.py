"""Examples become batches of tokens of about one size, and targets over the tokens.

Rows of one question stay in one batch, as their scores are compared.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any
from unicodedata import category

import numpy as np
from numpy.typing import NDArray

from qa.decode import MAX_TOKENS
from qa.reader import shortened
from qa.training.windows import Example

_MULTIPLE = 16  # of tokens in a row; with every length of its own, memory grows to 8 GB
_MOST_MASKED = 0.15  # of the tokens of a text

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Row:
    """One example as tokens. `context`: first and last+1 token of the text.

    `targets`: first and last token of the answers with their weights; none: not answered here.
    """

    ids: tuple[int, ...]
    context: tuple[int, int]
    targets: tuple[tuple[int, int, float], ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """`ids`, `mask`, `types` and `legal`, where an answer may stand, have shape (rows, tokens).

    `group`, (rows,): the number of the row's question. `target_…`, (answers,): row, first and
    last token, and weight of each answer; the weights of a row add up to 1.
    """

    ids: Ints
    mask: Ints
    types: Ints
    legal: NDArray[np.bool_]
    group: Ints
    target_row: Ints
    target_first: Ints
    target_last: Ints
    target_weight: NDArray[np.float32]


def rows(tokenizer: Any, examples: Sequence[Example], random: Random) -> list[Row]:
    """The rows of one question's examples, a long text in several parts, some words masked.

    A part whose only answers are longer than an answer may be is left out.
    """
    shown = [(shortened(tokenizer, one.question), one.text) for one in examples]
    encodings = tokenizer.encode_batch(shown)
    found = [
        _row(part, example)
        for encoding, example in zip(encodings, examples, strict=True)
        for part in (encoding, *encoding.overflowing)
    ]
    mask = tokenizer.token_to_id("[MASK]")
    return [_masked(row, mask, random) for row in found if row is not None]


def _masked(row: Row, mask: int, random: Random) -> Row:
    """The row with some tokens of the text hidden, none of an answer: what can't be seen
    can't be learned by heart."""
    share = random.uniform(0, _MOST_MASKED)
    shown = {token for first, last, _ in row.targets for token in range(first, last + 1)}
    text = set(range(*row.context)) - shown
    ids = (
        mask if token in text and random.random() < share else id
        for token, id in enumerate(row.ids)
    )
    return replace(row, ids=tuple(ids))


def _row(encoding: Any, example: Example) -> Row | None:
    inside = [token for token, part in enumerate(encoding.sequence_ids) if part == 1]
    here = []
    for start, end, weight in example.targets:
        first = encoding.char_to_token(start, 1)
        last = encoding.char_to_token(_last_letter(example.text, start, end), 1)
        if first is not None and last is not None:
            here.append((first, last, weight))
    targets = [(first, last, weight) for first, last, weight in here if last - first < MAX_TOKENS]
    if not inside or (here and not targets):
        return None
    total = sum(weight for _, _, weight in targets)
    return Row(
        ids=tuple(encoding.ids),
        context=(inside[0], inside[-1] + 1),
        targets=tuple((first, last, weight / total) for first, last, weight in targets),
    )


def _last_letter(text: str, start: int, end: int) -> int:
    """Where the last character stands that a token may hold: none holds the marks on a letter."""
    inside = range(end - 1, start, -1)
    return next((at for at in inside if category(text[at])[0] != "M"), start)


def batches(questions: list[list[Row]], tokens: int, random: Random) -> Iterator[Batch]:
    """The rows in batches of at most `tokens` tokens with padding, in random order."""

    def length(group: list[Row]) -> int:
        return max(len(row.ids) for row in group)

    # Questions of about one length together; the noise keeps the batches from being the same.
    ordered = sorted(questions, key=lambda group: length(group) + random.uniform(0, _MULTIPLE))
    planned: list[list[list[Row]]] = []
    width = count = 0
    for group in ordered:
        width_with = max(width, -length(group) // _MULTIPLE * -_MULTIPLE)
        if not planned or width_with * (count + len(group)) > tokens:
            planned.append([])
            width_with, count = -length(group) // _MULTIPLE * -_MULTIPLE, 0
        planned[-1].append(group)
        width, count = width_with, count + len(group)
    random.shuffle(planned)
    for plan in planned:
        yield _batch(plan)


def _batch(plan: list[list[Row]]) -> Batch:
    rows = [row for group in plan for row in group]
    width = -max(len(row.ids) for row in rows) // _MULTIPLE * -_MULTIPLE
    ids, mask, types = (np.zeros((len(rows), width), dtype=np.int64) for _ in range(3))
    legal = np.zeros((len(rows), width), dtype=np.bool_)
    for number, row in enumerate(rows):
        ids[number, : len(row.ids)] = row.ids
        mask[number, : len(row.ids)] = 1
        types[number, row.context[0] : len(row.ids)] = 1
        legal[number, row.context[0] : row.context[1]] = True
    targets = [(number, *target) for number, row in enumerate(rows) for target in row.targets]
    return Batch(
        ids=ids,
        mask=mask,
        types=types,
        legal=legal,
        group=np.repeat(np.arange(len(plan)), [len(group) for group in plan]),
        target_row=np.array([row for row, _, _, _ in targets], dtype=np.int64),
        target_first=np.array([first for _, first, _, _ in targets], dtype=np.int64),
        target_last=np.array([last for _, _, last, _ in targets], dtype=np.int64),
        target_weight=np.array([weight for _, _, _, weight in targets], dtype=np.float32),
    )
