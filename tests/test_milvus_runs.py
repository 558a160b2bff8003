"""Indexing runs beside each other on one Milvus library, and runs that are killed there.

How they go together stands in `index/remote_state.py`.
"""

import json
import random
import re
import time
from collections import Counter
from hashlib import sha256
from types import SimpleNamespace

import numpy as np
import pytest
from indexer import Trouble, start
from milvus_servers import lite, real

from index.errors import LibraryError, LibraryMissing
from index.library import MODELS
from index.place import Remote
from index.records import Version
from index.remote import RemoteLibrary
from index.remote_shelf import RemoteShelf
from index.split import split

VECTOR = np.full(16, 0.25, np.float32)
ALL = 10_000
STEPS = [
    pytest.param("index.milvus:_see_to", marks=pytest.mark.soak),  # a collection without an index
    pytest.param("index.remote_shelf:RemoteRun.begin", marks=pytest.mark.soak),
    pytest.param("index.remote_shelf:RemoteRun.claim", marks=pytest.mark.soak),
    "index.milvus:Milvus.put_passages",
    pytest.param("index.remote_shelf:RemoteShelf.stage_all", marks=pytest.mark.soak),
    pytest.param("index.remote_shelf:RemoteShelf.set_failures", marks=pytest.mark.soak),
    "index.remote_shelf:RemoteShelf._put_revision",
    pytest.param("index.remote_shelf:RemoteShelf.publish", marks=pytest.mark.soak),
]


@pytest.fixture(scope="module", params=["lite", pytest.param("real", marks=pytest.mark.soak)])
def port(request, tmp_path_factory):
    pytest.importorskip("pymilvus", reason=".venv/bin/pip install -e '.[milvus]'")
    server = lite if request.param == "lite" else real
    with server(tmp_path_factory.mktemp(request.param)) as one:
        yield one


@pytest.fixture
def place(port, request, tmp_path):
    """The library of this test as a machine has it, by the machine's name."""
    name = f"t{sha256(request.node.name.encode()).hexdigest()[:16]}"

    def of(machine):
        folder = tmp_path / machine
        folder.mkdir(exist_ok=True)
        return Remote("127.0.0.1", port, name, folder)

    return of


@pytest.fixture
def begin(place):
    """Begins a run on a machine; it publishes with `end`."""
    opened = []

    def go(machine):
        shelf = RemoteShelf(place(machine))
        opened.append(shelf)
        shelf.begin("tiny:1")
        return shelf

    yield go
    for one in opened:
        one.close()


def stage(shelf, *articles):
    """Write articles as a run does; how many of them it is left to write."""
    shelf.look(articles)
    changed = [one for one in articles if shelf.live_digest(one.id) != one.digest]
    new = [one for one in changed if not shelf.takes_up(one)]
    if not new:
        return 0
    mine = shelf.claim(new)
    shelf.stage_all([version(one) for one in new if one.id in mine])
    return len(mine)


def version(article):
    passages = split(article)
    vectors = np.tile(VECTOR, (len(passages), 1))
    return Version(article, passages, vectors, {"EU": "European Union"})


def end(shelf, without=()):
    """Publish a run, and delete what is over."""
    removed = shelf.gone(lambda id, origin: origin in without)
    shelf.publish(removed, [], lambda origin: True, "tiny:1")
    shelf.tidy()


def clock(ahead=0.0, number=None):
    """A clock that is seconds ahead, or gives this number to a run."""
    return SimpleNamespace(
        time=lambda: time.time() + ahead,
        time_ns=lambda: time.time_ns() if number is None else number,
        monotonic=time.monotonic,
    )


def told(library):
    """The text of each passage, as often as it is found; the counts are as many."""
    hits = library.hits(library.nearest(VECTOR, ALL))
    assert library.counts().passages == len(hits)
    assert library.counts().articles == len({hit.passage.article_id for hit in hits})
    library.check(library.article(hit.passage.article_id) for hit in hits)
    return sorted(hit.passage.text for hit in hits)


def seen(place):
    """What a reader sees now."""
    try:
        library = RemoteLibrary(place)
    except LibraryMissing:
        return []
    try:
        return told(library)
    finally:
        library.close()


def stored(shelf):
    """How many rows of each kind, and passages, there are."""
    milvus = shelf._milvus
    rows = milvus.every(milvus.rows, 'kind != ""', ["kind"])
    passages = milvus.every(milvus.passages, "id >= 0", ["article"])
    return Counter([row["kind"] for row in rows] + ["passage" for _ in passages])


