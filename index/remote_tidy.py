"""What nobody reads any more is deleted from a Milvus server: versions that were replaced, what
went, and what runs left that died.

Nothing that was replaced goes in the run that replaced it: a reader may have opened the former
revision a moment before and cite from it for some time, and to wait for it would hold the run up.
A later run deletes it, once it was replaced for `remote_state.GRACE`. It must not know what is
written.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from index.milvus import Milvus
from index.parcels import one_of
from index.remote_rows import HEAD_FIELDS, Head, acronym_ids, head_of, head_row, part_ids
from index.remote_rows import passage_numbers as numbers
from index.remote_state import Begun, State, lent_row, revision_row, run_row

_TOGETHER = 200  # articles whose heads are read in one call


def replaced(heads: Sequence[Head], state: State) -> list[Head]:
    """Those of one article's heads that nobody reads any more, the oldest first."""
    seen = sorted((one for one in heads if state.sees(one.run)), key=lambda one: one.run)
    if not seen or not state.is_settled(seen[-1].run):
        return []
    return seen if seen[-1].is_gone else seen[:-1]


def delete_versions(
    milvus: Milvus, heads: Sequence[Head], old: Sequence[Head], has_passages: bool
) -> None:
    """Delete these `old` ones of some articles' `heads`, and what no other of them names."""
    going = set(old)
    kept = {(one.id, one.of, one.digest) for one in heads if one not in going}
    free = [one for one in old if (one.id, one.of, one.digest) not in kept]
    if has_passages:
        milvus.delete(milvus.passages, [id for one in free for id in numbers(one)])
    milvus.delete(milvus.rows, [id for one in free for id in (*part_ids(one), *acronym_ids(one))])
    # A head that says an article is gone goes last, or what was before it would be back.
    for is_gone in (False, True):
        ids = [head_row(one)["id"] for one in old if one.is_gone is is_gone]
        milvus.delete(milvus.rows, ids)


def delete_gone(milvus: Milvus, ids: Sequence[str], state: State, has_passages: bool) -> None:
    """Delete all that is left of articles that are gone for long enough."""
    for at in range(0, len(ids), _TOGETHER):
        where = f'kind == "head" and {one_of("article", ids[at : at + _TOGETHER])}'
        heads = [head_of(row) for row in milvus.every(milvus.rows, where, HEAD_FIELDS)]
        by_id: dict[str, list[Head]] = {}
        for head in heads:
            by_id.setdefault(head.id, []).append(head)
        old = [one for some in by_id.values() for one in replaced(some, state)]
        delete_versions(milvus, heads, old, has_passages)


def delete_dead(
    milvus: Milvus, dead: Iterable[Begun], named: dict[int, set[str]], has_passages: bool
) -> None:
    """Delete what dead runs left: first their heads, and when no other run can take them up any
    more, the versions that none of others' heads names, by ids of articles in `named`."""
    for begun in dead:
        if not begun.given_up:
            ids = milvus.every(milvus.rows, f'kind == "head" and run == {begun.run}', [])
            milvus.delete(milvus.rows, [row["id"] for row in ids])
            milvus.put_rows([run_row(replace(begun, given_up=time.time()))])
        elif begun.is_free():
            kept = named.get(begun.run, set())
            places = [(milvus.rows, 'kind in ["part", "acronym", "claim"] and ')]
            places += [(milvus.passages, "")] if has_passages else []
            for collection, also in places:
                rows = milvus.every(collection, f"{also}run == {begun.run}", ["article"])
                milvus.delete(collection, [row["id"] for row in rows if row["article"] not in kept])
            milvus.delete(milvus.rows, [run_row(begun)["id"]])


def forget_settled(milvus: Milvus, state: State) -> None:
    """Delete the rows of former revisions, and of what was lent before it was published."""
    now = state.now
    if now is None:
        return
    settled = [one for one in state.published if one is not now and state.is_settled(one.run)]
    settled = [one for one in settled if one.top <= now.top]
    # A run without a row of its own is published as far as the highest one reaches.
    milvus.delete(milvus.rows, [f"run:{one.run}" for one in settled])
    milvus.delete(milvus.rows, [revision_row(one)["id"] for one in settled])
    lent = [one for one in state.lent if state.sees(one)]
    milvus.delete(milvus.rows, [lent_row(one)["id"] for one in lent])
