"""What the page of a foreign origin can do to the service in a real browser: nothing (E9)."""

import pytest
from chromium import elsewhere

PAGE = """<!doctype html><html lang="en"><title>Foreign</title>
<iframe src="{site}/"></iframe>
<form method="post" enctype="text/plain" action="{site}/api/v1/feedback">
<input name='{{"question": "who?", "x' value='": 1}}'></form>"""


@pytest.fixture
def foreign(page, site, tmp_path):
    """A page of an origin that the service does not know, with the service in a frame."""
    (tmp_path / "index.html").write_text(PAGE.format(site=site.address), encoding="utf-8")
    with elsewhere(tmp_path) as origin:
        page.goto(origin)
        yield page


def test_it_shows_no_page_of_ours_in_a_frame(foreign, site):
    (frame,) = foreign.main_frame.child_frames
    assert frame.url != f"{site.address}/" and frame.locator("#q").count() == 0


@pytest.mark.parametrize(
    "request_of",
    [
        "fetch(at + '/api/v1/articles')",
        "fetch(at + '/api/v1/ask?q=who', {credentials: 'include'})",
        "fetch(at + '/api/v1/feedback', {method: 'POST', body: '{}',"
        " headers: {'Content-Type': 'application/json'}})",
        "fetch(at + '/api/v1/index', {method: 'POST', headers: {Authorization: 'Bearer x'}})",
        "fetch(at + '/api/v1/articles/a', {method: 'DELETE'})",
    ],
)
def test_it_reads_and_writes_nothing(foreign, site, request_of):
    told = foreign.evaluate(f"at => {request_of}.then(() => 'read', () => 'refused')", site.address)
    assert told == "refused"


def test_a_form_that_is_sent_from_there_is_refused(foreign, site):
    with foreign.expect_response(f"{site.address}/api/v1/feedback") as sent:
        foreign.evaluate("document.forms[0].submit()")
    assert sent.value.status == 415
