"""A reply as it grows: passages first, then what each part that is read adds."""

from dataclasses import replace

import pytest

from index import LibraryMissing
from qa import Filters, QuestionError, open_qa
from qa.ask import READ

pytestmark = pytest.mark.model
QUESTIONS = [
    "Who signed the RAA between Britain and Japan?",
    "What is the exchange rate of the kuna to the euro?",
    "Who signed the Zanzibar accord with Quuxland?",
]


@pytest.fixture(scope="module")
def qa(seed_library):
    return open_qa(seed_library)


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_last_reply_is_the_one_that_asking_gives(qa, question):
    *growing, last = qa.stream(question)
    whole = qa.ask(question)
    assert replace(last, took_ms=0.0) == replace(whole, took_ms=0.0)
    assert len(growing) >= 2 and all(reply.partial for reply in growing)
    assert {reply.passages for reply in growing} == {whole.passages}
    assert growing[0].answers == () and {reply.reason for reply in growing} == {None}


def test_a_plain_answer_ends_the_reading_early_and_doubt_goes_on_to_the_end(qa):
    plain, doubtful = (len(list(qa.stream(question))) for question in QUESTIONS[1:])
    assert plain < doubtful == READ + 1


def test_a_budget_that_runs_out_leaves_a_partial_reply(qa):
    first, last = qa.stream(QUESTIONS[0], budget_ms=0)
    assert first.partial and last.partial and last.answers == ()
    assert last.passages == qa.ask(QUESTIONS[0]).passages
    assert last.reason == "Time ran out before every passage was read."
    asked = qa.ask(QUESTIONS[0], budget_ms=0)
    assert replace(asked, took_ms=0.0, timings={}) == replace(last, took_ms=0.0, timings={})


def test_with_nothing_to_read_there_is_one_whole_reply(qa):
    (reply,) = qa.stream(QUESTIONS[0], 3, Filters(sources=("nobody",)))
    assert not reply.partial and reply.reason.startswith("The filters leave no article")


def test_what_is_wrong_is_raised_at_the_first_step(qa, tmp_path):
    with pytest.raises(QuestionError):
        next(qa.stream("?"))
    with pytest.raises(LibraryMissing):
        next(open_qa(tmp_path).stream("who?"))


def test_an_edition_is_the_same_until_the_library_changes(seed_library, new_library, article):
    assert open_qa(seed_library).edition == open_qa(seed_library).edition
    other = open_qa(new_library([article("The bridge is old.")]))
    assert other.edition != open_qa(seed_library).edition
