"""A visitor of other people's sites: asks what it may read, and waits between two pages.

It must not know what the pages are for.
"""

import time
from urllib.parse import urljoin
from urllib.robotparser import RobotFileParser

from index.errors import SourceError
from index.fetch.client import AGENT, Page, fetch
from index.fetch.guard import checked

DELAY = 1.0  # seconds between two pages of a host, if it asks for no more
_LONGEST_DELAY = 30.0
_RULES = 500_000  # bytes of robots.txt that are read (RFC 9309)
_KNOWN, _UNKNOWN = 86_400.0, 60.0  # seconds until robots.txt is asked for again


class Visitor:
    """Fetches pages one after the other; not thread-safe."""

    def __init__(self, inside: bool = False) -> None:
        self._inside = inside
        self._rules: dict[str, tuple[float, RobotFileParser | str]] = {}  # until when; or why not
        self._next: dict[str, float] = {}

    def visit(self, url: str, etag: str = "", modified: str = "") -> Page:
        """The page, as `fetch` gives it, if its site lets it be read. Raises `SourceError`."""
        parts = checked(url, self._inside)
        rules = self._robots(f"{parts.scheme}://{parts.netloc}")
        if not rules.can_fetch(AGENT, url):
            raise SourceError("may not be read: robots.txt of its site forbids it")
        self._wait(f"{parts.scheme}://{parts.netloc}", float(rules.crawl_delay(AGENT) or DELAY))
        return fetch(url, etag, modified, self._inside)

    def _robots(self, home: str) -> RobotFileParser:
        """The rules of a site, asked for once a day; one that can't say is asked a little later."""
        until, rules = self._rules.get(home, (0.0, ""))
        if time.monotonic() >= until:
            try:
                until, rules = _KNOWN, self._asked(home)
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
