"""One writer and one watcher at a time: lock files that the system frees when their holder dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from index.errors import LibraryError, LibraryLocked


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold the folder's lock. Raises `LibraryLocked` at once, naming the holder's pid."""
    with _held(folder, "lock", "locked", "which is indexing into it: wait until it ends"):
        yield


@contextmanager
def only_watcher(folder: Path) -> Iterator[None]:
    """Be the one who watches for the folder; others may write. Raises `LibraryLocked` at once."""
    with _held(folder, "watching", "watched for", "as one list of feeds can be: stop that first"):
        yield


@contextmanager
def _held(folder: Path, name: str, how: str, so: str) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        opened = (folder / name).open("a+")
    except OSError as error:
        raise LibraryError(f"{folder} can't be written: {error.strerror}") from error
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip()
            raise LibraryLocked(f"{folder} is {how} by process {holder}, {so}") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextmanager
def no_writer(folder: Path) -> Iterator[None]:
    """Keep writers out of the folder. Raises `LibraryLocked` at once when there is one."""
    try:
        opened = (folder / "lock").open()
    except OSError as error:
        raise LibraryError(f"{folder} can't be read: {error.strerror}") from error
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LibraryLocked(
                f"{folder} is being written by process {file.read().strip()} and can't be read"
                " until then without the right to write: wait until it ends"
            ) from error
        yield
