"""Rounds of watching, against a real server on this machine: what is asked for, kept and told."""

import errno
import json
import os
import shutil
import sys

import pytest
from foreign import foreign_site

from index import LibraryError, LibraryLocked, Report, build
from index.embed import OnnxEmbedder
from index.fetch import Visitor, polite
from index.library import DATABASE, MODELS, Library
from index.lock import only_writer
from index.store import Store
from index.watch import Round, loop, visits
from index.watch.feeds import Watched
from index.watch.round import play_round
from index.watch.state import Seen, load_state

PAGE = "<html><head>{}</head><body><article><p>{}</p></article></body></html>"
WORDS = "{} built the old bridge over the river in the spring of 1907 for the people of the town. "
FEED = (
    '<?xml version="1.0"?><rss version="2.0"><channel><title>Alder News</title>{}</channel></rss>'
)
ITEM = (
    "<item><title>{0} and the bridge</title><link>/{0}</link><author>Peter Wood</author>"
    "<pubDate>Mon, 06 Nov 2023 10:00:00 GMT</pubDate></item>"
)
MAP = "<urlset>{}</urlset>"
DAY, EVERY = 86400.0, 900.0
NOW = 1_700_000_000.0


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(polite, "DELAY", 0.0)


@pytest.fixture
def foreign():
    with foreign_site() as one:
        yield one


