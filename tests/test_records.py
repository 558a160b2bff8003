"""Questions are cleaned and bounded; a reply's JSON has one exact shape."""

import json
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from index import Passage
from qa import (
    MAX_QUESTION,
    Answer,
    Citation,
    NearPassage,
    Question,
    QuestionError,
    QuestionTooLong,
    Reply,
    reply_json,
)

ANY_CHARACTER = st.characters(exclude_categories=())  # lone surrogates, too


def test_spaces_of_every_kind_are_folded():
    assert Question("  who\t signed\r\nthe\u00a0RAA\u3000? ").text == "who signed the RAA ?"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "\n\t",
        "?!.,;:",
        "…—“”",
        "\0",
        "\0\0 \0",
        "\ud800",
        "\u200b\u200d\ufeff",
        "🤔",
        "🇯🇵 ?",
    ],
)
def test_what_holds_no_word_is_no_question(text):
    with pytest.raises(QuestionError, match="type a question"):
        Question(text)


def test_the_longest_question_passes_and_a_longer_one_does_not():
    assert len(Question("w" * MAX_QUESTION).text) == MAX_QUESTION
    with pytest.raises(QuestionTooLong, match=r"501 characters; ask in at most 500"):
        Question("w" * (MAX_QUESTION + 1))


def test_ten_million_characters_are_refused():
    with pytest.raises(QuestionTooLong, match="10,000,000"):
        Question("who " * 2_500_000)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("who\ud800 signed?", "who signed?"),
        ("\ude00who", "who"),
        ("who\0signed", "who signed"),
        ("wh\u200do signed", "wh\u200do signed"),
        ("who is 👩‍🚀?", "who is 👩‍🚀?"),
        ("ﬁ İ ß 한", "ﬁ İ ß 한"),
        ("\u202ewho", "\u202ewho"),
        ("who is Zu\u0308rich\u2019s mayor?", "who is Z\u00fcrich\u2019s mayor?"),
        ("who\x1fbuilt\x0bit", "who built it"),
        ("the Reci\u00adprocal Access Agreement", "the Reciprocal Access Agreement"),
    ],
)
def test_only_what_cannot_be_sent_is_taken_out(text, kept):
    assert Question(text).text == kept


@given(st.text(ANY_CHARACTER, max_size=60))
@example("a\ud800\0 b")
def test_a_question_is_folded_sendable_and_stays_as_it_is(text):
    try:
        question = Question(text)
    except QuestionError:
        return
    assert question.text == " ".join(question.text.split()) != ""
    assert question.text.encode().decode() == question.text
    assert "\0" not in question.text
    assert Question(question.text) == question


def _reply(reason: str | None = None, calibrated: bool = True) -> Reply:
    cited = Citation("a1", "Tea 🍵", None, "Paper", "2023-01-11", 4, 7, "Who? ", "é🍵x", " it.")
    near = NearPassage(Passage("a1", 0, 12, "Who? é🍵x it."), "Tea 🍵", 0.5)
    answers = () if reason is not None else (Answer("é🍵x", 0.75, True, (cited, cited)),)
    return Reply(
        "who?",
        answers,
        (near,),
        reason,
        calibrated,
        revision=7,
        took_ms=1.5,
        timings={"read": 1.25},
    )


def test_a_reply_as_json_has_exactly_these_keys():
    sent = reply_json(_reply())
    assert list(sent) == [
        *("question", "answers", "passages", "reason", "calibrated", "revision"),
        *("partial", "took_ms", "timings"),
    ]
    (answer,) = sent["answers"]
    assert list(answer) == ["text", "confidence", "sure", "citations"]
    assert len(answer["citations"]) == 2
    assert list(answer["citations"][0]) == [
        "article_id",
        "title",
        "url",
        "source",
        "published",
        "start",
        "end",
        "before",
        "quote",
        "after",
        "page",
    ]
    (passage,) = sent["passages"]
    assert list(passage) == ["article_id", "title", "start", "end", "text", "score"]


@pytest.mark.parametrize("reason", [None, "No article mentions “tea”."])
def test_a_reply_as_json_is_plain_and_comes_back_the_same(reason):
    sent = reply_json(_reply(reason))
    text = json.dumps(sent, ensure_ascii=False, allow_nan=False)
    assert json.loads(text.encode().decode()) == sent
    assert sent["reason"] == reason
    assert sent["revision"] == 7


@pytest.mark.parametrize("calibrated", [True, False])
def test_a_reply_says_whether_its_confidence_was_fitted_and_reached_the_promise(calibrated):
    reply = _reply(calibrated=calibrated)
    assert reply_json(reply)["calibrated"] is calibrated
    (answer,) = reply.answers
    for sure in (True, False):
        sent = reply_json(replace(reply, answers=(replace(answer, sure=sure),)))
        assert sent["answers"][0]["sure"] is sure
