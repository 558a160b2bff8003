"""Citations as text: the article's words whole in every form, and nothing that breaks out."""

import json
import re
from dataclasses import replace

import web_fakes as fakes
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from web_fakes import EVIL, PACT, SECOND, WORDS

from qa import Citation
from web.quotation import sentence, texts

LINK = "https://www.example.org/pact?a=1&b=2"
PACT_CITED = fakes.citation(PACT, SECOND, SECOND + len(WORDS))
SENTENCE = f"On Wednesday {WORDS} signed the RAA."

marks = st.text(st.sampled_from("ab \n\t*_`[]()<>!&#\\{}$%^~|.é🙂“\"'-"), max_size=20)


@st.composite
def citations(draw):
    quote = draw(marks.filter(lambda text: text.strip() == text != ""))
    return Citation("0" * 16, "T", None, draw(marks), "2023", 3, 9, draw(marks), quote, draw(marks))


def one_line(text):
    return " ".join(text.split())


def rendered(markdown):
    """The text that a reader of the Markdown sees."""
    html = MarkdownIt().render(markdown)
    plain = re.sub(r"<[^>]*>", "", html)
    for name, sign in (("lt", "<"), ("gt", ">"), ("quot", '"'), ("amp", "&")):
        plain = plain.replace(f"&{name};", sign)
    return one_line(plain)


def test_a_quotation_is_the_sentence_with_title_source_date_and_link():
    assert texts(PACT_CITED, None, LINK).quotation == (
        f"“{SENTENCE}” — {PACT.title}, The Example, 11 January 2023, {LINK}"
    )


def test_markdown_marks_the_words_and_links_the_title():
    assert texts(PACT_CITED, None, LINK).markdown == (
        f"> “On Wednesday **{WORDS}** signed the RAA.”\n>\n"
        f"> — [Japan and Britain sign a defence pact](<{LINK}>), The Example, 11 January 2023\n"
    )


def test_markdown_leaves_the_words_plain_where_stars_would_show():
    inside = Citation("0" * 16, "T", None, None, None, 1, 4, "pre", "(a)", "post")
    assert texts(inside, None, LINK).markdown.startswith("> “pre(a)post”\n")


def test_bibtex_names_what_is_known():
    assert texts(PACT_CITED, "A. Writer", LINK).bibtex == (
        "@misc{citespan-00000000000000aa-"
        f"{SECOND},\n"
        "  title = {{Japan and Britain sign a defence pact}},\n"
        "  author = {{A. Writer}},\n"
        "  howpublished = {The Example},\n"
        "  year = {2023},\n"
        "  date = {2023-01-11},\n"
        f"  url = {{{LINK}}},\n"
        f"  note = {{“{SENTENCE}”}}\n"
        "}\n"
    )


def test_csl_json_names_what_is_known():
    (item,) = json.loads(texts(PACT_CITED, "A. Writer", LINK).csl_json)
    assert item == {
        "id": f"citespan-{PACT.id}-{SECOND}",
        "type": "webpage",
        "title": PACT.title,
        "URL": LINK,
        "note": f"“{SENTENCE}”",
        "author": [{"literal": "A. Writer"}],
        "container-title": "The Example",
        "issued": {"date-parts": [[2023, 1, 11]]},
    }


def test_what_is_not_known_is_left_out():
    bare = Citation("0" * 16, "Title", None, None, None, 0, 4, "", "Four", " words.")
    forms = texts(bare, None, "https://a.example/")
    assert forms.quotation == "“Four words.” — Title, https://a.example/"
    assert not re.search("author|year|date|howpublished", forms.bibtex)
    assert set(json.loads(forms.csl_json)[0]) == {"id", "type", "title", "URL", "note"}


def test_a_date_that_is_none_is_quoted_and_not_made_one():
    forms = texts(fakes.citation(EVIL, 7, 11), None, LINK)
    assert "<i>soon</i>" in forms.quotation
    assert "year" not in forms.bibtex and "issued" not in forms.csl_json


@given(citations())
def test_markdown_reads_as_the_quotation(citation):
    assert rendered(texts(citation, None, LINK).markdown).startswith(f"“{sentence(citation)}” — T")


@given(citations(), marks)
def test_bibtex_braces_are_in_balance_and_hide_nothing(citation, author):
    bibtex = texts(citation, author, LINK + "{}").bibtex
    depth = 0
    for sign in re.sub(r"\\[a-z]+ |\\.", "", bibtex):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
    assert depth == 0
    assert bibtex.count("\n") == bibtex.count("\n  ") + 2


@given(citations(), marks)
def test_csl_json_holds_the_sentence_as_it_is(citation, author):
    (item,) = json.loads(texts(citation, author, LINK).csl_json)
    assert item["note"] == f"“{sentence(citation)}”" and item["author"][0]["literal"] == author


def test_a_page_of_a_pdf_is_named():
    paged = replace(PACT_CITED, page=7)
    assert texts(paged, None, LINK).quotation.endswith(f", 11 January 2023, p. 7, {LINK}")
    assert texts(paged, None, LINK).markdown.endswith(", 11 January 2023, p. 7\n")
    assert "\n  pages = {7},\n" in texts(paged, None, LINK).bibtex
    assert json.loads(texts(paged, None, LINK).csl_json)[0]["page"] == "7"
