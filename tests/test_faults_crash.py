"""Indexing that is killed, refused by the disk or out of memory: the old library or the new."""

import re
import shutil
import subprocess
import time
from random import Random

import pytest
from indexer import Trouble
from shelf import QUESTIONS, Shelf, files_of
from traced import calls, lines, traced

from index import LibraryMissing
from qa import QA
from qa.confidence import Confidence
from qa.options import told
from qa.reader import DEFAULT_READER, load_reader

ROUNDS = 4  # of every random trouble in an ordinary run
SOAKED = 200

STEPS = (
    *("index.store:Store.stage", "index.store:Store.make_live"),
    *("index.derived:build_vectors", "index.derived:build_terms", "index.derived:sync_tree"),
    *("index.shelf:write_derived", "index.store:Store.set_meta", "index.shelf:clear_old"),
)


@pytest.fixture(scope="session")
def shelf(tiny_embedder, tiny_models, tmp_path_factory):
    one = Shelf(tmp_path_factory.mktemp("shelf"), str(tiny_embedder), tiny_models)
    one.write_articles()
    return one


@pytest.fixture
def library(shelf, request):
    return shelf.new(re.sub(r"\W+", "-", request.node.name))


def turned(state):
    return {"old": "new", "new": "old"}[state]


def killed_at_random(shelf, library, rounds):
    """Kill so many runs, each at another moment; the states that they left."""
    random, left = Random(1), []
    assert shelf.index(library, "new")[0] == 0  # now everything is imported
    began = time.monotonic()
    assert shelf.index(library, "old")[0] == 0
    whole, state = time.monotonic() - began, "old"
    for _ in range(rounds):
        run = shelf.start(library, turned(state))
        run.go()
        time.sleep(random.uniform(0, 1.1 * whole))
        run.kill()
        state = shelf.state(library)
        left.append(state)
    assert shelf.index(library, "new")[0] == 0
    assert shelf.state(library) == "new"
    return left


def test_a_run_killed_at_any_moment_leaves_the_old_library_or_the_new(shelf, library):
    killed_at_random(shelf, library, ROUNDS)


@pytest.mark.soak
def test_200_killed_runs_leave_the_old_library_or_the_new_and_nothing_else(shelf, library):
    left = killed_at_random(shelf, library, SOAKED)
    assert {"old", "new"} == set(left)
    kept = {name for name in files_of(library) if not name.startswith("derived")}
    assert kept == {"library.db", "lock"}
    assert len(list((library / "derived").iterdir())) == 2


@pytest.mark.parametrize("step", STEPS)
def test_a_run_killed_after_a_step_leaves_the_old_library_or_the_new(shelf, library, step):
    code, _ = shelf.index(library, "new", Trouble(killed_after=step))
    assert code == -9
    assert shelf.state(library) == ("new" if step == "index.shelf:clear_old" else "old")
    assert shelf.index(library, "new")[0] == 0
    assert shelf.state(library) == "new"


def refused_calls(shelf, library, error, some):
    """Refuse calls to the system one at a time, each in a run of its own; how many failed one.

    `some`: chooses among all calls that an undisturbed run makes in the library. Each run finds
    the library to the byte as that one did, so that it makes the same calls.
    """
    log, sound = shelf.folder / "trace", library.with_name(f"{library.name}-sound")
    shutil.copytree(library, sound, symlinks=True)
    run = shelf.start(library, "new")
    with traced(run.pid, log):
        run.go()
        assert run.end() == 0
    failed = 0
    for name, number in some(sorted({call[:2] for call in calls(log, library)})):
        shutil.rmtree(library)
        shutil.copytree(sound, library, symlinks=True)
        run = shelf.start(library, "new")
        with traced(run.pid, log, (name, number), error):
            run.go()
            code, said = run.end(), run.said
        refused = [one for one in lines(log) if "INJECTED" in one]
        assert refused, (name, number)
        state = shelf.state(library)
        if code == 0:
            assert state == "new"
        elif not any(str(run.log) in one for one in refused):  # or it could not even say so
            failed += 1
            assert (code, said.count("\n")) == (2, 1), said
            assert said.startswith("citespan: ")
    assert shelf.index(library, "new")[0] == 0
    assert shelf.state(library) == "new"
    return failed


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_a_call_that_the_system_refuses_leaves_the_old_library_or_the_new(shelf, library, error):
    def some(found):
        first_of_each = {name: (name, number) for name, number in reversed(found)}
        return [*first_of_each.values(), *Random(error).sample(found, 3)]

    assert refused_calls(shelf, library, error, some) > 5


@pytest.mark.soak
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_every_call_may_be_refused(shelf, library, error):
    refused_calls(shelf, library, error, lambda found: found)


