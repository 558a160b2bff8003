"""Round after round, for ever or until everything was looked at once.

It must not know what a round does.
"""

import time
from collections.abc import Iterator
from pathlib import Path

from index.embed import DEFAULT_EMBEDDER
from index.errors import LibraryError, LibraryLocked
from index.fetch import Visitor
from index.lock import only_watcher
from index.place import Place, folder_of
from index.watch.feeds import Watched, read_feeds
from index.watch.round import Round, play_round

_PAUSE = 60.0  # seconds until the next try of a round that could not be played
_LONGEST_PAUSE = 3600.0  # after many such tries, each of which asks for the same pages
_LONGEST = 300.0  # seconds without a look at the list of feeds and the clock


def watch(
    file: Path,
    place: Place,
    embedder: str = DEFAULT_EMBEDDER,
    *,
    once: bool = False,
    progress: bool = False,
    visitor: Visitor | None = None,
) -> Iterator[Round | LibraryError]:
    """Keep the library at `place` at what the places that `file` lists hold.

    Gives what each round did, or why it could not be played; it is tried again then, after twice
    the time as before, up to an hour. `once`: all that is watched is looked at now, and that is
    all. `visitor`: who fetches the pages; one that stays outside for None. Raises `LibraryLocked`
    when somebody watches for this folder already, and what keeps the first round from being
    played, but for another writer.
    """
    guest = Visitor() if visitor is None else visitor
    started, played, pause = time.time(), False, _PAUSE
    with only_watcher(folder_of(place)):
        while True:
            now = started if once else time.time()
            watched: list[Watched] = []
            try:
                anyway = once and not played
                watched = read_feeds(file)
                done = play_round(
                    watched, place, embedder, guest, now, anyway, progress, apart=not once
                )
            except LibraryError as error:
                if once or not (played or isinstance(error, LibraryLocked)):
                    raise
                yield error
                # A wrong list or another writer is noticed before anything is asked for.
                cheap = not watched or isinstance(error, LibraryLocked)
                wait = _PAUSE if cheap else pause
                pause = min(2 * wait, _LONGEST_PAUSE)
            else:
                yield done
                played, pause = True, _PAUSE
                if once and done.next > started:
                    return
                wait = min(max(0.0, done.next - time.time()), _LONGEST)
            time.sleep(wait)
