"""What is measured of each peer, in a process of its own and in its own environment.

`python PEER.py index FOLDER` indexes FOLDER/passages.json; `python PEER.py ask FOLDER` asks
FOLDER/questions.json. Both print one line of JSON. It must not import anything of a peer.
"""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CLIENTS = 8
Passage = dict[str, str]  # "title" and "text"


def main(
    index: Callable[[Path, list[Passage]], None], load: Callable[[Path], Callable[[str], str]]
) -> None:
    """`index` writes into the folder; `load` gives what answers a question, from there."""
    mode, folder = sys.argv[1], Path(sys.argv[2])
    if mode == "index":
        passages = json.loads((folder / "passages.json").read_text())
        index(folder, passages[:64])  # models are loaded, kernels made
        started = time.perf_counter()
        index(folder, passages)
        print(json.dumps({"index_per_s": len(passages) / (time.perf_counter() - started)}))
    else:
        print(json.dumps(asked(load(folder), json.loads((folder / "questions.json").read_text()))))


def asked(answer: Callable[[str], str], questions: list[str]) -> dict[str, object]:
    """Figures over the questions: one at a time, then from eight clients at once."""
    first = answer(questions[0])
    start = time.clock_gettime(time.CLOCK_BOOTTIME) - began()
    answers, took = [], []
    for question in questions:
        started = time.perf_counter()
        answers.append(answer(question))
        took.append((time.perf_counter() - started) * 1000)
    took.sort()
    started = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        together = list(pool.map(answer, questions))
    seconds = time.perf_counter() - started
    return {
        "answers": answers,
        "same": sum(map(str.__eq__, answers, together)) / len(answers) if first is not None else 0,
        "start_s": start,
        "p50_ms": took[len(took) // 2],
        "p95_ms": took[len(took) * 95 // 100],
        "per_s": len(questions) / seconds,
        "resident_mb": resident(),
    }


def began() -> float:
    """Seconds after the machine's start at which this process began."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    return int(fields[19]) / 100  # in hundredths on every Linux of today


def resident() -> float:
    """Megabytes of memory that this process holds."""
    status = Path("/proc/self/status").read_text()
    return float(status.split("VmRSS:")[1].split()[0]) / 1000
