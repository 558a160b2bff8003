"""A visitor of other people's sites: asks what it may read, and waits between two pages.

The only file that imports protego. It must not know what the pages are for.
"""

import re
import time
from urllib.parse import urljoin

from protego import Protego

from index.errors import SourceBusy, SourceError
from index.fetch.client import AGENT, Page, fetch
from index.fetch.guard import checked, host_of

DELAY = 1.0  # seconds between two pages of a host, if it asks for no more
_LONGEST_DELAY = 30.0  # that is waited out
_RULES = 500_000  # bytes of robots.txt that are read (RFC 9309)
_KNOWN, _UNKNOWN = 86_400.0, 60.0  # seconds until a site is asked for robots.txt again
_FOR = re.compile(  # in all the ways that the parser takes it
    r"\s*user(?:-|\s*)agent(?:\s*:|\s)([^#]*)", re.IGNORECASE
)
_NAME = AGENT.partition("/")[0].lower()


class Visitor:
    """Fetches pages one after the other; not thread-safe."""

    def __init__(self, inside: bool = False) -> None:
        self._inside = inside
        self._rules: dict[str, tuple[float, Protego | str]] = {}  # until when; or why not
        self._next: dict[str, float] = {}  # by host

    def visit(self, url: str, etag: str = "", modified: str = "") -> Page:
        """The page, as `fetch` gives it, if its site lets it be read. Raises `SourceError`.

        So must the site of each address that it leads on to. A site that wants to be left alone
        for a moment is asked once more after it. If that is not enough, `SourceBusy` is raised,
        also for its other pages, which are not asked for.
        """
        try:
            return self._visit(url, etag, modified)
        except SourceBusy as error:
            if error.seconds > _LONGEST_DELAY:
                raise
        return self._visit(url, etag, modified, _UNKNOWN)

    def _visit(self, url: str, etag: str, modified: str, least: float = 0.0) -> Page:
        """`least`: seconds for which a site that is busy is left alone."""
        hosts: list[str] = []

        def admit(address: str) -> None:
            parts = checked(address, self._inside)
            hosts.append(host_of(parts))
            rules = self._robots(f"{parts.scheme}://{parts.netloc}")
            if not rules.can_fetch(address, AGENT):
                raise SourceError("may not be read: robots.txt of its site forbids it")
            self._wait(address, rules.crawl_delay(AGENT) or DELAY)

        try:
            admit(url)
            return fetch(url, etag, modified, self._inside, admit)
        except SourceBusy as error:
            self._next[hosts[-1]] = time.monotonic() + max(error.seconds, least)
            raise

    def _robots(self, home: str) -> Protego:
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

    def _asked(self, home: str) -> Protego:
        url = urljoin(home, "/robots.txt")
        self._wait(url, DELAY)
        try:
            page = fetch(url, inside=self._inside, led_on=lambda it: self._wait(it, DELAY))
        except SourceBusy as error:
            reason = f"may not be read: robots.txt of its site {error}"
            raise SourceBusy(reason, error.seconds) from error
        except SourceError as error:
            # No such file forbids nothing; a site that can't say is left alone for now.
            if str(error) not in ("answers 404", "answers 410"):
                raise SourceError(f"may not be read: robots.txt of its site {error}") from error
            return Protego.parse("")
        text = (page.data or b"")[:_RULES].decode("utf-8-sig", "replace")
        return Protego.parse("\n".join(map(_with_few_names, text.splitlines())))

    def _wait(self, url: str, delay: float) -> None:
        host = host_of(checked(url, self._inside))
        left = self._next.get(host, 0.0) - time.monotonic()
        if left > _LONGEST_DELAY:
            raise SourceBusy("was not asked for: its site wants to be left alone", left)
        time.sleep(max(0.0, left))
        self._next[host] = time.monotonic() + min(delay, _LONGEST_DELAY)


def _with_few_names(line: str) -> str:
    """The line of a robots.txt, for an agent called "other" if it is for another than this one.

    The parser keeps a list of rules for each name: a file of many could fill the memory.
    """
    named = _FOR.match(line)
    if named is None or (name := named[1].strip().lower()) in ("", "*"):
        return line
    is_own = name.partition("/")[0].strip("* ") == _NAME
    return f"User-agent: {_NAME if is_own else 'other'}"
