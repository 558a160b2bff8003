"""One writer at a time."""

import subprocess
import sys
from pathlib import Path

import pytest

from index.build import build_articles
from index.errors import LibraryError, LibraryLocked
from index.lock import only_writer

ROOT = Path(__file__).parent.parent
HOLD = """
import sys
from pathlib import Path
from index.lock import only_writer

with only_writer(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"held\n"
    yield process
    with process:
        process.kill()


def test_a_second_writer_is_told_at_once_who_holds_the_lock(tmp_path, holder):
    with pytest.raises(LibraryLocked, match=f"locked by process {holder.pid}, which"):
        only_writer(tmp_path).__enter__()


def test_a_second_indexing_run_is_told_before_it_reads_anything(tmp_path, holder):
    with pytest.raises(LibraryLocked, match=f"{holder.pid}"):
        build_articles(iter([pytest.fail]), tmp_path)
    assert not (tmp_path / "library.db").exists()


def test_a_dead_holder_s_lock_is_free(tmp_path, holder):
    holder.kill()
    holder.wait()
    with only_writer(tmp_path):
        pass


def test_a_lock_that_was_let_go_is_free(tmp_path, holder):
    holder.communicate()
    for _ in range(2):
        with only_writer(tmp_path):
            pass


def test_an_error_inside_lets_go_of_the_lock(tmp_path):
    with pytest.raises(KeyError), only_writer(tmp_path):
        raise KeyError
    with only_writer(tmp_path):
        pass


def test_the_folder_is_made(tmp_path):
    with only_writer(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").is_dir()


def test_a_place_where_no_folder_can_be_is_an_error_of_ours(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(LibraryError, match="can't be written"), only_writer(folder):
            pass
