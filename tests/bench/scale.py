"""The same library in a folder, on Milvus Lite and on a Milvus server: speed and answers.

Of seeds/, or of the SQuAD files that are named: python scale.py [FILE [DISTRACTORS...]]. The
figures are printed and written to tests/bench/results/scale.json.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests"))

from milvus_servers import lite, real  # noqa: E402

from index import DEFAULT_EMBEDDER, MODELS, Article, Place, Remote, build_articles  # noqa: E402
from index import load_question_embedder as load  # noqa: E402
from qa import QA, open_qa  # noqa: E402
from qa.labels import Labelled, load_labels  # noqa: E402
from qa.metrics import exact_match, f1  # noqa: E402

RESULT = Path(__file__).with_name("results") / "scale.json"
SEEDS = ROOT / "seeds" / "questions.json"
ASKED = 300


def main() -> None:
    """Measure all three, print a line for each, and write the figures down."""
    first, *others = [Path(one) for one in sys.argv[1:]] or [SEEDS]
    articles, questions = load_labels(first)
    for file in others:
        articles += load_labels(file)[0]
    unique = list({one.id: one for one in articles}.values())
    figures: dict[str, Any] = {}

    def measure(name: str, place: Place) -> None:
        figures[name] = measured(place, unique, questions[:ASKED])
        print(f"{name:8}" + "  ".join(f"{k} {v}" for k, v in figures[name].items()), flush=True)

    with tempfile.TemporaryDirectory() as made:
        folder, models = Path(made, "folder"), Path(made, "models")
        measure("folder", folder)
        models.mkdir()
        (models / MODELS).symlink_to(folder / MODELS)
        for name, server in (("lite", lite), ("server", real)):
            with server(Path(made, name)) as port:
                measure(name, Remote("127.0.0.1", port, "bench", models))
    RESULT.write_text(json.dumps(figures, indent=2) + "\n")


def measured(place: Place, articles: list[Article], questions: list[Labelled]) -> dict[str, Any]:
    """How fast a library is made, searched and changed at a place, and how well it answers."""
    report = build_articles(articles, place)
    qa = open_qa(place)
    library = qa.library
    vectors = load(library.models, library.fingerprint).encode([q.question for q in questions])
    figures = {
        "passages": report.passages,
        "index_s": round(report.seconds, 1),
        "nearest_ms": spread([lambda v=one: library.nearest(v, 100) for one in vectors]),
        "words_ms": spread([lambda q=one: library.matching(q.question, 100) for one in questions]),
        **answers(qa, questions),
    }
    changed = [replace(articles[0], text=articles[0].text + " Changed."), *articles[1:]]
    figures["replace_one_s"] = round(build_articles(changed, place, DEFAULT_EMBEDDER).seconds, 2)
    return figures


def answers(qa: QA, questions: list[Labelled]) -> dict[str, Any]:
    """EM and F1, of silence as well, and the milliseconds that a question takes."""
    replies = []
    took = spread([lambda q=one: replies.append(qa.ask(q.question, 1)) for one in questions])
    given = [reply.answers[0].text if reply.answers else "" for reply in replies]
    pairs = [(text, one.answers or ("",)) for text, one in zip(given, questions, strict=True)]
    return {
        "question_ms": took,
        "em": round(100 * float(np.mean([exact_match(*pair) for pair in pairs])), 1),
        "f1": round(100 * float(np.mean([f1(*pair) for pair in pairs])), 1),
        "silent": given.count(""),
    }


def spread(calls: list[Callable[[], object]]) -> list[float]:
    """The median and the 95th percentile, in milliseconds."""
    took = []
    for call in calls:
        started = time.perf_counter()
        call()
        took.append((time.perf_counter() - started) * 1000)
    return [round(float(one), 1) for one in np.percentile(took, [50, 95])]


if __name__ == "__main__":
    main()
