"""All of training in order: what comes out, what is kept, and what is refused before any work."""

import json
import shutil
from pathlib import Path

import pytest
from labelled import ferries, squad
from larger import larger

import qa.training.recipe
import qa.training.train
from qa import LabelError, ReaderError
from qa.errors import TrainingError
from qa.labels import load_labels
from qa.reader import ABOUT, MODEL, TOKENIZER, load_reader
from qa.training.lessons import Settings
from qa.training.material import load_material
from qa.training.recipe import MOST_LOST, train_reader
from qa.window import whole

pytestmark = pytest.mark.model
SETTINGS = Settings(epochs=1, learning_rate=1e-3, tokens=512)
CHECK_MEMORY = qa.training.recipe._check_memory


@pytest.fixture(scope="module", autouse=True)
def small(tiny_embedder):
    """A tiny embedder in the default one's place, memory enough for it, and one thread."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so small a network is slower on several
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(qa.training.recipe, "DEFAULT_EMBEDDER", str(tiny_embedder))
        patch.setattr(qa.training.recipe, "_check_memory", lambda _: None)
        # A network of 16 numbers finds nothing, and by chance something more in one of its forms.
        patch.setattr(qa.training.recipe, "MOST_LOST", 100.0)
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two files to train on, and one to judge by that shares two paragraphs with them."""
    home = tmp_path_factory.mktemp("labels")
    return (
        squad(home / "days.json", *ferries(range(40))),
        squad(home / "more.json", *ferries(range(40, 60), "island")),
        squad(home / "judged.json", *ferries(range(38, 40)), *ferries(range(90, 94))),
    )


@pytest.fixture(scope="module")
def run(small, files, tiny_embedder, tiny_models, tmp_path_factory):
    """Trains on both files, into a new folder; what came out, and where."""

    def train(teacher=None):
        out = tmp_path_factory.mktemp("out") / "my reader"
        (out / "work" / "library").mkdir(parents=True)
        (out / "work" / "library" / "models").symlink_to(tiny_models)
        given = (shares(files), files[2], out, tiny_embedder, teacher, SETTINGS, False)
        return train_reader(*given), out

    return train


def shares(files):
    return [(files[0], 1.0), (files[1], 2.0)]


@pytest.fixture(scope="module")
def done(run):
    return run()


def test_it_writes_a_reader_that_reads(done, article):
    _, out = done
    about = json.loads((out / ABOUT).read_text())
    assert about["name"] == "my reader"
    one = article("On day 3 the ferry left the harbour at four.")
    assert load_reader(out, 1).read("When did it leave?", [whole(one)])
    assert {file.name for file in out.iterdir()} == {MODEL, TOKENIZER, ABOUT, "work", "held-out"}


def test_it_tells_what_it_was_fed(done):
    trained, out = done
    assert trained.left_out == 2
    assert trained.questions + len(held_out(trained.held_out)) + trained.left_out == 60
    assert [path.name for path in trained.held_out] == ["days.json", "more.json"]
    assert all(path.parent == out / "held-out" for path in trained.held_out)
    assert 0 <= trained.f1 <= 100 and 0 <= trained.f1_float <= 100


def test_what_is_held_out_stands_as_in_the_file_it_comes_from(done, files):
    trained, _ = done
    articles, questions = load_labels(trained.held_out[0])
    given_articles, given = load_labels(files[0])
    assert articles
    assert {(one.text, one.published) for one in articles} <= {
        (one.text, one.published) for one in given_articles
    }
    assert all(one.published for one in articles)
    assert [one for one in given if one.article_id in {a.id for a in articles}] == questions


def test_what_is_held_out_is_no_hard_negative(done):
    trained, out = done
    (kept,) = (out / "work").glob("negatives-*.json")
    shown = {id for row in json.loads(kept.read_text()) for id, *_ in row}
    held = {one.id for path in trained.held_out for one in load_labels(path)[0]}
    assert shown and held and shown.isdisjoint(held)


def test_the_same_seed_writes_the_same_reader(done, run):
    one, other = (json.loads((out / ABOUT).read_text()) for _, out in (done, run()))
    assert one == other


def test_a_run_that_goes_on_mines_no_negatives_again(done, files, tiny_embedder, monkeypatch):
    def never(*_):
        raise AssertionError("negatives were mined again")

    monkeypatch.setattr(qa.training.recipe, "mine", never)
    trained, out = done
    before = (out / ABOUT).read_bytes()
    given = (shares(files), files[2], out, tiny_embedder, None, SETTINGS, False)
    assert train_reader(*given) == trained
    assert (out / ABOUT).read_bytes() == before


def test_a_reader_that_was_trained_can_be_gone_on_from(done, files, tiny_models, tmp_path):
    (tmp_path / "work" / "library").mkdir(parents=True)
    (tmp_path / "work" / "library" / "models").symlink_to(tiny_models)
    trained = train_reader(shares(files), files[2], tmp_path, done[1], None, SETTINGS, False)
    assert trained.questions == done[0].questions
    digests = [load_reader(folder, 1).fingerprint for folder in (tmp_path, done[1])]
    assert digests[0] != digests[1]


