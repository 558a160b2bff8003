"""All heads of a library on a Milvus server, read once as a stream: 20 bytes are kept of each.

It must not know why it is taken.
"""

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from index.milvus import Milvus
from index.records import Counts
from index.remote_rows import HEAD_FIELDS, Head, head_of
from index.remote_state import State

_GONE = -1


@dataclass(frozen=True, slots=True)
class Census:
    """What counts, by the heads that are seen.

    `chosen`: passages of the live articles that were asked for, by id. `gone`: ids of articles
    whose last head says so. `named`: ids of articles whose heads name versions of another run.
    """

    counts: Counts
    chosen: dict[str, int]
    gone: list[str]
    named: dict[int, set[str]]


def take_census(
    milvus: Milvus, state: State, own: int | None, chosen: Callable[[str, str], bool]
) -> Census:
    """Count what is live once the run `own` is published; `chosen` gets id and origin."""
    names, runs, sizes = array("Q"), array("q"), array("i")
    candidates: dict[str, Head] = {}
    gone: dict[str, Head] = {}
    named: dict[int, set[str]] = {}
    for row in milvus.every(milvus.rows, 'kind == "head"', HEAD_FIELDS):
        head = head_of(row)
        if head.of != head.run and head.of in state.begun:
            named.setdefault(head.of, set()).add(head.id)
        if head.run != own and not state.sees(head.run):
            continue
        names.append(_name(head.id))
        runs.append(head.run)
        sizes.append(_GONE if head.is_gone else head.passages)
        if head.is_gone:
            _keep_last(gone, head)
        elif chosen(head.id, head.origin):
            _keep_last(candidates, head)
    every, when = np.array(names), np.array(runs)
    last = _last_of_each(every, when)
    every, when, live = every[last], when[last], np.array(sizes)[last]

    def is_last(head: Head) -> bool:
        return bool(when[np.searchsorted(every, np.uint64(_name(head.id)))] == head.run)

    live = live[live != _GONE]
    return Census(
        Counts(len(live), int(live.sum())),
        {id: one.passages for id, one in candidates.items() if is_last(one)},
        [id for id, one in gone.items() if is_last(one)],
        named,
    )


def _name(id: str) -> int:
    return int.from_bytes(blake2b(id.encode(), digest_size=8).digest())


def _keep_last(heads: dict[str, Head], head: Head) -> None:
    if head.id not in heads or heads[head.id].run < head.run:
        heads[head.id] = head


def _last_of_each(names: NDArray[np.uint64], runs: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places of the highest run of each name, in the order of the names."""
    order = np.lexsort((runs, names))
    ordered = names[order]
    ends = np.ones(len(order), dtype=bool)
    ends[:-1] = ordered[1:] != ordered[:-1]
    return order[ends]
