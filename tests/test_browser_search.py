"""Asking in a real browser: without a reload, by keyboard alone, without a script."""

from pathlib import Path
from urllib.parse import quote_plus

import chromium
import pytest
from chromium import fetched, text_of

from qa.labels import load_labels

QUESTIONS = Path(__file__).parent.parent / "seeds" / "questions.json"
FORCE = "When did the agreement between Japan and the United Kingdom enter into force?"
ROVER = "How heavy is the Pragyan rover?"
NOTHING = "Who is the mayor of Atlantis?"


def found(site, question):
    return f"{site.address}/?q={quote_plus(question)}"


def replied(site, question):
    return fetched(site, f"/api/v1/ask?q={quote_plus(question)}")


def ask(page, question):
    page.fill("#q", question)
    page.press("#q", "Enter")
    page.wait_for_function("title => document.title === title", arg=f"{question} · Citespan")


def asked_with_several_answers(site):
    """The first labelled question with more than one answer, whichever reader is shipped."""
    _, labelled = load_labels(QUESTIONS)
    questions = (one.question for one in labelled)
    return next(each for each in questions if len(replied(site, each)["answers"]) > 1)


def focused(page):
    return page.evaluate("document.activeElement.id")


def clipboard(page):
    return page.evaluate("navigator.clipboard.readText()")


def test_an_answer_arrives_without_a_reload_and_is_read_out(page, site):
    page.goto(site.address)
    page.evaluate("window.stayed = true")
    ask(page, ROVER)
    first = replied(site, ROVER)["answers"][0]
    citation = first["citations"][0]
    assert page.evaluate("window.stayed") is True
    assert page.url == found(site, ROVER)
    assert text_of(page, "mark") == citation["quote"]
    assert text_of(page, "blockquote") == (
        citation["before"] + citation["quote"] + citation["after"]
    )
    assert first["text"] in text_of(page, "[role=status]")
    assert page.locator("#main").get_attribute("aria-busy") is None


def test_a_shared_address_shows_what_was_asked(page, site):
    page.goto(found(site, ROVER))
    assert page.input_value("#q") == ROVER
    assert text_of(page, "mark") == replied(site, ROVER)["answers"][0]["text"]


def test_back_and_forward_show_the_questions_before_and_after(page, site):
    page.goto(site.address)
    ask(page, ROVER)
    rover = text_of(page, "#main")
    ask(page, FORCE)
    force = text_of(page, "#main")
    page.go_back()
    assert (page.url, page.input_value("#q")) == (found(site, ROVER), ROVER)
    assert text_of(page, "#main") == rover != force
    page.go_back()
    assert page.input_value("#q") == "" and page.locator("body.home").count() == 1
    page.go_forward()
    page.go_forward()
    assert text_of(page, "#main") == force


def test_the_skip_link_is_no_other_page(page, site):
    page.goto(found(site, ROVER))
    before = text_of(page, "#main")
    page.focus(".skip")
    page.keyboard.press("Enter")
    page.go_back()
    assert text_of(page, "#main") == before


def test_the_keyboard_alone_asks_moves_copies_and_opens(page, site):
    question = asked_with_several_answers(site)
    page.goto(site.address)
    page.keyboard.press("/")
    assert focused(page) == "q" and page.input_value("#q") == ""
    page.keyboard.type(question)
    page.keyboard.press("Enter")
    page.wait_for_selector(".answer")
    for key, at in (("Down", 1), ("Down", 2), ("Up", 1), ("Up", "q"), ("Down", 1)):
        page.keyboard.press(f"Arrow{key}")
        assert focused(page) == (at if at == "q" else f"answer-{at}")
    page.keyboard.press("c")
    page.wait_for_function(
        "() => document.querySelector('[role=status]').textContent === 'Copied.'"
    )
    citation = replied(site, question)["answers"][0]["citations"][0]
    assert clipboard(page) == text_of(page, ".cite pre")
    assert citation["quote"] in clipboard(page) and citation["title"] in clipboard(page)
    page.keyboard.press("Enter")
    page.wait_for_selector("#answer")
    assert chromium.marked_range(page) == (citation["start"], citation["quote"])


def test_a_slash_in_the_box_is_a_slash(page, site):
    page.goto(found(site, ROVER))
    page.fill("#q", "")
    page.type("#q", "km/h c")
    assert page.input_value("#q") == "km/h c"


def test_each_form_is_copied_as_it_stands(page, site):
    page.goto(found(site, ROVER))
    page.locator(".cite summary").first.click()
    forms = page.locator(".cite").first.locator("dt")
    assert forms.count() == 4
    for number in range(4):
        forms.nth(number).locator("button").click()
        page.wait_for_selector(f".cite dt:nth-of-type({number + 1}) [data-copied]")
        assert clipboard(page) == page.locator(".cite pre").nth(number).text_content()


def test_no_answer_says_why_and_the_arrows_reach_the_passages(page, site):
    page.goto(site.address)
    ask(page, NOTHING)
    assert text_of(page, ".none p") == replied(site, NOTHING)["reason"]
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.matches('.passages li')")


def test_a_lost_server_is_said_and_the_page_stays(page, site):
    page.goto(found(site, ROVER))
    page.route("**/*", lambda route: route.abort())
    page.fill("#q", FORCE)
    page.press("#q", "Enter")
    page.wait_for_selector(".state.trouble")
    assert "can't be reached" in text_of(page, ".state")
    assert page.url == found(site, ROVER) and page.locator(".answer").count() > 0


