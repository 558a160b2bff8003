"""The vector and term indexes of one revision as files: built, sealed, opened, cleared.

Both are derived from the store and can be thrown away at any time. A seal, kept in SQLite,
names every file with its length and SHA-256, so that nothing is parsed that was not written
for this revision.
"""

import json
import shutil
from pathlib import Path

from index.errors import LibraryCorrupt
from index.files import file_digest, sync_tree
from index.store import Store
from index.terms import TermIndex, build_terms, load_terms
from index.vectors import VectorIndex, build_vectors, load_vectors

_VECTORS, _TERMS = "vectors.faiss", "terms"
_KEPT = 2  # revisions on disk: a server may still be opening the one before
Seal = dict[str, tuple[int, str]]


def derive(store: Store, dimension: int, folder: Path | None) -> tuple[VectorIndex, TermIndex]:
    """Both indexes over the store's live passages; the term index in `folder` or in memory."""
    vectors = build_vectors(store.vectors(), dimension, store.counts().passages)
    terms = build_terms(store.passage_texts(), None if folder is None else folder / _TERMS)
    if folder is not None:
        vectors.save(folder / _VECTORS)
    return vectors, terms


def write_derived(store: Store, dimension: int, home: Path, revision: int) -> str:
    """Build both indexes into `home`/r<revision>, on disk to the last byte; gives the seal."""
    folder = _folder(home, revision)
    shutil.rmtree(folder, ignore_errors=True)  # left by a run that was killed
    folder.mkdir(parents=True)
    derive(store, dimension, folder)
    sync_tree(folder)
    return json.dumps(_seal(folder), sort_keys=True)


def open_derived(
    home: Path, revision: int, seal: str, dimension: int, count: int
) -> tuple[VectorIndex, TermIndex]:
    """The indexes of a revision. Raises `LibraryCorrupt` naming the file that is not as sealed."""
    folder = _folder(home, revision)
    try:
        for name, (length, digest) in json.loads(seal).items():
            path = folder / name
            if not path.is_file():
                raise LibraryCorrupt(f"{path.name} is missing")
            if path.stat().st_size != length:
                raise LibraryCorrupt(f"{path.name}: length {path.stat().st_size}, not {length}")
            if file_digest(path) != digest:
                raise LibraryCorrupt(f"{path.name} is not as it was written")
        return (
            load_vectors(folder / _VECTORS, dimension, count),
            load_terms(folder / _TERMS, count),
        )
    except OSError as error:  # cleared by an indexing run in this very moment, perhaps
        raise LibraryCorrupt(f"{error.filename} can't be read: {error.strerror}") from error


def clear_old(home: Path, revision: int) -> None:
    """Delete the indexes of old revisions, and of later ones that were never published."""
    for folder in home.glob("r*"):
        number = folder.name[1:]
        if number.isdigit() and not revision - _KEPT < int(number) <= revision:
            shutil.rmtree(folder, ignore_errors=True)


def _folder(home: Path, revision: int) -> Path:
    return home / f"r{revision}"


def _seal(folder: Path) -> Seal:
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_size, file_digest(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(".lock")
    }
