"""Examples to train on: real text of the article, with its answers where they stand."""

from dataclasses import replace
from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import Hit, Passage, split
from qa.labels import Labelled
from qa.training import windows as training
from qa.training.windows import examples, unanswered
from qa.window import PARAGRAPH, windows

TEXT = " ".join(
    f"On day {day} the {thing} was seen by “{name}”, who wrote of it 😀 in the paper."
    for day, (thing, name) in enumerate(
        [("comet", "Ann Lee"), ("bridge", "Bo Ek"), ("whale", "Cy Fox")] * 20
    )
)
TITLE = "What was seen from the bridge"
SEEDS = range(200)
SHARE = training._SERVED


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    """Shows the article, or a part of it, and nothing as the service reads it."""
    monkeypatch.setattr(training, "_SERVED", 0.0)


@pytest.fixture
def served(monkeypatch):
    """Shows what the service reads, of an article of several passages."""
    monkeypatch.setattr(training, "_SERVED", 1.0)


def places(*words):
    found = []
    for word, nth in words:
        start = -1
        for _ in range(nth + 1):
            start = TEXT.index(word, start + 1)
        found.append((start, start + len(word)))
    return tuple(found)


@pytest.fixture
def one(article):
    return article(TEXT, TITLE)


@pytest.fixture
def asked(one):
    """Makes a question about the article from the places of its answers."""

    def make(*found):
        return Labelled("Who saw it?", tuple(TEXT[a:b] for a, b in found), one.id, tuple(found))

    return make


def shown(labelled, one, seed, negatives=()):
    return examples(labelled, {one.id: one}, negatives, Random(seed))


def answered(labelled, one, seed):
    """The example that shows the answer."""
    return shown(labelled, one, seed)[0]


def said(example):
    return [example.text[start:end] for start, end, _ in example.targets]


def test_the_answer_stands_where_the_target_says(one, asked):
    labelled = asked(*places(("Bo Ek", 7)))
    for seed in SEEDS:
        example = answered(labelled, one, seed)
        assert said(example) == ["Bo Ek"]
        (start, _, weight), text = example.targets[0], example.text
        assert weight == 1
        own = text.removeprefix(TITLE + PARAGRAPH)
        assert own in TEXT
        assert start - (len(text) - len(own)) + TEXT.index(own) == labelled.places[0][0]


def test_a_seed_draws_the_same_and_another_something_else(one, asked):
    labelled = asked(*places(("Bo Ek", 7)))
    drawn = [shown(labelled, one, seed) for seed in SEEDS]
    assert drawn == [shown(labelled, one, seed) for seed in SEEDS]
    assert len({found[0].text for found in drawn}) > 20


def test_half_of_the_texts_are_whole_and_half_have_their_title(one, asked):
    texts = [answered(asked(*places(("Bo Ek", 7))), one, seed).text for seed in SEEDS]
    assert 60 < sum(text.endswith(TEXT) for text in texts) < 140
    assert 60 < sum(text.startswith(TITLE + PARAGRAPH) for text in texts) < 140


def test_a_part_is_made_of_whole_sentences_and_is_not_much_longer_than_drawn(one, asked):
    for seed in SEEDS:
        example = answered(asked(*places(("Bo Ek", 7))), one, seed)
        own = example.text.removeprefix(TITLE + PARAGRAPH)
        assert own.startswith("On day ") and own.endswith("paper.")
        assert own == TEXT or len(own.split()) < 150 + 16


def test_a_title_none_of_whose_words_is_in_the_text_is_never_shown(article, asked):
    labelled = asked(*places(("Bo Ek", 7)))
    other = replace(article(TEXT), id=labelled.article_id, title="Comments 17")
    assert not any(answered(labelled, other, seed).text.startswith("Comm") for seed in SEEDS)


def test_some_questions_are_asked_without_their_mark(one, asked):
    questions = [answered(asked(*places(("Bo Ek", 7))), one, seed).question for seed in SEEDS]
    assert set(questions) == {"Who saw it?", "Who saw it"}
    assert 20 < questions.count("Who saw it") < 60


