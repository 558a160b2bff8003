"""Passages that rank high and hold no answer, from our own retrieval."""

import pytest

from qa.labels import Labelled
from qa.training.negatives import KEPT, mine

TEXTS = {
    "built": "The old bridge over the river was built by Mary Stone in 1907.",
    "sold": "The old bridge over the river was sold by the town in 1950.",
    "painted": "The old bridge over the river was painted by Peter Wood, Mary STONE too.",
    "opened": "The old bridge over the river was opened by the mayor.",
    "closed": "The old bridge over the river was closed by the king.",
    "loved": "The old bridge over the river was loved by everybody.",
    "lost": "The old bridge over the river was lost by nobody.",
    "tea": "Tea is grown in Uji.",
}


@pytest.fixture
def mined(article, tiny_embedder, tiny_models, tmp_path):
    """Mines for the questions among the articles above; each passage by its article's name."""
    articles = {name: article(text, name=name) for name, text in TEXTS.items()}
    names = {one.id: name for name, one in articles.items()}
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "models").symlink_to(tiny_models)

    def mine_for(*questions):
        labelled = [Labelled(text, found, articles["built"].id) for text, found in questions]
        found = mine(
            list(articles.values()), labelled, tmp_path / "library", str(tiny_embedder), False
        )
        for one in (passage for row in found for passage in row):
            assert TEXTS[names[one.article_id]][one.start : one.end] == one.text
        return [[names[one.article_id] for one in row] for row in found]

    return mine_for


QUESTION = "Who built the old bridge over the river?"


def test_what_ranks_high_is_kept_unless_it_holds_an_answer(mined):
    ((*found,),) = mined((QUESTION, ("Mary Stone", "the mayor")))
    assert len(found) == KEPT
    assert {"built", "painted", "opened"}.isdisjoint(found)
    assert "tea" not in found


def test_an_answer_counts_only_in_whole_words(mined):
    ((*found,),) = mined((QUESTION, ("ridge", "over the riv")))
    assert len(found) == KEPT


def test_a_question_that_nothing_answers_has_the_best_passages(mined):
    ((*found,), again) = mined((QUESTION, ()), (QUESTION, ()))
    assert len(found) == KEPT
    assert found == again
    assert "built" in found


def test_a_question_longer_than_any_is_cut(mined):
    assert len(mined(("bridge " * 400, ()))[0]) == KEPT


def test_a_library_that_is_there_is_used_again(mined):
    assert mined((QUESTION, ())) == mined((QUESTION, ()))


def test_no_questions_have_no_negatives(mined):
    assert mined() == []
