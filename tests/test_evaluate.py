"""Labelled questions asked both ways: what comes out, what is kept, what is refused."""

import json
from pathlib import Path

import pytest
from labelled import squad

import qa.evaluate
from index import DEFAULT_EMBEDDER, Library, build_articles
from qa import LabelError, QAError, open_qa
from qa.confidence import Confidence
from qa.evaluate import evaluate
from qa.labels import kept_out, load_labels
from qa.metrics import exact_match
from qa.plots import RELIABILITY, RISK_COVERAGE

SHARED = Path(__file__).parent.parent.parent / "shared" / "data"
BRIDGE = "The old bridge was built by Mary Stone. It was opened in 1907 by the mayor."
HARBOUR = "The harbour was painted by Peter Wood. Its lamps were lit by hand until 1950."


@pytest.fixture
def reports(embedder_models, monkeypatch):
    """What each indexing run did; a new library is spared the export of its embedder."""
    made = []

    def build(articles, folder, embedder):
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "models").exists():
            (folder / "models").symlink_to(embedder_models)
        made.append(build_articles(articles, folder, embedder))
        return made[-1]

    monkeypatch.setattr(qa.evaluate, "build_articles", build)
    return made


@pytest.fixture
def tiny(tmp_path):
    return squad(
        tmp_path / "tiny.json",
        (BRIDGE, [("Who built the old bridge?", "Mary Stone"), ("Who sold the bridge?", None)]),
        (HARBOUR, [("Who painted the harbour?", "Peter Wood")]),
    )


def sailing(path, days):
    """A file of paragraphs that hardly differ, each with a question."""
    return squad(
        path,
        *(
            (f"On day {day} the ferry sailed at noon.", [(f"When did it sail on {day}?", "noon")])
            for day in range(days)
        ),
    )


def measure(files, mode, data, others=(), limit=None, **more):
    return evaluate(files, mode, others, limit, None, DEFAULT_EMBEDDER, data, False, **more)


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def never_sure(monkeypatch):
    monkeypatch.setattr(qa.evaluate, "load_confidence", lambda *_: Confidence(threshold=2.0))


@pytest.mark.model
def test_with_its_own_paragraph_each_question_is_only_read(tiny, tmp_path):
    figures = measure([tiny], "reader", tmp_path / "data")
    assert figures["questions"] == 3
    assert figures["has_answer_em"] == 100.0
    assert figures["recall_at_1"] is figures["recall_at_5"] is figures["recall_at_20"] is None
    assert figures["auroc_pairs"] is None
    assert 0 < figures["latency_ms_p50"] <= figures["latency_ms_p95"]
    assert figures["by_question_word"].keys() == {"who"}
    assert figures["by_file"].keys() == {str(tiny)}
    assert not (tmp_path / "data").exists()
    json.dumps(figures, allow_nan=False)


@pytest.mark.model
def test_in_the_open_each_question_is_asked_of_all_paragraphs(tiny, tmp_path, reports):
    more = sailing(tmp_path / "more.json", 30)
    figures = measure([tiny], "open", tmp_path / "data", [more])
    assert figures["questions"] == 3
    assert figures["recall_at_1"] == figures["recall_at_5"] == figures["recall_at_20"] == 1.0
    assert figures["has_answer_em"] == 100.0
    assert figures["auroc_pairs"] == 1.0
    assert [report.articles for report in reports] == [32]
    json.dumps(figures, allow_nan=False)


@pytest.mark.model
def test_a_library_of_the_same_paragraphs_is_kept_for_the_next_run(tiny, tmp_path, reports):
    more = sailing(tmp_path / "more.json", 3)
    measure([tiny], "open", tmp_path / "data", [more], limit=1)
    measure([more, tiny], "open", tmp_path / "data", limit=1)
    measure([tiny], "open", tmp_path / "data", limit=1)
    assert [report.embedded for report in reports] == [5, 0, 2]
    kept = sorted((tmp_path / "data" / "eval").iterdir())
    assert sorted(Library(folder).counts().articles for folder in kept) == [2, 5]
    assert all(len(folder.name) == 16 for folder in kept)


@pytest.mark.model
def test_what_is_answered_is_what_is_answered_to_anybody(tmp_path, reports):
    wrong = squad(
        tmp_path / "wrong.json",
        (BRIDGE, [("Who built the old bridge?", "mayor"), ("When was it opened?", "old")]),
        (HARBOUR, [("Who painted the harbour?", "lamps"), ("Who sold the moon?", None)]),
    )
    errors = tmp_path / "errors.jsonl"
    measure([wrong], "open", tmp_path / "data", errors=errors)
    [folder] = (tmp_path / "data" / "eval").iterdir()
    asked = open_qa(folder)
    replies = [(line, asked.ask(line["question"], 1)) for line in lines(errors)]
    assert len(replies) >= 3
    for line, reply in replies:
        assert line["shown"] is bool(reply.answers)
        for answer in reply.answers:
            where = answer.citations[0]
            assert line["answer"] == answer.text
            assert line["confidence"] == round(answer.confidence, 4)
            assert line["title"] == where.title
            assert line["sentence"] == where.before + where.quote + where.after


