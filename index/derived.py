"""The vector and term indexes of one revision as files: built, sealed, opened, cleared.

Both are derived from the store and can be thrown away at any time. A seal, kept in SQLite,
names every file with its length and SHA-256, so that nothing is parsed that was not written
for this revision.
"""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.errors import LibraryCorrupt
from index.files import file_digest, sync_tree
from index.store import Store
from index.terms import TermIndex, build_terms, change_terms, load_terms
from index.vectors import VectorIndex, build_vectors, load_vectors

_VECTORS, _TERMS = "vectors.faiss", "terms"
_KEPT = 2  # revisions on disk: a server may still be opening the one before
_LARGE = 10_000  # passages; indexes of fewer are made anew, which takes a second
_FEW = 0.1  # share of passages up to which a large library's indexes are changed instead
Seal = dict[str, tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Derived:
    """The two indexes over one revision's passages."""

    vectors: VectorIndex
    terms: TermIndex


@dataclass(frozen=True, slots=True)
class Written:
    """What was written of a revision. `recall`: of its vectors; None when not measured."""

    seal: str
    recall: float | None


def derive(store: Store, dimension: int, folder: Path | None) -> Derived:
    """Both indexes over the store's live passages; the term index in `folder` or in memory."""
    vectors = build_vectors(store.vectors, dimension, store.counts().passages)
    terms = build_terms(store.passage_texts(), None if folder is None else folder / _TERMS)
    if folder is not None:
        vectors.save(folder / _VECTORS)
    return Derived(vectors, terms)


def write_derived(
    store: Store, dimension: int, home: Path, revision: int, former: Derived | None
) -> Written:
    """Write both indexes into `home`/r<revision>, on disk to the last byte.

    `former`: those of the revision before, as opened from its folder. Of a large library where
    little is different they are changed, which takes seconds where all anew takes minutes.
    """
    folder = _folder(home, revision)
    shutil.rmtree(folder, ignore_errors=True)  # left by a run that was killed
    folder.mkdir(parents=True)
    if former is None or not _change(store, dimension, folder, _folder(home, revision - 1), former):
        recall = derive(store, dimension, folder).vectors.recall
    else:
        recall = None
    sync_tree(folder)
    return Written(json.dumps(_seal(folder), sort_keys=True), recall)


def _change(store: Store, dimension: int, folder: Path, before: Path, former: Derived) -> bool:
    """Whether the former indexes could be made into these."""
    had, wanted = former.vectors.ids(), store.passage_numbers()
    gone = sorted(had - wanted)
    last = max(had, default=0)
    fresh = sum(number > last for number in wanted)
    if (
        len(wanted) < _LARGE
        or former.vectors.dimension != dimension
        or not former.vectors.suits(len(wanted))
        or len(gone) + fresh > _FEW * len(wanted)
        or len(had) - len(gone) + fresh != len(wanted)
    ):
        return False
    former.vectors.change(np.array(gone, dtype=np.int64), store.vectors(last))
    former.vectors.save(folder / _VECTORS)
    # The engine never writes again into a file of words; only its lists of files change.
    shutil.copytree(
        before / _TERMS,
        folder / _TERMS,
        ignore=shutil.ignore_patterns("*.lock"),
        copy_function=_link,
    )
    change_terms(folder / _TERMS, gone, store.passage_texts(last))
    return True


def _link(source: str, target: str) -> None:
    if source.endswith(".json"):
        shutil.copyfile(source, target)
        return
    try:
        os.link(source, target)
    except OSError:  # not every file system has links
        shutil.copyfile(source, target)


def open_derived(home: Path, revision: int, seal: str, dimension: int, count: int) -> Derived:
    """The indexes of a revision. Raises `LibraryCorrupt` naming the file that is not as sealed."""
    folder = _folder(home, revision)
    try:
        for name, (length, digest) in _opened(seal).items():
            path = folder / name
            if not path.is_file():
                raise LibraryCorrupt(f"{path.name} is missing")
            if path.stat().st_size != length:
                raise LibraryCorrupt(f"{path.name}: length {path.stat().st_size}, not {length}")
            if file_digest(path) != digest:
                raise LibraryCorrupt(f"{path.name} is not as it was written")
        return Derived(
            load_vectors(folder / _VECTORS, dimension, count),
            load_terms(folder / _TERMS, count),
        )
    except OSError as error:  # cleared by an indexing run in this very moment, perhaps
        raise LibraryCorrupt(f"{error.filename} can't be read: {error.strerror}") from error


def _opened(seal: str) -> Seal:
    """The sealed files. Raises `LibraryCorrupt` when the seal is none."""
    try:
        told = json.loads(seal).items()
        files = {name: (int(length), str(digest)) for name, (length, digest) in told}
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise LibraryCorrupt("the list of its files can't be read") from error
    if not {_VECTORS, f"{_TERMS}/meta.json"} <= files.keys():
        raise LibraryCorrupt("the list of its files is not whole")
    return files


def clear_old(home: Path, revision: int) -> None:
    """Delete the indexes of old revisions, and of later ones that were never published."""
    for number in _revisions(home):
        if not revision - _KEPT < number <= revision:
            shutil.rmtree(_folder(home, number), ignore_errors=True)


def newest(home: Path) -> int:
    """The highest revision that has indexes, published or not; 0 for none."""
    return max(_revisions(home), default=0)


def _revisions(home: Path) -> list[int]:
    names = (folder.name[1:] for folder in home.glob("r*"))
    return [int(name) for name in names if name.isdecimal()]


def _folder(home: Path, revision: int) -> Path:
    return home / f"r{revision}"


def _seal(folder: Path) -> Seal:
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_size, file_digest(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(".lock")
    }
