"""Folders that are watched: read again when a file in them is another, and once a day.

It must not know what is in the files.
"""

import os
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from index.errors import SourceError
from index.sources import find_files, shown
from index.watch.state import State
from index.watch.visits import DAY, Visits


@dataclass(slots=True)
class Folders:
    """The folders to read in a round and the files in them."""

    roots: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)


def look(state: State, visits: Visits, library: str, now: float) -> Folders:
    """Those that are due and not as they were when they were read into this `library`."""
    found = Folders()
    for place, seen in state.items():
        if seen.kind != "folder" or not seen.is_due(now):
            continue
        visits.asked += 1
        try:
            files = find_files(Path(place))
            mark = _mark(files, now)
        except (SourceError, OSError) as error:  # OSError: a file has just gone
            reason = str(error) if isinstance(error, SourceError) else "is being changed"
            visits.failed(place, seen, reason.rstrip("."))
            continue
        visits.well(place, seen)
        if (seen.etag, seen.digest) != (mark, library):
            seen.etag, seen.digest = mark, library
            found.roots.append(root_of(place))
            found.files = list(dict.fromkeys(found.files + files))
    return found


def root_of(place: str) -> str:
    """What the origins of the articles in the folder begin with."""
    return shown(Path(os.path.realpath(place)))  # resolve() would raise for links in a circle


def settle(state: State, before: str, after: str) -> None:
    """The library is another now, and holds all the same what was read into it before."""
    for seen in state.values():
        if seen.kind == "folder" and seen.digest == before:
            seen.digest = after


def _mark(files: list[Path], now: float) -> str:
    """What is another as soon as a file is, and every day."""
    told = [(str(file), (stat := file.stat()).st_size, stat.st_mtime_ns) for file in files]
    return sha256(repr((now // DAY, told)).encode(errors="surrogateescape")).hexdigest()