def test_a_run_does_not_go_on_from_one_with_another_start(
    run, done, files, tiny_embedder, monkeypatch
):
    monkeypatch.setattr(qa.training.train, "_EVERY", 1)
    _, out = run()
    with pytest.raises(TrainingError, match="a training run with other settings"):
        train_reader(shares(files), files[2], out, done[1], None, SETTINGS, False)


@pytest.fixture(scope="module")
def teacher(small, files, tiny_models, tmp_path_factory):
    """A larger model that was trained to teach; what came out, and where."""
    home = tmp_path_factory.mktemp("teacher")
    (home / "out" / "work" / "library").mkdir(parents=True)
    (home / "out" / "work" / "library" / "models").symlink_to(tiny_models)
    start = larger(home / "model")
    return train_reader(
        shares(files), files[2], home / "out", start, None, SETTINGS, False
    ), home / "out"


def test_a_larger_model_is_written_to_teach(teacher, done):
    trained, out = teacher
    assert trained.f1 is None and 0 <= trained.f1_float <= 100
    assert trained.questions == done[0].questions
    assert {"model.safetensors", "config.json", TOKENIZER} <= {one.name for one in out.iterdir()}
    assert not (out / MODEL).exists()


def test_who_is_taught_learns_something_else(teacher, done, run, files, tiny_embedder, monkeypatch):
    monkeypatch.setattr(qa.training.train, "_EVERY", 1)
    trained, out = run(teacher[1])
    assert trained.questions == done[0].questions
    digests = [load_reader(folder, 1).fingerprint for folder in (out, done[1])]
    assert digests[0] != digests[1]
    with pytest.raises(TrainingError, match="a training run with other settings"):
        train_reader(shares(files), files[2], out, tiny_embedder, None, SETTINGS, False)


@pytest.fixture
def made(monkeypatch):
    """All steps but the last are spared; the F1 of the float and the int8 form can be set."""

    def export(network, tokenizer, name, folder, *, int8):
        folder.mkdir(parents=True)
        (folder / MODEL).write_text("int8" if int8 else "float")

    monkeypatch.setattr(qa.training.recipe, "train", lambda *_: None)
    monkeypatch.setattr(qa.training.recipe, "mine", lambda _, asked, *more: [[] for _ in asked])
    monkeypatch.setattr(qa.training.recipe, "export", export)
    monkeypatch.setattr(qa.training.recipe, "MOST_LOST", MOST_LOST)

    def scoring(whole, int8):
        f1s = iter((whole, int8))
        monkeypatch.setattr(qa.training.recipe, "_f1", lambda *_: next(f1s))

    scoring(50.0, 50.0)
    return scoring


def test_int8_may_cost_a_little(made, files, tiny_embedder, tmp_path):
    made(50.0, 49.7)
    (tmp_path / "work").mkdir()
    trained = train_reader(shares(files), files[2], tmp_path, tiny_embedder, None, SETTINGS, False)
    assert (trained.f1, trained.f1_float) == (49.7, 50.0)
    assert (tmp_path / MODEL).read_text() == "int8"


def test_a_reader_that_int8_costs_too_much_is_not_written(made, files, tiny_embedder, tmp_path):
    made(50.0, 49.5)
    (tmp_path / "out" / "work").mkdir(parents=True)
    said = refused(tmp_path, files, tiny_embedder)
    assert said.startswith("int8 costs 0.50 F1, more than 0.4: the reader is not written")
    assert {folder.name for folder in (tmp_path / "out" / "work").iterdir()} >= {"float", "int8"}


def held_out(paths):
    return {one.question for path in paths for one in load_labels(path)[1]}


def test_files_of_one_name_keep_what_each_holds_out(made, files, tiny_embedder, tmp_path):
    twin = tmp_path / files[0].name
    twin.write_text(files[1].read_text())
    (tmp_path / "out" / "work").mkdir(parents=True)
    given = [(files[0], 1.0), (twin, 1.0), (files[0], 0.5)]
    trained = train_reader(given, files[2], tmp_path / "out", tiny_embedder, None, SETTINGS, False)
    assert [path.name for path in trained.held_out] == ["days.json", "days-2.json"]
    every = {one.question for path in files[:2] for one in load_labels(path)[1]}
    assert held_out(trained.held_out) < every
    assert all(load_labels(path)[1] for path in trained.held_out)


def test_a_file_of_which_nothing_is_held_out_leaves_no_empty_one(
    made, files, tiny_embedder, tmp_path
):
    few = squad(tmp_path / "few.json", *ferries(range(3)))
    assert not load_material(few, []).held_out
    (tmp_path / "out" / "work").mkdir(parents=True)
    given = [(few, 1.0)]
    trained = train_reader(given, files[2], tmp_path / "out", tiny_embedder, None, SETTINGS, False)
    assert trained.held_out == ()
    assert list((tmp_path / "out" / "held-out").iterdir()) == []


