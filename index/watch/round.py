"""One round: what is due is looked at, and what is new or changed becomes one revision."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from index.build import lies_under
from index.errors import LibraryMissing
from index.fetch import Visitor
from index.library import DATABASE, published
from index.lock import only_writer
from index.report import Report
from index.sources import Sources, page_id
from index.store import Store
from index.watch.feeds import Watched
from index.watch.folders import look, root_of, settle
from index.watch.state import Seen, State, load_state, save_state
from index.watch.storing import store, store_apart
from index.watch.visits import Visits


@dataclass(frozen=True, slots=True)
class Round:
    """What a round did: how many places it looked at, and what came of it.

    `failing`: how many of all that is watched can't be read. `next`: when the next is due.
    """

    asked: int
    report: Report
    failing: int
    next: float


def play_round(
    watched: Sequence[Watched],
    folder: Path,
    embedder: str,
    visitor: Visitor,
    now: float,
    anyway: bool = False,
    progress: bool = False,
    apart: bool = False,
) -> Round:
    """Look at what is due at `now`, or `anyway` at all that is watched by name.

    `progress`: whether bars are shown. `apart`: whether a process of its own stores. Nothing is
    noted before it is stored, so a round that was killed is played again. Raises
    `LibraryLocked` when another process is writing, and what building raises.
    """
    state, notes = load_state(folder)
    dropped = _follow(state, watched, now, anyway)
    if not dropped and not any(seen.is_due(now) for seen in state.values()):
        return _done(folder, state, 0, Report(notes=notes))
    with only_writer(folder):
        pass  # rather than ask for pages that can't be stored
    revision, library = _library(folder)
    with Sources() as sources:
        visits = Visits(state, visitor, sources, now)
        for address in dropped:
            visits.forget(address)
        visits.listings()
        visits.pages(_digests(folder, state), progress)
    folders = look(state, visits, library, now)
    report = Report()
    if visits.is_news or folders.roots:
        report = (store_apart if apart else store)(visits.found, folders, folder, embedder)
    if 0 < report.revision <= revision + 1:  # else somebody else has written as well
        settle(state, library, _library(folder)[1])
    save_state(folder, state)
    report.read += visits.unchanged
    report.unchanged += visits.unchanged
    report.notes[:0] = notes + visits.notes
    return _done(folder, state, visits.asked, report)


def _follow(state: State, watched: Sequence[Watched], now: float, anyway: bool) -> list[str]:
    """Bring what is watched by name into the state; gives what is watched no more."""
    for one in watched:
        seen = state.get(one.place)
        if seen is None or seen.kind != one.kind:
            seen = state[one.place] = Seen(one.kind, one.every)
        seen.of, seen.every = "", one.every
        if anyway:
            seen.next = 0.0
        elif seen.failures == 0:
            seen.next = min(seen.next, now + one.every)
    kept = {one.place for one in watched}
    while more := {address for address, seen in state.items() if seen.of in kept} - kept:
        kept |= more
    return [address for address in state if address not in kept]


def _library(folder: Path) -> tuple[int, str]:
    """The published revision, and what tells this state of the library from any other."""
    try:
        revision, seal = published(folder)
    except LibraryMissing:
        return 0, ""
    return revision, f"{revision} {seal}"


def _digests(folder: Path, state: State) -> dict[str, str]:
    """The digest of the article that the library holds of each page."""
    pages = [address for address, seen in state.items() if seen.kind == "page"]
    with _opened(folder) as store:
        if store is None:
            return {}
        found = {address: store.digest(page_id(address), live=True) for address in pages}
    return {address: digest for address, digest in found.items() if digest is not None}


def _done(folder: Path, state: State, asked: int, report: Report) -> Round:
    roots = [root_of(place) for place, seen in state.items() if seen.kind == "folder"]
    with _opened(folder) as store:
        failures = [] if store is None else store.failures()
    failing = sum(one.origin in state or lies_under(one.origin, roots) for one in failures)
    return Round(asked, report, failing, min(seen.next for seen in state.values()))


@contextmanager
def _opened(folder: Path) -> Iterator[Store | None]:
    """The rows of the library, if there is one."""
    try:
        store = Store(folder / DATABASE)
    except LibraryMissing:
        yield None
        return
    try:
        yield store
    finally:
        store.close()