@pytest.fixture
def home(tmp_path, tiny_models):
    """A library's folder."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / MODELS).symlink_to(tiny_models)
    return folder


class Watcher:
    """Plays rounds at times of its own; what it lists can be changed."""

    def __init__(self, foreign, home, embedder):
        self.foreign, self.home, self.embedder = foreign, home, embedder
        self.watched = [Watched("listing", f"{foreign.home}/rss", EVERY)]
        self.now = NOW

    def round(self, later=0.0, anyway=False, apart=False):
        self.now += later
        visitor = Visitor(inside=True)
        play = (self.watched, self.home, self.embedder, visitor, self.now, anyway)
        return play_round(*play, apart=apart)

    def feed(self, *names, **marks):
        body = FEED.format("".join(map(ITEM.format, names))).encode()
        self.foreign.pages["/rss"] = (200, marks or {"ETag": repr(names)}, body)

    def page(self, name, head="", words=WORDS, **marks):
        body = PAGE.format(head, words.format(name) * 3).encode()
        self.foreign.pages[f"/{name}"] = (200, {"Content-Type": "text/html", **marks}, body)

    def articles(self):
        library = Library(self.home)
        try:
            return {one.title.split()[0]: one for one in library.articles(0, 99)}
        finally:
            library.close()

    def failures(self):
        store = Store(self.home / DATABASE)
        try:
            return {one.origin.rpartition("/")[2]: one.reason for one in store.failures()}
        finally:
            store.close()


@pytest.fixture
def watcher(foreign, home, tiny_embedder):
    return Watcher(foreign, home, str(tiny_embedder))


@pytest.fixture
def encoded(monkeypatch):
    """The texts that went through the model; clear it in between."""
    seen = []
    real = OnnxEmbedder.encode

    def encode(self, texts):
        seen.extend(texts)
        return real(self, texts)

    monkeypatch.setattr(OnnxEmbedder, "encode", encode)
    return seen


def test_each_item_becomes_an_article_and_its_feed_says_what_the_page_does_not(watcher):
    watcher.feed("Mary", "Ann")
    watcher.page("Mary")
    head = '<title>Ann says</title><meta name="author" content="Ann Bell">'
    watcher.page("Ann", head + '<meta property="article:published_time" content="2020-02-02">')
    done = watcher.round()
    assert (done.asked, done.report.added, done.report.revision) == (3, 2, 1)
    found = watcher.articles()
    mary, ann = found["Mary"], found["Ann"]
    assert mary.text.startswith("Mary built") and mary.url == f"{watcher.foreign.home}/Mary"
    assert (mary.title, mary.author) == ("Mary and the bridge", "Peter Wood")
    assert (mary.published, mary.source) == ("2023-11-06", "Alder News")
    assert (ann.title, ann.author, ann.published) == ("Ann says", "Ann Bell", "2020-02-02")


def test_what_is_unchanged_costs_conditional_requests_and_no_model_call(watcher, encoded):
    watcher.watched.append(Watched("page", f"{watcher.foreign.home}/about", EVERY))
    watcher.feed("Mary")
    watcher.page("about", **{"Last-Modified": "Mon, 06 Nov 2023 10:00:00 GMT"})
    watcher.page("Mary", ETag='"m"')
    assert watcher.round().report.added == 2
    watcher.foreign.asked.clear()
    encoded.clear()
    for later, paths, unchanged in (
        (EVERY, ["/rss", "/about"], 1),
        (DAY, ["/rss", "/about", "/Mary"], 2),  # an item whose entry stays is asked for once a day
    ):
        done = watcher.round(later)
        asked = [(path, headers) for path, headers in watcher.foreign.asked if "rob" not in path]
        assert sorted(path for path, _ in asked) == sorted(paths)
        assert all({"If-None-Match", "If-Modified-Since"} & set(one) for _, one in asked)
        assert (done.report.unchanged, done.report.added, done.report.changed) == (unchanged, 0, 0)
        watcher.foreign.asked.clear()
    assert encoded == [] and len(watcher.articles()) == 2


def test_without_marks_of_a_version_the_same_text_costs_no_model_call_either(watcher, encoded):
    watcher.feed("Mary", Server="old")
    watcher.page("Mary")
    watcher.round()
    encoded.clear()
    done = watcher.round(DAY)
    assert (done.asked, done.report.unchanged, encoded) == (2, 1, [])


def test_what_is_new_or_changed_is_one_revision(watcher):
    watcher.feed("Mary", "Ann")
    watcher.page("Mary")
    watcher.page("Ann")
    assert watcher.round().report.revision == 1
    watcher.feed("Eve", "Mary", "Ann", "Sue")
    watcher.foreign.pages["/rss"] = (
        200,
        {},
        watcher.foreign.pages["/rss"][2].replace(b"Mary and", b"Mary, again, and"),
    )
    watcher.page("Mary", words="{} did not build the bridge, as she says herself. ")
    for name in ("Eve", "Sue"):
        watcher.page(name)
    watcher.foreign.paths()
    done = watcher.round(EVERY)
    assert sorted(watcher.foreign.paths()) == ["/Eve", "/Mary", "/Sue", "/rss"]
    assert (done.report.added, done.report.changed, done.report.revision) == (2, 1, 2)
    assert watcher.articles()["Mary,"].text.startswith("Mary did not")


def test_what_a_feed_lists_no_more_stays_and_is_asked_for_no_more(watcher):
    watcher.feed("Mary", "Ann")
    watcher.page("Mary")
    watcher.page("Ann")
    watcher.round()
    watcher.feed("Ann")
    watcher.round(EVERY)
    watcher.foreign.paths()
    done = watcher.round(DAY)
    assert watcher.foreign.paths() == ["/rss", "/Ann"] and done.report.removed == 0
    assert set(watcher.articles()) == {"Mary", "Ann"}


@pytest.mark.parametrize("status", [404, 410, 500])
def test_a_page_that_is_gone_keeps_its_article_and_is_told(watcher, status):
    watcher.feed("Mary")
    watcher.page("Mary")
    watcher.round()
    watcher.foreign.pages["/Mary"] = (status, {}, b"")
    done = watcher.round(DAY)
    reason = (
        f"answers {status}; next try 2023-11-15 22:28 UTC; the article that was read before stays"
    )
    assert [one.reason for one in done.report.failures] == [reason]
    assert watcher.failures() == {"Mary": reason}
    assert set(watcher.articles()) == {"Mary"}
    watcher.page("Mary")
    watcher.round(EVERY)
    assert watcher.failures() == {}


def test_what_fails_is_tried_again_after_twice_the_time_up_to_a_day(watcher):
    watcher.feed("Mary")
    done, waits = watcher.round(), []
    for _ in range(9):
        seen = load_state(watcher.home)[0][f"{watcher.foreign.home}/Mary"]
        waits.append(seen.next - watcher.now)
        assert seen.failures == len(waits) and "answers 404" in watcher.failures()["Mary"]
        watcher.now = seen.next - 1
        watcher.foreign.asked.clear()
        watcher.round()
        assert "/Mary" not in watcher.foreign.paths()
        done = watcher.round(1)
    assert waits == [EVERY * n for n in (1, 2, 4, 8, 16, 32, 64)] + [DAY, DAY]
    assert "answers 404, 10 times in a row; next try " in done.report.failures[0].reason
    watcher.page("Mary")
    assert watcher.round(DAY).report.added == 1 and watcher.failures() == {}


def test_a_feed_that_fails_is_told_and_tried_again_and_loses_nothing(watcher):
    watcher.feed("Mary")
    watcher.page("Mary")
    watcher.round()
    for reply, reason in (
        ((500, {}, b""), "answers 500; next try"),
        ((200, {}, b"<p>Come back later.</p>"), "is no RSS or Atom feed and no sitemap, 2 times"),
    ):
        watcher.foreign.pages["/rss"] = reply
        done = watcher.round(EVERY * 2)
        assert done.report.failures[0].reason.startswith(reason)
        assert reason in watcher.failures()["rss"] and len(watcher.articles()) == 1
    watcher.feed("Mary", "Ann")
    watcher.page("Ann")
    assert watcher.round(EVERY * 2).report.added == 1 and watcher.failures() == {}


def test_what_left_the_feed_before_it_could_be_read_is_tried_some_days_more(watcher):
    watcher.feed("Mary")
    watcher.round()
    watcher.feed()
    watcher.round(EVERY)
    watcher.page("Mary")
    assert watcher.round(2 * EVERY).report.added == 1
    watcher.foreign.pages.pop("/Mary")
    watcher.feed("Ann")
    for _ in range(13):
        watcher.round(DAY)
    assert "12 times" in watcher.failures()["Ann"] or "13 times" in watcher.failures()["Ann"]
    watcher.feed()
    watcher.round(DAY)
    assert watcher.failures() == {} and set(load_state(watcher.home)[0]) == {
        f"{watcher.foreign.home}/rss"
    }


def test_marks_of_a_version_count_only_while_the_library_holds_it(watcher):
    watcher.feed("Mary")
    watcher.page("Mary", ETag='"m"')
    watcher.round()
    for name in ("library.db", "library.db-wal", "library.db-shm"):
        (watcher.home / name).unlink(missing_ok=True)
    assert watcher.round(DAY).report.added == 1
    assert set(watcher.articles()) == {"Mary"}


def test_a_round_that_was_killed_before_it_noted_anything_is_played_again(watcher, encoded):
    watcher.feed("Mary")
    watcher.page("Mary", ETag='"m"')
    watcher.round()
    (watcher.home / "watch.json").unlink()
    encoded.clear()
    done = watcher.round()
    assert (done.asked, done.report.unchanged, encoded) == (2, 1, [])
    (watcher.home / "watch.json").write_text("{", encoding="utf-8")
    done = watcher.round()
    assert "watch.json can't be read: everything is asked for once more" in done.report.notes[0]
    (watcher.home / "watch.json").write_text('{"a": {"kind": "page", "every": "x"}}')
    assert load_state(watcher.home)[0] == {} and len(watcher.articles()) == 1


@pytest.mark.parametrize(
    "numbers", [{"every": 1e300}, {"every": 0.0}, {"next": float("nan")}, {"failures": -(10**400)}]
)
def test_numbers_that_no_round_can_have_noted_are_not_reckoned_with(tmp_path, numbers):
    seen = {"kind": "page", "every": EVERY} | numbers
    (tmp_path / "watch.json").write_text(json.dumps({"https://a.example/": seen}))
    known, notes = load_state(tmp_path)
    assert known == {} and "everything is asked for once more" in notes[0]


def test_a_round_that_could_not_be_stored_is_played_again(watcher, monkeypatch):
    watcher.feed("Mary")
    watcher.page("Mary", ETag='"m"')
    with monkeypatch.context() as patch:
        patch.setattr(OnnxEmbedder, "encode", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            watcher.round()
    assert load_state(watcher.home) == ({}, [])
    assert watcher.round().report.added == 1


@pytest.mark.parametrize(
    ("ahead", "is_due"), [(-1, True), (0, True), (1, False), (30 * DAY, False), (99 * DAY, True)]
)
def test_a_time_that_was_noted_while_the_clock_was_wrong_keeps_nothing_waiting(ahead, is_due):
    assert Seen("page", EVERY, next=NOW + ahead).is_due(NOW) == is_due


def test_what_the_feed_says_anew_of_an_unchanged_page_is_taken(watcher):
    watcher.feed("Mary")
    watcher.page("Mary", ETag='"m"')
    watcher.round()
    feed = watcher.foreign.pages["/rss"][2]
    watcher.foreign.pages["/rss"] = (200, {}, feed.replace(b"Peter Wood", b"Ann Bell"))
    assert watcher.round(EVERY).report.changed == 1
    assert watcher.articles()["Mary"].author == "Ann Bell"


def test_a_sitemap_index_leads_to_its_sitemaps_and_no_further(watcher):
    home = watcher.foreign.home
    index = "<sitemapindex>{}</sitemapindex>".format("<sitemap><loc>/{}</loc></sitemap>" * 2)
    watcher.watched = [Watched("listing", f"{home}/index", EVERY)]
    watcher.foreign.pages |= {
        "/index": (200, {}, index.format("one", "two").encode()),
        "/one": (200, {}, MAP.format("<url><loc>/Mary</loc></url>").encode()),
        "/two": (200, {}, index.format("index", "three").encode()),
    }
    watcher.page("Mary")
    done = watcher.round()
    assert sorted(watcher.foreign.paths()) == ["/Mary", "/index", "/one", "/two"]
    assert done.report.added == 1
    assert done.report.notes == [f"{home}/two lists 2, of which the newest 0 are read"]
    watcher.watched = [Watched("listing", f"{home}/rss", EVERY)]
    watcher.feed()
    watcher.round()
    assert set(load_state(watcher.home)[0]) == {f"{home}/rss"} and len(watcher.articles()) == 1


@pytest.mark.parametrize(("limit", "most"), [("PAGES", 2), ("_SIZE", 300)])
def test_many_pages_are_read_in_rounds_that_follow_at_once(watcher, monkeypatch, limit, most):
    monkeypatch.setattr(visits, limit, most)  # two pages have 500 code points
    names = ["Ann", "Eve", "Mary", "Sue", "Zoe"]
    watcher.feed(*names)
    for name in names:
        watcher.page(name)
    for revision, added in enumerate((2, 2, 1), start=1):
        done = watcher.round()
        assert (done.report.added, done.report.revision) == (added, revision)
        assert (done.next <= watcher.now) == (revision < 3)


def test_two_hosts_are_asked_in_turn(watcher):
    other = watcher.foreign.home.replace("127.0.0.1", "localhost")
    links = [f"{home}/{name}" for home in (watcher.foreign.home, other) for name in ("Ann", "Eve")]
    urls = "".join(f"<url><loc>{link}</loc></url>" for link in links)
    watcher.foreign.pages["/rss"] = (200, {}, MAP.format(urls).encode())
    watcher.round()
    asked = [(headers["Host"].split(":")[0], path) for path, headers in watcher.foreign.asked]
    assert [one for one in asked if one[1] in ("/Ann", "/Eve")] == [
        ("127.0.0.1", "/Ann"),
        ("localhost", "/Ann"),
        ("127.0.0.1", "/Eve"),
        ("localhost", "/Eve"),
    ]


def test_a_feed_of_ever_other_pages_fills_no_memory(watcher, monkeypatch):
    monkeypatch.setattr(visits, "PAGES", 1)
    monkeypatch.setattr(visits, "_UNREAD", 3)
    for turn in range(3):
        watcher.feed(*(f"Ann{turn}{n}" for n in range(5)))
        done = watcher.round(EVERY)
        assert len(load_state(watcher.home)[0]) <= 1 + 5 + 4
    assert "lists 5 no more before they could be read" in done.report.notes[0]


def test_a_copy_of_a_page_is_one_article(watcher):
    watcher.feed("Mary", "Ann")
    watcher.page("Mary", ETag='"m"')
    watcher.foreign.pages["/Ann"] = watcher.foreign.pages["/Mary"]
    report = watcher.round().report
    assert (report.added, report.duplicate) == (1, 1)
    report = watcher.round(DAY).report
    assert (report.unchanged, report.duplicate, report.articles) == (1, 1, 1)


def test_folders_are_read_again_when_a_file_in_them_is_another(watcher, encoded, tmp_path):
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "a.txt").write_text("The harbour was painted by Peter Wood.")
    (folder / "b.txt").write_bytes(b"\xff\xfe\x00")
    watcher.watched = [Watched("folder", str(folder), EVERY)]
    report = watcher.round().report
    assert (report.added, report.failed) == (1, 1)
    done = watcher.round(EVERY)
    assert (done.asked, done.report.read, done.report.failed) == (1, 0, 0)
    assert set(watcher.failures()) == {"b.txt"}
    (folder / "b.txt").write_text("The mill was painted by Mary Stone.")
    assert watcher.round(EVERY).report.added == 1 and watcher.failures() == {}
    (folder / "a.txt").unlink()
    assert watcher.round(EVERY).report.removed == 1
    shutil.move(folder, tmp_path / "away")
    report = watcher.round(EVERY).report
    assert (report.removed, report.failed) == (0, 1) and len(watcher.articles()) == 1
    assert "There is no file or folder at" in watcher.failures()["articles"]
    shutil.move(tmp_path / "away", folder)
    assert watcher.round(EVERY).report.failed == 0 and watcher.failures() == {}
    for name in ("library.db", "library.db-wal", "library.db-shm"):
        (watcher.home / name).unlink(missing_ok=True)
    assert watcher.round(EVERY).report.added == 1


def test_a_copy_in_another_folder_comes_in_when_the_original_goes(watcher, tmp_path):
    original, copy = tmp_path / "f1" / "z.txt", tmp_path / "f2" / "a.txt"
    for file in (original, copy):
        file.parent.mkdir()
        file.write_text("The harbour was painted by Peter Wood.")
        watcher.watched.append(Watched("folder", str(file.parent), EVERY))
    del watcher.watched[0]
    assert watcher.round().report.duplicate == 1
    original.unlink()
    watcher.round(EVERY)
    assert watcher.round(EVERY).report.added == 1
    assert str(copy) in {one.origin for one in watcher.articles().values()}
    watcher.round(EVERY)
    assert watcher.round(EVERY).report.read == 0


def test_a_folder_that_is_a_link_in_a_circle_is_a_failure(watcher, tmp_path):
    (tmp_path / "round").symlink_to(tmp_path / "round")
    watcher.watched = [Watched("folder", str(tmp_path / "round"), EVERY)]
    assert watcher.round().report.failed == 1
    assert "can't be read: too many" in watcher.failures()["round"]


def test_a_full_disk_for_temporary_files_is_a_failure_of_each_page(watcher, monkeypatch):
    def refuse():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    watcher.feed("Mary")
    watcher.page("about")
    watcher.watched.append(Watched("page", f"{watcher.foreign.home}/about", EVERY))
    monkeypatch.setattr("index.sources.TemporaryDirectory", refuse)
    assert watcher.round().report.failed == 2
    for reason in watcher.failures().values():
        assert "the folder for temporary files, which the parser reads from (no space" in reason


def test_a_failure_that_lasts_makes_the_pauses_longer(tmp_path, monkeypatch):
    def played(*_, **__):
        said = next(saying)
        if isinstance(said, Exception):
            raise said
        return said

    well, full = Round(1, Report(), 0, NOW), LibraryError("the disk is full")
    saying, pauses = iter([well, *[full] * 8, LibraryLocked("busy"), well, full]), []
    (tmp_path / "feeds.toml").write_text('pages = ["https://a.example/"]')
    monkeypatch.setattr(loop, "play_round", played)
    monkeypatch.setattr(loop.time, "sleep", pauses.append)
    rounds = loop.watch(tmp_path / "feeds.toml", tmp_path)
    for _ in range(12):
        next(rounds)
    rounds.close()
    assert pauses == [0, 60, 120, 240, 480, 960, 1920, 3600, 3600, 60, 0]


def test_all_that_is_named_can_be_looked_at_before_its_time(watcher):
    watcher.feed("Mary")
    watcher.page("Mary")
    watcher.round()
    watcher.foreign.paths()
    watcher.round(1.0, anyway=True)
    assert watcher.foreign.paths() == ["/rss"]


def test_another_writer_is_not_disturbed_and_no_page_is_asked_for(watcher):
    watcher.feed("Mary")
    with only_writer(watcher.home), pytest.raises(LibraryLocked):
        watcher.round()
    assert watcher.foreign.asked == []


def test_a_process_of_its_own_stores_the_same(watcher, tmp_path, encoded):
    folder = tmp_path / "ärticles \udcff"
    folder.mkdir()
    (folder / "a.txt").write_text("The harbour was painted by Peter Wood.")
    (folder / "b.txt").write_text("The harbour was painted by Peter Wood.")
    (folder / "c.txt").write_bytes(b"\xff\xfe\x00")
    watcher.watched.append(Watched("folder", str(folder), EVERY))
    watcher.feed("Mary", "Ann")
    watcher.page("Mary")
    report = watcher.round(apart=True).report
    assert (report.added, report.duplicate, report.failed, report.revision) == (2, 1, 2, 1)
    assert [one.reason[:11] for one in report.failures] == ["answers 404", "is not UTF-"]
    assert report.duplicates[0][0].endswith("b.txt") and encoded == []
    assert set(watcher.failures()) == {"Ann", "c.txt"} and len(watcher.articles()) == 2
    (folder / "a.txt").unlink()
    (folder / "b.txt").unlink()
    report = watcher.round(EVERY, apart=True).report
    assert (report.removed, report.revision) == (1, 2) and set(watcher.articles()) == {"Mary"}


def test_what_keeps_that_process_from_it_is_told(watcher, monkeypatch, tmp_path):
    watcher.feed("Mary")
    watcher.page("Mary")
    watcher.embedder = str(tmp_path / "no model")
    with pytest.raises(LibraryError, match="no model"):
        watcher.round(apart=True)
    monkeypatch.setattr(sys, "executable", "/bin/false")  # a page that is not there needs no parser
    watcher.watched = [Watched("page", f"{watcher.foreign.home}/none", EVERY)]
    with pytest.raises(LibraryError, match="is there memory for the model"):
        watcher.round(apart=True)


def test_failures_of_other_runs_stay(watcher, tmp_path):
    (tmp_path / "broken.txt").write_bytes(b"\xff\xfe\x00")
    build([tmp_path / "broken.txt"], watcher.home, watcher.embedder)
    watcher.feed("Mary")
    watcher.round()
    assert set(watcher.failures()) == {"broken.txt", "Mary"}
    build([tmp_path / "broken.txt"], watcher.home, watcher.embedder)
    assert set(watcher.failures()) == {"broken.txt", "Mary"}


def test_a_feed_can_not_lead_into_this_network(foreign, watcher):
    watcher.feed("Mary")
    play = (watcher.watched, watcher.home, watcher.embedder, Visitor(), NOW)
    [failure] = play_round(*play).report.failures
    assert "names a port of its own" in failure.reason and foreign.asked == []
