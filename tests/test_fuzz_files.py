"""Foreign files against what reads them: an article, an entry or a question, or one sentence.

Files as broken as they come; what each of them may say is in the tests of its own module.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import Article, Failure, LibraryError, SourceError
from index.fetch import Visitor, client, guard, polite
from index.sources import Listing, Sources
from index.sources.normalise import normalise
from index.watch.feeds import read_feeds
from index.watch.state import Seen, load_state
from index.watch.visits import Visits
from qa import LabelError
from qa.labels import load_labels

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


FIELDS = ("title", "url", "source", "published", "date", "author", "id", "Body")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def sources() -> Iterator[Sources]:
    with Sources() as one:
        yield one


@given(
    st.lists(
        st.fixed_dictionaries(
            {"text": st.text(max_size=20) | ANY_JSON},
            optional=dict.fromkeys(FIELDS, ANY_JSON),
        )
        | ANY_JSON,
        max_size=4,
    )
)
def test_any_json_in_a_row_is_an_article_or_told(
    folder: Path, sources: Sources, rows: list[Any]
) -> None:
    file = folder / "any.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = list(sources.read(file))
    assert len(found) == len(rows)
    for one in found:
        if isinstance(one, Article):
            assert one.text == normalise(one.text) != "" and one.title and one.digest
        else:
            assert one.reason.isprintable()


ADDRESSES = st.lists(
    st.sampled_from(
        "http:// https: // a.example [ ] ::1 @ :80 : %5B % ? /a # ² é .. * $ \n \0".split(" ")
    ),
    max_size=6,
).map("".join)


@given(st.text() | ADDRESSES)
def test_any_address_is_one_to_fetch_or_told(url: str) -> None:
    try:
        parts = guard.checked(url, inside=True)
    except SourceError:
        return
    assert parts.hostname and 0 <= guard.port_of(parts) < 65536


RULES = st.lists(
    st.tuples(
        st.sampled_from(["User-agent: ", "Allow:", "Disallow: ", "Crawl-delay: ", "Request-rate: "])
        | st.text(max_size=5),
        st.sampled_from(["*", "Citespan", "5", "1/2", "9" * 5000, "²", "-1"]) | ADDRESSES,
    ).map("".join),
    max_size=6,
).map("\n".join)


@given(RULES | st.text())
def test_any_robots_txt_lets_a_page_be_read_or_says_why_not(rules: str) -> None:
    def fetched(url: str, *_: object, **__: object) -> client.Page:
        return client.Page(url, rules.encode("utf-8", "replace"), "text/plain", "", "")

    visitor = Visitor()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(polite, "fetch", fetched)
        patch.setattr(polite.time, "sleep", lambda _: None)
        try:
            visitor.visit("https://a.example/page")
        except SourceError as error:
            assert str(error).startswith("may not be read: robots.txt of its site")


TAGS = ["rss", "channel", "item", "link", "title", "pubDate", "feed", "entry", "updated", "author"]
TAGS += ["urlset", "url", "loc", "lastmod", "sitemapindex", "sitemap", "html", "p", "a", "article"]
SOUP = st.lists(
    st.one_of(
        st.sampled_from(TAGS).map("<{}>".format),
        st.sampled_from(TAGS).map("</{}>".format),
        st.sampled_from(['<link href="/a"/>', '<feed xmlns="http://www.w3.org/2005/Atom">']),
        st.sampled_from(
            ['<rss version="2.0">', "<![CDATA[", "]]>", "<!--", "&amp;", "&#0;", "&x;"]
        ),
        st.sampled_from(["https://a.example/1", "2023-01-11", "Mon, 06 Nov 2023 23:30:00 -0500"]),
        ADDRESSES,
        st.text(max_size=5),
    ),
    max_size=25,
).map("".join)


HEADS = st.sampled_from(
    [
        '<rss version="2.0"><channel><item><link>https://a.example/2</link></item>',
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="/2"/></entry>',
        "<urlset><url><loc>https://a.example/2</loc></url>",
        "<sitemapindex>",
        "",
    ]
)


@given(st.tuples(HEADS, SOUP).map("".join) | st.binary())
def test_any_listing_is_pages_of_the_web_or_told(sources: Sources, soup: str | bytes) -> None:
    data = soup.encode() if isinstance(soup, str) else soup
    found = sources.read_listing("https://a.example/feed", data)
    if isinstance(found, Failure):
        assert found.reason.isprintable()
        return
    assert isinstance(found, Listing)
    for entry in found.entries:
        assert guard.checked(entry.address, inside=True)
        assert all(told == " ".join(told.split()) != "" for told in entry.fields.values())


@given(SOUP.map(str.encode) | st.binary())
def test_any_page_is_an_article_or_told(sources: Sources, data: bytes) -> None:
    found = sources.read_page("https://a.example/", data, "text/html")
    if isinstance(found, Article):
        assert found.text == normalise(found.text) != "" and found.title and found.digest
    else:
        assert found.reason.isprintable()


PLACES = ANY_JSON | st.sampled_from(["https://a.example/", "~nobody", "~", "a\0b", "15m", "1d"])
LISTED = st.dictionaries(
    st.sampled_from(["every", "feeds", "sitemaps", "pages", "folders", "other"]),
    PLACES | st.lists(PLACES | st.dictionaries(st.sampled_from(["url", "path", "every"]), PLACES)),
)


def toml(listed: dict[str, Any]) -> str:
    """The keys as TOML; most of JSON is TOML, and the rest is one more thing that may be wrong."""
    return "".join(f"{key} = {_inline(value)}\n" for key, value in listed.items())


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)} = {_inline(one)}" for key, one in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value)


@given(LISTED.map(toml) | st.text())
def test_any_list_of_what_to_watch_is_one_or_told(folder: Path, listed: str) -> None:
    file = folder / "feeds.toml"
    file.write_bytes(listed.encode("utf-8", "replace"))
    try:
        found = read_feeds(file)
    except LibraryError as error:
        assert str(error).startswith(str(file))
        return
    for one in found:
        if one.kind == "folder":
            assert Path(one.place).is_absolute() and "\0" not in one.place
        else:
            assert guard.checked(one.place, inside=True)


STATES = st.dictionaries(
    st.text(max_size=9),
    st.builds(
        Seen, st.sampled_from(["page", "listing"]), st.floats(), next=st.floats(), busy=st.floats()
    ).map(lambda seen: {name: getattr(seen, name) for name in Seen.__slots__})
    | ANY_JSON,
    max_size=3,
)


@given(STATES | ANY_JSON)
def test_whatever_the_state_of_the_watch_says_it_goes_on(
    folder: Path, sources: Sources, state: Any
) -> None:
    (folder / "watch.json").write_text(json.dumps(state))
    known, notes = load_state(folder)
    assert len(notes) <= 1
    visits = Visits(known, Visitor(), sources, 1.7e9)
    for place, seen in known.items():
        visits.failed(place, seen, "answers 404")
        assert 1.7e9 < seen.next < 1.7e9 + 40 * 86400


PARAGRAPHS = st.fixed_dictionaries(
    {
        "context": st.text(max_size=9) | st.just("a\ud800") | ANY_JSON,
        "qas": st.lists(
            st.fixed_dictionaries(
                {"question": st.text(max_size=5) | ANY_JSON, "id": ANY_JSON},
                optional={
                    "is_impossible": ANY_JSON,
                    "answers": ANY_JSON
                    | st.lists(
                        st.fixed_dictionaries(
                            {
                                "text": st.text(max_size=2) | ANY_JSON,
                                "answer_start": st.integers(-1, 5) | ANY_JSON,
                            }
                        )
                    ),
                },
            )
            | ANY_JSON,
            max_size=3,
        )
        | ANY_JSON,
    }
)
LABELS = st.lists(
    st.fixed_dictionaries({"paragraphs": st.lists(PARAGRAPHS, max_size=2) | ANY_JSON}) | ANY_JSON,
    max_size=2,
)


@given(LABELS | ANY_JSON)
def test_any_labels_are_questions_or_told(folder: Path, data: Any) -> None:
    file = folder / "labels.json"
    file.write_text(json.dumps({"data": data}))
    try:
        articles, questions = load_labels(file)
    except LabelError as error:
        assert str(error).startswith(str(file))
        return
    texts = {article.id: article.text for article in articles}
    for one in questions:
        assert all(texts[one.article_id][start:end] for start, end in one.places)
