"""One round's visits: listings and pages that are due are asked for, and what came is kept.

It must not know how articles are stored.
"""

import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from tqdm import tqdm

from index.errors import SourceBusy, SourceError
from index.fetch import Visitor
from index.records import Article, Failure, Same
from index.sources import Listing, Sources
from index.watch.state import Seen, State

DAY = 86400.0
PAGES = 100  # that are read in a round; what is left is due in the next, which follows at once
_SIZE = 50_000_000  # code points of a round's articles, from which on no other is read
_TRIES = 12  # that what is listed no more gets to be read after all: some days
_UNREAD = 1000  # of what a listing lists no more that wait to be read
_LISTINGS = 20  # of a sitemap index, the newest


class Visits:
    """Visits what is due in `state` and notes there when to come again.

    `found`: of each what became of it. `is_news`: whether the library has to be told.
    """

    def __init__(self, state: State, visitor: Visitor, sources: Sources, now: float) -> None:
        self.found: list[Article | Failure | Same] = []
        self.is_news = False
        self.notes: list[str] = []
        self.asked = 0
        self.unchanged = 0  # pages
        self._state, self._now, self._begun = state, now, time.monotonic()
        self._visitor, self._sources = visitor, sources

    def forget(self, address: str) -> None:
        """Look at it no more; its article stays."""
        self.is_news |= self._state.pop(address).failures > 0
        self.found.append(Same(address))

    def listings(self) -> None:
        """Read every listing that is due, also those that a sitemap index lists."""
        while due := self._due("listing"):
            for address, seen in due:
                self._listing(address, seen)

    def pages(self, stored: Mapping[str, str], progress: bool) -> None:
        """Read pages that are due, those of different hosts in turn.

        `stored`: the digests of the articles that the library holds, by address. `progress`:
        whether a bar is shown.
        """
        met: Counter[str | None] = Counter()
        turns = []
        for address, seen in self._due("page"):
            host = urlsplit(address).hostname
            turns.append((met[host], address, seen))
            met[host] += 1
        turns = sorted(turns, key=lambda one: one[0])[:PAGES]
        size = 0
        with tqdm(turns, unit="page", disable=not progress, leave=False) as bar:
            for _, address, seen in bar:
                size += self._page(address, seen, stored.get(address))
                if size > _SIZE:
                    break

    def failed(
        self,
        address: str,
        seen: Seen,
        reason: str,
        stored: str | None = None,
        pause: float = 0.0,
    ) -> None:
        """Note a failure: it is tried again after twice the time as before, a day at most.

        `pause`: seconds from the round's begin for which its site wants to be left alone.
        """
        seen.failures += 1
        longest = max(DAY, seen.every)
        wait = min(seen.every * 2.0 ** min(seen.failures - 1, 30), longest)
        seen.busy = self._now + pause if pause else 0.0
        seen.next = self._now + max(wait, pause)
        again = datetime.fromtimestamp(seen.next, UTC)
        times = "" if seen.failures == 1 else f", {seen.failures} times in a row"
        kept = "" if stored is None else "; the article that was read before stays"
        reason = f"{reason}{times}; next try {again:%Y-%m-%d %H:%M} UTC{kept}"
        self.is_news = True
        self.found.append(Failure(address, reason))

    def well(self, address: str, seen: Seen, article: Article | None = None) -> None:
        """Note a success. What is listed is asked for again when its entry changes, or in a day."""
        self.is_news |= seen.failures > 0 or article is not None
        seen.failures = 0
        seen.next = self._now + (max(seen.every, DAY) if seen.of else seen.every)
        self.found.append(Same(address) if article is None else article)

    def _pause(self, error: SourceError) -> float:
        if not isinstance(error, SourceBusy):
            return 0.0
        return time.monotonic() - self._begun + error.seconds

    def _due(self, kind: str) -> list[tuple[str, Seen]]:
        return [
            (address, seen)
            for address, seen in self._state.items()
            if seen.kind == kind and seen.is_due(self._now)
        ]

    def _listing(self, address: str, seen: Seen) -> None:
        self.asked += 1
        try:
            page = self._visitor.visit(address, seen.etag, seen.modified)
        except SourceError as error:
            self.failed(address, seen, str(error), pause=self._pause(error))
            return
        if page.data is not None:
            listing = self._sources.read_listing(address, page.data)
            if isinstance(listing, Failure):
                self.failed(address, seen, listing.reason)
                return
            self._take(address, seen, listing)
            seen.etag, seen.modified = page.etag, page.modified
        self.well(address, seen)

    def _take(self, address: str, seen: Seen, listing: Listing) -> None:
        """Make due what is new or changed in the listing; forget what it lists no more."""
        listings = [entry for entry in listing.entries if entry.is_listing]
        taken = listings[: 0 if seen.of else _LISTINGS]
        taken += [entry for entry in listing.entries if not entry.is_listing]
        for entry in taken:
            kind = "listing" if entry.is_listing else "page"
            known = self._state.setdefault(entry.address, Seen(kind, seen.every, address))
            if known.of != address:
                continue  # watched by name, or another's
            known.every = seen.every
            if (known.fields, known.updated) != (entry.fields, entry.updated):
                known.next = 0.0 if known.failures == 0 else known.next
                if known.fields != entry.fields:
                    known.digest = ""  # an unchanged page gives another article now
                known.fields, known.updated = entry.fields, entry.updated
        if listing.total > len(taken):
            self.notes.append(
                f"{address} lists {listing.total:,}, of which the newest {len(taken):,} are read"
            )
        left = {entry.address for entry in taken}
        gone = [
            other
            for other, known in self._state.items()
            if known.of == address and other not in left
        ]
        unread = [other for other in gone if not _is_over(self._state[other])]
        if len(unread) > _UNREAD:
            lost = len(unread) - _UNREAD
            self.notes.append(f"{address} lists {lost:,} no more before they could be read")
        for other in set(gone) - set(unread[:_UNREAD]):
            self.forget(other)

    def _page(self, address: str, seen: Seen, stored: str | None) -> int:
        """Read the page; gives the length of its text."""
        self.asked += 1
        marks = (seen.etag, seen.modified) if stored == seen.digest else ("", "")
        try:
            page = self._visitor.visit(address, *marks)
        except SourceError as error:
            self.failed(address, seen, str(error), stored, self._pause(error))
            return 0
        if page.data is None:
            self.unchanged += 1
            self.well(address, seen)
            return 0
        article = self._sources.read_page(address, page.data, page.kind, seen.fields)
        if isinstance(article, Failure):
            self.failed(address, seen, article.reason, stored)
            return 0
        seen.etag, seen.modified, seen.digest = page.etag, page.modified, article.digest
        self.well(address, seen, article)
        return len(article.text)


def _is_over(seen: Seen) -> bool:
    """Whether what is listed no more was read, or was tried often enough."""
    return seen.failures >= _TRIES or (seen.failures == 0 and seen.next > 0)
