"""Feeds and sitemaps as they come from the web: the pages they list, and what they say."""

import gzip
import json
from collections.abc import Iterator

import pytest

from index.errors import SourceError
from index.records import Failure
from index.sources import Entry, Listing, Sources, entries

URL = "https://example.org/news/rss.xml"
RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>
<title>Alder News</title><link>https://example.org/</link>
<item><title>The bridge &amp; the town</title><link>https://example.org/a?x=1&amp;y=2#top</link>
<pubDate>Mon, 06 Nov 2023 23:30:00 -0500</pubDate><dc:creator>Mary Stone</dc:creator></item>
<item><title>&lt;b&gt;Tea&lt;/b&gt; is grown &lt;i&gt;here&lt;/i&gt;</title><link>tea.html</link>
<pubDate>Tue, 07 Nov 2023 10:00:00 GMT</pubDate></item>
</channel></rss>"""
ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom">
<title type="html">Alder &amp;amp; Co</title><id>x</id>
<entry><title>Bridge</title><id>1</id><link rel="self" href="https://example.org/self"/>
<link rel="alternate" href="https://example.org/b"/><author><name>Peter Wood</name></author>
<published>2023-11-06T23:30:00-05:00</published><updated>2023-12-01T00:00:00Z</updated></entry>
</feed>"""
SITEMAP = """<?xml version="1.0"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
 xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">
<url><loc> https://example.org/old </loc><lastmod>2020-01-01</lastmod></url>
<url><loc>https://example.org/new</loc><lastmod>2024-01-01</lastmod>
<news:news><news:publication><news:name>Alder</news:name></news:publication>
<news:title>A &lt;new&gt; bridge</news:title>
<news:publication_date>2024-01-01T09:00:00Z</news:publication_date></news:news></url>
<url><lastmod>2025-01-01</lastmod></url></urlset>"""
INDEX = """<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<sitemap><loc>https://example.org/1.xml</loc><lastmod>2023-01-01</lastmod></sitemap>
<sitemap><loc>/2.xml</loc><lastmod>2023-02-01</lastmod></sitemap></sitemapindex>"""


@pytest.fixture(scope="module")
def sources() -> Iterator[Sources]:
    with Sources() as sources:
        yield sources


def read(sources: Sources, text: str | bytes) -> tuple[Entry, ...]:
    found = sources.read_listing(URL, text.encode() if isinstance(text, str) else text)
    assert isinstance(found, Listing), found
    return found.entries


def reason(sources: Sources, data: bytes) -> str:
    found = sources.read_listing(URL, data)
    assert isinstance(found, Failure) and found.origin == URL
    return found.reason


def test_rss_the_newest_first_with_all_that_it_says(sources: Sources) -> None:
    assert read(sources, RSS) == (
        Entry(
            "https://example.org/news/tea.html",
            False,
            {
                "title": "Tea is grown here",
                "published": "Tue, 07 Nov 2023 10:00:00 GMT",
                "source": "Alder News",
            },
            "2023-11-07T10:00:00Z",
        ),
        Entry(
            "https://example.org/a?x=1&y=2",
            False,
            {
                "title": "The bridge & the town",
                "author": "Mary Stone",
                "published": "Mon, 06 Nov 2023 23:30:00 -0500",
                "source": "Alder News",
            },
            "2023-11-07T04:30:00Z",
        ),
    )


def test_atom_the_page_itself_and_when_it_was_changed(sources: Sources) -> None:
    (entry,) = read(sources, ATOM)
    assert (entry.address, entry.updated) == ("https://example.org/b", "2023-12-01T00:00:00Z")
    assert entry.fields == {
        "title": "Bridge",
        "author": "Peter Wood",
        "published": "2023-11-06T23:30:00-05:00",
        "source": "Alder & Co",
    }


