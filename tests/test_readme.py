"""The README tells what the program does: every setting, target and command is in it."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from web_fakes import WORDS, FakeQA

from index.fetch import client
from index.sources import child, files, parser, tables
from qa import MAX_QUESTION
from qa.cli import main
from web import Settings, create_app
from web.framing import MAX_HEAD
from web.headers import MAX_ADDRESS
from web.routes import ROUTES
from web.settings import settings_help
from web.shapes import Reply
from web.worker import HELD

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_setting_stands_in_the_table_with_its_default_and_help():
    for setting in settings_help():
        default = f"`{setting.default}`" if setting.default else ""
        assert f"| `{setting.name}` | {default} | {setting.help} |" in README


def test_every_command_is_listed():
    assert isinstance(main, click.Group)
    for name in main.commands:
        assert re.search(rf"^citespan {name}\b", README, re.MULTILINE), name


def test_every_picture_and_linked_file_exists():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).is_file(), target


def test_the_targets_it_names_are_in_the_makefile():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)\b", README, re.MULTILINE))
    assert {"serve", "test", "index", "install", "bench"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_make_indexes_where_the_service_reads():
    """`CITESPAN_DATA` holds for the targets as it does for the command."""
    given = {**os.environ, "CITESPAN_DATA": "/srv/pacts"}
    for target in ("index", "serve"):
        told = subprocess.run(
            ["make", "-n", target], cwd=ROOT, env=given, capture_output=True, text=True, check=True
        )
        assert '--data "/srv/pacts"' in told.stdout and '--data "var' not in told.stdout


def test_every_route_is_in_the_table():
    for route in ROUTES:
        assert f"| `{route.method} {route.path}` | " in README, route.path


def test_the_client_in_it_asks_and_says_what_went_wrong(monkeypatch):
    app = create_app(Settings(), FakeQA())
    monkeypatch.setattr(httpx, "get", httpx.Client(transport=httpx.WSGITransport(app)).get)
    [code] = re.findall(r"```python\n(import httpx.*?)```", README, re.DOTALL)
    given: dict[str, Any] = {}
    exec(code, given)
    reply = given["ask"]("who?", published_to="2023-12-31", source=["a", "b"])
    assert reply["answers"][0]["text"] == WORDS
    with pytest.raises(RuntimeError, match="type a question"):
        given["ask"]("?")


def test_every_promise_has_its_test():
    [promises] = re.findall(r"## What it promises(.*?)\n## ", README, re.DOTALL)
    named = re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+){3,})`", promises)
    tests = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("tests/test_*.py"))
    assert len(named) > 12
    for name in named:
        assert f"\ndef test_{name}(" in tests, name


def test_every_test_in_the_table_of_faults_exists():
    table = (ROOT / "tests" / "README.md").read_text(encoding="utf-8")
    tests = "".join(path.read_text() for path in (ROOT / "tests").glob("test_*.py"))
    rows = re.findall(r"^\| [A-F]\d+.*?\|(.*?)\|", table, re.MULTILINE)
    assert len(rows) > 40
    for name in re.findall(r"`(\w+)…?`", "".join(rows)):
        assert f"\ndef test_{name}" in tests, name


def test_the_reply_in_it_has_the_fields_of_a_reply():
    [text] = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    Reply.model_validate(json.loads(text), strict=True)


def test_the_limits_in_the_threat_model_are_the_defaults():
    told = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    defaults = {setting.name: setting.default for setting in settings_help()}
    assert set(re.findall(r"CITESPAN_[A-Z_]+", told)) <= set(defaults)
    assert f"{int(defaults['CITESPAN_MAX_BODY']) // 1024} kB" in told
    assert f"| {defaults['CITESPAN_MAX_ANSWERS']} | `CITESPAN_MAX_ANSWERS`" in told
    assert f"{defaults['CITESPAN_THREADS']} and {defaults['CITESPAN_QUEUE']}; one more" in told
    assert f"| a request's head | {MAX_HEAD:,} bytes" in told and HELD == 256 * 1024
    seconds = [f"{float(defaults[f'CITESPAN_{one}_SECONDS']):.0f}" for one in ("REQUEST", "REPLY")]
    assert " and ".join(seconds) + " seconds | `CITESPAN_REQUEST_SECONDS`" in told
    seconds = [f"{float(defaults[f'CITESPAN_{one}_SECONDS']):.0f}" for one in ("WAIT", "ANSWER")]
    assert " and ".join(seconds) + " seconds; then 503" in told
    assert f"{defaults['CITESPAN_CONNECTIONS']}; then the slowest" in told
    assert f"{MAX_ADDRESS:,} bytes" in told and f"{MAX_QUESTION} characters" in told
    assert defaults["CITESPAN_LIMIT"] == "" and defaults["CITESPAN_PROXIES"] == "0"


def test_the_limits_of_what_comes_from_outside_are_those_in_the_threat_model():
    told = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    page = f"{client.SECONDS:.0f} seconds, {client.SIZE / 1e6:.0f} MB, {client.HOPS} further"
    assert f"| a page that is fetched | {page} addresses |" in told
    assert client._RETRY.retry_after_max == 86_400 and "left alone | up to a day |" in told
    parsed = f"{parser.FILE_SECONDS:.0f} seconds, {child._MEMORY / 1e9:.0f} GB of memory"
    assert f"to be parsed | {parsed} |" in told
    sizes = f"{files.SIZE_LIMIT / 1e6:.0f} MB and {tables.ROW_LIMIT / 1e6:.0f} MB"
    assert f"a row of a table | {sizes} |" in told
