"""Whether a library is as it should be, and how it gets so again, wherever it lies."""

from collections.abc import Iterator
from pathlib import Path

from index.build import build_articles
from index.embed import DEFAULT_EMBEDDER
from index.expected import Findings
from index.library import DATABASE, published
from index.place import Place, Remote
from index.records import Article
from index.remote_repair import repair_remote
from index.remote_verify import verify_remote
from index.report import Report
from index.store import Store
from index.verify import look_through


def verify(place: Place) -> list[str]:
    """What is wrong with the library at `place`, a sentence each; empty when it is sound.

    Raises what checking either kind raises.
    """
    found = verify_remote(place) if isinstance(place, Remote) else look_through(place)
    return found.problems


def repair(place: Place, embedder: str = DEFAULT_EMBEDDER) -> Report:
    """Make all that is derived from the stored articles anew; the `notes` say what was done.

    An article whose text is damaged is mended when its file is indexed again: in a folder it stays
    as it is until then, on a server it is taken out. Raises `LibraryMissing` when nothing is
    stored, and what building raises.
    """
    if isinstance(place, Remote):
        return repair_remote(place, embedder)
    return _repair(place, embedder)


def _repair(folder: Path, embedder: str) -> Report:
    published(folder)  # or there is none, and none is to be made
    found = Findings()

    def looked_through() -> Iterator[Article]:
        # Read by a run that has the lock: what was found must not be old when it is written.
        nonlocal found
        found = look_through(folder)
        store = Store(folder / DATABASE, write=True)
        store.forget(found.damaged)
        store.close()
        yield from found.whole

    report = build_articles(looked_through(), folder, embedder, lambda origin: False, anew=True)
    told = (
        ("articles written anew from their texts", len(found.whole)),
        ("articles to index again", len(found.damaged) - len(found.whole)),
    )
    report.notes += [f"{what}: {count}" for what, count in told if count]
    return report
