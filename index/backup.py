"""A library as one file, and back, while it is served and written.

The file is a zip of the database and what it should be, from wherever a library lies to wherever
one should. The search indexes are not in it: they are derived from it again. It must not know what
a question is.
"""

import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from index.build import build_articles
from index.database import copy_database, missing
from index.derived import clear_old, newest, write_derived
from index.embed import DEFAULT_EMBEDDER
from index.errors import LibraryCorrupt, LibraryError
from index.files import file_digest
from index.library import DATABASE, DERIVED
from index.lock import only_writer
from index.place import Place, Remote
from index.remote_backup import copy_in, copy_out
from index.report import Report
from index.store import Store

_ABOUT = "backup.json"
_PART = 1 << 20  # bytes copied at a time


def backup(place: Place, file: Path, progress: bool = False) -> int:
    """Write the published revision of the library at `place` to `file`, whole or not at all.

    Gives the revision. Raises `LibraryMissing` when there is nothing to keep, `LibraryError`
    when `file` can't be written, and what copying from a server raises.
    """
    try:
        with _only_new(file.with_name(file.name + ".citespan-new")) as made:
            making, copy = made / "backup.zip", made / DATABASE
            if isinstance(place, Remote):
                revision = copy_out(place, copy, progress)
            else:
                revision = _copy(place, copy)
            about = {"revision": revision, "sha256": file_digest(copy)}
            with zipfile.ZipFile(making, "w") as packed:
                packed.writestr(_ABOUT, json.dumps(about))
                packed.write(copy, DATABASE)
            with making.open("rb") as whole:
                os.fsync(whole.fileno())
            making.replace(file)
    except OSError as error:
        raise LibraryError(f"{file} can't be written: {error.strerror}") from error
    return revision


@contextmanager
def _only_new(folder: Path) -> Iterator[Path]:
    """An empty folder of this name for a while, without what a killed run left in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(folder: Path, copy: Path) -> int:
    copy_database(folder / DATABASE, copy)
    store = Store(copy, write=True)
    store.unstage_all()
    revision = store.revision
    store.close()
    if revision == 0:
        raise missing(folder)
    return revision


def restore(
    file: Path, place: Place, embedder: str = DEFAULT_EMBEDDER, progress: bool = False
) -> Report:
    """Put what `file` holds in the place of the library at `place`, whole or not at all.

    A running server swaps to it as to any new revision. Raises `LibraryCorrupt` when `file` is
    not a whole backup, before anything is touched, and what building raises.
    """
    if not isinstance(place, Remote):
        return _restore(file, place, embedder)
    with TemporaryDirectory() as made:
        copy = Path(made) / DATABASE
        _unpack(file, copy)
        return copy_in(copy, place, embedder, progress)


def _restore(file: Path, folder: Path, embedder: str) -> Report:
    with only_writer(folder), _only_new(folder / "restoring") as place:
        copy = place / DATABASE
        _unpack(file, copy)
        store = Store(copy, write=True)
        if damage := store.damage():
            raise LibraryCorrupt(f"{file} holds a damaged library: {damage[0]}")
        home = folder / DERIVED
        there = _revision(folder)
        former = newest(home) if there is None else there
        revision = max(former, store.revision) + 1
        written = write_derived(store, store.dimension(), home, revision, None)
        with store.transaction():
            store.set_meta("seal", written.seal)
            store.set_meta("revision", str(revision))
        store.close()
        if there is None:
            _put_aside(folder / DATABASE)
        copy_database(copy, folder / DATABASE)
        clear_old(home, revision)
    # What is left to make is the embedder's other form, where it is not there yet.
    return build_articles([], folder, embedder, lambda origin: False)


def _revision(folder: Path) -> int | None:
    """That of the library there; None where its file is damaged."""
    try:
        current = Store(folder / DATABASE, write=True)
        try:
            return current.revision
        finally:
            current.close()
    except LibraryCorrupt:
        return None


def _put_aside(path: Path) -> None:
    """Rename a database and its log, so that nothing is lost that could still be read."""
    names = (f"{path.name}.damaged{number}" for number in chain([""], count(2)))
    aside = next(name for name in names if not path.with_name(name).exists())
    for end in ("", "-wal", "-shm"):
        file = path.with_name(path.name + end)
        if file.exists():
            file.replace(path.with_name(aside + end))


def _unpack(file: Path, target: Path) -> None:
    """The database in `file`, if it is as it was written."""
    try:
        with zipfile.ZipFile(file) as packed:
            about = json.loads(packed.read(_ABOUT))
            with packed.open(DATABASE) as source, target.open("wb") as copy:
                while part := source.read(_PART):
                    copy.write(part)
        if file_digest(target) != about["sha256"]:
            raise LibraryCorrupt(f"{file} is not as it was written: take another backup")
    except FileNotFoundError as error:
        raise LibraryError(f"{file} does not exist") from error
    except OSError as error:
        raise LibraryError(f"{error.filename or file}: {error.strerror}") from error
    except _DAMAGED as error:
        raise LibraryCorrupt(f"{file} is no backup that can be read: take another") from error


_DAMAGED: Any = (
    *(zipfile.BadZipFile, KeyError, ValueError, TypeError, EOFError),
    *(NotImplementedError, RuntimeError, OverflowError),
)