@pytest.mark.model
def test_without_half_the_questions_about_it_have_no_answer(tmp_path, reports):
    file = sailing(tmp_path / "sailing.json", 8)
    gone = {one.id for one in load_labels(file)[0] if kept_out(one.id)}
    assert 0 < len(gone) < 8, "the paragraphs must be of both halves"
    figures = measure([file], "open", tmp_path / "data", [file], without_half=True)
    [folder] = (tmp_path / "data" / "eval").iterdir()
    library = Library(folder)
    assert library.counts().articles == 8 - len(gone)
    assert all(library.article(id) is None for id in gone)
    errors = tmp_path / "errors.jsonl"
    assert (
        measure([file], "open", tmp_path / "data", without_half=True, errors=errors)["ece"]
        == (figures["ece"])
    )
    answered = [one for one in lines(errors) if not one["accepted"]]
    assert all(one["shown"] and one["answer"] and one["found"] == 0 for one in answered)
    assert figures["no_answer_accuracy"] == round(100 * (1 - len(answered) / len(gone)), 2)
    assert measure([file], "open", tmp_path / "data")["no_answer_accuracy"] is None
    assert [report.embedded for report in reports] == [8 - len(gone), 0, 8]


def test_half_can_be_left_out_only_of_a_library(tiny, tmp_path):
    with pytest.raises(QAError, match="only in open mode"):
        measure([tiny], "reader", tmp_path, without_half=True)


def test_when_nothing_is_left_it_says_so(tmp_path):
    for day in range(20):
        one = squad(tmp_path / "one.json", (f"It is day {day}.", [("Which day?", f"{day}")]))
        if kept_out(load_labels(one)[0][0].id):
            break
    with pytest.raises(QAError, match="no paragraph is left: add some with --with"):
        measure([one], "open", tmp_path / "data", without_half=True)
    assert not (tmp_path / "data").exists()


@pytest.mark.model
def test_where_every_question_has_an_answer_the_best_one_always_counts(tiny, tmp_path, monkeypatch):
    never_sure(monkeypatch)
    one = squad(tmp_path / "one.json", (BRIDGE, [("Who built the old bridge?", "Mary Stone")]))
    figures = measure([tiny, one], "reader", tmp_path)
    assert figures["questions"] == 4
    assert figures["shown"] == 0.0
    assert figures["by_file"][str(tiny)]["has_answer_em"] == 0.0
    assert figures["by_file"][str(tiny)]["no_answer_accuracy"] == 100.0
    assert figures["by_file"][str(one)]["em"] == 100.0
    assert figures["em"] == 50.0


@pytest.mark.model
def test_only_the_first_questions_of_each_file_are_asked_up_to_a_limit(tiny, tmp_path):
    figures = measure([tiny, sailing(tmp_path / "more.json", 4)], "reader", tmp_path, limit=1)
    assert figures["questions"] == 2
    assert figures["no_answer_accuracy"] is None
    assert [one["questions"] for one in figures["by_file"].values()] == [1, 1]
    assert {word: one["questions"] for word, one in figures["by_question_word"].items()} == {
        "who": 1,
        "when": 1,
    }


@pytest.mark.model
def test_every_miss_is_written_down_with_what_is_needed_to_judge_it(tmp_path, monkeypatch):
    never_sure(monkeypatch)
    file = squad(
        tmp_path / "été.json",
        (
            "Le Café “Été” was built by Mary Stone. It was opened in 1907.",
            [("Who built the café?", "Mary Stone"), ("Who sold the café?", None)],
        ),
    )
    errors = tmp_path / "errors.jsonl"
    figures = measure([file], "reader", tmp_path, errors=errors)
    assert figures["em"] == 50.0
    [miss] = lines(errors)
    assert 0 < miss.pop("confidence") <= 1
    assert miss == {
        "file": str(file),
        "question": "Who built the café?",
        "accepted": ["Mary Stone"],
        "answer": "Mary Stone",
        "shown": False,
        "em": 1.0,
        "f1": 1.0,
        "found": None,
        "title": "été",
        "sentence": "Le Café “Été” was built by Mary Stone.",
        "paragraph": "Le Café “Été” was built by Mary Stone. It was opened in 1907.",
    }
    assert "été" in errors.read_text(encoding="utf-8")


@pytest.mark.model
def test_misses_and_pictures_replace_those_of_an_earlier_run(tiny, tmp_path):
    errors, plots = tmp_path / "errors.jsonl", tmp_path / "a" / "plots"
    errors.write_text("of an earlier run\n")
    figures = measure([tiny], "reader", tmp_path, errors=errors, plots=plots)
    missed = lines(errors)
    assert len(missed) == round(3 * (1 - figures["em"] / 100))
    for one in missed:
        right = exact_match(one["answer"], one["accepted"]) if one["accepted"] else 0.0
        assert one["em"] == right
        assert not (one["shown"] and right)
    assert sorted(path.name for path in plots.iterdir()) == [RELIABILITY, RISK_COVERAGE]


@pytest.mark.parametrize("kind", ["plots", "errors"])
def test_a_place_that_cannot_be_written_is_told_before_any_work(tmp_path, kind):
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "below"
    with pytest.raises(QAError, match="file/below can't be written: Not a directory"):
        measure([tmp_path / "nowhere.json"], "reader", tmp_path, **{kind: place})


def test_a_file_that_is_no_labels_is_refused(tmp_path):
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(LabelError):
        measure([tmp_path / "x.json"], "reader", tmp_path)


@pytest.mark.model
def test_the_shipped_reader_is_no_worse_on_real_paragraphs(tmp_path):
    file = SHARED / "xquad-en.json"
    if not file.is_file():
        pytest.skip(f"there are no labelled paragraphs at {file}")
    figures = measure([file], "reader", tmp_path, limit=100)
    assert figures["f1"] > 60
