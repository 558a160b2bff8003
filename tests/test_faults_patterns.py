"""Fault C7: no regular expression of ours takes more than linear time, whatever it is given.

Patterns and how they are used are read from the source, so that a new one is tried as well.
Strings are made of what each pattern mentions, and grown tenfold: quadratic work is a hundred
times as much then. Processor time is compared with itself, on this machine, in this moment.
"""

import ast
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import product
from pathlib import Path
from time import thread_time
from typing import Any

import pytest

from web.mentions import mentions

ROOT = Path(__file__).parent.parent
METHODS = {"match", "fullmatch", "search", "sub", "split", "findall", "finditer"}
SHORT, GROWN = 150, 10
WORST = 30  # times as much work for ten times as much text; linear is 10, quadratic 100
COMMON = "aA0 \n.,!-_é()<>[]\"'*`#|:/&"
FILES = [
    path for package in ("index", "qa", "web") for path in sorted((ROOT / package).rglob("*.py"))
]


def used(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Every `NAME.method(…)` with a method of patterns."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and node.attr in METHODS
            and isinstance(node.value, ast.Name)
        ):
            yield node.value.id, node.attr


def inline(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Every pattern that is written where it is used, such as `re.sub("x", …)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re."):
            name = ast.unparse(node.func).removeprefix("re.")
            if name in METHODS:
                assert isinstance(node.args[0], ast.Constant), ast.unparse(node)
                yield node.args[0].value, name


def found() -> Iterator[tuple[str, re.Pattern[Any], str]]:
    """Every pattern of the tree with where it stands and how it is used."""
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        where = path.relative_to(ROOT).as_posix()
        made = [node for node in ast.walk(tree) if ast.unparse(node).startswith("re.compile(")]
        if any(isinstance(node, ast.Call) for node in made):
            module = import_module(where.removesuffix(".py").replace("/", "."))
            for name, method in sorted(set(used(tree))):
                pattern = getattr(module, name, None)
                if isinstance(pattern, re.Pattern):
                    yield f"{where} {name}", pattern, method
        for text, method in inline(tree):
            yield f"{where} {text}", re.compile(text), method


PATTERNS = list(found())


def run(pattern: re.Pattern[Any], method: str) -> Callable[[Any], object]:
    if method == "sub":
        return lambda text: pattern.sub(lambda one: one[0], text)
    if method == "finditer":
        return lambda text: list(pattern.finditer(text))
    return getattr(pattern, method)


def strings(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str, str]]:
    """What goes before, what is repeated, and what ends it."""
    text = (
        pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    )
    said = re.sub(r"\\[a-zA-Z]|[?+^$\\]", "", text)
    letters = sorted(set(COMMON + said))
    ends = ("!", "", "\n")
    for first, second in product(letters, letters):
        yield "", first if first == second else first + second, "!"
    for one, before, after in product(letters, ("", *letters), ends):
        yield before, one, after


def work(call: Callable[[Any], object], text: Any) -> float:
    begun = thread_time()
    call(text)
    return thread_time() - begun


def growth(call: Callable[[Any], object], make: Callable[[int], Any]) -> float:
    """How many times as much work ten times as much text is, measured with care."""
    few, many = make(SHORT * GROWN), make(SHORT * GROWN * GROWN)
    least = min(work(call, few) for _ in range(5))
    return min(work(call, many) for _ in range(3)) / max(least, 1e-6)


def worst(pattern: re.Pattern[Any], method: str) -> tuple[float, str]:
    call, length = run(pattern, method), SHORT
    found = (0.0, "")
    for before, one, after in strings(pattern):

        def make(count: int, before: str = before, one: str = one, after: str = after) -> Any:
            text = before + one * count + after
            return text if isinstance(pattern.pattern, str) else text.encode()

        short, grown = make(length), make(length * GROWN)
        if work(call, grown) > WORST * max(work(call, short), 2e-6):
            found = max(found, (growth(call, make), repr(before + one * 4 + after)))
    return found


def test_one_pattern_alone_is_made_of_what_is_asked():
    making = {
        path.relative_to(ROOT).as_posix()
        for path in FILES
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "re.compile"
    }
    assert making == {"web/mentions.py"}


@pytest.mark.parametrize("words", ["a " * 100, "( " * 100, "é" * 200, ".*" * 100, "a\n" * 100])
def test_words_that_are_looked_for_again_take_linear_time(words):
    def make(count: int) -> str:
        return words + (words[:-2] + "b") * (count // 100)

    assert growth(lambda text: mentions(text, 0, 199), make) < WORST


@pytest.mark.parametrize(("where", "pattern", "method"), PATTERNS, ids=lambda one: str(one)[:60])
def test_ten_times_the_text_is_no_more_than_some_ten_times_the_work(where, pattern, method):
    times, text = worst(pattern, method)
    assert times < WORST, f"{where}.{method} takes {times:.0f} times as long for {text}"