def test_a_sitemap_and_what_one_of_news_says(sources: Sources) -> None:
    new, old = read(sources, SITEMAP)
    assert (new.address, new.updated) == ("https://example.org/new", "2024-01-01")
    assert new.fields == {"title": "A <new> bridge", "published": "2024-01-01T09:00:00Z"}
    assert old == Entry("https://example.org/old", False, {}, "2020-01-01")
    packed = gzip.compress(SITEMAP.encode())
    assert read(sources, packed) == (new, old)
    assert reason(sources, packed[:-20]) == "is cut short"


def test_a_sitemap_index_lists_listings(sources: Sources) -> None:
    assert [(one.address, one.is_listing) for one in read(sources, INDEX)] == [
        ("https://example.org/2.xml", True),
        ("https://example.org/1.xml", True),
    ]


@pytest.mark.parametrize(
    "spoilt",
    [
        RSS.replace("&amp; the", "& the"),
        RSS.replace("&amp; the", "&nbsp;&amp; the"),
        RSS.replace("</channel></rss>", ""),
        RSS.replace("UTF-8", "UTF-16").encode("utf-16"),
        RSS.replace("UTF-8", "ISO-8859-1").replace("Alder", "Älder").encode("latin-1"),
        "\n\n" + RSS,
    ],
    ids=["bare &", "unknown entity", "cut off", "utf-16", "latin-1", "blank lines first"],
)
def test_a_feed_that_is_a_little_wrong_is_read_all_the_same(
    sources: Sources, spoilt: str | bytes
) -> None:
    assert {one.address for one in read(sources, spoilt)} == {
        "https://example.org/news/tea.html",
        "https://example.org/a?x=1&y=2",
    }


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("file:///etc/passwd", None),
        ("javascript:alert(1)", None),
        ("http://[", None),
        ("http://" + "a" * 3000, None),
        ("//other.example/x", "https://other.example/x"),
        ("/straße?q=é", "https://example.org/stra%C3%9Fe?q=%C3%A9"),
        ("/a%20b", "https://example.org/a%20b"),
    ],
)
def test_only_pages_of_the_web_are_taken(sources: Sources, link: str, address: str | None) -> None:
    text = SITEMAP.replace("https://example.org/new", link)
    found = [one.address for one in read(sources, text)]
    assert found == [*([] if address is None else [address]), "https://example.org/old"]


@pytest.mark.parametrize(
    "data",
    [b"", b"words", b"<html><body><p>A page.</p></body></html>", b"{}", b"\x00\xff" * 99],
)
def test_what_is_no_listing_is_told(sources: Sources, data: bytes) -> None:
    assert reason(sources, data) == "is no RSS or Atom feed and no sitemap"


def test_of_very_many_the_newest_thousand_are_taken(sources: Sources) -> None:
    urls = "".join(
        f"<url><loc>https://example.org/{n}</loc><lastmod>{n:04}-01-01</lastmod></url>"
        for n in range(1, 1501)
    )
    found = sources.read_listing(URL, f"<urlset>{urls}</urlset>".encode())
    assert isinstance(found, Listing)
    assert found.total == 1500 and len(found.entries) == 1000
    assert found.entries[0].address == "https://example.org/1500"


def test_a_page_that_is_listed_twice_is_one(sources: Sources) -> None:
    text = RSS.replace("tea.html", "https://example.org/a?x=1&amp;y=2")
    assert len(read(sources, text)) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"entries": "{}", "total": "1"},
        {"entries": "[" * 99_999, "total": "1"},
        {"entries": "[]", "total": "many"},
    ],
)
def test_the_word_of_the_child_is_not_trusted(answer: dict[str, str]) -> None:
    with pytest.raises(SourceError, match="can't be parsed"):
        entries.checked_listing(URL, answer)


def test_rows_of_the_child_that_are_none_are_passed_over() -> None:
    rows = [1, None, {"address": 5}, {"address": ["x"]}, {"address": "/a", "title": {}}]
    found = entries.checked_listing(URL, {"entries": json.dumps(rows), "total": "5"})
    assert [one.fields for one in found.entries if one.address.endswith("/a")] == [{}]