def test_of_several_answers_the_most_agreed_counts_most(one, asked):
    labelled = asked(*places(("Ann Lee", 0), ("Ann", 0), ("comet", 0)))
    for seed in SEEDS:
        example = answered(labelled, one, seed)
        weights = dict(zip(said(example), (one[2] for one in example.targets), strict=True))
        assert weights == pytest.approx({"Ann Lee": 36 / 49, "Ann": 9 / 49, "comet": 4 / 49}), (
            "1, a quarter and a ninth, over their sum"
        )


def test_answers_that_a_part_does_not_show_have_no_weight_there(one, asked):
    labelled = asked(*places(("Ann Lee", 0), ("Cy Fox", 19)))
    counts = set()
    for seed in SEEDS:
        example = answered(labelled, one, seed)
        assert sum(weight for _, _, weight in example.targets) == pytest.approx(1)
        assert "Ann Lee" in said(example)
        counts.add(len(example.targets))
    assert counts == {1, 2}


def test_answers_that_are_one_when_trimmed_are_one_target(one, asked):
    (start, end) = places(("Ann Lee", 0))[0]
    example = answered(asked((start - 1, end + 1), (start, end), (start, end + 2)), one, 1)
    assert sum(weight for _, _, weight in example.targets) == pytest.approx(1)
    assert all(said(example))


def test_a_question_without_an_answer_shows_its_own_paragraph_and_then_the_others(one):
    labelled = Labelled("Who?", (), one.id)
    passages = [Passage(one.id, 0, 600, TEXT[:600]), Passage(one.id, 700, 900, TEXT[700:900])]
    whole = 0
    for seed in SEEDS:
        own, *others = shown(labelled, one, seed, passages)
        assert own.text.removeprefix(TITLE + PARAGRAPH) in TEXT
        whole += own.text.endswith(TEXT)
        for example, passage in zip(others, passages, strict=True):
            assert example.text.removeprefix(TITLE + PARAGRAPH) in passage.text
        assert {example.targets for example in (own, *others)} == {()}
    assert 60 < whole < 140


def test_a_negative_is_about_as_long_as_the_answered_text(one, asked):
    passage = Passage(one.id, 0, len(TEXT), TEXT)
    for seed in SEEDS:
        own, *_, other = shown(asked(*places(("Bo Ek", 7))), one, seed, [passage])
        assert other.question == own.question
        assert other.targets == ()
        assert abs(len(other.text.split()) - len(own.text.split())) < 40


def test_a_quarter_is_also_shown_what_is_left_without_the_answer(one, asked):
    left = [
        found[1:] for seed in SEEDS for found in [shown(asked(*places(("Bo Ek", 7))), one, seed)]
    ]
    assert 25 < sum(map(len, left)) < 75
    for (example,) in filter(None, left):
        own = example.text.removeprefix(TITLE + PARAGRAPH)
        assert example.targets == ()
        assert "Ann Lee" in own and "Cy Fox" in own and "On day 22 " not in own
        assert own.startswith("On day ") and own.endswith("paper.")


def test_what_is_left_stood_around_the_answer(article):
    text = " ".join(f"Day {day} was as wet as any day before." for day in range(90))
    start = text.index("Day 45")
    one = article(text)
    labelled = Labelled("Which day?", ("Day 45",), one.id, ((start, start + 6),))
    left = [part.text for seed in SEEDS for part in shown(labelled, one, seed)[1:]]
    assert left
    for part in left:
        assert {"44", "46"} & set(part.split())
        assert "Day 45 " not in part


def test_four_in_ten_are_also_asked_of_another_name(one, asked):
    labelled = replace(asked(*places(("Bo Ek", 7))), question="What did Bo Ek see with Ann Lee?")
    other = ["Who paid Di Ax?"]
    found = [unanswered(labelled, {one.id: one}, other, Random(seed)) for seed in SEEDS]
    assert 60 <= sum(map(len, found)) <= 100
    for example in (example for group in found for example in group):
        assert example.targets == ()
        assert example.question.rstrip("?") in {
            f"What did Bo Ek see with {name}" for name in ("Cy Fox", "Di Ax")
        } | {f"What did {name} see with Ann Lee" for name in ("Cy Fox", "Di Ax")}
        assert example.text.removeprefix(TITLE + PARAGRAPH) in TEXT
        assert "Bo Ek" in example.text  # what is shown held the answer
    assert unanswered(replace(labelled, answers=(), places=()), {}, other, Random(1)) == []