def test_what_is_published_is_on_the_disk_before(shelf, library):
    log = shelf.folder / "trace"
    run = shelf.start(library, "new")
    with traced(run.pid, log):
        run.go()
        assert run.end() == 0
    derived = library / "derived" / "r2"
    order = [(name, re.findall(r"<([^>]*)>", rest)[:1]) for name, _, rest in calls(log, library)]
    published = max(
        at for at, call in enumerate(order) if call == ("pwrite64", [f"{library}/library.db-wal"])
    )
    files = [path for path in derived.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert len(files) > 2
    for path in [*files, derived, derived.parent, derived / "terms"]:
        synced = max(at for at, call in enumerate(order) if call == ("fsync", [str(path)]))
        written = [
            at
            for at, (name, paths) in enumerate(order)
            if name in ("write", "pwrite64") and paths == [str(path)]
        ]
        assert max(written, default=0) < synced < published
    assert order[published + 1 :].count(("fdatasync", [f"{library}/library.db-wal"])) > 0


@pytest.mark.parametrize("size", [0, 100, 16_000, 50_000, 100_000, 150_000])
def test_a_write_that_is_cut_short_leaves_the_old_library(shelf, library, size):
    """No file may grow beyond a size: the write that meets it is short, the next one fails."""
    assert shelf.index(library, "new")[0] == 0
    assert shelf.index(library, "old", Trouble(longest=size))[0] == (2 if size else 1)
    assert shelf.state(library) == "new"
    assert shelf.index(library, "old")[0] == 0
    assert shelf.state(library) == "old"


def end_without_memory(code, said):
    """The state that the library must be in after a run that ended so."""
    # The term engine aborts, and the models' libraries find ever other words for it.
    assert code != 2 or said.splitlines()[-1].startswith("citespan: "), said
    return "old" if code else "new"


def test_memory_that_runs_out_anywhere_leaves_the_old_library(shelf, library):
    codes = []
    # How much is taken differs by tens of MB from run to run: each thread may reserve 64 at once.
    for room in (*range(3 * 10**6, 10**8, 12 * 10**6), 10**9):  # bytes
        assert shelf.index(library, "old")[0] == 0
        code, said = shelf.index(library, "new", Trouble(room=room))
        assert shelf.state(library) == end_without_memory(code, said)
        codes.append(code)
    assert codes[0] == 2 and codes[-1] == 0


def refused_memory(shelf, library, some):
    """Refuse memory one time each, in a run of its own; how many failed one.

    `some`: chooses among the numbers of the times that an undisturbed run asks the system for it.
    """
    log = shelf.folder / "trace"
    run = shelf.start(library, "new")
    with traced(run.pid, log, traced="mmap"):
        run.go()
        assert run.end() == 0
    failed = 0
    for number in some(range(1, max(number for _, number, _ in calls(log)) + 1)):
        assert shelf.index(library, "old")[0] == 0
        run = shelf.start(library, "new")
        with traced(run.pid, log, ("mmap", number), "ENOMEM", "mmap"):
            run.go()
            code, said = run.end(), run.said
        assert shelf.state(library) == end_without_memory(code, said)
        failed += code != 0
    return failed


def test_memory_that_is_refused_once_leaves_the_old_library_or_the_new(shelf, library):
    assert refused_memory(shelf, library, lambda found: Random(1).sample(found, 8)) > 0


@pytest.mark.soak
def test_memory_may_be_refused_at_any_time(shelf, library):
    assert refused_memory(shelf, library, lambda found: found) > 0


NO_MEMORY = (
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("could not create a primitive"),
    RuntimeError("Load model failed:std::bad_alloc"),
    ImportError("failed to map segment from shared object"),
)


@pytest.mark.parametrize("error", NO_MEMORY, ids=str)
def test_memory_that_runs_out_is_a_sentence_whoever_says_it(error, capsys):
    with pytest.raises(SystemExit) as ended, told():
        raise error
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("citespan: there is too little memory")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 5 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=5m", "tmpfs", folder]
    if subprocess.run(command, check=False).returncode:
        pytest.skip("only root may make a file system of 5 MB")
    yield folder
    if folder.is_mount():
        subprocess.run(["umount", folder], check=True)


def test_a_disk_that_is_full_stops_the_run_and_questions_are_answered(shelf, small_disk):
    library = shelf.new("library", home=small_disk)
    ballast = small_disk / "ballast"
    succeeded = 0
    for left in (0, 50_000, 100_000, 200_000, 300_000, 400_000, 800_000):
        assert shelf.index(library, "old")[0] == 0
        room = shutil.disk_usage(small_disk).free
        ballast.write_bytes(bytes(room - left))
        code, said = shelf.index(library, "new")
        assert shelf.state(library) == ("old" if code else "new")
        if code:
            assert (code, said.count("\n")) == (2, 1), said
        else:
            succeeded += 1
        ballast.unlink()
    assert 1 <= succeeded < 7
    assert shelf.index(library, "new")[0] == 0
    assert shelf.state(library) == "new"


def test_what_is_open_answers_on_when_its_disk_is_taken_away(shelf, small_disk):
    library = shelf.new("library", home=small_disk)
    qa = QA(library, load_reader(DEFAULT_READER, 1), Confidence(threshold=0.0), shelf.embedder)
    before = [answer.text for answer in qa.ask(QUESTIONS[0]).answers]
    assert before[0] == "Mary Stone"
    subprocess.run(["umount", "--lazy", small_disk], check=True)
    with pytest.raises(LibraryMissing, match=rf"^there is no library in {library} yet: run "):
        qa.refresh()
    assert [answer.text for answer in qa.ask(QUESTIONS[0]).answers] == before
    qa.library.close()
    code, said = shelf.run(["stats", "--data", library], Trouble())
    assert (code, said.count("\n")) == (2, 1), said
