"""The two indexes as files: sealed, noticed when damaged, mended."""

import errno
import os
import shutil

import numpy as np
import pytest

from index.build import build_articles
from index.derived import clear_old, derive, open_derived, write_derived
from index.errors import LibraryCorrupt
from index.files import file_digest
from index.library import DATABASE, DERIVED, MODELS, Library
from index.store import Store
from index.verify import verify

WORDS = ("alpaca", "beaver", "gazelle", "rain")


def animals(article):
    return [
        article(f"The {word} slept in the rain number {n}.", word.title(), f"{n}")
        for n, word in enumerate(WORDS)
    ]


@pytest.fixture(scope="module")
def built(tmp_path_factory, tiny_embedder, tiny_models, article):
    """A library of two revisions."""
    folder = tmp_path_factory.mktemp("built") / "library"
    folder.mkdir()
    (folder / MODELS).symlink_to(tiny_models)
    build_articles(animals(article)[:3], folder, str(tiny_embedder))
    build_articles(animals(article), folder, str(tiny_embedder))
    return folder


@pytest.fixture
def home(built, tmp_path):
    return shutil.copytree(built, tmp_path / "library", symlinks=True)


def hits(folder):
    library = Library(folder)
    random = np.random.default_rng(5)
    found = [library.hits(library.matching(word, 9)) for word in WORDS]
    found += [
        library.hits(library.nearest(vector, 9))
        for vector in random.normal(size=(5, 16)).astype(np.float32)
    ]
    library.close()
    assert all(found)
    return found, library.notes


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def swap(path):
    """Puts the former revision's file of this kind in its place, at the same length."""
    [other] = (path.parent.parent / path.parent.name.replace("2", "1")).glob(f"*{path.suffix}")
    content = other.read_bytes()[: path.stat().st_size]
    path.write_bytes(content.ljust(path.stat().st_size, b"\0"))


DAMAGES = {
    "flipped": flip,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "empty": lambda path: path.write_bytes(b""),
    "deleted": lambda path: path.unlink(),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}
FILES = ("vectors.faiss", "terms/meta.json", "terms/*.term", "terms/*.idx", "terms/*.fast")


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", FILES)
def test_a_damaged_file_is_named_and_the_index_rebuilt_in_memory(home, built, file, damage):
    [path] = (home / DERIVED / "r2").glob(file)
    DAMAGES[damage](path)
    before = sorted((home / DERIVED).rglob("*"))
    found, [note] = hits(home)
    assert found == hits(built)[0]
    assert note.startswith(f"the search index was damaged ({path.name}")
    assert note.endswith("rebuilt from the articles; run citespan index to mend it on disk")
    assert sorted((home / DERIVED).rglob("*")) == before


def test_another_revision_s_file_is_noticed(home, built):
    shutil.copy(home / DERIVED / "r1" / "vectors.faiss", home / DERIVED / "r2")
    found, [note] = hits(home)
    assert "vectors.faiss" in note and found == hits(built)[0]


def test_another_revision_s_folder_is_noticed(home, built):
    shutil.rmtree(home / DERIVED / "r2")
    (home / DERIVED / "r1").rename(home / DERIVED / "r2")
    found, [note] = hits(home)
    assert "damaged" in note and found == hits(built)[0]


def test_missing_indexes_are_rebuilt(home, built):
    shutil.rmtree(home / DERIVED)
    found, [note] = hits(home)
    assert "is missing" in note and found == hits(built)[0]


@pytest.mark.parametrize("file", FILES[:3])
def test_the_next_run_mends_the_file_and_says_so(home, built, article, tiny_embedder, file):
    [path] = (home / DERIVED / "r2").glob(file)
    flip(path)
    report = build_articles(animals(article), home, str(tiny_embedder))
    assert (report.unchanged, report.embedded, report.revision) == (4, 0, 3)
    assert report.notes == ["the search index was damaged and has been rebuilt"]
    assert hits(home) == (hits(built)[0], ())
    assert verify(home) == []
    report = build_articles(animals(article), home, str(tiny_embedder))
    assert (report.notes, report.revision) == ([], 3)


def test_a_library_without_damage_has_no_notes(built):
    assert hits(built)[1] == ()


def test_opening_changes_no_file(home):
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    hits(home)
    for path, content in before.items():
        assert path.read_bytes() == content


def sealed(home):
    store = Store(home / DATABASE)
    facts = (store.meta("seal"), store.dimension(), store.counts().passages)
    store.close()
    return facts


