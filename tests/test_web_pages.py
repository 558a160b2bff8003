"""The pages: the right words highlighted, everything escaped, nothing left unsaid."""

import gzip
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
import web_fakes as fakes
from hypothesis import given
from hypothesis import strategies as st
from web_fakes import EVIL, PACT, SECOND, WORDS, FakeLibrary, FakeQA

import web
from index import Article, Failure
from qa import Answer, Filters
from web import Settings, create_app, highlight, wording


class Page(HTMLParser):
    """What a browser makes of a page: text by element, attributes of all tags."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.marks, self.article = [], [], [], ""
        self.text = ""
        self.feed(html)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "input"):
            self.open.append((tag, dict(attrs)))
        if tag == "mark":
            self.marks.append("")

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        self.text += data
        if any(tag == "mark" for tag, _ in self.open):
            self.marks[-1] += data
        if any(attrs.get("class") == "text" for _, attrs in self.open):
            self.article += data

    def all(self, name):
        return [attrs for tag, attrs in self.tags if tag == name]

    def hrefs(self):
        return [attrs["href"] for attrs in self.all("a")]


def page_of(path, qa=None, status=200):
    app = create_app(Settings(), qa if qa is not None else FakeQA())
    reply = app.test_client().get(path)
    assert reply.status_code == status
    assert reply.content_type == "text/html; charset=utf-8"
    return Page(reply.get_data(as_text=True))


def test_home_has_a_box_and_asks_nothing():
    qa = FakeQA()
    page = page_of("/", qa)
    box = next(attrs for attrs in page.all("input") if attrs["name"] == "q")
    assert box["value"] == "" and box["maxlength"] == "500"
    assert qa.asked == [] and "2 articles" in page.text


@pytest.mark.parametrize("query", ["", "?q=", "?q=%20%20"])
def test_an_empty_question_just_shows_the_box(query):
    assert page_of("/" + query).marks == []


def test_an_answer_in_its_sentence_with_its_citation():
    qa = FakeQA()
    page = page_of("/?q=who+signed+the+RAA%3F", qa)
    assert qa.asked == [("who signed the RAA?", 3)]
    assert page.marks == [WORDS]
    assert "On Wednesday Japan and Britain signed the RAA" in page.text
    assert "who signed the RAA? · Citespan" in page.text
    for said in ("sure", "93%", "The Example", "11 January 2023", PACT.title, "example.org"):
        assert said in page.text
    there = f"/articles/{PACT.id}?start={SECOND}&end={SECOND + len(WORDS)}#answer"
    assert there in page.hrefs()
    words = "#:~:text=Wednesday-,Japan%20and%20Britain,-signed"
    out = next(attrs for attrs in page.all("a") if attrs["href"] == PACT.url + words)
    assert out["rel"] == "noopener nofollow"


@pytest.mark.parametrize(
    ("sure", "calibrated", "words"),
    [
        (True, True, "sure 93%"),
        (False, True, "very likely 93%"),
        (False, False, "very likely 93% uncalibrated"),
    ],
)
def test_what_stands_behind_the_confidence_is_said(sure, calibrated, words):
    replied = FakeQA().replied
    answers = tuple(replace(one, sure=sure) for one in replied.answers)
    page = page_of("/?q=who", FakeQA(replace(replied, answers=answers, calibrated=calibrated)))
    assert words in page.text
    assert ("uncalibrated" in page.text) == (not calibrated)
    assert ("very likely" in page.text) == (not sure)


def test_articles_that_say_so_are_counted_and_copies_folded():
    said = fakes.citation(PACT, SECOND, SECOND + len(WORDS))
    copy = replace(said, article_id="c", title="A copy")
    other = replace(said, article_id="d", title="Another", before="It was ", after=" who met.")
    page = page_of("/?q=who", FakeQA(fakes.reply(said, copy, other)))
    assert "in 2 articles" in page.text and "Repeated once" in page.text
    assert page.marks == [WORDS] * 3
    folded = page_of("/?q=who", FakeQA(fakes.reply(said, copy)))
    assert "in 2 articles" not in folded.text and "Also said in" not in folded.text
    assert "A copy" in folded.text


@pytest.mark.parametrize("calibrated", [True, False])
def test_answers_that_change_over_time_stand_above_in_date_order(calibrated):
    old = replace(fakes.citation(PACT, 0, 6), quote="Kishida", published="2021-10-04")
    new = replace(fakes.citation(EVIL, 0, 6), quote="Ishiba", published="2024-10-01")
    answers = tuple(Answer(one.quote, 0.9, True, (one,)) for one in (new, old))
    replied = replace(fakes.reply(new), answers=answers, calibrated=calibrated)
    page = page_of("/?q=who", FakeQA(replied))
    line = "until 4 October 2021 Kishida since 1 October 2024 Ishiba"
    assert (line in page.text) == calibrated
    assert ({"#answer-1", "#answer-2"} <= set(page.hrefs())) == calibrated


def test_a_relative_date_is_explained_beside_the_quotation():
    page = page_of("/?q=who")
    assert "Seen from the article's date: “Wednesday” is 11 January 2023" in page.text
    assert (
        "Seen from" not in page_of("/?q=who", FakeQA(fakes.reply(fakes.citation(EVIL, 7, 11)))).text
    )


def test_an_answer_can_be_taken_along_in_four_forms():
    page = page_of("/?q=who+signed+the+RAA%3F")
    assert page.all("button")[1:] == [
        {"type": "button", "class": "scripted", "data-copy": None, "aria-label": f"Copy as {form}"}
        for form in ("Quotation", "Markdown", "BibTeX", "CSL-JSON")
    ]
    assert f"“On Wednesday {WORDS} signed the RAA.”" in page.text
    assert f"**{WORDS}**" in page.text and PACT.url in page.text


def test_an_article_without_a_web_address_is_quoted_with_its_place_here():
    page = page_of("/?q=who", FakeQA(fakes.reply(fakes.citation(EVIL, 7, 11))))
    assert f", http://localhost/articles/{EVIL.id}?start=7&end=11#answer" in page.text
    assert "javascript:" not in page.text


@pytest.mark.parametrize(
    ("replied", "said"),
    [
        (fakes.reply(fakes.citation(EVIL, 7, 11)), "1 answer: </p> (sure, 93%)"),
        (fakes.reply(reason="Nothing is sure <enough>."), "No answer. Nothing is sure <enough>."),
    ],
)
def test_what_is_read_out_is_in_the_page(replied, said):
    (main,) = page_of("/?q=who", FakeQA(replied)).all("main")
    assert main["data-said"] == said


def test_all_that_a_browser_loads_is_small():
    static = Path(web.__file__).parent / "static"
    packed = sum(len(gzip.compress(file.read_bytes())) for file in static.iterdir())
    assert packed < 60_000


def test_the_box_keeps_the_question_and_k():
    qa = FakeQA()
    page = page_of("/?q=a+%22b%22&k=7", qa)
    values = {attrs["name"]: attrs["value"] for attrs in page.all("input") if attrs["value"]}
    assert values == {"q": 'a "b"', "k": "7"} and qa.asked == [('a "b"', 7)]


def test_every_citation_of_an_answer_is_listed():
    more = fakes.citation(EVIL, 7, 11)
    first = fakes.citation(PACT, SECOND, SECOND + len(WORDS))
    page = page_of("/?q=who", FakeQA(fakes.reply(first, more)))
    assert page.marks == [WORDS, EVIL.text[7:11]]
    assert "Also said in" in page.text
    assert f"/articles/{EVIL.id}?start=7&end=11#answer" in page.hrefs()


def test_no_answer_says_why_and_shows_the_nearest_passages():
    page = page_of("/?q=why", FakeQA(fakes.reply(reason="Nothing is sure <enough>.")))
    assert page.marks == [] and "Nothing is sure <enough>." in page.text
    assert PACT.text[:20] in page.text
    assert f"/articles/{PACT.id}?start=0&end=20#answer" in page.hrefs()
    assert {"class": "read"} not in page.all("details")


def test_passages_read_are_folded_below_answers():
    page = page_of("/?q=why")
    assert page.all("details")[-1] == {"class": "read"} and "Nearest passages (2)" in page.text


@pytest.mark.parametrize("start", [PACT.text.index(WORDS), SECOND])
def test_the_article_page_marks_exactly_the_range(start):
    end = start + len(WORDS)
    page = page_of(f"/articles/{PACT.id}?start={start}&end={end}")
    assert page.article == PACT.text
    assert page.marks == [WORDS]
    assert [attrs.get("id") for attrs in page.all("mark")] == ["answer"]
    before = page_html(f"/articles/{PACT.id}?start={start}&end={end}").split("<mark")[0]
    assert Page(before).article == PACT.text[:start]


def page_html(path):
    return create_app(Settings(), FakeQA()).test_client().get(path).get_data(as_text=True)


def test_a_mark_across_paragraphs_is_whole_and_has_one_anchor():
    start, end = PACT.text.index("RAA"), PACT.text.index("talks") + 5
    page = page_of(f"/articles/{PACT.id}?start={start}&end={end}")
    assert page.article == PACT.text
    assert len(page.marks) == 3
    assert [attrs.get("id") for attrs in page.all("mark")] == ["answer", None, None]
    assert "".join("".join(page.marks).split()) == "".join(PACT.text[start:end].split())


@pytest.mark.parametrize(
    "query",
    [
        "start=5",
        "end=5",
        "start=9&end=9",
        "start=9&end=3",
        "start=0&end=99999",
        "start=-3&end=4",
        "start=a&end=b",
        "start=&end=",
        "start=1e3&end=2e3",
        "start=%D9%A1&end=5",
    ],
)
def test_a_range_that_does_not_fit_is_said_and_marks_nothing(query):
    page = page_of(f"/articles/{PACT.id}?{query}")
    assert page.marks == [] and page.article == PACT.text and "nothing is highlighted" in page.text


def test_the_article_page_leads_to_the_other_mentions_and_to_the_publisher():
    first = PACT.text.index(WORDS)
    page = page_of(f"/articles/{PACT.id}?start={SECOND}&end={SECOND + len(WORDS)}")
    assert "Mention 2 of 2 Previous To the" in page.text
    assert f"/articles/{PACT.id}?start={first}&end={first + len(WORDS)}#answer" in page.hrefs()
    assert f"{PACT.url}#:~:text=Wednesday-,Japan%20and%20Britain,-signed" in page.hrefs()
    alone = page_of(f"/articles/{PACT.id}?start={SECOND - 10}&end={SECOND - 1}")
    assert alone.marks == ["Wednesday"]
    assert "Mention" not in alone.text


def test_an_article_with_pages_tells_the_page_and_leads_to_it():
    url = "https://www.example.org/pact.pdf"
    paged = replace(PACT, url=url, page_starts=(0, SECOND - 5, len(PACT.text)))
    qa = FakeQA(FakeQA().replied, shelf=FakeLibrary((paged, EVIL)))
    page = page_of(f"/articles/{PACT.id}?start={SECOND}&end={SECOND + len(WORDS)}", qa)
    assert "page 2 of 3" in page.text
    assert f"{url}#page=2" in page.hrefs()
    assert url in page_of(f"/articles/{PACT.id}", qa).hrefs()
    cited = replace(fakes.citation(paged, SECOND, SECOND + len(WORDS)), page=2)
    page = page_of("/?q=who", replace(qa, replied=fakes.reply(cited)))
    assert "page 2" in page.text
    assert f"{url}#page=2" in page.hrefs()
    html = replace(paged, url=f"{url}#top")
    qa = replace(qa, shelf=FakeLibrary((html, EVIL)))
    assert html.url in page_of(f"/articles/{PACT.id}?start=0&end=4", qa).hrefs()


def test_a_question_can_be_kept_to_an_article():
    qa = FakeQA()
    offered = page_of(f"/articles/{PACT.id}", qa).all("input")[1]
    assert offered == {"type": "checkbox", "name": "article_id", "value": PACT.id}
    page = page_of(f"/?q=who&article_id={PACT.id}", qa)
    assert qa.filtered == [Filters(article_ids=(PACT.id,))]
    assert {**offered, "checked": None} in page.all("input")
    assert f"Only in “{PACT.title}”" in page.text
    assert "Only in “gone”" in page_of("/?q=who&article_id=gone", qa).text


def test_filters_are_asked_with_and_stay_in_the_form():
    qa = FakeQA()
    page = page_of("/?q=who&source=Gone&published_from=2020-01-02&published_to=2023-12-31", qa)
    assert qa.filtered == [Filters(("Gone",), "2020-01-02", "2023-12-31")]
    values = {attrs["name"]: attrs["value"] for attrs in page.all("input")}
    assert values["published_from"] == "2020-01-02" and values["published_to"] == "2023-12-31"
    (chosen,) = [attrs for attrs in page.all("option") if "selected" in attrs]
    assert len(page.all("option")) == 4 and page.text.count("Gone") == 1
    assert chosen == {"selected": None}
    assert {"class": "filters", "open": None} in page.all("details")


def test_filters_left_empty_filter_nothing():
    qa = FakeQA()
    page = page_of("/?q=who&source=&published_from=&published_to=&article_id=", qa)
    assert qa.filtered == [Filters()] and {"class": "filters"} in page.all("details")


def test_several_sources_can_each_be_let_go():
    page = page_of("/?q=who&source=One&source=Two")
    kept = [attrs["value"] for attrs in page.all("input") if attrs["name"] == "source"]
    assert kept == ["One", "Two"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("published_from=yesterday", "must be a day such as 2023-01-31"),
        ("published_from=2024-01-01&published_to=2023-01-01", "exchange the two dates"),
    ],
)
def test_filters_that_cannot_be_are_said(query, sentence):
    assert sentence in page_of(f"/?q=who&{query}", status=400).text


def test_titles_are_found_by_their_words():
    page = page_of("/articles?words=DEFENCE")
    assert "1 title has these words" in page.text and PACT.title in page.text
    assert EVIL.title not in page.text
    words = next(attrs for attrs in page.all("input") if attrs["name"] == "words")
    assert words["value"] == "DEFENCE"
    assert "No title has these words" in page_of("/articles?words=nothing").text
    assert "at most" in page_of(f"/articles?words={'x' * 201}", status=400).text


def test_words_are_kept_when_pages_turn():
    stored = tuple(Article(f"{n:016x}", "o", f"Title {n}.", "Text.") for n in range(120))
    page = page_of("/articles?words=title&page=2", FakeQA(shelf=FakeLibrary(stored)))
    assert {"/articles?page=1&words=title", "/articles?page=3&words=title"} <= set(page.hrefs())


def test_the_library_names_its_sources():
    page = page_of("/articles")
    assert "2 sources" in page.text and "The Example 1 article" in page.text
    assert "/?source=The+Example" in page.hrefs()


def test_an_article_without_a_range_is_just_shown():
    page = page_of(f"/articles/{PACT.id}")
    assert page.marks == [] and "nothing is highlighted" not in page.text
    assert PACT.url in page.hrefs()


def test_whatever_an_article_says_is_text():
    start, end = EVIL.text.index("<script>"), EVIL.text.index("&amp;")
    qa = FakeQA(fakes.reply(fakes.citation(EVIL, start, end)))
    qa.replied = replace(qa.replied, question=fakes.NASTY)
    qa.shelf.failed = (Failure(fakes.NASTY, "<script>1</script>"),)
    qa.shelf.notes = ("<svg onload=alert(2)>",)
    found = page_of("/?q=%22%3E%3Csvg%20onload%3Dalert(1)%3E", qa)
    shown = page_of(f"/articles/{EVIL.id}?start={start}&end={end}", qa)
    for page in (found, shown, page_of("/articles", qa)):
        assert [attrs["src"] for attrs in page.all("script")] == ["/static/search.js"]
        assert {"svg", "b", "i"}.isdisjoint(tag for tag, _ in page.tags if tag != "b")
        assert not any(name.startswith(("on", "style")) for _, a in page.tags for name in a)
        assert not any(href.startswith("javascript:") for href in page.hrefs())
    assert found.marks == shown.marks == [EVIL.text[start:end]]
    assert shown.article == EVIL.text
    assert EVIL.title in found.text and EVIL.title in shown.text


def test_the_library_lists_articles_failures_and_notes():
    failed = (Failure("articles/torn.pdf", "it ends in the middle"),)
    shelf = FakeLibrary(failed=failed, notes=("the vector index was rebuilt",))
    page = page_of("/articles", FakeQA(shelf=shelf))
    assert f"/articles/{PACT.id}" in page.hrefs()
    for said in ("torn.pdf", "it ends in the middle", "was rebuilt", "2 articles"):
        assert said in page.text


def test_the_folders_of_this_machine_are_not_told():
    origins = ("/home/me/torn.pdf", "/home/me/a.csv#row 3", "https://example.org/a/b")
    notes = ("/home/me/var/derived/r1/terms/meta.json can't be read",)
    shelf = FakeLibrary(failed=tuple(Failure(one, "is torn") for one in origins), notes=notes)
    client = create_app(Settings(data="/home/me/var"), FakeQA(shelf=shelf)).test_client()
    page = client.get("/articles").get_data(as_text=True)
    for said in ("<b>torn.pdf<", "<b>a.csv#row 3<", "<b>https://example.org/a/b<", ">derived/r1/"):
        assert said in page
    assert client.get("/readyz").get_json()["notes"] == ["derived/r1/terms/meta.json can't be read"]
    assert "/home" not in page


def test_the_library_turns_pages():
    stored = tuple(Article(f"{n:016x}", "o", f"Title {n}.", "Text.") for n in range(120))
    qa = FakeQA(shelf=FakeLibrary(stored))
    middle = page_of("/articles?page=2", qa)
    assert "Title 50." in middle.text and "Title 49." not in middle.text
    assert {"/articles?page=1", "/articles?page=3"} <= set(middle.hrefs())
    last = page_of("/articles?page=3", qa)
    assert "Title 119." in last.text and "/articles?page=4" not in last.hrefs()
    page_of("/articles?page=4", qa, status=400)


def test_an_empty_library_is_a_page_too():
    assert "0 articles" in page_of("/articles", FakeQA(shelf=FakeLibrary(()))).text


def test_pages_use_nothing_inline_and_nothing_foreign():
    paths = ("/", "/?q=who", "/articles", f"/articles/{PACT.id}", "/articles/none")
    client = create_app(Settings(), FakeQA()).test_client()
    for path in paths:
        page = Page(client.get(path).get_data(as_text=True))
        assert page.all("style") == [] and not any("style" in attrs for _, attrs in page.tags)
        loaded = [a["href"] for a in page.all("link")] + [a["src"] for a in page.all("script")]
        assert len(loaded) == 4
        for asset in loaded:
            with client.get(asset) as reply:
                assert asset.startswith(("/static/", "/opensearch.xml"))
                assert reply.status_code == 200


def test_a_browser_can_take_it_for_a_search_engine():
    reply = create_app(Settings(), FakeQA()).test_client().get("/opensearch.xml")
    assert reply.content_type == "application/opensearchdescription+xml"
    (address,) = ElementTree.fromstring(reply.get_data()).iter(
        "{http://a9.com/-/spec/opensearch/1.1/}Url"
    )
    assert address.attrib["template"] == "http://localhost/?q={searchTerms}"


def test_the_box_for_other_sites_is_small():
    box = Path(web.__file__).parent / "static" / "citespan-box.js"
    assert box.stat().st_size < 15_000


@given(
    st.text(st.sampled_from("ab \n\t\u00a0🙂é"), max_size=60),
    st.integers(-2, 62),
    st.integers(-2, 62),
)
def test_pieces_joined_are_the_text_and_marks_are_the_span(text, start, end):
    cut = highlight.paragraphs(text, (start, end))
    assert "".join("".join(p.text for p in one.pieces) + one.gap for one in cut) == text
    assert all(re.fullmatch(r"\s*", one.gap) for one in cut)
    marked = [piece for one in cut for piece in one.pieces if piece.marked]
    fits = 0 <= start < end <= len(text) and not text[start:end].isspace()
    assert highlight.fits(text, (start, end)) == fits
    wanted = text[start:end].split() if fits else []
    assert "".join("".join(piece.text for piece in marked).split()) == "".join(wanted)
    assert [piece.first for piece in marked] == [at == 0 for at in range(len(marked))]
    assert bool(marked) == fits


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://a.example/x", "https://a.example/x"),
        ("HTTP://a.example", "HTTP://a.example"),
        ("javascript:alert(1)", None),
        ("javascript://a.example/%0Aalert(1)", None),
        ("java\nscript:alert(1)", None),
        (" javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("//a.example", None),
        ("https:", None),
        ("http://[broken", None),
        ("/local", None),
        ("", None),
        (None, None),
    ],
)
def test_only_web_addresses_become_links(url, link):
    assert wording.web_link(url) == link


@pytest.mark.parametrize(
    ("confidence", "words", "number"),
    [
        (1.0, "very likely", "99%"),
        (0.8, "very likely", "80%"),
        (0.5, "likely", "50%"),
        (0.49, "possible", "49%"),
        (0.0, "possible", "1%"),
    ],
)
def test_confidence_in_words_and_number(confidence, words, number):
    assert wording.likelihood(confidence) == words
    assert wording.percent(confidence) == number


@pytest.mark.parametrize(
    ("published", "read"), [("2023-01-05", "5 January 2023"), ("2023", "2023"), ("soon", "soon")]
)
def test_dates_read_as_people_write_them(published, read):
    assert wording.day(published) == read
