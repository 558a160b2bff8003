"""The file of feeds: what it may say, and one sentence for each way to get it wrong."""

import re
from pathlib import Path

import pytest

from index.errors import LibraryError
from index.watch.feeds import Watched, read_feeds

WHOLE = """
every = "30m"
feeds = ["https://example.org/rss.xml", {url = "https://example.org/atom.xml", every = "2h"}]
sitemaps = [{url = "https://example.org/sitemap.xml", every = "1d"}]
pages = ["http://example.org/about"]
folders = ["articles", {path = "/srv/more", every = "1m"}]
"""


def read(folder: Path, text: str | bytes) -> list[Watched]:
    file = folder / "feeds.toml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_feeds(file)


def test_all_that_it_may_say(tmp_path: Path) -> None:
    assert read(tmp_path, WHOLE) == [
        Watched("listing", "https://example.org/rss.xml", 1800),
        Watched("listing", "https://example.org/atom.xml", 7200),
        Watched("listing", "https://example.org/sitemap.xml", 86400),
        Watched("page", "http://example.org/about", 1800),
        Watched("folder", str(tmp_path / "articles"), 1800),
        Watched("folder", "/srv/more", 60),
    ]
    assert read(tmp_path, 'pages = ["http://a.example/"]')[0].every == 900


def test_the_example_in_the_readme_is_one(tmp_path: Path) -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)
    assert {one.kind for one in read(tmp_path, example)} == {"listing", "page", "folder"}


def test_a_folder_may_lie_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/mary")
    assert read(tmp_path, 'folders = ["~/articles"]')[0].place == "/home/mary/articles"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "lists nothing to watch: name some feeds, sitemaps, pages, folders"),
        ("feeds = []", "lists nothing to watch: name some feeds, sitemaps, pages, folders"),
        ("feeds = [", "is not TOML: Invalid value (at end of document)"),
        (b"\xff", "is not TOML: 'utf-8' codec can't decode byte 0xff"),
        ("a = " + "[" * 99_999, "is not TOML: "),
        ("#" * 1_000_001, "is larger than 1000 kB"),
        ('feed = ["https://a.example/"]', ": 'feed' is not known: there are every, feeds, sitem"),
        ('feeds = "https://a.example/"', ": feeds must be a list, such as feeds = ["),
        ("feeds = [5]", ": what stands in feeds must be "),
        ('feeds = [{url = "https://a.example/", evry = "1d"}]', ": what stands in feeds must be "),
        ('feeds = [{path = "https://a.example/"}]', ": what stands in feeds must be "),
        ('folders = [{url = "a"}]', ': what stands in folders must be "articles" or {path = '),
        ('feeds = ["a.example/rss"]', ": 'a.example/rss' in feeds is not an address of the web"),
        ('pages = ["file:///etc/passwd"]', "in pages is not an address of the web"),
        ('feeds = ["https://a:b@c.example/"]', "in feeds holds a user's name"),
        ('feeds = ["https://a.example/", "https://a.example/"]', "a.example/ stands there twice"),
        ('folders = ["~nobody-here/a"]', ": nobody here has the home of '~nobody-here/a'"),
        (r'folders = ["a\u0000b"]', r": 'a\x00b' in folders can't be the name of a folder"),
        ('every = "soon"\nfeeds = ["https://a.example/"]', ": every = 'soon' is no interval"),
        ('every = 15\nfeeds = ["https://a.example/"]', ": every = 15 is no interval: write "),
        ('every = "1s"\nfeeds = ["https://a.example/"]', ": every = '1s' is no interval"),
        ('every = "0m"\nfeeds = ["https://a.example/"]', ": every = '0m' is no interval"),
        ('feeds = [{url = "https://a.example/", every = "31d"}]', "every = '31d' is no interval"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(LibraryError) as raised:
        read(tmp_path, text)
    message = str(raised.value)
    assert message.startswith(f"{tmp_path}/feeds.toml") and said in message
    assert "\n" not in message and len(message) < 400


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"feeds\.toml can't be read: No such file"):
        read_feeds(tmp_path / "feeds.toml")