def test_the_seal_names_every_file_and_opening_checks_the_shape(home):
    seal, dimension, count = sealed(home)
    assert all(file.split("/")[-1].replace("*", "") in seal for file in FILES)
    derived = open_derived(home / DERIVED, 2, seal, dimension, count)
    vectors, terms = derived.vectors, derived.terms
    assert vectors.ids() == terms.ids() and len(terms) == count
    for shape in ((dimension + 1, count), (dimension, count + 1)):
        with pytest.raises(LibraryCorrupt, match=r"vectors\.faiss holds"):
            open_derived(home / DERIVED, 2, seal, *shape)


def test_a_seal_that_names_nothing_opens_nothing(home):
    _, dimension, count = sealed(home)
    with pytest.raises(LibraryCorrupt):
        open_derived(home / DERIVED, 99, "{}", dimension, count)


def test_indexes_cleared_in_the_moment_of_opening_are_rebuilt(home, built, monkeypatch):
    def clear_and_read(path):
        shutil.rmtree(home / DERIVED)
        return file_digest(path)

    wanted = hits(built)[0]
    monkeypatch.setattr("index.derived.file_digest", clear_and_read)
    found, [note] = hits(home)
    assert found == wanted and "can't be read" in note


def test_what_a_killed_run_left_is_written_over(home, built, tmp_path):
    store = Store(home / DATABASE)
    left = tmp_path / "derived" / "r7"
    left.mkdir(parents=True)
    (left / "vectors.faiss").write_bytes(b"half")
    (left / "terms").mkdir()
    seal = write_derived(store, 16, tmp_path / "derived", 7, None).seal
    derived = open_derived(tmp_path / "derived", 7, seal, 16, store.counts().passages)
    vectors, terms = derived.vectors, derived.terms
    assert vectors.ids() == terms.ids() == store.passage_numbers()
    store.close()


def test_indexes_in_memory_are_those_on_disk(home):
    store = Store(home / DATABASE)
    seal, dimension, count = sealed(home)
    on_disk = open_derived(home / DERIVED, 2, seal, dimension, count)
    in_memory = derive(store, dimension, None)
    store.close()
    for one, other in (
        (on_disk.vectors, in_memory.vectors),
        (on_disk.terms, in_memory.terms),
    ):
        assert one.ids() == other.ids()
    assert on_disk.terms.matching("alpaca rain", 9) == in_memory.terms.matching("alpaca rain", 9)


@pytest.fixture
def always_changed(monkeypatch):
    """Indexes are changed however few passages there are, and however many are different."""
    monkeypatch.setattr("index.derived._LARGE", 0)
    monkeypatch.setattr("index.derived._FEW", 9.0)


def test_changed_indexes_are_those_that_would_be_made_anew(
    home, article, tiny_embedder, always_changed
):
    before = (home / DERIVED / "r2" / "terms").glob("*.idx")
    kept = {path.name: path.stat().st_ino for path in before}
    changed = [*animals(article)[1:3], article("A dingo met the gazelle.", "Dingo", "9")]
    report = build_articles(changed, home, str(tiny_embedder))
    assert (report.added, report.removed, report.revision) == (1, 2, 3)
    assert verify(home) == []
    after = {path.name: path.stat().st_ino for path in (home / DERIVED / "r3").rglob("*.idx")}
    assert kept.items() & after.items(), "made anew"
    library = Library(home)
    assert [library.known(word) for word in ("alpaca", "beaver", "dingo", "rain")] == [
        *(False, True, True, True)
    ]
    for word in ("gazelle", "slept", "dingo"):
        found = {hit.passage.text for hit in library.hits(library.matching(word, 9))}
        assert found == {one.text for one in changed if word in one.text.lower()}
    assert {hit.passage.text for hit in library.hits(library.nearest(np.ones(16), 9))} == {
        one.text for one in changed
    }


def test_files_that_can_not_be_linked_are_copied(
    home, article, tiny_embedder, always_changed, monkeypatch
):
    def refuse(*_):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr("index.derived.os.link", refuse)
    assert build_articles(animals(article)[1:], home, str(tiny_embedder)).revision == 3
    assert verify(home) == []


def test_the_former_revision_stays_whole_when_its_indexes_are_changed(
    home, article, tiny_embedder, always_changed
):
    store, before = Store(home / DATABASE), sealed(home)
    store.close()
    build_articles(animals(article)[2:], home, str(tiny_embedder))
    derived = open_derived(home / DERIVED, 2, *before)
    assert len(derived.terms) == len(derived.vectors) == 4


def test_clearing_keeps_the_last_two_revisions_and_what_is_not_ours(tmp_path):
    for name in ("r1", "r8", "r9", "r10", "r11", "rx", "notes"):
        (tmp_path / name).mkdir()
    clear_old(tmp_path, 10)
    assert {path.name for path in tmp_path.iterdir()} == {"r9", "r10", "rx", "notes"}
    clear_old(tmp_path / "nowhere", 1)