def test_nothing_is_left_of_a_text_whose_every_sentence_holds_the_answer(article):
    one = article("Bo Ek saw it. It was Bo Ek.")
    labelled = Labelled("Who saw it?", ("Bo Ek",), one.id, ((0, 5),))
    assert all(len(shown(labelled, one, seed)) == 1 for seed in SEEDS)


def read(one, words=""):
    """What the service reads for each of the article's passages that hold the words."""
    return {windows(one, [Hit(part, 1.0)])[0].text for part in split(one) if words in part.text}


def test_an_answer_is_shown_in_what_the_service_reads_where_it_stands(one, asked, served):
    labelled = asked(*places(("Bo Ek", 7), ("Ann Lee", 0)))
    drawn = [answered(labelled, one, seed) for seed in SEEDS]
    assert {example.text for example in drawn} == read(one, "On day 22 ")
    for example in drawn:
        found = dict(zip(said(example), example.targets, strict=True))
        assert example.text[: found["Bo Ek"][0]].endswith("On day 22 the bridge was seen by “")
        assert {words: target[2] for words, target in found.items()} == pytest.approx(
            {"Bo Ek": 0.8, "Ann Lee": 0.2}
        )


def test_a_question_without_an_answer_and_a_negative_are_shown_so_too(one, article, served):
    other = replace(article(TEXT.replace("comet", "kite"), "Another bridge"), id="other")
    labelled = Labelled("Who?", (), one.id)
    passages = split(other)
    for seed in SEEDS:
        found = examples(labelled, {one.id: one, other.id: other}, passages, Random(seed))
        assert found[0].text in read(one)
        assert [example.text for example in found[1:]] == [
            windows(other, [Hit(passage, 1.0)])[0].text for passage in passages
        ]
        assert {example.targets for example in found} == {()}


def test_a_negative_is_cut_where_the_sentences_around_it_would_answer(one, asked, served):
    near = split(one)[1]
    start = TEXT.rindex("day ", 0, near.start)
    labelled = asked((start, TEXT.index(" the", start)))
    (day,) = labelled.answers
    assert f"{day} " in windows(one, [Hit(near, 1.0)])[0].text
    for seed in SEEDS:
        *_, other = shown(labelled, one, seed, [near])
        assert f"{day} " not in other.text
        assert other.text.removeprefix(TITLE + PARAGRAPH) in near.text


def test_an_article_of_one_passage_is_shown_as_it_is_or_in_part(article, served):
    one = article("It rained. Bo Ek saw it. It rained again.", "Rain")
    labelled = Labelled("Who saw it?", ("Bo Ek",), one.id, ((11, 16),))
    texts = {answered(labelled, one, seed).text for seed in SEEDS}
    assert all(text in one.text and "Bo Ek" in text for text in texts)


def test_six_in_ten_questions_are_shown_what_the_service_reads(one, asked, monkeypatch):
    monkeypatch.setattr(training, "_SERVED", SHARE)
    labelled = asked(*places(("Bo Ek", 7)))
    assert 100 < sum(answered(labelled, one, seed).text in read(one) for seed in SEEDS) < 140


WORDS = st.sampled_from(["Sunak", "é", "😀", "👩‍🚀", "U.S.", "1,000", "“so”", "東京", ",", "(RAA)"])
SENTENCES = st.lists(WORDS, min_size=1, max_size=30).map(lambda words: f"The {' '.join(words)}.")
TEXTS = st.lists(SENTENCES, min_size=1, max_size=6).map("\n\n".join)


@settings(deadline=None, max_examples=60)
@given(TEXTS, st.data())
def test_whatever_the_text_an_answer_is_never_lost_or_moved(article, text, data):
    one = article(text, "The talk of Sunak")
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    labelled = Labelled("Who?", (text[start:end],), one.id, ((start, end),))
    negative = Passage(one.id, 0, len(text), text)
    for seed, share in product(range(4), (0.0, 1.0)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(training, "_SERVED", share)
            own, *_, other = examples(labelled, {one.id: one}, [negative], Random(seed))
        ((first, last, weight),) = own.targets
        assert weight == 1
        assert own.text[first:last] in text[start:end]
        assert own.text[first:last]
        assert other.text
