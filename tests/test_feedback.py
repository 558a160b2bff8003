"""What people say of answers becomes rows of SQuAD 2.0, or is refused."""

import json
import resource

import pytest

from index import Article
from qa import (
    FeedbackError,
    FeedbackLost,
    QuestionError,
    export_feedback,
    feedback_row,
    keep_feedback,
)
from qa.feedback import FILE, VERDICTS
from qa.labels import load_labels

FILLER = "Nothing of note happened on that day in the town. " * 40
TEXT = f"{FILLER}🙂 Anna opened the bridge.\u2028 It was red. {FILLER}"
ARTICLE = Article("a", "a", "The bridge", TEXT, published="1907-05-01")
START = TEXT.index("Anna")


def row(verdict="right", question="Who opened it?"):
    return feedback_row(ARTICLE, question, verdict, START, START + 4, "Anna")


@pytest.mark.parametrize("verdict", VERDICTS)
def test_the_words_stand_in_the_row_at_their_offset(verdict):
    kept = row(verdict)
    [words] = kept["answers"] + kept["plausible_answers"]
    at = words["answer_start"]
    assert kept["context"][at : at + 4] == words["text"] == "Anna"
    assert kept["context"] in TEXT and len(kept["context"]) < 1400
    assert bool(kept["answers"]) == (verdict in ("right", "right_words"))
    assert kept["is_impossible"] == (verdict in ("wrong", "no_answer"))


@pytest.mark.parametrize(
    ("start", "end", "quote"),
    [
        (START + 1, START + 5, "Anna"),
        (START, START + 4, "anna"),
        (START, START, ""),
        (-4, 0, "day "),
        (START, 10**9, TEXT[START:]),
    ],
)
def test_words_that_do_not_stand_there_are_refused(start, end, quote):
    with pytest.raises(FeedbackError, match="does not say that"):
        feedback_row(ARTICLE, "Who?", "right", start, end, quote)


def test_what_is_no_question_is_refused():
    with pytest.raises(QuestionError):
        row(question="?")


def test_rows_come_out_as_a_file_that_eval_reads(tmp_path):
    for verdict in VERDICTS:
        keep_feedback(tmp_path, row(verdict, f"Was it\u2028 {verdict}?"))
    told = export_feedback(tmp_path)
    (tmp_path / "out.json").write_text(json.dumps(told), encoding="utf-8")
    articles, labelled = load_labels(tmp_path / "out.json")
    assert {one.question: one.answers for one in labelled} == {
        "Was it right?": ("Anna",),
        "Was it wrong?": (),
        "Was it no_answer?": (),
        "Was it right_words?": ("Anna",),
    }
    assert len((tmp_path / FILE).read_bytes().splitlines()) == 5
    assert {(one.text, one.published) for one in articles} == {(row()["context"], "1907-05-01")}


def test_without_feedback_the_file_is_empty(tmp_path):
    assert export_feedback(tmp_path) == {"version": "v2.0", "data": []}


def test_what_can_not_be_kept_or_read_is_told(tmp_path, monkeypatch):
    with pytest.raises(FeedbackLost, match="can't be written: No such file"):
        keep_feedback(tmp_path / "nowhere", row())
    monkeypatch.setattr("qa.feedback.LIMIT", 4000)
    with pytest.raises(FeedbackLost, match="is full"):
        for _ in range(9):
            keep_feedback(tmp_path, row())
    assert (tmp_path / FILE).stat().st_size <= 4000
    for line in ("{", "[]", "null", '{"id": 1}', '{"verdict": "right"}'):
        (tmp_path / FILE).write_text(line, encoding="utf-8")
        with pytest.raises(FeedbackLost, match="damaged line"):
            export_feedback(tmp_path)


def test_a_row_for_which_there_is_no_room_is_told_and_leaves_no_part(tmp_path):
    keep_feedback(tmp_path, row())
    before = (tmp_path / FILE).read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, hard))  # as on a full disk
    try:
        with pytest.raises(FeedbackLost, match="can't be written: No space left"):
            keep_feedback(tmp_path, row())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / FILE).read_bytes() == before
    keep_feedback(tmp_path, row())
    assert len(export_feedback(tmp_path)["data"]) == 2
