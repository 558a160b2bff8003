"""A library on a Milvus server is proved row by row, as `verify` proves one in a folder.

It must not know how anything is mended.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from index.acronyms import find_acronyms
from index.bm25 import indexed
from index.errors import EmbedderError, LibraryCorrupt, LibraryError, LibraryMismatch
from index.expected import (
    SAMPLE,
    Findings,
    Sampled,
    article_problems,
    differing,
    name_of,
    place_in,
    vector_differs,
    vector_problem,
)
from index.milvus import Milvus
from index.parcels import Row
from index.place import Remote
from index.records import Article, Counts
from index.remote import RemoteLibrary
from index.remote_rows import (
    HEAD_FIELDS,
    Head,
    acronym_ids,
    head_of,
    last_heads,
    part_ids,
    passage_numbers,
    words_of,
)
from index.remote_state import State, state_of
from index.remote_versions import Stored, read_versions
from index.split import SPLITTER

_SAME = 0.999  # least cosine of a vector and the best that is found for it


@dataclass(slots=True)
class RemoteFindings(Findings):
    """What is wrong with a library on a server.

    `heads`: ids of rows that can't be read. `lost`: origins of damaged articles whose text is, too.
    `rows`, `passages`: ids of what belongs to no article.
    """

    heads: list[str] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    rows: list[str] = field(default_factory=list)
    passages: list[int] = field(default_factory=list)
    is_miscounted: bool = False


def verify_remote(remote: Remote) -> RemoteFindings:
    """What is wrong with the library; no `problems` when it is sound.

    Checked: every article's checksum, every passage's place, vector and words, every acronym,
    that nothing belongs to no article, what is counted, and for some passages that they are found
    and have the vector that their text gives. Raises `LibraryMissing` when there is nothing to
    check, `LibraryMismatch` when it was built with another splitter, `LibraryError` when the
    server can't be used, or others wrote meanwhile.
    """
    library, milvus = RemoteLibrary(remote), Milvus(remote)
    try:
        if not library.fingerprint.endswith(f"+{SPLITTER}"):
            raise LibraryMismatch(
                f"the library {remote} was built with {library.fingerprint}, this program splits"
                f" by {SPLITTER}: index into another name"
            )
        for collection in (milvus.rows, milvus.passages):
            if milvus.has(collection):
                milvus.load(collection)
        look = _Look(library, milvus)
        look.take()
        found = look.found
        if found.problems and library.latest() != library.published:
            raise LibraryError(
                f"{remote} was written while it was checked: run citespan verify again"
            )
        return found
    finally:
        library.close()
        milvus.close()


def read_heads(milvus: Milvus) -> tuple[list[Head], list[Row]]:
    """All heads, also of former versions and of runs under way; and rows that should be some."""
    heads, broken = [], []
    for row in milvus.every(milvus.rows, 'kind == "head"', HEAD_FIELDS):
        try:
            heads.append(head_of(row))
        except LibraryCorrupt:
            broken.append(row)
    return heads, broken


def find_orphans(
    milvus: Milvus, heads: Sequence[Head], state: State
) -> tuple[list[str], list[int]]:
    """Ids of rows and of passages that no head names, but for those of a run under way."""
    where = state.contents
    names = {id for head in heads for id in (*part_ids(head), *acronym_ids(head))}
    texts = milvus.every(milvus.rows, f'kind in ["part", "acronym"] and {where}', [])
    rows = [row["id"] for row in texts if row["id"] not in names]
    if not milvus.has(milvus.passages):
        return rows, []
    numbers = {number for head in heads for number in passage_numbers(head)}
    every = (int(row["id"]) for row in milvus.every(milvus.passages, where, []))
    return rows, [number for number in every if number not in numbers]


class _Look:
    """One look at everything; `found`: what came of it."""

    def __init__(self, library: RemoteLibrary, milvus: Milvus) -> None:
        self.found = RemoteFindings()
        self._library, self._milvus = library, milvus
        self._sample: list[tuple[Sampled, Row]] = []

    def take(self) -> None:
        """Look at everything, once."""
        heads, broken = read_heads(self._milvus)
        self.found.heads = [row["id"] for row in broken]
        self.found.problems = [
            f"article {row['article']} has a head that can't be read" for row in broken
        ]
        state = state_of(self._milvus, self._library.remote)
        seen = last_heads(head for head in heads if state.sees(head.run))
        live = [head for head in seen.values() if not head.is_gone]
        total = sum(head.passages for head in live)
        self._count(Counts(len(live), total))
        met, step = 0, max(1, total // SAMPLE)
        for one in read_versions(self._milvus, live):
            self._look_at(one, range(-met % step, one.head.passages, step))
            met += one.head.passages
        self._look_for_orphans(heads, state)
        self._look_at_sample()

    def _count(self, counted: Counts) -> None:
        told = self._library.counts()
        self.found.is_miscounted = told != counted
        if told != counted:
            self.found.problems.append(
                f"{told.articles} articles with {told.passages} passages are published, but"
                f" {counted.articles} with {counted.passages} are there"
            )

    def _look_at(self, one: Stored, chosen: Sequence[int]) -> None:
        """Compare a version with what its text gives; passages `chosen` become samples."""
        head, article, found = one.head, one.article, self.found
        if article is None:
            found.damaged.add(head.id)
            found.lost.add(head.origin)
            found.problems.append(f"article {head.id} ({head.title}) is not whole")
            return
        if found.add(article, head.digest, self._problems(head, article, one)):
            if article.digest != head.digest:
                found.lost.add(head.origin)
            return
        for place in chosen:
            row = one.passages[place]
            vector = np.array(row["vector"], np.float32)
            sampled = Sampled(article, row["start"], row["stop"], vector)
            self._sample.append((sampled, row))

    def _problems(self, head: Head, article: Article, one: Stored) -> Iterator[str]:
        acronyms = [(short.lower(), long) for short, long in find_acronyms(article.text).items()]
        places = [(row["start"], row["stop"]) for row in one.passages]
        has_acronyms = sorted(acronyms) == sorted(one.acronyms)
        yield from article_problems(article, head.digest, places, has_acronyms)
        told = (head.id, head.text_digest, head.title, head.source, head.published)
        own = (article.id, article.text_digest, article.title, article.source, article.published)
        if told != own:
            yield f"{name_of(article)} is not what its head tells of it"
        for row in one.passages:
            start, vector = row["start"], np.array(row["vector"], np.float32)
            problem = vector_problem(article, start, vector, len(vector))
            if problem is not None:
                yield problem
            words = words_of(article.title, article.text[start : row["stop"]])
            if row["words"] != words:
                yield f"{place_in(article, start)} has other words than its text gives"

    def _look_for_orphans(self, heads: Sequence[Head], state: State) -> None:
        found = self.found
        found.rows, found.passages = find_orphans(self._milvus, heads, state)
        for many, what in ((found.rows, "rows"), (found.passages, "passages")):
            if many:
                found.problems.append(
                    f"{what} that belong to no article: {len(many)}; --repair deletes them"
                )

    def _look_at_sample(self) -> None:
        library, milvus, found = self._library, self._milvus, self.found
        for one, row in self._sample:
            place, words = place_in(one.article, one.start), indexed(row["words"])
            best = library.nearest(one.vector, 1)
            if not best or best[0][1] < _SAME:
                found.problems.append(f"{place} is not found by its own vector")
            if words and milvus.can_match and not milvus.matching(words, 1, f"id == {row['id']}"):
                found.problems.append(f"{place} is not found by its own words")
        try:
            wrong = differing(library.models, library.fingerprint, [one for one, _ in self._sample])
        except EmbedderError as error:
            found.problems.append(str(error))
            return
        for sampled in wrong:
            found.add(sampled.article, sampled.article.digest, [vector_differs(sampled)])
