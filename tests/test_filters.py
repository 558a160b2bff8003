"""A question asked of some of the articles: of exactly those, and never of fewer."""

import json
from dataclasses import replace

import pytest

from index import DEFAULT_EMBEDDER, Article
from qa import QA, FilterError, Filters, Question, open_qa, reply_json
from qa.confidence import Confidence
from qa.reader import DEFAULT_READER, load_reader

QUESTION = "Who signed the RAA between Britain and Japan?"
DESK = "Citespan Seeds: Sport desk"
STAGES = ["embed", "retrieve", "read", "rank", "cite"]


@pytest.fixture(scope="module")
def qa(seed_library):
    return open_qa(seed_library)


def everything(library):
    return library.articles(0, 1000)


def found(qa, filters, k=1000):
    """The articles that the question's passages come from."""
    articles = {hit.passage.article_id for hit in qa.search(QUESTION, k, filters)}
    return {qa.library.article(id) for id in articles}


def test_no_filter_is_no_filter():
    assert not Filters() and Filters(sources=("a",)) and Filters(published_to="2023-01-31")
    assert Question("who?").filters == Filters()


@pytest.mark.parametrize(
    "day",
    ["", "2023", "2023-1-31", "2023-02-30", "20230131", "2023-W01-1", "31.1.2023", "٢٠٢٣-01-01"],
)
def test_what_is_no_day_is_refused(day):
    with pytest.raises(FilterError, match="a day such as"):
        Filters(published_from=day)
    with pytest.raises(FilterError, match="a day such as"):
        Filters(published_to=day)


def test_days_the_wrong_way_round_and_endless_names_are_refused():
    with pytest.raises(FilterError, match="exchange"):
        Filters(published_from="2023-01-02", published_to="2023-01-01")
    assert Filters(published_from="2023-01-01", published_to="2023-01-01")
    for many in (Filters, lambda names: Filters(article_ids=names)):
        with pytest.raises(FilterError, match="at most 100"):
            many(tuple(map(str, range(101))))


@pytest.mark.parametrize("name", ["sources", "article_ids"])
def test_half_a_character_is_no_name(name):
    with pytest.raises(FilterError, match="is not in UTF-8"):
        Filters(**{name: ("S\udcfcd",)})


@pytest.mark.parametrize("names", [("",), ("a", "")])
def test_a_name_that_is_empty_is_refused(names):
    for name in ("sources", "article_ids"):
        with pytest.raises(FilterError, match="no name"):
            replace(Filters(), **{name: names})


@pytest.mark.model
@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        (Filters(sources=(DESK,)), lambda a: a.source == DESK),
        (Filters(sources=(DESK, "nobody")), lambda a: a.source == DESK),
        (Filters(published_from="2023-10-08"), lambda a: (a.published or "") >= "2023-10-08"),
        (Filters(published_to="2022-01-06"), lambda a: (a.published or "9") <= "2022-01-06"),
        (
            Filters((DESK,), "2022-12-18", "2022-12-18"),
            lambda a: a.source == DESK and a.published == "2022-12-18",
        ),
    ],
)
def test_every_article_that_passes_is_searched_and_no_other(qa, filters, passes):
    wanted = {article for article in everything(qa.library) if passes(article)}
    assert wanted and found(qa, filters) == wanted


@pytest.mark.model
def test_within_one_article_every_passage_is_searched(qa):
    for article in everything(qa.library)[::7]:
        filters = Filters(article_ids=(article.id,))
        assert found(qa, filters) == {article}
        reply = qa.ask(QUESTION, 3, filters)
        assert {near.passage.article_id for near in reply.passages} == {article.id}


@pytest.mark.model
def test_a_match_far_down_the_rankings_is_still_found(new_library, article):
    rows = [
        article(f"Anna opened bridge {n}. It is red.", f"Bridge {n}", f"{n}") for n in range(300)
    ]
    last = Article("f" * 16, "last", "Cheese", "Some cheese is made in caves.", source="Dairy")
    qa = open_qa(new_library([*rows, last]))
    question = "Who opened bridge 17?"
    assert last.id not in {hit.passage.article_id for hit in qa.search(question, 100)}
    [hit] = qa.search(question, 100, Filters(sources=("Dairy",)))
    assert hit.passage.text == last.text


@pytest.mark.model
def test_filters_that_leave_nothing_are_the_reason(qa):
    reply = qa.ask(QUESTION, 3, Filters(sources=("nobody",)))
    assert (reply.answers, reply.passages) == ((), ())
    assert reply.reason == "The filters leave no article to answer from: take some of them away."


@pytest.mark.model
def test_a_filter_that_all_pass_changes_nothing(qa):
    ids = tuple(article.id for article in everything(qa.library))
    assert len(ids) == 30
    plain, kept = qa.ask(QUESTION), qa.ask(QUESTION, 3, Filters(article_ids=ids))
    assert plain.answers != ()
    for one, other in zip(kept.answers, plain.answers, strict=True):
        assert one.citations == other.citations
        assert one.confidence == pytest.approx(other.confidence)  # summed in another order
    assert [near.passage for near in kept.passages] == [near.passage for near in plain.passages]


@pytest.mark.model
def test_a_reply_tells_how_long_each_stage_took(qa):
    sent = reply_json(qa.ask(QUESTION))
    assert list(sent["timings"]) == STAGES and sent["partial"] is False
    assert all(spent >= 0 for spent in sent["timings"].values())
    assert sum(sent["timings"].values()) <= sent["took_ms"]
    json.dumps(sent, allow_nan=False)


@pytest.mark.model
def test_an_unknown_word_is_named_with_the_nearest_spelling(seed_library):
    silent = QA(
        seed_library,
        load_reader(DEFAULT_READER, 2),
        replace(Confidence(), threshold=2.0),
        DEFAULT_EMBEDDER,
    )
    reason = silent.ask("When did Kishda meet Sunack in Quuxland?").reason
    assert (
        reason
        == "No article mentions “Kishda” (but “Kishida”), “Sunack” (but “Sunak”), “Quuxland”."
    )
