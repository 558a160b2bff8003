"""Where an indexing run writes on a Milvus server, as `shelf.FolderShelf` is in a folder.

New versions come under new ids, which no reader sees before the row that publishes them; what
they replace is deleted by the next run, when no reader is left that needs it. There is no lock on
a server: one indexer at a time is for its owner to see to.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from index.errors import LibraryMismatch
from index.milvus import Milvus, Row
from index.place import Remote
from index.records import Article, Failure, Passage
from index.remote_rows import (
    HEAD_FIELDS,
    Head,
    Published,
    acronym_ids,
    acronym_rows,
    failure_row,
    head_of,
    head_row,
    last_heads,
    library_row,
    part_ids,
    part_rows,
    passage_numbers,
    pieces_of,
    read_article,
    read_failures,
    revision_row,
    state_of,
    words_of,
)
from index.store import Counts


class RemoteShelf:
    """The heads of all articles are kept in memory; not for several threads."""

    def __init__(self, remote: Remote) -> None:
        """Raises `LibraryError` when the server can't be used."""
        self._remote = remote
        self._milvus = Milvus(remote)
        self._live: dict[str, Head] = {}
        self._staged: dict[str, Head] = {}
        self._by_text: dict[str, list[str]] = {}  # ids of live articles
        self._has_passages = False
        self.revision = 0

    def close(self) -> None:
        """End the connection."""
        self._milvus.close()

    def begin(self, fingerprint: str) -> str | None:
        """Make the library, or take it up where it stands; what it was built with, if it was.

        Raises `LibraryMismatch` when that was another embedder or splitter.
        """
        milvus, remote = self._milvus, self._remote
        if not milvus.has(milvus.rows):
            milvus.make_rows()
        milvus.load(milvus.rows)
        built_with, now = state_of(milvus, remote)
        if built_with is None:
            milvus.put_rows([library_row(fingerprint)])
        elif built_with != fingerprint:
            raise LibraryMismatch(
                f"the library {remote} was built with {built_with}, running {fingerprint}: choose"
                " another name for the library, or set the embedder it was built with"
            )
        self.revision = 0 if now is None else now.revision
        self._take_up()
        return fingerprint if self.revision else None

    def _take_up(self) -> None:
        """Read all heads; delete what is replaced, and what a killed run left without a head."""
        milvus = self._milvus
        self._has_passages = milvus.has(milvus.passages)
        if self._has_passages:
            milvus.load(milvus.passages)
        heads = [head_of(row) for row in milvus.every(milvus.rows, 'kind == "head"', HEAD_FIELDS)]
        last = last_heads(one for one in heads if one.revision <= self.revision)
        self._live = {id: head for id, head in last.items() if not head.is_gone}
        for id, head in self._live.items():
            self._by_text.setdefault(head.text_digest, []).append(id)
        self._staged = last_heads(one for one in heads if one.revision > self.revision)
        kept = {*self._live.values(), *self._staged.values()}
        # A head that says an article is gone goes last, or what was before it would be back.
        for is_gone in (False, True):
            self._delete([one for one in heads if one not in kept and one.is_gone is is_gone])
        self._delete_headless()

    def _delete(self, heads: Sequence[Head]) -> None:
        """Delete these versions, and their heads."""
        milvus = self._milvus
        if self._has_passages:
            milvus.delete(milvus.passages, [id for one in heads for id in passage_numbers(one)])
        milvus.delete(
            milvus.rows, [id for one in heads for id in (*part_ids(one), *acronym_ids(one))]
        )
        milvus.delete(milvus.rows, [head_row(one)["id"] for one in heads])

    def _delete_headless(self) -> None:
        """Delete what a killed run wrote of a version that it did not end."""
        milvus = self._milvus
        places = [(milvus.rows, 'kind in ["part", "acronym"] and ')]
        places += [(milvus.passages, "")] if self._has_passages else []
        for collection, also in places:
            where = f"{also}revision > {self.revision}"
            rows = milvus.every(collection, where, ["article"])
            ids = [row["id"] for row in rows if row["article"] not in self._staged]
            milvus.delete(collection, ids)

    def digest(self, id: str, *, live: bool) -> str | None:
        """The digest of the live or the staged version of an article, or None."""
        head = (self._live if live else self._staged).get(id)
        return None if head is None else head.digest

    def live_with_text(self, text_digest: str) -> list[tuple[str, str]]:
        """Id and origin of the live articles that hold exactly this text."""
        return [(id, self._live[id].origin) for id in self._by_text.get(text_digest, [])]

    def live_origins(self) -> Iterator[tuple[str, str]]:
        """Id and origin of every live article."""
        yield from ((id, head.origin) for id, head in self._live.items())

    def every_article(self) -> Iterator[Article]:
        """All live articles, one at a time."""
        yield from (read_article(self._milvus, head) for head in self._live.values())

    def staged_ids(self) -> list[str]:
        """Ids of the articles that have a staged version."""
        return list(self._staged)

    def unstage(self, id: str) -> None:
        """Forget the staged version of an article, if there is one."""
        head = self._staged.pop(id, None)
        if head is not None:
            # Its head first: a version is whole or has none.
            self._milvus.delete(self._milvus.rows, [head_row(head)["id"]])
            self._delete([head])

    def stage(
        self,
        article: Article,
        passages: Sequence[Passage],
        vectors: NDArray[np.float32],
        acronyms: dict[str, str],
    ) -> None:
        """Store a new version of an article, not live yet; its head comes last and makes it whole.

        `vectors` has shape (passages, dimension).
        """
        self.unstage(article.id)
        pieces = pieces_of(article)
        head = Head(
            article.id,
            self.revision + 1,
            False,
            article.digest,
            article.text_digest,
            article.origin,
            article.title,
            article.source,
            article.published,
            len(pieces),
            len(acronyms),
            len(passages),
        )
        if passages and not self._has_passages:
            self._milvus.make_passages(vectors.shape[1])
            self._has_passages = True
        self._milvus.put_rows([*part_rows(head, pieces), *acronym_rows(head, acronyms)])
        self._milvus.put_passages(_passage_rows(head, article, passages, vectors))
        self._milvus.put_rows([head_row(head)])
        self._staged[article.id] = head

    def set_failures(self, failures: Iterable[Failure], inside: Callable[[str], bool]) -> None:
        """Remember what this run could not read, in place of former failures `inside` it."""
        rows = [failure_row(failure) for failure in failures]
        self._milvus.put_rows(rows)
        new = {row["id"] for row in rows}
        former = read_failures(self._milvus)
        gone = [id for id, one in former if inside(one.origin) and id not in new]
        self._milvus.delete(self._milvus.rows, gone)

    def is_sound(self) -> bool:
        """Whether its indexes are as they should be: the server sees to them."""
        return True

    def publish(
        self,
        removed: Sequence[str],
        failures: Sequence[Failure],
        inside: Callable[[str], bool],
        fingerprint: str,
    ) -> None:
        """Make what is staged live and `removed` ids gone, by one row."""
        number = self.revision + 1
        gone = [Head(id, number, True) for id in removed]
        self._milvus.put_rows([head_row(head) for head in gone])
        self.set_failures(failures, inside)
        self._live = {
            id: head for id, head in {**self._live, **self._staged}.items() if id not in removed
        }
        self._staged = {}
        now = Published(number, uuid4().hex, self.counts())
        self._milvus.put_rows([revision_row(now)])
        self._milvus.delete(
            self._milvus.rows, [revision_row(replace(now, revision=number - 1))["id"]]
        )
        self.revision = number

    def counts(self) -> Counts:
        """Live articles and passages."""
        return Counts(len(self._live), sum(head.passages for head in self._live.values()))


def _passage_rows(
    head: Head, article: Article, passages: Sequence[Passage], vectors: NDArray[np.float32]
) -> list[Row]:
    return [
        {
            **{"id": number, "article": head.id, "revision": head.revision},
            **{"start": passage.start, "stop": passage.end},
            "vector": vector.tolist(),
            "words": words_of(article.title, passage.text),
        }
        for number, passage, vector in zip(passage_numbers(head), passages, vectors, strict=True)
    ]
