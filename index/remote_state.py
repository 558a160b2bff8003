"""Which indexing runs of a library on a Milvus server are published: what of it is to be seen.

Several runs may write at once, from several machines, without a lock between them:

- A run has a number, which all its rows bear; it tells it in a row before it writes another, and
  it is higher than that of every run that was published by then.
- Nobody sees what a run wrote until the row is there that publishes it, its last. A reader sees
  the rows of all published runs; of an article's versions that of the highest run counts. So two
  that publish at once lose nothing, and one that is killed shows nothing.
- A version is whole from its head on. A run that meets one that another, unpublished run has made
  whole does not make it again: it writes a head of its own that says whose the version is, and
  lends that run's passages to the readers. So what a killed run embedded is taken up by any.
- Before it embeds an article a run claims it, for a minute, and leaves it to whoever has claimed
  it before: so N machines share one list. Nothing else rests on claims: an article that is written
  twice is one, as its later version counts.

It must not know who reads.
"""

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from index.errors import LibraryCorrupt, LibraryMismatch, LibraryMissing
from index.milvus import Milvus
from index.parcels import Row, quoted
from index.place import Remote
from index.records import Counts

FORMAT = "3"
KINDS = ["library", "revision", "run", "lent"]  # of rows that belong to no article
FIELDS = ["kind", "run", "value"]
# How long what is replaced stays: nobody reads a former revision, nor lets a run write the head
# of a version that it has looked up, for so many seconds.
GRACE = 600.0
SILENT = 86_400.0  # seconds without a sign until a run on another machine counts as dead


@dataclass(frozen=True, slots=True)
class Published:
    """What a run made of the library; the seal tells it from another of the same number.

    `top`: no run that was published by then has a higher number. `at`: seconds since 1970.
    `loose`: passages written since the server was last told to index what it has.
    """

    run: int
    revision: int
    top: int
    at: float
    seal: str
    counts: Counts
    loose: int = 0


@dataclass(frozen=True, slots=True)
class Begun:
    """A run that is not published; `where`: a machine and a folder that has one run at a time.

    `at`: when it last gave a sign, `given_up`: when its heads were deleted, or 0.
    """

    run: int
    where: str
    at: float
    given_up: float = 0.0

    def is_dead(self, where: str) -> bool:
        """Whether it will not write any more, as the run that has the folder `where` knows."""
        return self.where == where or self.at < time.time() - SILENT

    def is_free(self) -> bool:
        """Whether it was given up so long ago that no other run takes up a version of it."""
        return 0 < self.given_up < time.time() - GRACE


@dataclass(frozen=True, slots=True)
class State:
    """What is published at one moment, and which runs are not."""

    fingerprint: str | None
    published: tuple[Published, ...]  # twice for a run that was published along with another
    begun: dict[int, Begun]
    lent: frozenset[int]

    @property
    def now(self) -> Published | None:
        """The newest revision, if anything is published."""
        return max(self.published, key=lambda one: (one.revision, one.run), default=None)

    @property
    def revision(self) -> int:
        """The number of the newest revision; 0 for none."""
        return 0 if self.now is None else self.now.revision

    @property
    def loose(self) -> int:
        """Passages written since the server was last told to index what it has."""
        return 0 if self.now is None else self.now.loose

    @property
    def top(self) -> int:
        """No published run has a higher number."""
        return max((one.top for one in self.published), default=0)

    def sees(self, run: int) -> bool:
        """Whether what the run says is published."""
        return run <= self.top and run not in self.begun

    def is_settled(self, run: int) -> bool:
        """Whether the run was published so long ago that nobody reads what it replaced."""
        late = time.time() - GRACE
        return self.sees(run) and all(one.run != run or one.at < late for one in self.published)

    @property
    def heads(self) -> str:
        """The expression for the heads of published runs."""
        return _until(self.top, sorted(self.begun))

    @property
    def contents(self) -> str:
        """The expression for the parts, acronyms and passages that such heads may name."""
        seen = _until(self.top, sorted(self.begun.keys() - self.lent))
        return f"({seen} or run in {quoted(sorted(self.lent))})" if self.lent else seen


def _until(top: int, without: list[int]) -> str:
    return f"run <= {top}" + (f" and run not in {quoted(without)}" if without else "")


def json_row(id: str, kind: str, told: dict[str, Any], article: str = "", run: int = 0) -> Row:
    """A row whose value is JSON."""
    value = json.dumps(told, ensure_ascii=False)
    return {"id": id, "kind": kind, "article": article, "word": "", "run": run, "value": value}


def opened(row: Row) -> dict[str, Any]:
    """What the value of a row says. Raises `LibraryCorrupt`."""
    try:
        told = json.loads(row["value"])
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise LibraryCorrupt(f"the row {row.get('id', '')} on the server is damaged")
    return told


def library_row(fingerprint: str) -> Row:
    """The row that says what a library is built with."""
    return json_row("library", "library", {"format": FORMAT, "fingerprint": fingerprint})


def run_row(begun: Begun) -> Row:
    """The row that says that a run is not published."""
    told = asdict(begun)
    return json_row(f"run:{begun.run}", "run", told, run=told.pop("run"))


def lent_row(run: int) -> Row:
    """The row that says that published heads name versions of this run."""
    return json_row(f"lent:{run}", "lent", {}, run=run)


def revision_row(published: Published) -> Row:
    """The row that publishes a run."""
    told = asdict(published)
    name = f"revision:{published.run}:{published.revision}"
    return json_row(name, "revision", told, run=told.pop("run"))


def _published(rows: Iterable[Row]) -> tuple[Published, ...]:
    told = [(int(row["run"]), opened(row)) for row in rows if row["kind"] == "revision"]
    return tuple(Published(run, **(one | {"counts": Counts(**one["counts"])})) for run, one in told)


def state_in(rows: Iterable[Row], remote: Remote) -> State:
    """The state that rows of the `KINDS` tell. Raises `LibraryMismatch` for another format."""
    rows = list(rows)
    told = next((opened(row) for row in rows if row["kind"] == "library"), None)
    if told is not None and told.get("format") != FORMAT:
        raise LibraryMismatch(
            f"the library {remote} has format {told.get('format')}, this program writes {FORMAT}:"
            " choose another name and index into that"
        )
    published = _published(rows)
    ended = {one.run for one in published}
    runs = {int(row["run"]): opened(row) for row in rows if row["kind"] == "run"}
    return State(
        None if told is None else str(told["fingerprint"]),
        published,
        {run: Begun(run, **one) for run, one in runs.items() if run not in ended},
        frozenset(int(row["run"]) for row in rows if row["kind"] == "lent"),
    )


def state_of(milvus: Milvus, remote: Remote) -> State:
    """The state now, with all that was written before. Raises `LibraryMismatch`."""
    where = f"kind in {quoted(KINDS)}"
    return state_in(milvus.get(milvus.rows, where, FIELDS, strong=True), remote)


def edition(published: Iterable[Published]) -> tuple[int, str] | None:
    """Number and seal of what is published, if anything is; another for any other."""
    every = list(published)
    if not every:
        return None
    seals = " ".join(sorted(one.seal for one in every))
    return max(one.revision for one in every), sha256(seals.encode()).hexdigest()[:32]


def newest(milvus: Milvus) -> tuple[int, str] | None:
    """The edition that is published now, as far as the server has heard of it."""
    return edition(_published(milvus.get(milvus.rows, 'kind == "revision"', FIELDS)))


def missing(remote: Remote) -> LibraryMissing:
    return LibraryMissing(f"there is no library {remote} yet: run citespan index FOLDER")
