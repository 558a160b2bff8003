"""What a feed or sitemap lists, as the child told it: checked like any foreign input.

This file must not know how it was written.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urldefrag, urljoin

from index.errors import SourceError
from index.sources.fields import label, web_url

_OF_ADDRESSES = "%:/?#[]@!$&'()*+,;="  # all but these and letters are written as %XX
_TOLD = ("title", "author", "published")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a listing.

    `address`: http or https. `is_listing`: a sitemap of a sitemap index, not a page.
    `fields`: what it says of the page, as front matter would. `updated`: when the page was
    changed, as it is written there; "" for unknown.
    """

    address: str
    is_listing: bool
    fields: dict[str, str]
    updated: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The newest entries of a feed or sitemap, and how many there were."""

    entries: tuple[Entry, ...]
    total: int


def checked_listing(url: str, answer: Mapping[str, str]) -> Listing:
    """The listing at `url` from the child's answer. Raises `SourceError`."""
    try:
        rows = json.loads(answer.get("entries", ""))
        total = int(answer.get("total", ""))
    except (ValueError, RecursionError) as error:
        raise SourceError("can't be parsed") from error
    if not isinstance(rows, list):
        raise SourceError("can't be parsed")
    source = label(answer.get("title"))
    found: dict[str, Entry] = {}
    for row in rows:
        entry = _entry(url, row, source) if isinstance(row, dict) else None
        if entry is not None:
            found.setdefault(entry.address, entry)
    return Listing(tuple(found.values()), total)


def _entry(url: str, row: Mapping[str, object], source: str | None) -> Entry | None:
    """The entry, if it leads to a page of the web."""
    try:
        meant = urldefrag(urljoin(url, str(row.get("address")))).url
    except ValueError:  # "http://[", for example
        return None
    address = web_url(quote(meant, safe=_OF_ADDRESSES))
    if address is None:
        return None
    told = {name: label(row.get(name)) for name in _TOLD} | {"source": source}
    fields = {name: value for name, value in told.items() if value is not None}
    return Entry(address, row.get("kind") == "listing", fields, label(row.get("updated")) or "")
