"""Where an indexing run writes on a Milvus server, as `shelf.FolderShelf` is in a folder.

How several runs write at once stands in `remote_state`. Articles are looked up and written many
in a call; at its end a run reads all heads once, as a stream.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from uuid import uuid4

from index.errors import LibraryMismatch
from index.milvus import Milvus
from index.parcels import Row
from index.place import Remote
from index.records import Article, Counts, Failure, Version
from index.remote_census import Census, take_census
from index.remote_rows import (
    Head,
    acronym_rows,
    failure_row,
    head_row,
    new_head,
    part_rows,
    passage_rows,
    pieces_of,
    read_failures,
)
from index.remote_run import RemoteRun
from index.remote_state import Published, lent_row, library_row, revision_row, state_of
from index.remote_tidy import delete_dead, delete_gone, delete_versions, forget_settled, replaced

_OLD = 1000  # old heads that are deleted together
_MANY = 2000  # passages, of one run or several, from which on they are indexed before publishing


class RemoteShelf:
    """Not for several threads; one at a time for the folder of the remote's models."""

    def __init__(self, remote: Remote) -> None:
        """Raises `LibraryError` when the server can't be used."""
        self._remote = remote
        self._milvus = Milvus(remote, patient=True)
        self._heads: list[Head] = []  # of versions that others made whole, to be written
        self._lent: set[int] = set()
        self._met: list[Head] = []  # all heads of articles of which some are old
        self._old: list[Head] = []
        self._has_passages = False
        self._written = 0  # passages
        self._census: Census | None = None
        self._going: dict[str, int] = {}  # articles that go, and how many passages of each

    def close(self) -> None:
        """End the connection."""
        self._milvus.close()

    @property
    def revision(self) -> int:
        """The number of the newest revision that this run knows of; 0 for none."""
        return self._run.state.revision

    def begin(self, fingerprint: str) -> str | None:
        """Make the library, or take it up where it stands; what it was built with, if it was.

        Raises `LibraryMismatch` when that was another embedder or splitter.
        """
        milvus, remote = self._milvus, self._remote
        self._open(milvus.rows, milvus.make_rows)
        state = state_of(milvus, remote)
        if state.fingerprint is None:
            milvus.put_rows([library_row(fingerprint)])
            state = state_of(milvus, remote)
        if state.fingerprint != fingerprint:
            raise LibraryMismatch(
                f"the library {remote} was built with {state.fingerprint}, running {fingerprint}:"
                " choose another name for the library, or set the embedder it was built with"
            )
        self._has_passages = milvus.has(milvus.passages)
        if self._has_passages:
            milvus.load(milvus.passages)
        self._run = RemoteRun(milvus, remote, state)
        return fingerprint if state.revision else None

    def _open(self, collection: str, make: Callable[[], None]) -> None:
        if not self._milvus.has(collection):
            make()
        self._milvus.load(collection)

    def look(self, articles: Sequence[Article]) -> None:
        """Read what is known of these articles, of which alone other methods then know."""
        self._write_heads()
        run = self._run
        run.look(articles)
        for id in {one.id for one in articles}:
            if old := replaced(run.heads(id), run.state):
                self._met += run.heads(id)
                self._old += old
        if len(self._old) > _OLD:
            self._delete_old()

    def _delete_old(self) -> None:
        delete_versions(self._milvus, self._met, self._old, self._has_passages)
        self._met, self._old = [], []

    def live_digest(self, id: str) -> str | None:
        """The digest of the live version of an article that was looked up, or None."""
        live = self._run.live(id)
        return None if live is None else live.digest

    def live_with_text(self, text_digest: str) -> list[tuple[str, str]]:
        """Id and origin of the live articles that hold exactly this text."""
        return self._run.live_with_text(text_digest)

    def every_article(self) -> Iterator[Article]:
        """None: a library is of one embedder here, so that none is ever embedded again."""
        yield from ()

    def takes_up(self, article: Article) -> bool:
        """Whether a run that is not published has made this very version whole: then it counts
        as this run's as well."""
        head = self._run.unpublished(article)
        if head is None:
            return False
        number = self._run.begin()
        if head.run != number:
            self._note(replace(head, run=number, origin=article.origin))
            self._lent.add(head.of)
        return True

    def _note(self, head: Head) -> None:
        self._heads.append(head)
        self._run.write_head(head)

    def _write_heads(self) -> None:
        if self._heads:
            self._milvus.put_rows([head_row(one) for one in self._heads])
            self._heads = []

    def staged_ids(self) -> list[str]:
        """None: what another run staged stays, and this one has staged what it was told to."""
        return []

    def unstage(self, id: str) -> None:
        """Nothing: a run stages an article once."""

    def claim(self, articles: Sequence[Article]) -> set[str]:
        """Ids of those that no other run is about to write; they are looked up anew."""
        self._write_heads()
        return self._run.claim(articles)

    def stage_all(self, versions: Sequence[Version]) -> None:
        """Store new versions of articles, not live yet; the heads come last and make them whole."""
        number = self._run.begin()
        texts: list[Row] = []
        passages: list[Row] = []
        for one in versions:
            pieces = pieces_of(one.article)
            head = new_head(one, number, len(pieces))
            texts += [*part_rows(head, pieces), *acronym_rows(head, one.acronyms)]
            passages += passage_rows(head, one)
            self._note(head)
        if passages and not self._has_passages:
            dimension = len(passages[0]["vector"])
            self._open(self._milvus.passages, lambda: self._milvus.make_passages(dimension))
            self._has_passages = True
        self._milvus.put_rows(texts)
        self._milvus.put_passages(passages)
        self._written += len(passages)
        self._write_heads()
        self._run.release([one.article for one in versions])

    def gone(
        self, is_gone: Callable[[str, str], bool], ids: Sequence[str] | None = None
    ) -> list[str]:
        """Ids of the live articles of which, by id and origin, this is said: only of `ids`, if
        these are given, and then no other article is read."""
        self._write_heads()
        if ids is None:
            self._count(is_gone)
        else:
            self._count_change(is_gone, ids)
        return list(self._going)

    def _count(self, is_gone: Callable[[str, str], bool]) -> None:
        run = self._run
        run.refresh()
        self._counted = run.state
        self._census = take_census(self._milvus, run.state, run.number, is_gone)
        self._counts, self._going = self._census.counts, self._census.chosen

    def _count_change(self, is_gone: Callable[[str, str], bool], ids: Sequence[str]) -> None:
        """By what the library holds already, and what this run makes of `ids` alone."""
        run = self._run
        run.look_up(ids)
        self._counted = run.state
        now = run.state.now
        articles, passages = (0, 0) if now is None else (now.counts.articles, now.counts.passages)
        self._going = {}
        for id in ids:
            live, own = run.live(id), run.own(id)
            if own is not None:
                articles += live is None
                passages += own.passages - (0 if live is None else live.passages)
            elif live is not None and is_gone(id, live.origin):
                self._going[id] = live.passages
        self._counts = Counts(articles, passages)

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
        run, milvus = self._run, self._milvus
        loose = run.state.loose + self._written
        if loose >= _MANY:
            milvus.settle()
            loose = 0
        number = run.begin()
        self._write_heads()
        milvus.put_rows([head_row(Head(id, number, True)) for id in removed])
        milvus.put_rows([lent_row(one) for one in self._lent])
        self.set_failures(failures, inside)
        counted = self._counted
        passages = sum(self._going[id] for id in removed)
        articles = self._counts.articles - len(removed)
        self._counts = Counts(articles, self._counts.passages - passages)
        run.refresh()
        self._put_revision(number, loose)
        run.refresh()
        if any(not counted.sees(one.run) and one.run != number for one in run.state.published):
            # Others were published meanwhile: what all of them wrote is counted together.
            self._count(lambda id, origin: False)
            self._put_revision(number, loose)
        milvus.delete(milvus.rows, [f"run:{number}"])
        run.refresh()

    def _put_revision(self, number: int, loose: int) -> None:
        state = self._run.state
        top = max(state.top, number)
        seal = uuid4().hex
        now = Published(number, state.revision + 1, top, time.time(), seal, self._counts, loose)
        self._milvus.put_rows([revision_row(now)])

    def counts(self) -> Counts:
        """Articles and passages that are live once this run is published."""
        return self._counts

    def tidy(self) -> None:
        """Delete what nobody reads any more, as far as it was met."""
        milvus, run = self._milvus, self._run
        state, census = self._counted, self._census
        self._delete_old()
        if census is not None:
            delete_gone(milvus, census.gone, state, self._has_passages)
            others = [one for one in state.begun.values() if one.run != run.number]
            dead = [one for one in others if one.is_dead(run.where)]
            delete_dead(milvus, dead, census.named, self._has_passages)
        forget_settled(milvus, run.state)
