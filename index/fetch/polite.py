"""A visitor of other people's sites: asks what it may read, and waits between two pages.

It must not know what the pages are for.
"""

import time
from urllib.parse import urljoin
from urllib.robotparser import RobotFileParser

from index.errors import SourceBusy, SourceError
from index.fetch.client import AGENT, Page, fetch
from index.fetch.guard import checked

DELAY = 1.0  # seconds between two pages of a host, if it asks for no more
_LONGEST_DELAY = 30.0  # that is waited out
_RULES = 500_000  # bytes of robots.txt that are read (RFC 9309)
_KNOWN, _UNKNOWN = 86_400.0, 60.0  # seconds until a site is asked for robots.txt again


class Visitor:
    """Fetches pages one after the other; not thread-safe."""

    def __init__(self, inside: bool = False) -> None:
        self._inside = inside
        self._rules: dict[str, tuple[float, RobotFileParser | str]] = {}  # until when; or why not
        self._next: dict[str, float] = {}

    def visit(self, url: str, etag: str = "", modified: str = "") -> Page:
        """The page, as `fetch` gives it, if its site lets it be read. Raises `SourceError`.

        A site that wants to be left alone for a moment is asked once more after it. If that is
        not enough, `SourceBusy` is raised, also for its other pages, which are not asked for.
        """
        parts = checked(url, self._inside)
        home = f"{parts.scheme}://{parts.netloc}"
        try:
            return self._visit(home, url, etag, modified)
        except SourceBusy as error:
            if error.seconds > _LONGEST_DELAY:
                raise
        try:
            return self._visit(home, url, etag, modified)
        except SourceBusy:
            self._next[home] = max(self._next[home], time.monotonic() + _UNKNOWN)
            raise

    def _visit(self, home: str, url: str, etag: str, modified: str) -> Page:
        left = self._next.get(home, 0.0) - time.monotonic()
        if left > _LONGEST_DELAY:
            raise SourceBusy("was not asked for: its site wants to be left alone", left)
        try:
            rules = self._robots(home)
            if not rules.can_fetch(AGENT, url):
                raise SourceError("may not be read: robots.txt of its site forbids it")
            self._wait(home, float(rules.crawl_delay(AGENT) or DELAY))
            return fetch(url, etag, modified, self._inside)
        except SourceBusy as error:
            self._next[home] = time.monotonic() + error.seconds
            raise

    def _robots(self, home: str) -> RobotFileParser:
        """The rules of a site, asked for once a day; one that can't say is asked a little later."""
        until, rules = self._rules.get(home, (0.0, ""))
        if time.monotonic() >= until:
            try:
                until, rules = _KNOWN, self._asked(home)
            except SourceBusy:
                raise  # it says itself when it may be asked again
            except SourceError as error:
                until, rules = _UNKNOWN, str(error)
            self._rules[home] = (time.monotonic() + until, rules)
        if isinstance(rules, str):
            raise SourceError(rules)
        return rules

    def _asked(self, home: str) -> RobotFileParser:
        rules = RobotFileParser()
        self._wait(home, DELAY)
        try:
            page = fetch(urljoin(home, "/robots.txt"), inside=self._inside)
        except SourceBusy as error:
            reason = f"may not be read: robots.txt of its site {error}"
            raise SourceBusy(reason, error.seconds) from error
        except SourceError as error:
            # No such file forbids nothing; a site that can't say is left alone for now.
            if str(error) not in ("answers 404", "answers 410"):
                raise SourceError(f"may not be read: robots.txt of its site {error}") from error
            rules.parse([])
            return rules
        text = (page.data or b"")[:_RULES].decode("utf-8", "replace")
        try:
            rules.parse(text.splitlines())
        except ValueError as error:  # "Disallow: //[", "Crawl-delay: ²"
            raise SourceError("may not be read: robots.txt of its site makes no sense") from error
        return rules

    def _wait(self, home: str, delay: float) -> None:
        time.sleep(max(0.0, self._next.get(home, 0.0) - time.monotonic()))
        self._next[home] = time.monotonic() + min(delay, _LONGEST_DELAY)
