"""What `make bench` measures: indexing, start, latency and quality, on this machine.

Over seeds/, and over ../shared/data where that lies beside the project. The figures are
printed and written to tests/bench/results/bench.json.
"""

import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).with_name("results")
SHARED = ROOT.parent / "shared" / "data"
COMMAND = Path(sys.executable).with_name("citespan")
QUESTION = "who signed the RAA between Britain and Japan?"


def main() -> None:
    """Run everything and write the figures down."""
    figures: dict[str, Any] = {"machine": machine(), "seeds": seeds()}
    if SHARED.is_dir():
        figures["xquad_en"] = xquad()
    else:
        print(f"skipped: there are no labelled paragraphs at {SHARED}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "bench.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {"processor": platform.processor() or platform.machine(), "python": sys.version[:6]}


def seeds() -> dict[str, Any]:
    """Index seeds/ from nothing, again with nothing changed, ask once, ask all questions."""
    with tempfile.TemporaryDirectory() as data:
        first = run("index", "seeds", "--data", data, "--json")
        again = run("index", "seeds", "--data", data, "--json")
        started = time.perf_counter()
        reply = run("ask", QUESTION, "--data", data, "--json")
        ask_s = time.perf_counter() - started
    return {
        "index_s": round(first["seconds"], 1),
        "index_unchanged_s": round(again["seconds"], 2),
        "start_to_answer_s": round(ask_s, 2),
        "first_reply_ms": round(reply["took_ms"], 1),
        "open": run("eval", "seeds/questions.json", "--mode", "open", "--json"),
    }


def xquad() -> dict[str, Any]:
    """The reader alone, and the whole library with every other file's paragraphs in it."""
    others = [part for file in sorted(SHARED.glob("*.json")) for part in ("--with", str(file))]
    file = str(SHARED / "xquad-en.json")
    return {
        "reader": run("eval", file, "--mode", "reader", "--json"),
        "open": run("eval", file, "--mode", "open", "--json", *others),
    }


def run(*arguments: str) -> Any:
    """What the command prints as JSON."""
    print("citespan", *arguments, file=sys.stderr)
    done = subprocess.run([COMMAND, *arguments], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
