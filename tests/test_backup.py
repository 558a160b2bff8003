"""A library in one file: whole, refused when it is not, and put back while it is served."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from random import Random

import pytest

from index import (
    Library,
    LibraryCorrupt,
    LibraryError,
    LibraryMissing,
    backup,
    repair,
    restore,
    verify,
)
from index.build import build_articles
from index.database import Database
from index.library import DERIVED, MODELS, published

WORDS = ("alpaca", "beaver", "gazelle", "dingo")


def animals(article, *words):
    return [article(f"The {word} slept in the rain.", word.title(), word) for word in words]


@pytest.fixture
def home(tmp_path, tiny_embedder, tiny_models, article):
    """A library of two animals."""
    folder = tmp_path / "library"
    folder.mkdir()
    (folder / MODELS).symlink_to(tiny_models)
    build_articles(animals(article, *WORDS[:2]), folder, str(tiny_embedder))
    return folder


@pytest.fixture
def kept(home, tmp_path):
    assert backup(home, tmp_path / "kept.zip") == 1
    return tmp_path / "kept.zip"


def words_of(home):
    library = Library(home)
    found = {word for word in WORDS if library.known(word)}
    assert found == {article.title.lower() for article in library.articles(0, 9)}
    assert library.notes == ()
    library.close()
    return found


def test_what_was_kept_comes_back_as_another_revision(home, kept, article, tiny_embedder):
    build_articles(animals(article, *WORDS[2:]), home, str(tiny_embedder))
    assert words_of(home) == {"gazelle", "dingo"} and published(home)[0] == 2
    report = restore(kept, home, str(tiny_embedder))
    assert (report.articles, report.revision) == (2, 3)
    assert words_of(home) == {"alpaca", "beaver"} and verify(home) == []
    assert sorted(path.name for path in (home / DERIVED).iterdir()) == ["r2", "r3"]


def test_it_comes_back_where_there_was_nothing(kept, tmp_path, tiny_embedder):
    restore(kept, tmp_path / "elsewhere", str(tiny_embedder))
    assert words_of(tmp_path / "elsewhere") == {"alpaca", "beaver"}
    assert verify(tmp_path / "elsewhere") == []


def test_who_reads_goes_on_and_sees_the_other_revision_when_it_looks_again(
    home, kept, article, tiny_embedder
):
    build_articles(animals(article, *WORDS[2:]), home, str(tiny_embedder))
    before = Library(home)
    restore(kept, home, str(tiny_embedder))
    assert published(home) != before.published
    assert {one.title for one in before.articles(0, 9)} == {"Gazelle", "Dingo"}
    assert before.known("dingo") and not before.known("alpaca")
    before.close()
    assert words_of(home) == {"alpaca", "beaver"}


def test_a_backup_during_a_run_holds_what_was_published(home, article, tmp_path, tiny_embedder):
    def meanwhile():
        yield animals(article, "gazelle")[0]
        backup(home, tmp_path / "during.zip")
        yield animals(article, "dingo")[0]

    build_articles(meanwhile(), home, str(tiny_embedder))
    restore(tmp_path / "during.zip", tmp_path / "then", str(tiny_embedder))
    assert words_of(tmp_path / "then") == {"alpaca", "beaver"}


def test_a_backup_may_be_called_like_the_library(home, tmp_path, tiny_embedder):
    backup(home, tmp_path / "library.db")
    restore(tmp_path / "library.db", tmp_path / "then", str(tiny_embedder))
    assert words_of(tmp_path / "then") == {"alpaca", "beaver"}


def test_a_flipped_byte_anywhere_that_matters_is_refused_and_nothing_touched(home, kept):
    content, before = kept.read_bytes(), published(home)
    places = Random(3).sample(range(len(content)), 60)
    refused = 0
    for place in places:
        kept.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        try:
            restore(kept, home)
        except LibraryError:
            refused += 1
            assert published(home) == before
        else:
            pytest.fail(f"byte {place} of {len(content)} is not looked at")
    assert refused == 60 and words_of(home) == {"alpaca", "beaver"}
    assert not (home / "restoring").exists()


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all" * 99, None])
def test_what_is_no_backup_is_one_sentence(home, kept, content):
    half = kept.read_bytes()[: kept.stat().st_size // 2]
    kept.write_bytes(half if content is None else content)
    with pytest.raises(LibraryCorrupt, match=r"kept\.zip is no backup that can be read"):
        restore(kept, home)
    assert words_of(home) == {"alpaca", "beaver"}


def test_no_file_and_no_library_are_named(home, tmp_path):
    with pytest.raises(LibraryError, match=r"none\.zip does not exist"):
        restore(tmp_path / "none.zip", home)
    with pytest.raises(LibraryMissing):
        backup(tmp_path / "empty", tmp_path / "b.zip")
    with pytest.raises(LibraryError, match="can't be written"):
        backup(home, tmp_path / "nowhere" / "b.zip")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["library"]


def test_a_killed_restore_leaves_the_old_library_or_the_new(home, kept, article, tiny_embedder):
    build_articles(animals(article, *WORDS[2:]), home, str(tiny_embedder))
    program = (
        "import sys, pathlib; from index import restore;"
        " restore(*map(pathlib.Path, sys.argv[1:3]), sys.argv[3])"
    )
    command = [sys.executable, "-c", program, kept, home, str(tiny_embedder)]
    started = time.monotonic()
    subprocess.run(command, check=True)
    whole = time.monotonic() - started
    for round in range(6):
        build_articles(animals(article, *WORDS[2:]), home, str(tiny_embedder))
        child = subprocess.Popen(command)
        time.sleep(whole * (round + 1) / 7)
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert words_of(home) in ({"alpaca", "beaver"}, {"gazelle", "dingo"})
        assert verify(home) == []


def test_what_a_kill_left_goes_with_the_next_try(home, kept, tiny_embedder):
    (home / "restoring").mkdir()
    left = kept.with_name("kept.zip.citespan-new")
    left.mkdir()
    (left / "library.db").write_bytes(b"half")
    restore(kept, home, str(tiny_embedder))
    assert not (home / "restoring").exists()
    backup(home, kept)
    assert not left.exists()


def test_a_full_disk_leaves_the_former_backup(home, kept, monkeypatch):
    before = kept.read_bytes()

    def full(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(sys.modules["index.backup"], "file_digest", full)
    with pytest.raises(LibraryError, match="No space left"):
        backup(home, kept)
    assert kept.read_bytes() == before
    assert sorted(path.name for path in kept.parent.iterdir()) == ["kept.zip", "library"]


def test_repair_makes_derived_indexes_anew(home, tiny_embedder):
    shutil.rmtree(home / DERIVED)
    assert len(verify(home)) == 1
    report = repair(home, str(tiny_embedder))
    assert report.notes == ["the search index has been rebuilt"] and report.revision == 2
    assert verify(home) == [] and words_of(home) == {"alpaca", "beaver"}


@pytest.mark.parametrize("damage", ["cut", "head", "page", "foreign"])
def test_what_is_damaged_is_put_aside_for_what_was_kept(home, kept, tiny_embedder, damage):
    file = home / "library.db"
    before = Library(home)
    Database(file, write=True).close()  # the log goes into the file
    content = file.read_bytes()
    with sqlite3.connect(home / "other.db") as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    file.write_bytes(
        {
            "cut": content[:-100],
            "head": b"x" + content[1:],
            "page": content[:4096] + os.urandom(4096) + content[8192:],
            "foreign": (home / "other.db").read_bytes(),
        }[damage]
    )
    damaged = file.read_bytes()
    with pytest.raises(LibraryCorrupt):
        Library(home)
    restore(kept, home, str(tiny_embedder))
    assert words_of(home) == {"alpaca", "beaver"}
    assert before.latest() == published(home) and published(home)[0] == 2
    assert (home / "library.db.damaged").read_bytes() == damaged
    before.close()
    Database(file, write=True).close()
    file.write_bytes(b"no library")
    restore(kept, home, str(tiny_embedder))
    assert (home / "library.db.damaged").read_bytes() == damaged
    assert (home / "library.db.damaged2").read_bytes() == b"no library"