def test_what_two_runs_publish_at_once_is_all_there(begin, place, article):
    one, two, both = article("One."), article("Two.", name="2"), article("Both.", name="3")
    first, second = begin("first"), begin("second")
    assert stage(first, one, both) == 2
    assert stage(second, both, two) == 1  # the other is whole, and taken up
    first.gone(lambda id, origin: False)  # it has counted, and then another publishes
    end(second)
    former = RemoteLibrary(place("first"))
    assert told(former) == ["Both.", "Two."] and former.expansions("eu") == ["European Union"]
    first.publish([], [], lambda origin: True, "tiny:1")
    assert told(former) == ["Both.", "Two."]
    library = RemoteLibrary(place("second"))
    assert told(library) == ["Both.", "One.", "Two."]
    assert library.revision > former.revision and library.published != former.published
    assert library.published == library.latest()
    former.close()
    library.close()


def test_a_run_that_ends_before_one_that_began_earlier_stays_seen(begin, place, article):
    early, late = begin("early"), begin("late")
    stage(early, article("Early."))
    stage(late, article("Late.", name="2"))
    end(late)
    assert seen(place("late")) == ["Late."]
    end(early)
    third = begin("late")
    stage(third, article("Third.", name="3"))
    end(third, without=["2"])
    assert seen(place("late")) == ["Early.", "Third."]


def test_an_article_is_for_one_run_to_write(begin, article):
    first, second, third = begin("first"), begin("second"), begin("third")
    one = article("One.")
    for shelf in (first, second, third):
        shelf.look([one])
    inner = first._run._look_also

    def meanwhile(articles):
        first._run._look_also = inner
        assert second.claim([one]) == set()  # it sees an earlier run's claim, and withdraws
        inner(articles)

    first._run._look_also = meanwhile
    assert first.claim([one]) == {one.id}
    assert third.claim([one]) == set()
    other = article("One, changed.")  # another version is nobody's yet
    assert third.claim([other]) == {one.id}
    first.stage_all([version(one)])
    assert second.claim([one]) == set() and second.takes_up(one)


def test_a_later_run_that_saw_no_claim_is_waited_for(begin, article):
    first, second = begin("first"), begin("second")
    one = article("One.")
    first._run.begin()
    assert second.claim([one]) == {one.id}
    assert first.claim([one]) == set()
    second.stage_all([version(one)])
    assert first.claim([one]) == set() and first.takes_up(one)


def test_what_a_dead_run_claimed_is_free_at_once_on_its_machine_and_soon_elsewhere(
    begin, article, monkeypatch
):
    one = article("One.")
    assert begin("first").claim([one]) == {one.id}
    other = begin("second")
    assert other.claim([one]) == set()
    assert begin("first").claim([one]) == {one.id}  # it has the folder, so the other is dead
    monkeypatch.setattr("index.remote_run.time", clock(ahead=100.0))
    assert other.claim([one]) == {one.id}


def test_what_was_replaced_stays_for_those_who_read_it_and_goes_then(
    begin, place, article, monkeypatch
):
    old, new, third = (article(text) for text in ("Old.", "New.", "Third."))
    other = article("Other.", name="2")
    run = begin("first")
    stage(run, old, other)
    end(run)
    reader = RemoteLibrary(place("second"))
    for one in (new, third):
        run = begin("first")
        stage(run, one)
        end(run, without=["2"])
    assert told(reader) == ["Old.", "Other."]  # nothing of it was in its memory
    assert stored(run)["passage"] == 4
    monkeypatch.setattr("index.remote_state.GRACE", -1.0)
    run = begin("first")
    stage(run, third)
    run.gone(lambda id, origin: False)
    run.tidy()
    assert seen(place("first")) == ["Third."]
    kinds = ("library", "revision", "head", "part", "acronym", "passage")
    assert stored(run) == dict.fromkeys(kinds, 1)
    with pytest.raises(LibraryError):
        reader.check([old])
    reader.close()


def test_what_a_dead_run_left_is_taken_up_or_deleted(begin, place, article, monkeypatch):
    monkeypatch.setattr("index.remote_state.GRACE", -1.0)
    kept, left, half = (article(f"{name}.", name=name) for name in ("Kept", "Left", "Half"))
    dead = begin("first")
    stage(dead, kept, left)
    dead.look([half])
    dead.claim([half])
    with pytest.raises(ZeroDivisionError), monkeypatch.context() as patch:
        patch.setattr("index.remote_shelf.RemoteShelf._write_heads", lambda self: 1 / 0)
        dead.stage_all([version(half)])
    for _ in range(3):  # takes it up; deletes heads; deletes what they named
        run = begin("first")
        stage(run, kept)
        end(run)
        assert seen(place("first")) == ["Kept."]
    found = stored(run)
    assert [found[one] for one in ("passage", "part", "head", "claim", "run")] == [1, 1, 1, 0, 0]


def test_a_run_that_was_given_up_for_dead_says_so(begin, place, article, monkeypatch):
    slow, other = begin("first"), begin("second")
    stage(slow, article("One."))
    stage(other, article("Two.", name="2"))
    with monkeypatch.context() as patch:
        patch.setattr("index.remote_state.time", clock(ahead=100_000.0))
        end(other)
    for go in (lambda: stage(slow, article("Three.", name="3")), lambda: end(slow)):
        with pytest.raises(LibraryError, match=r"gave milvus://.* no sign of life for a day, and"):
            go()
    assert seen(place("first")) == ["Two."]


