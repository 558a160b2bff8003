"""The pictures: they are there, they can be seen, and nothing else was written."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qa.labels import Labelled
from qa.metrics import Outcome
from qa.plots import RELIABILITY, RISK_COVERAGE, plot

ROOT = Path(__file__).parent.parent
PNG = b"\x89PNG\r\n\x1a\n"


def outcome(answer, confidence):
    labelled = Labelled("Where?", ("London",), "p")
    shown = confidence >= 0.5
    return Outcome("x", labelled, "", answer, confidence, shown, False, shown, None, 1.0)


RUN = [outcome("London" if number % 3 else "Oslo", (number + 0.5) / 40) for number in range(40)]


def blue(path):
    """How many dots of the picture have the colour of the line."""
    with Image.open(path) as picture:
        dots = np.asarray(picture.convert("RGB")).astype(int)
    return int((np.abs(dots - (0x1F, 0x5F, 0xA8)).sum(axis=2) < 20).sum())


def test_both_pictures_are_drawn_and_nothing_else_is_left(tmp_path):
    plot(RUN, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [RELIABILITY, RISK_COVERAGE]
    for path in tmp_path.iterdir():
        with Image.open(path) as picture:
            assert picture.width >= 1000 <= 1.5 * picture.height
        assert blue(path) > 1000


def test_a_picture_replaces_the_one_before_and_shows_what_was_answered(tmp_path):
    for name in (RELIABILITY, RISK_COVERAGE):
        (tmp_path / name).write_bytes(b"old")
    plot(RUN, tmp_path)
    first = [(tmp_path / name).read_bytes() for name in (RELIABILITY, RISK_COVERAGE)]
    plot(RUN, tmp_path)
    assert [(tmp_path / name).read_bytes() for name in (RELIABILITY, RISK_COVERAGE)] == first
    plot(RUN[:20], tmp_path)
    for name, before in zip((RELIABILITY, RISK_COVERAGE), first, strict=True):
        assert (tmp_path / name).read_bytes().startswith(PNG)
        assert (tmp_path / name).read_bytes() != before


@pytest.mark.parametrize(
    "outcomes",
    [
        [outcome("", 0.0)],
        [outcome("London", 1.0)],
        [outcome("Oslo", 0.2)],
        [outcome("London", 0.7), outcome("Oslo", 0.7), outcome("", 0.0)],
    ],
)
def test_few_or_no_answers_are_drawn_as_well(tmp_path, outcomes):
    plot(outcomes, tmp_path)
    for name in (RELIABILITY, RISK_COVERAGE):
        assert (tmp_path / name).read_bytes().startswith(PNG)


def test_drawing_needs_no_display_and_writes_nothing_into_the_home_folder(tmp_path):
    home, pictures, elsewhere = (tmp_path / name for name in ("home", "pictures", "tmp"))
    for folder in (home, pictures, elsewhere):
        folder.mkdir()
    code = (
        "import sys; from pathlib import Path; from qa.plots import plot;"
        " plot([], Path(sys.argv[1])); assert 'matplotlib.pyplot' not in sys.modules"
    )
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DISPLAY", "MPLCONFIGDIR", "MPLBACKEND") and not name.startswith("XDG_")
    }
    done = subprocess.run(
        [sys.executable, "-c", code, pictures],
        cwd=ROOT,
        env={**kept, "HOME": str(home), "TMPDIR": str(elsewhere)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in pictures.iterdir()) == [RELIABILITY, RISK_COVERAGE]
    assert not list(home.iterdir())
    assert not list(elsewhere.iterdir())
