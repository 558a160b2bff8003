"""What a library on a Milvus server is made of, and how it is read back.

Rows of text with ids of their own and as passages to search:

    library      format and fingerprint, written once
    run          an indexing run that is not published
    revision     it is, and how much the library holds with it
    lent         a run of which others' heads name versions
    claim        an article that a run is about to write
    part         a piece of an article as JSON, for a field holds 65,535 bytes
    acronym      a word of an article and what it stands for
    head         an article is whole from its head on, or from a head without one it is gone
    failure      what could not be read

All bear the number of the run that wrote them; what that is for stands in `remote_state`.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256

from index.bm25 import written
from index.errors import LibraryCorrupt
from index.milvus import Milvus
from index.parcels import LONGEST, Row, fit
from index.records import Article, Failure, Version
from index.remote_state import json_row, opened

HEAD_FIELDS = ["article", "run", "value"]


@dataclass(frozen=True, slots=True)
class Head:
    """What a run tells of an article; `is_gone`: from then on; `of`: whose version it is."""

    id: str
    run: int
    is_gone: bool
    of: int = 0
    digest: str = ""
    text_digest: str = ""
    origin: str = ""
    title: str = ""
    source: str | None = None
    published: str | None = None
    parts: int = 0
    acronyms: int = 0
    passages: int = 0


def head_of(row: Row) -> Head:
    """The head in a row. Raises `LibraryCorrupt`."""
    try:
        return Head(row["article"], int(row["run"]), **opened(row))
    except TypeError as error:
        raise LibraryCorrupt(f"the row {row.get('id', '')} on the server is damaged") from error


def last_heads(heads: Iterable[Head]) -> dict[str, Head]:
    """The last version of each article."""
    last: dict[str, Head] = {}
    for head in heads:
        if head.id not in last or last[head.id].run < head.run:
            last[head.id] = head
    return last


def new_head(version: Version, number: int, parts: int) -> Head:
    """The head of a version that the run `number` writes."""
    article = version.article
    return Head(
        id=article.id,
        run=number,
        is_gone=False,
        of=number,
        digest=article.digest,
        text_digest=article.text_digest,
        origin=article.origin,
        title=article.title,
        source=article.source,
        published=article.published,
        parts=parts,
        acronyms=len(version.acronyms),
        passages=len(version.passages),
    )


def head_row(head: Head) -> Row:
    """The row of a head; its word is the digest of the text, so that copies are found."""
    told = asdict(head)
    id, run = told.pop("id"), told.pop("run")
    return json_row(f"head:{id}:{run}", "head", told, id, run) | {"word": head.text_digest}


def claim_row(article: Article, run: int, until: float) -> Row:
    """The row of a claim that holds `until` so many seconds since 1970."""
    told = {"digest": article.digest, "until": until}
    return json_row(f"claim:{article.id}:{run}", "claim", told, article.id, run)


def failure_row(failure: Failure) -> Row:
    """The row of what could not be read."""
    name = sha256(f"{failure.origin}\n{failure.reason}".encode()).hexdigest()
    return json_row(f"failure:{name}", "failure", asdict(failure))


def acronym_rows(head: Head, acronyms: dict[str, str]) -> list[Row]:
    """The rows of a version's acronyms."""
    return [
        {
            **{"id": id, "kind": "acronym", "article": head.id, "run": head.of},
            **{"word": short.lower(), "value": long},
        }
        for id, (short, long) in zip(acronym_ids(head), acronyms.items(), strict=True)
    ]


def part_rows(head: Head, pieces: Iterable[str]) -> list[Row]:
    """The rows of a version's text."""
    return [
        {
            **{"id": id, "kind": "part", "article": head.id, "run": head.of},
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


def passage_rows(head: Head, version: Version) -> list[Row]:
    """The rows of a version's passages."""
    title = version.article.title
    return [
        {
            **{"id": number, "article": head.id, "run": head.of},
            **{"start": passage.start, "stop": passage.end},
            "vector": vector.tolist(),
            "words": words_of(title, passage.text),
        }
        for number, passage, vector in zip(
            passage_numbers(head), version.passages, version.vectors, strict=True
        )
    ]


def _name(head: Head) -> str:
    return f"{head.id}:{head.of}:{head.digest[:16]}"


def passage_numbers(head: Head) -> list[int]:
    """The numbers of a version's passages, in order: their own among all that ever were."""
    digests = (sha256(f"{_name(head)} {at}".encode()).digest() for at in range(head.passages))
    return [int.from_bytes(one[:8], "big") >> 1 for one in digests]


def part_ids(head: Head) -> list[str]:
    """The ids of the rows that hold a version's text, in order."""
    return [f"part:{_name(head)}:{number}" for number in range(head.parts)]


def acronym_ids(head: Head) -> list[str]:
    """The ids of the rows of a version's acronyms."""
    return [f"acronym:{_name(head)}:{number}" for number in range(head.acronyms)]


def named(head: Head) -> frozenset[int | str]:
    """The ids of passages and acronyms that are of this version and of no other."""
    return frozenset((*passage_numbers(head), *acronym_ids(head)))


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
    return [(row["id"], Failure(**opened(row))) for row in rows]
