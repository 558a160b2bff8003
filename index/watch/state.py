"""What is known of everything that is watched, from one round to the next, also over a kill.

It lies in the library's folder, or for one on a server beside its models, and can be thrown away:
then everything is asked for once more.
"""

import json
import re
from dataclasses import asdict, dataclass, field, fields
from math import isfinite
from pathlib import Path
from typing import Any

from index.errors import LibraryError
from index.files import write_whole
from index.place import Place, Remote
from index.watch.feeds import LEAST, LONGEST

_ODD = re.compile(r"[^A-Za-z0-9._-]")
_FAR = 31 * 86400.0  # seconds; a time further ahead was noted while the clock was wrong


@dataclass(slots=True)
class Seen:
    """What is known of one address or folder.

    `kind`: listing, page or folder. `every`: seconds between two looks. `of`: the listing that
    it stands in; "" for what is watched by name. `next`: when to look again, as of the epoch.
    `failures`: in a row. `busy`: until when its site wants to be left alone. `etag`, `modified`:
    the marks of the version that was read; they count only while the library holds what has the
    `digest`. `fields`, `updated`: what its listing says of it.
    """

    kind: str
    every: float
    of: str = ""
    next: float = 0.0
    failures: int = 0
    busy: float = 0.0
    etag: str = ""
    modified: str = ""
    digest: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    updated: str = ""

    def is_due(self, now: float) -> bool:
        """Whether it is time to look at it."""
        return not now < self.next <= now + _FAR


State = dict[str, Seen]  # by address or folder


def state_file(place: Place) -> Path:
    """Where it lies: what is known for one library says nothing of another."""
    if not isinstance(place, Remote):
        return place / "watch.json"
    name = f"{place.host}-{place.port}-{place.name}"
    return place.folder / f"watch-{_ODD.sub('_', name)}.json"


def load_state(place: Place) -> tuple[State, list[str]]:
    """What was known at the end of the last round, and a sentence if that can't be read."""
    path = state_file(place)
    try:
        told = json.loads(path.read_bytes())
        return {str(place): _seen(one) for place, one in told.items()}, []
    except FileNotFoundError:
        return {}, []
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}, [f"{path} can't be read: everything is asked for once more"]


def save_state(place: Place, state: State) -> None:
    """Put it in the place of what was known, whole or not at all. Raises `LibraryError`."""
    path = state_file(place)
    told = {place: asdict(seen) for place, seen in state.items()}
    try:
        write_whole(path, json.dumps(told))
    except OSError as error:
        raise LibraryError(f"{path} can't be written: {error.strerror}") from error


def _seen(told: dict[str, Any]) -> Seen:
    """Raises `TypeError` for what was not written here."""
    seen = Seen(**told)
    for one in fields(Seen):
        kind = dict if one.name == "fields" else one.type
        if type(getattr(seen, one.name)) is not kind:
            raise TypeError
    times = isfinite(seen.next) and isfinite(seen.busy)
    if not (LEAST <= seen.every <= LONGEST and times and seen.failures >= 0):
        raise TypeError
    return seen
