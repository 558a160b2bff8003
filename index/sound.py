"""Whether a library is as it should be, and how it gets so again, wherever it lies."""

from pathlib import Path

from index.build import build_articles
from index.embed import DEFAULT_EMBEDDER
from index.library import DATABASE
from index.lock import only_writer
from index.place import Place, Remote
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
    found = look_through(folder)
    with only_writer(folder):
        store = Store(folder / DATABASE, write=True)
        store.forget(found.damaged)
        store.close()
    report = build_articles(found.whole, folder, embedder, lambda origin: False, anew=True)
    told = (
        ("articles written anew from their texts", len(found.whole)),
        ("articles to index again", len(found.damaged) - len(found.whole)),
    )
    report.notes += [f"{what}: {count}" for what, count in told if count]
    return report
