"""The article page in a real browser: the very words, wherever and whatever they are."""

from urllib.parse import quote_plus

import pytest
from chromium import ARTICLES, KRAKEN, NASTY, SCRIPT, fetched, in_view, marked_range, text_of

from web.fragment import text_directive


def titled(site, words):
    """The article, with its text, whose title begins with these words."""
    listed = fetched(site, "/api/v1/articles?limit=100")["articles"]
    (one,) = [article for article in listed if article["title"].startswith(words)]
    return fetched(site, f"/api/v1/articles/{one['id']}")


def first_citation(site, question):
    reply = fetched(site, f"/api/v1/ask?q={quote_plus(question)}")
    return reply["answers"][0]["citations"][0]


def place(site, article, start, end):
    return f"{site.address}/articles/{article['id']}?start={start}&end={end}#answer"


@pytest.mark.parametrize(
    "question",
    [
        "How heavy is the Pragyan rover?",
        "When was the lighthouse of Pellworm built?",
        KRAKEN,
    ],
)
def test_from_a_question_to_the_very_words(page, site, question):
    citation = first_citation(site, question)
    page.goto(f"{site.address}/?q={quote_plus(question)}")
    assert text_of(page, "mark") == citation["quote"]
    page.locator(".answer a.title").first.click()
    page.wait_for_selector("#answer")
    assert marked_range(page) == (citation["start"], citation["quote"])
    assert in_view(page, "#answer")


def test_the_second_of_the_same_words_is_marked_and_the_first_is_a_click_away(page, site):
    article = titled(site, "The lighthouse of Pellworm")
    words = "The lighthouse of Pellworm"
    first = article["text"].index(words)
    second = article["text"].index(words, first + 1)
    page.goto(place(site, article, second, second + len(words)))
    assert marked_range(page) == (second, words)
    assert in_view(page, "#answer") and in_view(page, ".mentions")
    assert "Mention 2 of 2" in text_of(page, ".mentions")
    page.click("[rel=prev]")
    page.wait_for_url("**start=*")
    assert marked_range(page) == (first, words)


def test_the_text_of_the_page_is_the_text_of_the_article(page, site):
    for words in ("The lighthouse", "The kraken", "Military access pact"):
        article = titled(site, words)
        page.goto(f"{site.address}/articles/{article['id']}")
        assert text_of(page, ".text") == article["text"]


def test_markup_in_an_article_is_shown_and_does_nothing(page, site):
    article = titled(site, "The kraken")
    start = article["text"].index(NASTY)
    end = article["text"].index(SCRIPT) + 9
    asked = f"{site.address}/?q={quote_plus(KRAKEN)}"
    for address in (asked, place(site, article, start, end), f"{site.address}/articles"):
        page.goto(address)
        assert page.locator("svg, [onload], script:not([src])").count() == 0
        assert page.locator("a[href^=javascript]").count() == 0
        assert page.evaluate("window.broken") is None
        assert ARTICLES[0]["title"] in text_of(page, "#main")
    page.goto(asked)
    assert NASTY in text_of(page, "blockquote") and SCRIPT in text_of(page, ".cite pre")
    for first, last in ((start, end), (start + 5, end), (start, start + 9), (end - 8, end - 3)):
        page.goto(place(site, article, first, last))  # some cut a tag in two
        assert marked_range(page) == (first, article["text"][first:last])
        assert page.locator("svg, [onload], script:not([src])").count() == 0
        assert page.evaluate("window.broken") is None


def test_an_article_opened_as_json_is_text(page, site):
    article = titled(site, "The kraken")
    for path in (f"articles/{article['id']}", f"ask?q={quote_plus(KRAKEN)}", f"articles/{NASTY}"):
        page.goto(f"{site.address}/api/v1/{path}")
        assert text_of(page, "body").startswith("{")
        assert page.locator("svg, [onload], script").count() == 0
        assert page.evaluate("window.broken") is None


def test_markup_in_a_question_is_shown_and_does_nothing(page, site):
    page.goto(site.address)
    page.fill("#q", NASTY)
    page.press("#q", "Enter")
    page.wait_for_selector(".found")
    assert page.input_value("#q") == NASTY
    assert page.evaluate("window.broken") is None and page.locator("svg").count() == 0


def test_a_question_within_an_article_is_answered_from_it_alone(page, site):
    article = titled(site, "The lighthouse")
    page.goto(f"{site.address}/articles/{article['id']}")
    page.check("[name=article_id]")
    page.fill("#q", "When was it built?")
    page.press("#q", "Enter")
    page.wait_for_selector(".found")
    titles = page.locator("#main a.title")
    assert titles.count() > 0
    assert {one.text_content() for one in titles.all()} == {article["title"]}
    assert page.is_checked("[name=article_id]")


def test_a_browser_finds_the_words_that_a_text_fragment_names(page, site):
    article = titled(site, "The lighthouse")
    text, words = article["text"], "The lighthouse of Pellworm"
    second = text.index(words, text.index(words) + 1)
    directive = text_directive(text, second, second + len(words))
    page.goto(f"{site.address}/articles/{article['id']}#:~:text={directive}")
    page.wait_for_function("() => scrollY > 300")  # the first of them is in view without scrolling
