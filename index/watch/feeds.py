"""The file that says what is watched and how often.

It must not know how anything is fetched.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from index.errors import LibraryError, SourceError
from index.fetch import checked

KINDS = {"feeds": "listing", "sitemaps": "listing", "pages": "page", "folders": "folder"}
_KEYS = ", ".join(["every", *KINDS])
_INTERVAL = re.compile(r"([1-9]\d{0,5})([mhd])", re.ASCII)
_SECONDS = {"m": 60, "h": 3600, "d": 86400}
LEAST, LONGEST = 60.0, 30 * 86400.0  # seconds between two looks at the same
_USUAL = "15m"
_SIZE = 1_000_000  # bytes


@dataclass(frozen=True, slots=True)
class Watched:
    """What is looked at every so many seconds: the address of a listing or a page, or a folder."""

    kind: str
    place: str
    every: float


def read_feeds(file: Path) -> list[Watched]:
    """What the file lists. Raises `LibraryError`, one sentence about the first thing wrong."""
    try:
        with file.open("rb") as opened:
            data = opened.read(_SIZE + 1)
        if len(data) > _SIZE:
            raise LibraryError(f"{file} is larger than {_SIZE // 1000} kB")
        listed = tomllib.loads(data.decode())
    except OSError as error:
        raise LibraryError(f"{file} can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise LibraryError(f"{file} is not TOML: {error}") from error
    for key in listed:
        if key != "every" and key not in KINDS:
            raise LibraryError(f"{file}: {key!r} is not known: there are {_KEYS}")
    usual = _seconds(file, listed.get("every", _USUAL))
    found: dict[str, Watched] = {}
    for key in KINDS:
        entries = listed.get(key, [])
        if not isinstance(entries, list):
            raise LibraryError(f"{file}: {key} must be a list, such as {key} = [{_example(key)}]")
        for entry in entries:
            one = _watched(file, key, entry, usual)
            if one.place in found:
                raise LibraryError(f"{file}: {one.place} stands there twice")
            found[one.place] = one
    if not found:
        raise LibraryError(f"{file} lists nothing to watch: name some {_KEYS[7:]}")
    return list(found.values())


def _watched(file: Path, key: str, entry: object, usual: float) -> Watched:
    name = "path" if key == "folders" else "url"
    given = entry if isinstance(entry, dict) else {name: entry}
    place = given.get(name)
    if not isinstance(place, str) or not set(given) <= {name, "every"}:
        raise LibraryError(
            f"{file}: what stands in {key} must be {_example(key)} or"
            f' {{{name} = {_example(key)}, every = "1d"}}, not {entry!r}'
        )
    every = _seconds(file, given["every"]) if "every" in given else usual
    if key == "folders":
        return Watched("folder", _folder(file, place), every)
    try:
        checked(place, inside=True)  # what lies inside is for the visitor to refuse
    except SourceError as error:
        raise LibraryError(f"{file}: {place!r} in {key} {error}") from error
    return Watched(KINDS[key], place, every)


def _folder(file: Path, place: str) -> str:
    try:
        home = Path(place).expanduser()
    except RuntimeError as error:
        raise LibraryError(f"{file}: nobody here has the home of {place!r}") from error
    if "\0" in place:
        raise LibraryError(f"{file}: {place!r} in folders can't be the name of a folder")
    return str((file.parent / home).absolute())


def _seconds(file: Path, every: object) -> float:
    parts = _INTERVAL.fullmatch(every) if isinstance(every, str) else None
    seconds = 0.0 if parts is None else float(parts[1]) * _SECONDS[parts[2]]
    if not LEAST <= seconds <= LONGEST:
        raise LibraryError(
            f'{file}: every = {every!r} is no interval: write "15m", "6h" or "1d",'
            " no less than a minute and no more than 30 days"
        )
    return seconds


def _example(key: str) -> str:
    return '"articles"' if key == "folders" else '"https://example.org/…"'
