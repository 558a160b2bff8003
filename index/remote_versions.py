"""All that a Milvus server holds of versions of articles, read many in a call.

It must not know what is right.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from index.errors import LibraryCorrupt
from index.milvus import Milvus
from index.parcels import Row
from index.records import Article
from index.remote_rows import Head, acronym_ids, article_in, part_ids, passage_numbers

_FIELDS = ["article", "run", "start", "stop", "vector", "words"]
_MOST = 200  # parts, and articles, read in one call
_PASSAGES = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A version as it lies there: what is not there is left out.

    `article`: None when its text is not whole. `passages`: in order. `acronyms`: lower case, and
    what they stand for.
    """

    head: Head
    article: Article | None
    passages: list[Row]
    acronyms: list[tuple[str, str]]


def read_versions(milvus: Milvus, heads: Iterable[Head]) -> Iterator[Stored]:
    """The versions of these heads, in order."""
    for batch in _batches(heads):
        part = _found(milvus, milvus.rows, batch, part_ids, ["value"])
        short = _found(milvus, milvus.rows, batch, acronym_ids, ["word", "value"])
        passage = _found(milvus, milvus.passages, batch, passage_numbers, _FIELDS)
        parts = {id: str(row["value"]) for id, row in part.items()}
        for head in batch:
            try:
                read = article_in(head, parts, milvus.address)
                article = read if read.id == head.id else None
            except LibraryCorrupt:
                article = None
            acronyms = [short[id] for id in acronym_ids(head) if id in short]
            yield Stored(
                head,
                article,
                [passage[id] for id in passage_numbers(head) if _is_of(head, passage.get(id))],
                [(row["word"], row["value"]) for row in acronyms],
            )


def _is_of(head: Head, row: Row | None) -> bool:
    return row is not None and (row["article"], row["run"]) == (head.id, head.of)


def _found(
    milvus: Milvus, collection: str, heads: Sequence[Head], ids_of: Any, fields: Sequence[str]
) -> dict[Any, Row]:
    ids = [id for head in heads for id in ids_of(head)]
    if not ids:
        return {}
    rows = milvus.get_by(collection, "id", ids, fields, "run >= 0")
    return {row["id"]: row for row in rows}


def _batches(heads: Iterable[Head]) -> Iterator[list[Head]]:
    batch: list[Head] = []
    parts = passages = 0
    for head in heads:
        batch.append(head)
        parts, passages = parts + head.parts, passages + head.passages
        if parts >= _MOST or len(batch) >= _MOST or passages >= _PASSAGES:
            yield batch
            batch, parts, passages = [], 0, 0
    if batch:
        yield batch
