"""A site that asks to be left alone, by Retry-After, is: by who fetches and by who watches."""

import time
from email.utils import formatdate

import pytest
from foreign import foreign_site

from index import SourceError
from index.errors import SourceBusy
from index.fetch import Visitor, fetch, polite
from index.watch.feeds import Watched
from index.watch.round import play_round
from index.watch.state import load_state

NOW, EVERY, HOUR, DAY = 1_700_000_000.0, 900.0, 3600.0, 86_400.0


@pytest.fixture
def foreign():
    with foreign_site() as one:
        yield one


class Clock:
    """Stands still but for who waits; `waits`: for how long each did."""

    def __init__(self, now):
        self.now, self.waits = now, []

    def sleep(self, seconds):
        self.now += seconds
        self.waits += [seconds] if seconds else []


@pytest.fixture
def clock(monkeypatch):
    one = Clock(time.monotonic())
    monkeypatch.setattr(polite, "DELAY", 0.0)
    monkeypatch.setattr(polite.time, "monotonic", lambda: one.now)
    monkeypatch.setattr(polite.time, "sleep", one.sleep)
    return one


def busy(retry_after, status=429):
    return status, {"Retry-After": retry_after}, b"x"


def asked_for(foreign, retry_after, status):
    """The seconds that a page's site is left alone for; 0 when it only fails."""
    foreign.pages["/a"] = busy(retry_after, status)
    with pytest.raises(SourceError, match=f"^answers {status}") as refused:
        fetch(f"{foreign.home}/a", inside=True)
    return getattr(refused.value, "seconds", 0.0)


@pytest.mark.parametrize("status", [429, 503])
def test_seconds_and_dates_count_up_to_a_day(foreign, status):
    assert asked_for(foreign, "120", status) == 120
    assert asked_for(foreign, "999999999", status) == DAY
    in_an_hour = formatdate(time.time() + HOUR, usegmt=True)
    assert HOUR - 60 < asked_for(foreign, in_an_hour, status) <= HOUR
    assert asked_for(foreign, formatdate(time.time() + 9 * DAY, usegmt=True), status) == DAY


@pytest.mark.parametrize(
    "told",
    [
        *("", "0", "-5", "1.5", "soon", "²", "9" * 5000, "Mon, 06 Nov 2023 10:00:00 GMT"),
        *("Mon, 99 Nov 2023 10:00:00 GMT", "Fri, 31 Dec 99999999 23:59:59 GMT"),
    ],
)
def test_what_makes_no_sense_or_is_past_is_a_failure_like_any_other(foreign, told):
    assert asked_for(foreign, told.encode().decode("latin-1"), 503) == 0


def test_it_counts_with_the_replies_that_it_belongs_to(foreign):
    assert asked_for(foreign, "120", 500) == asked_for(foreign, "120", 404) == 0


def test_a_site_that_is_busy_for_long_is_asked_for_none_of_its_pages(foreign, clock):
    visitor = Visitor(inside=True)
    foreign.pages |= {"/a": busy("3600"), "/b": (200, {}, b"b")}
    with pytest.raises(SourceBusy, match=r"^answers 429, to come again in 3,600 s$"):
        visitor.visit(f"{foreign.home}/a")
    assert foreign.paths() == ["/a"]
    clock.now += 600
    with pytest.raises(SourceBusy, match=r"^was not asked for: its site wants to be left") as left:
        visitor.visit(f"{foreign.home}/b")
    assert foreign.paths() == [] and left.value.seconds == pytest.approx(3000)
    with foreign_site() as other:
        other.pages["/b"] = (200, {}, b"other")
        assert visitor.visit(f"{other.home}/b").data == b"other"
    clock.now += 3001
    assert visitor.visit(f"{foreign.home}/b").data == b"b" and clock.waits == []


def test_a_moment_is_waited_out_once(foreign, clock, monkeypatch):
    visitor = Visitor(inside=True)
    foreign.pages |= {"/a": busy("7", 503), "/b": (200, {}, b"b")}

    def sleep(seconds):
        clock.sleep(seconds)
        foreign.pages["/a"] = (200, {}, b"a") if seconds else foreign.pages["/a"]

    with monkeypatch.context() as patch:
        patch.setattr(polite.time, "sleep", sleep)
        assert visitor.visit(f"{foreign.home}/a").data == b"a"
    assert clock.waits == [7] and foreign.paths() == ["/a", "/a"]
    foreign.pages["/a"] = busy("7", 503)
    with pytest.raises(SourceBusy, match="answers 503"):
        visitor.visit(f"{foreign.home}/a")
    assert clock.waits == [7, 7] and foreign.paths() == ["/a", "/a"]
    with pytest.raises(SourceBusy, match="was not asked for"):
        visitor.visit(f"{foreign.home}/b")
    assert clock.waits == [7, 7] and foreign.paths() == []


def test_robots_may_ask_for_it_too(foreign, clock):
    visitor = Visitor(inside=True)
    foreign.pages |= {"/robots.txt": busy("3600"), "/a": (200, {}, b"a")}
    with pytest.raises(SourceBusy, match=r"robots\.txt of its site answers 429, to come again"):
        visitor.visit(f"{foreign.home}/a")
    del foreign.pages["/robots.txt"]
    with pytest.raises(SourceBusy, match="was not asked for"):
        visitor.visit(f"{foreign.home}/a")
    assert [path for path, _ in foreign.asked] == ["/robots.txt"]
    clock.now += 3601
    assert visitor.visit(f"{foreign.home}/a").data == b"a"


@pytest.mark.parametrize(("kind", "path"), [("listing", "/rss"), ("page", "/a")])
def test_who_watches_comes_again_no_sooner_also_when_everything_is_looked_at(
    foreign, tmp_path, tiny_embedder, kind, path
):
    def play(later, anyway=False):
        watched = [Watched(kind, foreign.home + path, EVERY)]
        visitor = Visitor(inside=True)  # another each time, as when the command is started anew
        guest = (tmp_path, str(tiny_embedder), visitor, NOW + later, anyway)
        return play_round(watched, *guest).report.failures, foreign.paths()

    foreign.pages[path] = busy("7200", 503)
    [failure], asked = play(0)
    assert asked == [path] and failure.reason.startswith(
        "answers 503, to come again in 7,200 s; next try 2023-11-15 00:"
    )
    [seen] = load_state(tmp_path)[0].values()
    assert NOW + 7200 <= seen.next < NOW + 7300
    assert play(7199) == play(7199, anyway=True) == ([], [])
    foreign.pages[path] = (404, {}, b"")
    [failure], asked = play(7300, anyway=True)
    assert asked == [path] and failure.reason.startswith("answers 404, 2 times in a row")
    assert play(7301, anyway=True)[1] == [path]  # nobody asks to be left alone any more
