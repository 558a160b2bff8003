"""`make audit` says which of three it is: no hole is known, some are, or nothing is known."""

import subprocess
from pathlib import Path

import pytest
from served import ROOT

TABLE = "Name  Version ID\nflask 0.1     PYSEC-1"
LOST = "the service can't be reached"


def audited(tmp_path: Path, auditor: str) -> tuple[int, str]:
    """The exit code of the target, and what it says, with an auditor that does this."""
    ready, tools = tmp_path / "ready", tmp_path / "tools"
    (tools / "bin").mkdir(parents=True)
    ready.touch()
    (tools / "ready").touch()
    program = tools / "bin" / "pip-audit"
    program.write_text(f"#!/bin/sh\necho WARNING:nothing >&2\n{auditor}\n")
    program.chmod(0o755)
    command = ["make", "--no-print-directory", "audit", f"READY={ready}", f"TOOLS={tools}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "torch==" in (tools / "pinned").read_text()
    return done.returncode, done.stdout


def test_no_hole_is_a_success(tmp_path: Path) -> None:
    assert audited(tmp_path, "exit 0") == (0, "No hole is known in what runs here.\n")


def test_holes_are_listed_and_fail(tmp_path: Path) -> None:
    code, said = audited(tmp_path, f"echo '{TABLE}'; echo found >&2; exit 1")
    assert code != 0 and said.startswith(TABLE + "\nThese holes are known: ")


@pytest.mark.parametrize("code", [1, 3])
def test_what_could_not_be_looked_up_is_no_success_and_no_hole(tmp_path: Path, code: int) -> None:
    failed, said = audited(tmp_path, f'echo "ERROR:pip_audit._cli:{LOST}" >&2; exit {code}')
    assert failed != 0 and said.count("\n") == 1 and "hole" not in said
    assert said.startswith(f"Nothing is known: the advisories can't be had from here ({LOST}). Run")
