"""What `make bench-peers` measures: the same work done by Citespan, Haystack and txtai.

The same passages, the same embedder, the weights of the same reader, the same questions, one
after the other on this machine; the others in an environment of their own, var/peers.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import mean
from typing import Any

from index import DEFAULT_EMBEDDER, Article, embedder_folder
from index.split import split
from qa.labels import Labelled, load_labels
from qa.metrics import exact_match, f1
from qa.reader import DEFAULT_READER, TOKENIZER
from qa.training.network import new_network

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
SHARED = ROOT.parent / "shared" / "data"
VENV = ROOT / "var" / "peers"
WORK = ROOT / "var" / "peers-work"
PACKAGES = (
    *("torch==2.13.0", "haystack-ai==3.4.1", "transformers-haystack==2.0.0"),
    *("sentence-transformers-haystack==2.0.0", "txtai==9.14.0"),
)
PEERS = ("citespan", "haystack", "txtai")
ASKED = 300


def main() -> None:
    """Prepare, run each peer, print a table, and write the figures down."""
    if not (VENV / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        subprocess.run([VENV / "bin" / "pip", "install", "-q", *PACKAGES], check=True)
        (VENV / "ready").touch()
    questions = prepare()
    figures = {}
    for peer in PEERS:
        python = Path(sys.executable) if peer == "citespan" else VENV / "bin" / "python"
        try:
            figures[peer] = run(python, peer, "index") | run(python, peer, "ask")
        except subprocess.CalledProcessError as error:
            print(f"{peer} failed: {error}", file=sys.stderr)
            continue
        answers = figures[peer].pop("answers")
        for name, measure in (("em", exact_match), ("f1", f1)):
            scores = [measure(a, one.answers) for a, one in zip(answers, questions, strict=True)]
            figures[peer][name] = 100 * mean(scores)
        print(peer, {name: round(value, 2) for name, value in figures[peer].items()}, flush=True)
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "peers.json").write_text(json.dumps(figures, indent=2) + "\n")


def prepare() -> list[Labelled]:
    """The work, as files: passages, questions, and both models as folders."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    articles, questions = labelled()
    passages = [
        {"title": article.title, "text": passage.text}
        for article in articles
        for passage in split(article)
    ]
    asked = [one for one in questions if one.answers][:ASKED]
    (WORK / "passages.json").write_text(json.dumps(passages))
    (WORK / "questions.json").write_text(json.dumps([one.question for one in asked]))
    embedder = embedder_folder(DEFAULT_EMBEDDER)
    (WORK / "embedder").symlink_to(embedder)
    new_network(DEFAULT_READER, embedder, 1).save_pretrained(WORK / "reader")
    for name in (TOKENIZER, "tokenizer_config.json"):
        shutil.copyfile(embedder / name, WORK / "reader" / name)
    return asked


def labelled() -> tuple[list[Article], list[Labelled]]:
    if not SHARED.is_dir():
        print(f"there are no labelled paragraphs at {SHARED}: seeds/ is used")
        return load_labels(ROOT / "seeds" / "questions.json")
    files = sorted(SHARED.glob("*.json"))
    every = {one.id: one for file in files for one in load_labels(file)[0]}
    return list(every.values()), load_labels(SHARED / "xquad-en.json")[1]


def run(python: Path, peer: str, mode: str) -> dict[str, Any]:
    """What the peer prints, run by its own Python."""
    command: list[str | Path] = [python, HERE / "peers" / f"{peer}_peer.py", mode, WORK]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