def test_a_page_of_a_proxy_is_not_shown(page, site):
    page.goto(found(site, ROVER))
    page.route("**/*", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    page.fill("#q", FORCE)
    page.press("#q", "Enter")
    page.wait_for_selector(".state.trouble")
    assert page.url == found(site, ROVER) and page.locator(".answer").count() > 0
    page.unroute("**/*")
    ask(page, FORCE)


def test_the_arrow_leaves_the_last_answer_to_the_browser(page, site):
    page.goto(f"{found(site, ROVER)}&k=1")
    page.evaluate("addEventListener('keydown', event => { window.taken = event.defaultPrevented })")
    page.press("#q", "ArrowDown")
    assert page.evaluate("taken") and focused(page) == "answer-1"
    page.keyboard.press("ArrowDown")
    assert not page.evaluate("taken") and focused(page) == "answer-1"
    page.keyboard.press("Shift+ArrowUp")
    assert not page.evaluate("taken") and focused(page) == "answer-1"


def test_the_arrows_scroll_the_text_of_a_citation(page, site):
    page.goto(f"{found(site, ROVER)}&k=1")
    page.evaluate("addEventListener('keydown', event => { window.taken = event.defaultPrevented })")
    page.locator(".cite summary").first.click()
    page.locator(".cite pre").first.focus()
    page.keyboard.press("ArrowUp")
    assert not page.evaluate("taken")
    assert page.evaluate("document.activeElement.matches('.cite pre')")


def test_the_keys_are_told_on_a_screen_and_not_on_paper(page, site):
    page.goto(found(site, ROVER))
    for media in ("screen", "print"):
        page.emulate_media(media=media)
        assert page.locator(".keys").is_visible() == (media == "screen")


def test_titles_that_are_found_too_late_change_nothing(page, site):
    late = []

    def wait(route):
        late.append(route)

    page.goto(f"{site.address}/articles")
    page.route("**/articles?words=*", wait)
    page.locator("#words").press_sequentially("pell")
    page.wait_for_timeout(400)
    ask(page, ROVER)
    for one in late:
        one.continue_()
    page.wait_for_timeout(400)
    assert late and page.url == found(site, ROVER) and page.locator(".trouble").count() == 0


def test_titles_are_found_while_one_types(page, site):
    page.goto(f"{site.address}/articles")
    page.locator("#words").press_sequentially("lighthouse pell")
    page.wait_for_function("() => document.querySelectorAll('.articles li').length === 1")
    assert text_of(page, ".articles a.title") == "The lighthouse of Pellworm"
    assert focused(page) == "words" and page.url.endswith("/articles?words=lighthouse+pell")
    assert text_of(page, "[role=status]") == "1 title has these words"
    page.route("**/articles?words=*", lambda route: route.fulfill(status=503, body="busy"))
    page.locator("#words").press_sequentially("w")
    page.wait_for_selector(".state.trouble")
    assert "can't be reached" in text_of(page, ".state")
    refusal = '<p role="alert"> Come again later. </p>'
    page.route("**/articles?words=*", lambda route: route.fulfill(status=429, body=refusal))
    page.locator("#words").press_sequentially("o")
    page.wait_for_selector(".state:text-is('Come again later.')")


def test_a_filter_leaves_out_what_came_later(page, site):
    later = "a.title:has-text('Manila becomes third partner')"
    page.goto(found(site, "Where did Japan and the Philippines sign their agreement?"))
    assert page.locator(later).count() > 0
    page.locator(".filters summary").click()
    page.fill("[name=published_to]", "2023-12-31")
    page.press("#q", "Enter")
    page.wait_for_url("**published_to=2023-12-31")
    page.wait_for_selector(".filters[open]")
    assert page.locator("a.title").count() > 0 and page.locator(later).count() == 0


def test_everything_works_without_javascript(browser, site):
    context = browser.new_context(java_script_enabled=False, viewport=chromium.DESK)
    page = context.new_page()
    page.goto(site.address)
    page.fill("#q", ROVER)
    page.click(".box button")
    assert page.locator("mark").first.text_content() == (replied(site, ROVER)["answers"][0]["text"])
    page.locator(".cite summary").first.click()
    assert page.locator(".cite pre").first.is_visible()
    assert not any(one.is_visible() for one in page.locator(".scripted").all())
    page.locator("a.title").first.click()
    assert page.locator("#answer").is_visible()
    context.close()


def pages_of(site):
    library = f"{site.address}/articles"
    citation = replied(site, FORCE)["answers"][0]["citations"][0]
    place = f"{library}/{citation['article_id']}?start={citation['start']}&end={citation['end']}"
    return [
        site.address,
        found(site, FORCE),
        found(site, NOTHING),
        library,
        place,
        f"{library}/{citation['article_id']}?start=5&end=1",
        f"{library}/nowhere",
        f"{site.address}/?q={'x' * 600}",
        f"{site.address}/docs",
    ]


@pytest.mark.parametrize("theme", chromium.THEMES)
def test_no_page_breaks_a_rule_of_accessibility(page, site, theme):
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    for address in pages_of(site):
        page.goto(address)
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        assert chromium.violations(page) == "", address


def test_no_page_is_wider_than_a_phone(page, site):
    page.set_viewport_size(chromium.PHONE)
    for address in pages_of(site):
        page.goto(address)
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        assert chromium.width_beyond(page) <= 0, address
