"""One indexing run among others on a Milvus server: its number, what it looks up, what it claims.

The rules stand in `remote_state`. Nothing is kept of articles but of those looked up last.
"""

import secrets
import time
from collections.abc import Sequence
from socket import gethostname

from index.errors import LibraryError
from index.milvus import MOST, Milvus
from index.parcels import Row, one_of, quoted
from index.place import Remote
from index.records import Article
from index.remote_rows import Head, claim_row, head_of
from index.remote_state import FIELDS, KINDS, Begun, State, opened, run_row, state_in, state_of

_CLAIMED = 60.0  # seconds that a claim holds; a batch takes some
_SIGN = 600.0  # seconds between two signs of life
_APART = 1024  # numbers that two runs of the same moment may take


class RemoteRun:
    """Not for several threads; one at a time for the folder of the remote's models."""

    def __init__(self, milvus: Milvus, remote: Remote, state: State) -> None:
        self._milvus = milvus
        self._remote = remote
        self._heads: dict[str, list[Head]] = {}
        self._claims: list[Row] = []
        self._signed = 0.0
        self.where = f"{gethostname()}:{remote.folder.resolve()}"
        self.number: int | None = None  # none before it writes
        self.state = state

    def begin(self) -> int:
        """The run's number; told on the server from the first call on."""
        while self.number is None:
            later = max((self.state.top, *self.state.begun)) + 1
            number = max(time.time_ns(), later) // _APART * _APART + secrets.randbelow(_APART)
            number = max(number, later)
            self._sign(number)
            self.refresh()
            if self.state.top < number:
                self.number = number
            else:  # a run that had not been told yet when this one looked is published by now
                self._milvus.delete(self._milvus.rows, [f"run:{number}"])
        return self.number

    def _sign(self, number: int) -> None:
        self._milvus.put_rows([run_row(Begun(number, self.where, time.time()))])
        self._signed = time.monotonic()

    def refresh(self) -> None:
        """Read the state anew. Raises `LibraryError` when others gave this run up for dead."""
        self.state = state_of(self._milvus, self._remote)
        self._check()

    def _check(self) -> None:
        if self.number is None:
            return
        begun = self.state.begun.get(self.number)
        if (begun is None and not self.state.sees(self.number)) or (begun and begun.given_up):
            raise LibraryError(
                f"this run gave {self._remote} no sign of life for a day, and another has deleted"
                " what it wrote: index again"
            )

    def look(self, articles: Sequence[Article]) -> None:
        """Read what the server has of these articles, and the state at that moment; what was
        looked up before is forgotten."""
        self._heads = {}
        self._look_also(articles)

    def look_up(self, ids: Sequence[str]) -> None:
        """The same for articles of which no more than the ids are known."""
        self._heads = {}
        self._read_heads(set(ids), [])

    def _look_also(self, articles: Sequence[Article]) -> None:
        self._read_heads({one.id for one in articles}, _texts(articles))

    def _read_heads(self, ids: set[str], texts: list[str]) -> None:
        found = one_of("article", ["", *sorted(ids)])
        if texts:
            found += f" or {one_of('word', texts)}"
        rows = self._read(f"kind in {quoted(['head', 'claim', *KINDS])} and ({found})")
        self.state = state_in(rows, self._remote)
        self._check()
        self._claims = [row for row in rows if row["kind"] == "claim"]
        heads = [head_of(row) for row in rows if row["kind"] == "head"]
        copies = {one.id for one in heads} - ids
        if copies:  # of which others' texts alone were asked for
            rows = self._read(f'kind == "head" and {one_of("article", sorted(copies))}')
            heads = [*(one for one in heads if one.id in ids), *map(head_of, rows)]
        self._heads |= {id: [] for id in ids | copies}
        for head in heads:
            self._heads[head.id].append(head)

    def _read(self, where: str) -> list[Row]:
        fields = [*FIELDS, "article"]
        rows = self._milvus.get(self._milvus.rows, where, fields, strong=True)
        if len(rows) == MOST:
            raise LibraryError(
                f"{self._remote} has more versions of some articles than can be read at once:"
                " index again, a few files at a time"
            )
        return rows

    def heads(self, id: str) -> list[Head]:
        """All heads of an article that was looked up."""
        return self._heads.get(id, [])

    def live(self, id: str) -> Head | None:
        """The head that counts for the readers, or None."""
        seen = [one for one in self.heads(id) if self.state.sees(one.run)]
        last = max(seen, key=lambda one: one.run, default=None)
        return None if last is None or last.is_gone else last

    def own(self, id: str) -> Head | None:
        """The head of the version that this run has written, or None."""
        return next((one for one in self.heads(id) if one.run == self.number), None)

    def live_with_text(self, text_digest: str) -> list[tuple[str, str]]:
        """Id and origin of the live articles that hold exactly this text."""
        lives = [self.live(id) for id in self._heads]
        return [
            (one.id, one.origin)
            for one in lives
            if one is not None and one.text_digest == text_digest
        ]

    def unpublished(self, article: Article) -> Head | None:
        """The head of this very version by a run that is not published, this one's first."""
        heads = [
            one
            for one in self.heads(article.id)
            if not self.state.sees(one.run) and one.digest == article.digest
        ]
        return max(heads, key=lambda one: one.run == self.number, default=None)

    def write_head(self, head: Head) -> None:
        """Note a head that this run has written or will write."""
        others = [one for one in self.heads(head.id) if one.run != head.run]
        self._heads[head.id] = [*others, head]

    def claim(self, articles: Sequence[Article]) -> set[str]:
        """Ids of those that are for this run to write; what is looked up is of these articles."""
        number = self.begin()
        until = time.time() + _CLAIMED
        claims = {one.id: claim_row(one, number, until) for one in articles}
        self._milvus.put_rows(list(claims.values()))
        self._look_also(articles)
        if time.monotonic() > self._signed + _SIGN:
            self._sign(number)
        mine, left = set(), []
        for article in articles:
            rivals = self._rivals(article)
            if not rivals and not self._is_done(article):
                mine.add(article.id)
            elif not rivals or min(rivals) < number:
                left.append(claims[article.id]["id"])
            # A later run that claimed it at the same time and saw this claim takes its own back;
            # one that did not see it writes the article: a further look will tell.
        self._milvus.delete(self._milvus.rows, left)
        return mine

    def _is_done(self, article: Article) -> bool:
        live = self.live(article.id)
        is_live = live is not None and live.digest == article.digest
        return is_live or self.unpublished(article) is not None

    def _rivals(self, article: Article) -> list[int]:
        """The runs that have claimed this version and may be alive."""
        begun = self.state.begun
        return [
            int(row["run"])
            for row in self._claims
            if row["article"] == article.id
            and row["run"] != self.number
            and (told := opened(row))["digest"] == article.digest
            and told["until"] > time.time()
            and (row["run"] not in begun or begun[row["run"]].where != self.where)
        ]

    def release(self, articles: Sequence[Article]) -> None:
        """Take back the claims on these articles, as they are written."""
        ids = [claim_row(one, self.begin(), 0.0)["id"] for one in articles]
        self._milvus.delete(self._milvus.rows, ids)


def _texts(articles: Sequence[Article]) -> list[str]:
    return sorted({one.text_digest for one in articles})