def test_a_run_takes_another_number_when_a_later_one_was_published(
    begin, place, article, monkeypatch
):
    early, late = begin("early"), begin("late")
    stage(late, article("Late.", name="2"))
    inner = early._run.refresh

    def meanwhile():
        early._run.refresh = inner
        end(late)
        inner()

    early._run.refresh = meanwhile
    monkeypatch.setattr("index.remote_run.time", clock(number=1))
    assert stage(early, article("Early.")) == 1
    assert early._run.number > late._run.number
    assert seen(place("late")) == ["Late."]


@pytest.fixture
def sources(tmp_path):
    """Articles as rows of three files: what each of two machines has, and what both have."""
    for name, huts in {
        "first": range(10),
        "shared": range(10, 20),
        "second": range(20, 30),
    }.items():
        folder = tmp_path / f"{name}-articles"
        folder.mkdir()
        rows = [json.dumps({"id": f"{n}", "title": f"Hut {n}", "text": hut(n)}) for n in huts]
        (folder / "huts.jsonl").write_text("\n".join(rows), encoding="utf-8")
    return tmp_path


def hut(number):
    return "\n\n".join(f"Hut {number} has room {room}, which has view 0." for room in range(60))


def views(texts):
    """Of each hut that is told of the views from its rooms: two would be of two versions."""
    found = {}
    for number, view in re.findall(
        r"Hut (\d+) has room \d+, which has view (\d+)\.", "\n".join(texts)
    ):
        found.setdefault(int(number), set()).add(int(view))
    return found


@pytest.fixture
def index(place, sources, tiny_embedder, tiny_models):
    """Gives a run of the command on a machine of the name, imported and waiting."""

    def prepare(name, **trouble):
        library = place(name)
        folders = [sources / f"{one}-articles" for one in (name, "shared")]
        if not (library.folder / MODELS).exists():
            (library.folder / MODELS).symlink_to(tiny_models)
        arguments = ["index", *folders, "--json", "--data", library.folder]
        arguments += ["--library", str(library), "--embedder", tiny_embedder]
        return start(library.folder / "log", arguments, Trouble(**trouble))

    return prepare


@pytest.mark.soak
def test_two_machines_share_a_list(place, index):
    runs = [index(name) for name in ("first", "second")]
    for run in runs:
        run.go()
    assert [run.end() for run in runs] == [0, 0], [run.said for run in runs]
    reports = [json.loads(run.said) for run in runs]
    texts = seen(place("first"))
    assert views(texts) == {number: {0} for number in range(30)}
    assert sum(report["embedded"] for report in reports) == len(texts)
    again = index("first")
    again.go()
    assert again.end() == 0, again.said
    report = json.loads(again.said)
    assert (report["unchanged"], report["articles"], report["embedded"]) == (20, 30, 0)


@pytest.mark.parametrize("step", STEPS)
def test_a_run_killed_after_a_step_shows_all_or_nothing(place, index, step):
    run = index("first", killed_after=step, claimed=5.0)
    run.go()
    assert run.end() == -9, run.said
    is_published = step.endswith(("_put_revision", "publish"))
    assert sorted(views(seen(place("second")))) == [*range(20 if is_published else 0)]
    other = index("second")
    other.go()
    assert other.end() == 0, other.said
    first = 0 if is_published else 10
    assert views(seen(place("first"))) == {number: {0} for number in range(first, 30)}


@pytest.mark.soak
@pytest.mark.parametrize("rounds", [60])
def test_two_runs_of_which_one_is_killed_at_any_moment(place, index, sources, rounds):
    """What is seen is whole articles of published runs; whoever comes next ends the work."""
    moments = random.Random(rounds)
    machines = ("first", "second")
    for number in range(1, rounds + 1):
        for file in sources.glob("*/huts.jsonl"):
            told = file.read_text(encoding="utf-8")
            file.write_text(told.replace(f"view {number - 1}.", f"view {number}."), "utf-8")
        runs = [index(name, claimed=5.0) for name in machines]
        for run in runs:
            run.go()
        time.sleep(moments.uniform(0.1, 3.0))
        killed = number % 2
        runs[killed].kill()
        assert runs[1 - killed].end() == 0, runs[1 - killed].said
        now = views(seen(place("first")))
        assert all(len(one) == 1 for one in now.values())
        own = range(20) if killed == 1 else range(10, 30)
        assert {n: now.get(n) for n in own} == {n: {number} for n in own}
    for name in machines:
        run = index(name)
        run.go()
        assert run.end() == 0, run.said
    assert json.loads(run.said)["articles"] == 30
    assert views(seen(place("first"))) == {n: {rounds} for n in range(30)}
