"""Feeds and sitemaps become the addresses they list; runs in the killable child only.

This file must not fetch anything. The only file that imports feedparser.
"""

import json
import time
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import feedparser
from lxml import etree, html

from index.errors import SourceError
from index.packed import unpack
from index.sources.files import SIZE_LIMIT, read_bytes

MOST = 1000  # entries that are taken of a listing, the newest
_PART = 1 << 16  # bytes unpacked at a time
_SITEMAPS = {"urlset": ("url", "page"), "sitemapindex": ("sitemap", "listing")}  # kind of entries
_NEWS = {  # what a sitemap's elements are, by their names in any namespace
    "loc": "address",
    "lastmod": "updated",
    "title": "title",
    "publication_date": "published",
}

_Row = dict[str, str]  # address, kind, title, author, published, updated


def read_listing(path: Path) -> dict[str, str | None]:
    """The newest entries, as a JSON array in `entries`; of how many; the listing's `title`.

    Raises `SourceError`.
    """
    data = _unpacked(read_bytes(path))
    root = _root(data)
    name = None if root is None else _name(root)
    if root is not None and name in _SITEMAPS:
        rows, title = list(_sitemap(root, *_SITEMAPS[name])), None
    else:
        rows, title = _feed(data)
    rows = [row for row in rows if row.get("address")]
    newest = sorted(rows, key=lambda row: row.get("updated", ""), reverse=True)[:MOST]
    return {"entries": json.dumps(newest), "total": str(len(rows)), "title": title}


def _unpacked(data: bytes) -> bytes:
    """Sitemaps often come as files that were packed with gzip."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    return unpack((data[at : at + _PART] for at in range(0, len(data), _PART)), SIZE_LIMIT)


def _root(data: bytes) -> Any:
    """The root of the XML, without what its entities stand for; None where it is none."""
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        return None  # feeds are often a little wrong, and are read all the same


def _name(element: Any) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _sitemap(root: Any, entry: str, kind: str) -> Iterator[_Row]:
    for element in root:
        if _name(element) == entry:
            row = {"kind": kind}
            for part in element.iter(etree.Element):
                field = _NEWS.get(_name(part))
                if field is not None and part.text is not None:
                    row.setdefault(field, part.text.strip())
            yield row


def _feed(data: bytes) -> tuple[list[_Row], str | None]:
    # A stream: bytes themselves would be tried as the name of a file first.
    found = feedparser.parse(BytesIO(data), sanitize_html=False, resolve_relative_uris=False)
    if not found.get("version"):  # bytes that are none at all give no such field
        raise SourceError("is no RSS or Atom feed and no sitemap")
    rows = [
        {
            "kind": "page",
            "address": _text(one, "link"),
            "title": _plain(one, "title"),
            "author": _text(one, "author"),
            "published": _text(one, "published") or _text(one, "updated"),
            "updated": _moment(one),
        }
        for one in found.entries
    ]
    return rows, _plain(found.feed, "title")


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    return value.strip() if isinstance(value, str) else ""


def _plain(entry: Mapping[str, Any], key: str) -> str:
    """A text that may be written in HTML."""
    text = _text(entry, key)
    detail = entry.get(f"{key}_detail")
    if not text or not isinstance(detail, Mapping) or "html" not in str(detail.get("type")):
        return text
    return str(html.fragment_fromstring(text, create_parent=True).text_content()).strip()


def _moment(entry: Mapping[str, Any]) -> str:
    """When it was last changed, so that later moments are greater; "" where that isn't said."""
    when = entry.get("updated_parsed") or entry.get("published_parsed")
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", when) if isinstance(when, tuple) else ""
