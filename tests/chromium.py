"""A real browser on a real server: what the tests marked `browser` stand on."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.request import urlopen

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

BINARY = os.environ.get("CITESPAN_CHROMIUM", "/usr/bin/chromium")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run"
    " --disable-background-networking --disable-component-update --disable-sync"
).split()
PATIENCE = 60  # seconds until a server that hangs fails its test
THEMES = ("light", "dark")
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}

NASTY = '"><svg onload="window.broken=1">'
SCRIPT = "<script>window.broken=1</script>"
KRAKEN = "When was the kraken of Ushuaia first photographed?"
ARTICLES = [
    {
        "id": "evil",
        "title": f"The kraken of Ushuaia {SCRIPT}{NASTY}",
        "text": f"The kraken of Ushuaia was first photographed by {NASTY} Fernández {SCRIPT} on"
        " 3 May 2021. Nobody believed it at first, and the museum would not hang the picture.",
        "source": f"Gazette {NASTY}",
        "published": "2021-05-04",
        "url": "javascript:window.broken=1",
    },
    {
        "id": "emoji",
        "title": "The lighthouse of Pellworm",
        "text": "🏮🇩🇪👩‍👩‍👧‍👦 The lighthouse of Pellworm is red and white. "
        + "Sheep graze below it. " * 60
        + "\n\nThe lighthouse of Pellworm was 🎉 built in 1906 🎉 by two brothers from Husum. "
        + "Sheep graze below it. " * 60,
        "published": "2019-08-01",
        "source": "Island Post",
        "url": "https://island.example/lighthouse#top",
    },
]


@dataclass(frozen=True)
class Site:
    """Where the server answers; `other` is an origin that may ask, with the files of `folder`."""

    address: str
    other: str
    folder: Path


@contextmanager
def elsewhere(folder: Path) -> Iterator[str]:
    """The address of another origin, where the files of `folder` are served."""
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and writes no log."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def launched() -> Iterator[Browser]:
    """Chromium with a profile that is thrown away."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BINARY, args=FLAGS)
        yield browser
        browser.close()


def write_articles(folder: Path) -> Path:
    """A file of `ARTICLES`, to be indexed beside the seeds."""
    path = folder / "articles.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in ARTICLES), encoding="utf-8")
    return path


def fetched(site: Site, path: str) -> Any:
    """What the API answers at this path."""
    with urlopen(site.address + path, timeout=PATIENCE) as reply:
        return json.load(reply)


def text_of(page: Page, selector: str) -> str:
    """The text of the first element, character by character."""
    text = page.locator(selector).first.evaluate("element => element.textContent")
    assert isinstance(text, str)
    return text


def marked_range(page: Page) -> tuple[int, str]:
    """Where the article page's mark begins, in code points of the article, and its words."""
    before, words = page.evaluate(
        """() => {
          const mark = document.querySelector("#answer");
          const before = new Range();
          before.setStart(document.querySelector(".text"), 0);
          before.setEndBefore(mark);
          const inside = new Range();
          inside.selectNodeContents(mark);
          return [before.toString(), inside.toString()];
        }"""
    )
    return len(before), words


def in_view(page: Page, selector: str) -> bool:
    """Whether the first element stands inside the window."""
    box = page.locator(selector).first.bounding_box()
    size = page.viewport_size
    assert box is not None and size is not None
    return box["y"] >= 0 and box["y"] + box["height"] <= size["height"]


def width_beyond(page: Page) -> int:
    """Pixels by which the page is wider than the window."""
    wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert isinstance(wider, int)
    return wider


def violations(page: Page) -> str:
    """What axe finds against the page, each rule with the elements that break it."""
    found = Axe().run(page).response["violations"]
    return "; ".join(
        f"{one['id']}: {' '.join(str(node['target']) for node in one['nodes'])}" for one in found
    )
