"""The README tells what the program does: every setting, target and command is in it."""

import re
from pathlib import Path

import click

from qa.cli import main
from web.settings import settings_help

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
    named = set(re.findall(r"(?:^|`)make ([a-z]+)\b", README, re.MULTILINE))
    assert {"serve", "test", "index", "install", "bench"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
