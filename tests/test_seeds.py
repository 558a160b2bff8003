"""The seed articles and their questions are what the project says they are."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from index.records import Article
from index.sources import Sources
from qa.labels import load_labels

SEEDS = Path(__file__).parent.parent / "seeds"
FILES = sorted(SEEDS.glob("*.md"))


@pytest.fixture(scope="module")
def articles():
    with Sources() as sources:
        return [found for file in FILES for found in sources.read(file)]


@pytest.fixture(scope="module")
def rows():
    data = json.loads((SEEDS / "questions.json").read_text(encoding="utf-8"))
    assert data["version"] == "v2.0"
    return [
        (paragraph["context"], row)
        for entry in data["data"]
        for paragraph in entry["paragraphs"]
        for row in paragraph["qas"]
    ]


def test_there_are_thirty_and_each_says_what_it_is(articles):
    assert len(articles) == 30
    for one in articles:
        assert isinstance(one, Article), one
        assert None not in (one.published, one.source, one.url, one.author), one.origin
        assert one.source != Path(one.origin).name
        assert not one.text.startswith(one.title)
    for field in ("id", "title", "url", "text"):
        assert len({getattr(one, field) for one in articles}) == 30


def test_six_or_more_are_about_the_reciprocal_access_agreement(articles):
    name = re.compile(r"Reciprocal Access Agreement|\bRAA\b|\baccess agreement\b")
    assert sum(name.search(one.text) is not None for one in articles) >= 6
    assert any("Reciprocal Access Agreement (RAA)" in one.text for one in articles)


def test_one_is_long_and_one_is_very_short(articles):
    words = [len(one.text.split()) for one in articles]
    assert max(words) >= 3_000
    assert min(words) <= 100


def test_there_are_enough_questions_with_and_without_an_answer(rows):
    lacking = [row for _, row in rows if row["is_impossible"]]
    assert len(rows) >= 150
    assert len(lacking) >= 40
    assert all((row["answers"] == []) == row["is_impossible"] for _, row in rows)


def test_every_article_is_asked_about_as_it_is_read(articles, rows):
    asked = Counter(context for context, _ in rows)
    assert set(asked) == {one.text for one in articles}
    assert min(asked.values()) >= 4


def test_every_answer_stands_where_it_says(rows):
    for context, row in rows:
        for answer in row["answers"]:
            start = answer["answer_start"]
            assert context[start : start + len(answer["text"])] == answer["text"] != "", row["id"]
            assert answer["text"] == answer["text"].strip()


def test_no_question_is_asked_twice(rows):
    assert len({row["id"] for _, row in rows}) == len(rows)
    assert len({row["question"].casefold() for _, row in rows}) == len(rows)


def test_the_questions_are_read_as_labels_of_the_same_articles(articles):
    labelled, questions = load_labels(SEEDS / "questions.json")
    assert len(questions) >= 150
    assert {(one.title, one.published, one.text) for one in labelled} == {
        (one.title, one.published, one.text) for one in articles
    }
