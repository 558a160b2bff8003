"""What a library on a Milvus server is made of, and how it is read back.

Rows of text with ids of their own and as passages to search:

    library      format and fingerprint, written once
    part         a piece of an article as JSON, for a field holds 65,535 bytes
    acronym      a word of an article and what it stands for
    head         an article is whole from its head on, or from a head without one it is gone
    revision     what is published from this row on, and how much that is
    failure      what could not be read

Heads, parts, acronyms and passages bear the revision that they came with, and of an article's
versions the last that is not of a later revision counts: so a reader stays in one revision, and a
writer adds and only then deletes. It must not know who reads.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from index.bm25 import written
from index.errors import LibraryCorrupt, LibraryMismatch, LibraryMissing
from index.milvus import LONGEST, Milvus, Row, fit
from index.place import Remote
from index.records import Article, Failure
from index.store import Counts

FORMAT = "2"
HEAD_FIELDS = ["article", "revision", "value"]
_STATE_FIELDS = ["kind", "revision", "value"]


@dataclass(frozen=True, slots=True)
class Head:
    """What is told of an article's version without reading it; `is_gone`: from then on."""

    id: str
    revision: int
    is_gone: bool
    digest: str = ""
    text_digest: str = ""
    origin: str = ""
    title: str = ""
    source: str | None = None
    published: str | None = None
    parts: int = 0
    acronyms: int = 0
    passages: int = 0


@dataclass(frozen=True, slots=True)
class Published:
    """A revision; the seal tells it from another of the same number."""

    revision: int
    seal: str
    counts: Counts


def head_of(row: Row) -> Head:
    """The head in a row. Raises `LibraryCorrupt`."""
    try:
        return Head(row["article"], int(row["revision"]), **_opened(row))
    except TypeError as error:
        raise LibraryCorrupt(f"the row {row.get('id', '')} on the server is damaged") from error


def last_heads(heads: Iterable[Head]) -> dict[str, Head]:
    """The last version of each article."""
    last: dict[str, Head] = {}
    for head in heads:
        if head.id not in last or last[head.id].revision < head.revision:
            last[head.id] = head
    return last


def head_row(head: Head) -> Row:
    """The row of a head."""
    told = asdict(head)
    del told["id"], told["revision"]
    return _row(f"head:{head.id}:{head.revision}", "head", told, head.id, head.revision)


def revision_row(published: Published) -> Row:
    """The row that publishes a revision."""
    told = {"seal": published.seal, **asdict(published.counts)}
    number = published.revision
    return _row(f"revision:{number}", "revision", told, revision=number)


def library_row(fingerprint: str) -> Row:
    """The row that says what a library is built with."""
    return _row("library", "library", {"format": FORMAT, "fingerprint": fingerprint})


def failure_row(failure: Failure) -> Row:
    """The row of what could not be read."""
    name = sha256(f"{failure.origin}\n{failure.reason}".encode()).hexdigest()
    return _row(f"failure:{name}", "failure", asdict(failure))


def acronym_rows(head: Head, acronyms: dict[str, str]) -> list[Row]:
    """The rows of a version's acronyms."""
    return [
        {
            **{"id": id, "kind": "acronym", "article": head.id, "revision": head.revision},
            **{"word": short.lower(), "value": long},
        }
        for id, (short, long) in zip(acronym_ids(head), acronyms.items(), strict=True)
    ]


def part_rows(head: Head, pieces: Iterable[str]) -> list[Row]:
    """The rows of a version's text."""
    return [
        {
            **{"id": id, "kind": "part", "article": head.id, "revision": head.revision},
            **{"word": "", "value": piece},
        }
        for id, piece in zip(part_ids(head), pieces, strict=True)
    ]


def pieces_of(article: Article) -> list[str]:
    """An article as JSON in pieces that a field can hold."""
    return list(_cut(json.dumps(asdict(article), ensure_ascii=False).encode()))


