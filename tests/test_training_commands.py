"""citespan train and citespan calibrate as typed: what they print, and how they end."""

import json
import shutil

import pytest
from click.testing import CliRunner
from labelled import ferries, squad

import qa.training.recipe
from qa.cli import main
from qa.confidence import CALIBRATION
from qa.reader import DEFAULT_READER, MODEL
from qa.training.lessons import Settings

pytestmark = pytest.mark.model


def run(*arguments):
    return CliRunner().invoke(main, [str(one) for one in arguments])


def sentence(result):
    """The lines on standard error with which a command gave up."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("citespan: ")
    assert "Traceback" not in result.stderr
    return result.stderr.removeprefix("citespan: ").rstrip("\n")


@pytest.fixture
def days(tmp_path):
    return squad(tmp_path / "days.json", *ferries(range(30)))


@pytest.fixture
def judged(tmp_path):
    return squad(tmp_path / "judged.json", *ferries(range(90, 94)))


@pytest.fixture
def out(tiny_embedder, tiny_models, tmp_path, monkeypatch):
    """A folder for a reader; a tiny embedder, already exported, is in the default one's place."""
    monkeypatch.setattr(qa.training.recipe, "DEFAULT_EMBEDDER", str(tiny_embedder))
    folder = tmp_path / "out" / "work" / "library"
    folder.mkdir(parents=True)
    (folder / "models").symlink_to(tiny_models)
    return tmp_path / "out"


def test_a_reader_is_trained_then_asked_and_measured(
    days, judged, out, tiny_embedder, tmp_path, monkeypatch
):
    monkeypatch.setattr(qa.training.recipe, "_check_memory", lambda _: None)
    monkeypatch.setattr(qa.training.recipe, "MOST_LOST", 100.0)  # 16 numbers find nothing
    typed = ["train", f"{days}=0.5", days, "--eval", judged, "--out", out]
    typed += ["--start", tiny_embedder, "--epochs", 0.5, "--seed", 7]
    done = run(*typed)
    assert done.exit_code == 0, done.output
    trained, figures, reader, then = done.stdout.splitlines()
    assert trained.startswith("trained on ") and trained.endswith(", 0 left out")
    assert figures.startswith("F1 ") and "as written (int8)" in figures
    assert reader == f"reader: {out}"
    assert then.startswith(f"next: citespan calibrate {out / 'held-out' / 'days.json'}")
    assert then.endswith(f"--reader {out}")

    data = tmp_path / "data"
    measured = run("eval", judged, "--json", "--reader", out, "--data", data)
    assert measured.exit_code == 0, measured.output
    found = json.loads(measured.stdout)
    assert (found["questions"], found["calibrated"]) == (4, False)
    assert figures.startswith(f"F1 {found['f1']:.2f} ")
    said = sentence(run("calibrate", days, "--reader", out, "--data", data))
    assert said == "30 questions are too few to calibrate with: give 100 at least"


def test_a_reader_is_calibrated_and_then_believed(embedder_models, tmp_path):
    file = squad(tmp_path / "days.json", *ferries(range(120)))
    reader = shutil.copytree(DEFAULT_READER, tmp_path / "reader")
    (reader / CALIBRATION).unlink(missing_ok=True)
    data = tmp_path / "data"
    (data / "calibration").mkdir(parents=True)
    (data / "calibration" / "models").symlink_to(embedder_models)
    few = ["eval", file, "--limit", 2, "--json", "--reader", reader, "--data", data]
    assert json.loads(run(*few).stdout)["calibrated"] is False
    done = run("calibrate", file, "--reader", reader, "--data", data, "--promise", 0.9)
    assert done.exit_code == 0, done.output
    written = json.loads(done.stdout)
    assert written == json.loads((reader / CALIBRATION).read_text())
    assert (written["questions"], written["promise"]) == (120, 0.9)
    assert json.loads(run(*few).stdout)["calibrated"] is True


@pytest.fixture
def given(monkeypatch):
    """What the command asks for; no training is done."""
    found = []

    def train_reader(*arguments):
        found.append(arguments)
        return qa.training.recipe.Trained(1234, 5, (), 70.0, 70.25)

    monkeypatch.setattr("qa.training.commands.train_reader", train_reader)
    return found


