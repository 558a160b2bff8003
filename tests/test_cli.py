"""The command as typed: what it prints, as text and as JSON, and how it ends."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import apsw
import pytest
from click.testing import CliRunner

from index import DEFAULT_EMBEDDER, Library, embedder_fingerprint, library_fingerprint
from qa.cli import main
from qa.confidence import CALIBRATION, Confidence
from qa.reader import DEFAULT_READER, load_reader

pytestmark = pytest.mark.model
COMMANDS = (
    *("index", "ask", "eval", "train", "calibrate", "stats", "verify", "backup", "restore"),
    *("serve", "watch", "migrate"),
)
COMMAND = Path(sys.executable).with_name("citespan")
QUESTION = "Who signed the RAA between Britain and Japan?"
FRONT = "---\ntitle: The old bridge\npublished: 2023-01-11\nsource: Alder News\n---\n"
BRIDGE = "The old bridge was built by Mary Stone. It was opened in 1907."


def run(*arguments, **environment):
    return CliRunner().invoke(main, [str(one) for one in arguments], env=environment)


def calibrated(folder, **numbers):
    """A copy of the shipped reader, with a calibration of these numbers."""
    shutil.copytree(DEFAULT_READER, folder)
    fingerprint = {
        "reader": load_reader(folder, 1).fingerprint,
        "library": library_fingerprint(embedder_fingerprint(DEFAULT_EMBEDDER)),
    }
    fitted = asdict(Confidence()) | numbers
    written = {"fingerprint": fingerprint, "numbers": fitted}
    (folder / CALIBRATION).write_text(json.dumps(written))
    return folder


def sentence(result):
    """The one line on standard error with which a command gave up."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("citespan: ")
    return line


@pytest.fixture
def articles(tmp_path):
    """A folder with two articles in it."""
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "bridge.md").write_text(FRONT + BRIDGE, encoding="utf-8")
    (folder / "tea.txt").write_text("Tea 🍵 is grown in Uji. It is green.", encoding="utf-8")
    return folder


