"""The box on a page of another origin, in a real browser."""

from urllib.parse import quote_plus

import pytest
from chromium import KRAKEN, NASTY, fetched, violations

from qa import Answer
from web import wording

ROVER = "How heavy is the Pragyan rover?"


@pytest.fixture
def box(page, site):
    """The box, on a page of another origin with a policy of its own."""
    policy = f"default-src 'none'; script-src {site.address}; connect-src {site.address}"
    (site.folder / "index.html").write_text(
        f"""<!doctype html><html lang="en"><title>Elsewhere</title>
        <meta http-equiv="Content-Security-Policy" content="{policy}">
        <script src="{site.address}/static/citespan-box.js" defer></script>
        <main><h1>Elsewhere</h1><citespan-box endpoint="{site.address}"></citespan-box></main>""",
        encoding="utf-8",
    )
    page.goto(site.other)
    return page.locator("citespan-box")


def standing(answer):
    """How the search page says it."""
    return f"{wording.standing(Answer(**answer))}, {wording.percent(answer['confidence'])}"


def ask(box, question):
    box.locator("input").fill(question)
    box.locator("input").press("Enter")


def test_it_shows_the_answer_in_its_sentence_with_its_source(box, page, site):
    ask(box, ROVER)
    box.locator("mark").wait_for()
    (first, *_) = fetched(site, f"/api/v1/ask?q={quote_plus(ROVER)}")["answers"]
    citation = first["citations"][0]
    sentence = citation["before"] + citation["quote"] + citation["after"]
    assert box.locator("mark").text_content() == citation["quote"]
    assert box.locator("blockquote").text_content() == sentence
    assert box.locator("a").get_attribute("href") == citation["url"]
    line = f"{citation['title']} · {citation['source']} · {citation['published']}"
    assert box.locator("article p").all_text_contents() == [standing(first), line]
    assert violations(page) == ""


def test_no_answer_says_why(box):
    ask(box, "Who is the mayor of Atlantis?")
    box.locator("p").wait_for()
    assert "No answer." in box.locator("p").text_content()


def test_what_cannot_be_asked_says_why(box):
    ask(box, "?")
    box.locator("p").wait_for()
    assert "question" in box.locator("p").text_content()


def test_markup_is_text_there_too(box, page, site):
    ask(box, KRAKEN)
    box.locator("mark").wait_for()
    assert box.locator("svg, script").count() == 0 and page.evaluate("window.broken") is None
    assert NASTY in box.locator("blockquote").text_content()
    assert NASTY in box.locator("article p").last.text_content()
    href = box.locator("a").get_attribute("href")
    assert href.startswith(f"{site.address}/articles/")


def test_without_an_endpoint_it_asks_where_it_comes_from(box, page, site):
    source = (site.folder / "index.html").read_text(encoding="utf-8")
    (site.folder / "page.html").write_text(source.replace(f' endpoint="{site.address}"', ""))
    page.goto(f"{site.other}/page.html")
    ask(box, ROVER)
    box.locator("mark").wait_for()
