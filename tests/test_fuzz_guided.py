"""Coverage-guided fuzzing by atheris, and the long form of all fuzzing; see `guided.py`."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from served import ROOT

guided = pytest.mark.skipif(
    find_spec("atheris") is None, reason="atheris is not for this Python or this machine"
)
RUNS = 3000  # of each target
SOAK_SECONDS = 100  # for each


def executions(folder: Path, limit: str) -> dict[str, int]:
    """How often each target held; fails with what broke one, and the bytes that did."""
    done = subprocess.run(
        [
            *(sys.executable, ROOT / "tests" / "guided.py", folder, limit),
            *("-max_len=4096", "-timeout=60"),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    names = re.findall(r"^target (\w+)", done.stdout, re.MULTILINE)
    runs = re.findall(r"^Done (\d+) runs", done.stdout, re.MULTILINE)
    return dict(zip(names, map(int, runs), strict=True))


@guided
def test_parsers_hold_against_inputs_that_look_for_their_code(tmp_path: Path) -> None:
    held = executions(tmp_path, f"-runs={RUNS}")
    print(held)
    assert len(held) == 6 and min(held.values()) >= RUNS


@guided
@pytest.mark.soak
@pytest.mark.timeout(10 * SOAK_SECONDS)
def test_parsers_hold_for_minutes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    held = executions(tmp_path, f"-max_total_time={SOAK_SECONDS}")
    with capsys.disabled():
        print("".join(f"\n{target}: {runs:,} executions" for target, runs in held.items()))
    assert min(held.values()) > RUNS


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_the_properties_hold_for_twenty_times_as_many_examples(
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = [f"tests/test_fuzz{part}.py" for part in ("", "_files", "_web")]
    long = ("--hypothesis-profile=long", "--hypothesis-show-statistics", "--timeout=3000")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *long, *files],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    held = sum(map(int, re.findall(r"(\d+) passing, 0 failing", done.stdout)))
    with capsys.disabled():
        print(f"\nproperties: {held:,} examples")
    assert held > 20_000
