"""One round: what is due is looked at, and what is new or changed becomes one revision."""

from collections.abc import Sequence
from dataclasses import dataclass

from index.build import lies_under
from index.fetch import Visitor
from index.lock import only_writer
from index.place import Place, folder_of
from index.report import Report
from index.sources import Sources, page_id
from index.watch.feeds import Watched
from index.watch.folders import look, root_of, settle
from index.watch.kept import digests_in, failures_in, published_in
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
    place: Place,
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
    state, notes = load_state(place)
    dropped = _follow(state, watched, now, anyway)
    if not dropped and not any(seen.is_due(now) for seen in state.values()):
        return _done(place, state, 0, Report(notes=notes))
    with only_writer(folder_of(place)):
        pass  # rather than ask for pages that can't be stored
    revision, library = published_in(place)
    with Sources() as sources:
        visits = Visits(state, visitor, sources, now)
        for address in dropped:
            visits.forget(address)
        visits.listings()
        visits.pages(_digests(place, state), progress)
    folders = look(state, visits, library, now)
    report = Report()
    if visits.is_news or folders.roots:
        report = (store_apart if apart else store)(visits.found, folders, place, embedder)
    # What was removed may have a copy that was passed over: then all folders are read again, as
    # they are when somebody else has written as well. For what was changed once a day will do.
    if 0 < report.revision <= revision + 1 and not report.removed:
        settle(state, library, published_in(place)[1])
    save_state(place, state)
    report.read += visits.unchanged
    report.unchanged += visits.unchanged
    report.notes[:0] = notes + visits.notes
    return _done(place, state, visits.asked, report)


def _follow(state: State, watched: Sequence[Watched], now: float, anyway: bool) -> list[str]:
    """Bring what is watched by name into the state; gives what is watched no more."""
    for one in watched:
        seen = state.get(one.place)
        if seen is None or seen.kind != one.kind:
            seen = state[one.place] = Seen(one.kind, one.every)
        seen.of, seen.every = "", one.every
        if anyway:
            seen.next = seen.busy
        elif seen.failures == 0:
            seen.next = min(seen.next, now + one.every)
    kept = {one.place for one in watched}
    while more := {address for address, seen in state.items() if seen.of in kept} - kept:
        kept |= more
    return [address for address in state if address not in kept]


def _digests(place: Place, state: State) -> dict[str, str]:
    """The digest of the article that the library holds of each page."""
    pages = {page_id(address): address for address, seen in state.items() if seen.kind == "page"}
    return {pages[id]: digest for id, digest in digests_in(place, list(pages)).items()}


def _done(place: Place, state: State, asked: int, report: Report) -> Round:
    roots = [root_of(one) for one, seen in state.items() if seen.kind == "folder"]
    failures = failures_in(place)
    failing = sum(one.origin in state or lies_under(one.origin, roots) for one in failures)
    return Round(asked, report, failing, min(seen.next for seen in state.values()))