def test_what_is_typed_is_what_is_asked_for(given, days, judged, tmp_path):
    odd = squad(tmp_path / "a=b.json", *ferries(range(3)))
    typed = [days, f"{days}=0.25", odd, f"{odd}=2", "--eval", judged, "--out", tmp_path / "out"]
    done = run("train", *typed)
    assert done.exit_code == 0, done.output
    assert "trained on 1,234 questions, 5 left out" in done.stdout
    assert "F1 70.00 as written (int8), 70.25 in float32" in done.stdout
    run("train", *typed, "--epochs", 3, "--learning-rate", 2e-4, "--keep", 0.5, "--seed", 9)
    ((shares, *places, settings, progress), (*_, other, _)) = given
    assert shares == ((days, 1.0), (days, 0.25), (odd, 1.0), (odd, 2.0))
    assert places == [judged, tmp_path / "out", None, None]
    assert (settings, other) == (Settings(), Settings(3, 2e-4, seed=9, keep=0.5))
    assert progress is False


def test_a_larger_model_is_told_of_as_a_teacher(monkeypatch, days, judged, tmp_path):
    made = qa.training.recipe.Trained(1234, 5, (), None, 70.25)
    monkeypatch.setattr("qa.training.commands.train_reader", lambda *_: made)
    done = run("train", days, "--eval", judged, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "F1 70.25 in float32" in done.stdout and "int8" not in done.stdout
    assert f"citespan train … --teacher {tmp_path / 'out'}" in done.stdout


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (["nowhere.json"], "nowhere.json is not a file"),
        (["nowhere.json=2"], "nowhere.json is not a file"),
        (["DAYS=0"], "a share is above 0"),
        (["DAYS=-1"], "a share is above 0"),
        (["DAYS=101"], "at most 100"),
        (["DAYS=nan"], "a share is above 0"),
        (["DAYS=much"], "is not a file"),
        ([], "Missing argument"),
        (["DAYS", "--epochs", "0"], "--epochs"),
        (["DAYS", "--epochs", "inf"], "--epochs"),
        (["DAYS", "--epochs", "nan"], "nan is not a number"),
        (["DAYS", "--learning-rate", "0"], "--learning-rate"),
        (["DAYS", "--learning-rate", "1"], "--learning-rate"),
        (["DAYS", "--seed", "1.5"], "--seed"),
    ],
)
def test_what_cannot_be_meant_is_explained(given, days, judged, tmp_path, changed, said):
    typed = [one.replace("DAYS", str(days)) for one in changed]
    done = run("train", *typed, "--eval", judged, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "Usage: " in done.stderr
    assert said in done.stderr
    assert given == []


def test_both_files_must_be_there(given, days, judged, tmp_path):
    for typed in (["--eval", judged], ["--out", tmp_path], ["--out", tmp_path, "--eval", "no"]):
        done = run("train", days, *typed)
        assert done.exit_code == 2 and "Usage: " in done.stderr
    assert given == []


def test_rows_with_wrong_offsets_are_all_named_and_nothing_is_trained(
    days, judged, out, monkeypatch
):
    monkeypatch.setattr(qa.training.recipe, "_check_memory", lambda _: None)
    data = json.loads(days.read_text())
    for number in (3, 5):
        data["data"][0]["paragraphs"][number]["qas"][0]["answers"][0]["answer_start"] += 1
    days.write_text(json.dumps(data))
    first, *rows = sentence(run("train", days, "--eval", judged, "--out", out)).splitlines()
    assert first == f"{days}: 2 of 30 questions can't be used:"
    assert [row.split(":")[0] for row in rows] == ["  question 3-0", "  question 5-0"]
    assert not (out / MODEL).exists()


def test_what_is_no_labelled_file_is_one_sentence(days, judged, out, monkeypatch):
    monkeypatch.setattr(qa.training.recipe, "_check_memory", lambda _: None)
    judged.write_text("{}")
    said = sentence(run("train", days, "--eval", judged, "--out", out))
    assert said == f"{judged} is not SQuAD 1.1 or 2.0 JSON"
    days.write_text('{"data": []}')
    assert sentence(run("calibrate", days)) == f"{days} holds no question"


@pytest.mark.parametrize("typed", [[], ["nowhere.json"], ["DAYS", "--promise", "nan"]])
def test_what_cannot_be_calibrated_is_explained(days, typed):
    done = run("calibrate", *(one.replace("DAYS", str(days)) for one in typed))
    assert done.exit_code == 2
    assert "Usage: " in done.stderr