def _cut(data: bytes) -> Iterator[str]:
    at = 0
    while at < len(data):
        end = min(at + LONGEST, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:  # in the midst of a character
            end -= 1
        yield data[at:end].decode()
        at = end


def words_of(title: str, text: str) -> str:
    """What a passage is searched for by its words: stems."""
    return fit(written(title, text))


def passage_numbers(head: Head) -> list[int]:
    """The numbers of a version's passages, in order: their own among all that ever were."""
    name = f"{head.id} {head.revision} {head.digest}"
    digests = (sha256(f"{name} {place}".encode()).digest() for place in range(head.passages))
    return [int.from_bytes(one[:8], "big") >> 1 for one in digests]


def _row(id: str, kind: str, told: dict[str, Any], article: str = "", revision: int = 0) -> Row:
    value = json.dumps(told, ensure_ascii=False)
    return {
        **{"id": id, "kind": kind, "article": article, "word": "", "revision": revision},
        "value": value,
    }


def part_ids(head: Head) -> list[str]:
    """The ids of the rows that hold a version's text, in order."""
    return [f"part:{head.id}:{head.revision}:{number}" for number in range(head.parts)]


def acronym_ids(head: Head) -> list[str]:
    """The ids of the rows of a version's acronyms."""
    return [f"acronym:{head.id}:{head.revision}:{number}" for number in range(head.acronyms)]


def read_article(milvus: Milvus, head: Head) -> Article:
    """This version of an article. Raises `LibraryCorrupt` when it is not whole."""
    ids = part_ids(head)
    rows = milvus.get_by(milvus.rows, "id", ids, ["value"], 'kind == "part"')
    return article_in(head, {row["id"]: str(row["value"]) for row in rows}, milvus.address)


def article_in(head: Head, parts: dict[str, str], address: str) -> Article:
    """A version of an article from its parts by their ids. Raises `LibraryCorrupt`."""
    try:
        told = json.loads("".join(parts[id] for id in part_ids(head)))
        return Article(**(told | {"page_starts": tuple(told["page_starts"])}))
    except (KeyError, ValueError, TypeError) as error:
        raise LibraryCorrupt(
            f"article {head.id} in {address} is not whole: run citespan verify --repair"
        ) from error


def read_failures(milvus: Milvus) -> list[tuple[str, Failure]]:
    """What could not be read, each with the id of its row."""
    rows = milvus.every(milvus.rows, 'kind == "failure"', ["value"])
    return [(row["id"], Failure(**_opened(row))) for row in rows]


def state_of(milvus: Milvus, remote: Remote) -> tuple[str | None, Published | None]:
    """What the library is built with, if it is begun, and what is published of it, if anything is.

    All that was written before counts. Raises `LibraryMismatch` for another format.
    """
    rows = milvus.get(milvus.rows, 'kind in ["library", "revision"]', _STATE_FIELDS, strong=True)
    begun = [_opened(row) for row in rows if row["kind"] == "library"]
    if not begun:
        return None, None
    if begun[0].get("format") != FORMAT:
        raise LibraryMismatch(
            f"the library {remote} has format {begun[0].get('format')}, this program writes"
            f" {FORMAT}: choose another name and index into that"
        )
    return str(begun[0]["fingerprint"]), _newest(rows)


def newest(milvus: Milvus) -> Published | None:
    """What is published now, as far as the server has heard of it."""
    return _newest(milvus.get(milvus.rows, 'kind == "revision"', _STATE_FIELDS))


def _newest(rows: Iterable[Row]) -> Published | None:
    revisions = [row for row in rows if row["kind"] == "revision"]
    if not revisions:
        return None
    row = max(revisions, key=lambda row: int(row["revision"]))
    told = _opened(row)
    counts = Counts(told["articles"], told["passages"])
    return Published(int(row["revision"]), told["seal"], counts)


def _opened(row: Row) -> dict[str, Any]:
    try:
        told = json.loads(row["value"])
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise LibraryCorrupt(f"the row {row.get('id', '')} on the server is damaged")
    return told


def missing(remote: Remote) -> LibraryMissing:
    return LibraryMissing(f"there is no library {remote} yet: run citespan index FOLDER")