@pytest.fixture
def idle(monkeypatch):
    """Any work would fail the test."""

    def never(*_):
        raise AssertionError("work was begun")

    for step in ("mine", "train", "export"):
        monkeypatch.setattr(qa.training.recipe, step, never)


def refused(tmp_path, files, start, **more):
    out = tmp_path / "out"
    given = {"data": [(files[0], 1.0)], "judged": files[2]} | more
    settings = (out, start, given.get("teacher"), SETTINGS, False)
    with pytest.raises((LabelError, ReaderError, TrainingError)) as told:
        train_reader(given["data"], given["judged"], *settings)
    assert not (out / MODEL).exists()
    return str(told.value)


def test_too_little_memory_is_told_before_any_work(
    idle, files, tiny_embedder, tmp_path, monkeypatch
):
    monkeypatch.setattr(qa.training.recipe, "_check_memory", CHECK_MEMORY)
    small = tmp_path / "meminfo"
    small.write_text("MemTotal: 8000000 kB\nMemFree: 100 kB\nMemAvailable:    2929688 kB\n")
    monkeypatch.setattr(qa.training.recipe, "_MEMINFO", small)
    said = refused(tmp_path, files, tiny_embedder)
    assert said == ("training needs 4 GB of free memory, and 3.0 are free: close other programs")
    assert not (tmp_path / "out").exists()


def test_a_larger_model_takes_more_memory(idle, files, tmp_path, monkeypatch):
    monkeypatch.setattr(qa.training.recipe, "_check_memory", CHECK_MEMORY)
    small = tmp_path / "meminfo"
    small.write_text("MemAvailable:    6000000 kB\n")
    monkeypatch.setattr(qa.training.recipe, "_MEMINFO", small)
    said = refused(tmp_path, files, larger(tmp_path / "model"))
    assert said == ("training needs 9 GB of free memory, and 6.1 are free: close other programs")


def test_every_wrong_row_is_named_before_any_work(idle, files, tiny_embedder, tmp_path):
    data = json.loads(files[0].read_text())
    for number in (3, 5, 8):
        data["data"][0]["paragraphs"][number]["qas"][0]["answers"][0]["answer_start"] += 1
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(data))
    shares = [(files[1], 1.0), (wrong, 1.0)]
    said = refused(tmp_path, files, tiny_embedder, data=shares)
    assert "3 of 40 questions can't be used" in said
    assert all(f"question {number}-0:" in said for number in (3, 5, 8))
    assert "wrong.json" in refused(tmp_path, files, tiny_embedder, judged=wrong)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("{", "is not SQuAD 1.1 or 2.0 JSON"),
        ('{"data": []}', "holds no question"),
        (None, "can't be read: No such file or directory"),
    ],
)
def test_a_file_that_is_none_is_told_before_any_work(
    idle, files, tiny_embedder, tmp_path, raw, reason
):
    broken = tmp_path / "broken.json"
    if raw is not None:
        broken.write_text(raw)
    shares = [(files[1], 1.0), (broken, 1.0)]
    for said in (
        refused(tmp_path, files, tiny_embedder, data=shares),
        refused(tmp_path, files, tiny_embedder, judged=broken),
    ):
        assert reason in said and "broken.json" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("start", ["nowhere", "."])
def test_a_start_that_is_none_is_told_before_any_work(idle, files, tmp_path, start):
    (tmp_path / "empty").mkdir()
    said = refused(tmp_path, files, tmp_path / "empty" / start)
    assert "can't be loaded as a model to train" in said


def test_a_start_without_a_tokenizer_is_told_before_any_work(idle, files, tiny_embedder, tmp_path):
    start = tmp_path / "start"
    start.mkdir()
    for name in ("config.json", "model.safetensors"):
        (start / name).symlink_to(Path(tiny_embedder) / name)
    assert f"{start} has no {TOKENIZER}" in refused(tmp_path, files, start)


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        (None, "was not trained to extract answers: it can't teach"),
        (["MPNetModel"], "was not trained to extract answers: it can't teach"),
        (["BertForQuestionAnswering"], "can't be loaded as a model to train"),
    ],
)
def test_what_can_not_teach_is_told_before_any_work(
    idle, files, tiny_embedder, tmp_path, kinds, said
):
    folder = tmp_path / "teacher"
    folder.mkdir()
    if kinds is not None:
        (folder / "config.json").write_text(json.dumps({"architectures": kinds}))
    assert said in refused(tmp_path, files, tiny_embedder, teacher=folder)


def test_a_teacher_of_other_tokens_is_told_before_any_work(
    idle, done, files, tiny_embedder, tmp_path
):
    start = shutil.copytree(tiny_embedder, tmp_path / "start")
    made = json.loads((start / TOKENIZER).read_text())
    words = made["model"]["vocab"]
    words["treaty"], words["harbour"] = words["harbour"], words["treaty"]
    (start / TOKENIZER).write_text(json.dumps(made))
    said = refused(tmp_path, files, start, teacher=done[1])
    assert said == f"{done[1]} does not read in the reader's tokens: it can't teach it"