@pytest.fixture
def data(embedder_models, tmp_path):
    """An empty data folder but for the exported embedder."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "models").symlink_to(embedder_models)
    return folder


def test_index_reports_what_it_did(articles, data):
    first = run("index", articles, "--data", data)
    assert first.exit_code == 0, first.output
    assert "read 2 articles: 2 added, 0 changed, 0 unchanged, 0 duplicate" in first.stdout
    assert "library: 2 articles, 2 passages, revision 1" in first.stdout
    again = run("index", articles, "--data", data, "--json")
    assert again.exit_code == 0
    report = json.loads(again.stdout)
    assert (report["read"], report["unchanged"], report["embedded"]) == (2, 2, 0)
    assert report["revision"] == 1


def test_a_tilde_that_no_shell_has_read_is_the_home(tmp_path):
    """As in `make index ARTICLES=~/articles`, which not every shell expands."""
    home = {"HOME": str(tmp_path), "CITESPAN_DATA": "~/library"}
    assert f"{tmp_path}/none." in sentence(run("index", "~/none", **home))
    assert f"{tmp_path}/library " in sentence(run("stats", **home))


def test_index_names_the_file_it_could_not_read_and_ends_with_1(articles, data):
    (articles / "broken.txt").write_bytes(b"\xff\xfe\x00")
    (articles / "empty.txt").write_bytes(b"")
    result = run("index", articles, "--data", data)
    assert result.exit_code == 1
    assert "broken.txt" in result.stdout
    assert "empty.txt: holds no text" in result.stdout
    assert "read 2 articles: 2 added" in result.stdout
    report = json.loads(run("index", articles, "--data", data, "--json").stdout)
    assert report["failed"] == len(report["failures"]) == 2
    shown = run("stats", "--data", data)
    assert shown.exit_code == 0
    assert shown.stdout.count("failed ") == 2


def test_index_only_forgets_what_came_from_elsewhere(articles, data, tmp_path):
    run("index", articles, "--data", data)
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.txt").write_text("The harbour was painted by Peter Wood.")
    assert json.loads(run("index", other, "--data", data, "--json").stdout)["articles"] == 3
    result = run("index", other, "--data", data, "--only", "--json")
    assert json.loads(result.stdout)["removed"] == 2
    assert Library(data).counts().articles == 1


def test_ask_shows_the_answer_in_its_sentence_with_title_and_date(articles, data):
    run("index", articles, "--data", data)
    result = run("ask", "Who built the old bridge?", "--data", data)
    assert result.exit_code == 0
    assert "1. Mary Stone" in result.stdout
    assert "The old bridge was built by Mary Stone." in result.stdout
    assert "The old bridge · Alder News · 2023-01-11" in result.stdout
    assert "revision 1" in result.stdout


def test_ask_keeps_to_what_it_is_told_to(articles, data):
    run("index", articles, "--data", data)
    asked = ["ask", "Who built the old bridge?", "--json", "--data", data]
    cited = json.loads(run(*asked).stdout)["answers"][0]["citations"][0]
    id, day, source = cited["article_id"], cited["published"], cited["source"]
    for kept, found in (
        (["--from", day, "--to", day], True),
        (["--source", source, "--source", "Nowhere", "--article", id], True),
        (["--from", "2023-01-12"], False),
        (["--to", "2023-01-10"], False),
        (["--source", "Nowhere"], False),
        (["--article", "none"], False),
    ):
        cited_now = [
            citation["article_id"]
            for answer in json.loads(run(*asked, *kept).stdout)["answers"]
            for citation in answer["citations"]
        ]
        assert (id in cited_now) is found, kept
    assert "such as 2023-01-31" in sentence(run(*asked, "--from", "January"))


def test_ask_says_what_stands_behind_the_confidence(articles, data, tmp_path):
    run("index", articles, "--data", data)
    always = {"threshold": 0.0, "score": 0.0, "bias": 2.0}
    for sure, words in ((0.8, "88% sure"), (0.9, "88%")):
        reader = calibrated(tmp_path / f"reader-{sure}", sure=sure, **always)
        result = run("ask", "Who built it?", "-k", 1, "--data", data, "--reader", reader)
        assert result.stdout.splitlines()[0].endswith(f"   {words}")
        (reader / CALIBRATION).unlink()
    result = run("ask", "Who built the old bridge?", "--data", data, "--reader", reader)
    assert result.stdout.splitlines()[0].endswith("% uncalibrated")


def test_a_damaged_calibration_is_one_sentence(seed_library, tmp_path):
    reader = calibrated(tmp_path / "reader")
    (reader / CALIBRATION).write_text("[]")
    line = sentence(run("ask", QUESTION, "--data", seed_library, "--reader", reader))
    assert line.endswith("run citespan calibrate to make it anew, or delete it")


def test_ask_marks_the_answer_on_a_terminal(seed_library):
    arguments = ["ask", QUESTION, "--data", str(seed_library)]
    plain = CliRunner().invoke(main, arguments)
    coloured = CliRunner().invoke(main, arguments, color=True)
    assert "\x1b[" not in plain.stdout
    assert "\x1b[1m\x1b[4m" in coloured.stdout


def test_ask_prints_the_reply_as_json(seed_library):
    result = run("ask", QUESTION, "--data", seed_library, "-k", 2, "--json")
    assert result.exit_code == 0
    reply = json.loads(result.stdout)
    assert list(reply) == [
        "question",
        "answers",
        "passages",
        "reason",
        "calibrated",
        "revision",
        "partial",
        "took_ms",
        "timings",
    ]
    assert reply["question"] == QUESTION
    assert 1 <= len(reply["answers"]) <= 2
    library = Library(seed_library)
    for answer in reply["answers"]:
        for one in answer["citations"]:
            text = library.article(one["article_id"]).text
            assert text[one["start"] : one["end"]] == one["quote"]


def test_ask_without_an_answer_says_why_and_shows_what_is_near(articles, data, tmp_path):
    run("index", articles, "--data", data)
    options = ["--data", data, "--reader", calibrated(tmp_path / "reader", threshold=2.0)]
    result = run("ask", "Who built the bridge at Quuxland?", *options)
    assert result.exit_code == 0
    assert result.stdout.startswith("No answer. No article mentions “Quuxland”.\n")
    assert BRIDGE in result.stdout
    reply = json.loads(run("ask", "Who built it?", "--json", *options).stdout)
    assert reply["answers"] == []
    assert reply["reason"].startswith("Passages were found")


def test_the_folder_comes_from_the_environment_unless_it_is_typed(seed_library, tmp_path):
    assert run("stats", CITESPAN_DATA=str(seed_library)).exit_code == 0
    elsewhere = str(tmp_path / "nowhere")
    typed = run("stats", "--data", seed_library, CITESPAN_DATA=elsewhere)
    assert typed.exit_code == 0
    assert "articles    30" in typed.stdout
    assert elsewhere in sentence(run("stats", CITESPAN_DATA=elsewhere))


@pytest.mark.parametrize("command", [["stats"], ["verify"], ["ask", "who signed it?"]])
def test_without_a_library_it_says_what_to_run(command, tmp_path):
    line = sentence(run(*command, "--data", tmp_path / "nowhere"))
    assert line.endswith("run citespan index FOLDER (or make index ARTICLES=FOLDER)")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("", "the question is empty: type a question in words"),
        ("?!", "the question is empty: type a question in words"),
        ("w" * 501, "the question has 501 characters; ask in at most 500"),
    ],
)
def test_what_is_no_question_is_one_sentence(seed_library, question, said):
    assert sentence(run("ask", question, "--data", seed_library)) == f"citespan: {said}"


def test_a_reader_that_is_none_is_one_sentence(seed_library, tmp_path):
    (tmp_path / "reader.json").write_text("{}")
    line = sentence(run("ask", QUESTION, "--data", seed_library, "--reader", tmp_path))
    assert "reader.json names no checksums" in line
    asked = run("ask", QUESTION, "--data", seed_library, CITESPAN_READER=str(tmp_path))
    assert sentence(asked) == line


def test_a_path_that_is_not_there_is_one_sentence(data, tmp_path):
    assert "nowhere" in sentence(run("index", tmp_path / "nowhere", "--data", data))


def test_verify_finds_nothing_wrong_and_then_what_was_changed(articles, data):
    run("index", articles, "--data", data)
    sound = run("verify", "--data", data)
    assert (sound.exit_code, sound.stdout) == (0, "everything is as it should be\n")
    database = apsw.Connection(str(data / "library.db"))
    database.execute("UPDATE articles SET text = replace(text, 'Mary', 'Anna')")
    database.close()
    damaged = run("verify", "--data", data)
    assert damaged.exit_code == 1
    assert "The old bridge" in damaged.stdout
    assert "problems found" in damaged.stdout.splitlines()[-1]


def test_verify_repairs_what_is_derived(articles, data):
    run("index", articles, "--data", data)
    [file] = (data / "derived" / "r1").glob("*.faiss")
    file.unlink()
    mended = run("verify", "--repair", "--data", data)
    assert "1 problem found; the search index has been rebuilt" in mended.output
    assert mended.exit_code == 0 and "everything is as it should be" in mended.output
    assert "rebuilt" not in run("verify", "--repair", "--data", data).output


def test_a_library_is_kept_in_a_file_and_put_back(articles, data, tmp_path):
    run("index", articles, "--data", data)
    kept = run("backup", tmp_path / "kept.zip", "--data", data)
    assert kept.exit_code == 0 and "revision 1" in kept.output
    back = run("restore", tmp_path / "kept.zip", "--data", data)
    assert back.exit_code == 0 and "revision 2" in back.output
    refused = run("restore", tmp_path / "none.zip", "--data", data)
    assert refused.exit_code == 2 and "none.zip does not exist" in sentence(refused)


def test_eval_prints_the_figures(tmp_path):
    start = BRIDGE.index("Mary Stone")
    row = {
        "id": "1",
        "question": "Who built the old bridge?",
        "answers": [{"text": "Mary Stone", "answer_start": start}],
    }
    file = tmp_path / "labels.json"
    file.write_text(
        json.dumps({"data": [{"title": "x", "paragraphs": [{"context": BRIDGE, "qas": [row]}]}]})
    )
    figures = json.loads(run("eval", file, "--json", "--data", tmp_path / "var").stdout)
    assert (figures["questions"], figures["em"], figures["recall_at_1"]) == (1, 100.0, None)
    shown = run("eval", file, "--limit", 1, "--data", tmp_path / "var")
    assert shown.exit_code == 0
    assert "em                   100.0" in shown.stdout
    assert "recall_at_20         –" in shown.stdout
    file.write_text("{}")
    assert "is not SQuAD" in sentence(run("eval", file, "--data", tmp_path / "var"))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["ask"],
        ["ask", "who?", "-k", "0"],
        ["ask", "who?", "-k", "11"],
        ["ask", "who?", "-k", "many"],
        ["eval", "nowhere.json"],
        ["index"],
        ["serve", "--port", "70000"],
        ["nothing"],
    ],
)
def test_what_cannot_be_meant_is_explained(arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr
    assert result.exception is None or isinstance(result.exception, SystemExit)


def process(*arguments, **environment):
    return subprocess.run(
        [COMMAND, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_installed_command_answers(seed_library):
    done = process("ask", QUESTION, "--json", "--data", seed_library, LC_ALL="C", LANG="C")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert json.loads(done.stdout)["answers"]


def test_the_installed_command_fails_in_one_sentence(tmp_path):
    done = process("ask", "who signed it?", "--data", tmp_path / "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("citespan: there is no library in ")


def test_the_installed_command_takes_arguments_that_are_no_text(seed_library):
    done = process("ask", b"who signed the RAA \xff\xfe?", "--json", "--data", seed_library)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["question"] == "who signed the RAA ?"


def test_the_installed_command_tells_its_version_and_commands():
    assert process("--version").stdout.startswith("citespan, version ")
    shown = process("-h").stdout
    assert all(name in shown for name in COMMANDS)


def test_a_folder_without_articles_is_told(tmp_path):
    (tmp_path / "empty").mkdir()
    done = CliRunner().invoke(
        main, ["index", str(tmp_path / "empty"), "--data", str(tmp_path / "var")]
    )
    assert done.exit_code == 0
    assert "no file of the kinds .txt, .md" in done.stdout
