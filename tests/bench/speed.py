"""One question's stages, what reading less gives up, a server under load, and the limit.

`python speed.py` prints a table and writes results/speed.json. The library holds all paragraphs
of ../shared/data (seeds/ where that is absent); the questions are the first of xquad-en.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Any
from urllib.parse import quote

import numpy as np

from index import DEFAULT_EMBEDDER, Article, build_articles
from index.embed import load_embedder
from index.library import passage_input
from index.split import split
from qa.ask import ALL, QA, Reading, open_qa
from qa.labels import Labelled, load_labels
from qa.metrics import exact_match, f1
from qa.rank import rank
from qa.retrieve import CANDIDATES, DENSE_WEIGHT, embed, fuse
from qa.window import windows

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
RESULT = Path(__file__).with_name("results") / "speed.json"
COMMAND = Path(sys.executable).with_name("citespan")
LIBRARY = ROOT / "var" / "bench-library"
ASKED, CLIENTS, WHOLE, EMBEDDED = 300, 8, 20, 1000
LAYERS, WIDTH, INNER = 6, 384, 1536  # of the shipped reader


def main() -> None:
    """Measure everything, print it, and write it down."""
    articles, questions = material()
    report = build_articles(articles, LIBRARY, DEFAULT_EMBEDDER)
    qa = open_qa(LIBRARY)
    qa.ask(questions[0].question)
    figures: dict[str, Any] = {"passages": report.passages, "cores": os.cpu_count()}
    figures["embedding"] = embedding(articles)
    figures["stages_ms"] = stages(qa, questions)
    figures["reading"] = reading(qa, questions)
    figures["limit"] = limit(figures)
    figures["server"] = server(questions)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


def material() -> tuple[list[Article], list[Labelled]]:
    """What is indexed, and what is asked."""
    if not SHARED.is_dir():
        print(f"there are no labelled paragraphs at {SHARED}: seeds/ is used")
        articles, questions = load_labels(ROOT / "seeds" / "questions.json")
    else:
        files = sorted(SHARED.glob("*.json"))
        every = {one.id: one for file in files for one in load_labels(file)[0]}
        articles, questions = list(every.values()), load_labels(SHARED / "xquad-en.json")[1]
    return articles, [one for one in questions if one.answers][:ASKED]


def embedding(articles: Sequence[Article]) -> dict[str, float]:
    """Passages a second against sentence-transformers' own `encode`, in turns; how near."""
    texts = [passage_input(one.title, part.text) for one in articles for part in split(one)]
    texts = texts[:: max(1, len(texts) // EMBEDDED)][:EMBEDDED]
    ours = load_embedder()
    took: dict[str, float] = {}
    vectors: dict[str, np.ndarray] = {}
    ways: dict[str, Callable[[list[str]], np.ndarray]] = {
        "theirs": lambda some: ours._model.encode(some, normalize_embeddings=True),
        "ours": ours.encode,
    }
    for encode in ways.values():
        encode(texts[:100])
    for _ in range(3):
        for name, encode in ways.items():
            started = time.perf_counter()
            vectors[name] = encode(texts)
            seconds = time.perf_counter() - started
            took[name] = min(took.get(name, seconds), seconds)
    near = {name: np.argsort(-(one @ one.T), axis=1)[:, :11] for name, one in vectors.items()}
    kept = [
        len((set(one) & set(other)) - {place}) / 10
        for place, (one, other) in enumerate(zip(near["ours"], near["theirs"], strict=True))
    ]
    return {
        "per_s": len(texts) / took["ours"],
        "times_encode": took["theirs"] / took["ours"],
        "nearest_10_kept": mean(kept),
    }


def stages(qa: QA, questions: Sequence[Labelled]) -> dict[str, float]:
    """Medians of one question's parts, in milliseconds."""
    took: dict[str, list[float]] = {}
    library, embedder = qa.library, qa._embedder
    assert embedder is not None
    for one in questions:
        started = time.perf_counter()
        reply = qa.ask(one.question)
        took.setdefault("whole", []).append((time.perf_counter() - started) * 1000)
        for name, value in reply.timings.items():
            took.setdefault(name, []).append(value)
        text, vector = embed(library, embedder, qa._find(one.question, ALL, 1).question)
        parts: list[tuple[str, Callable[[], Any]]] = [
            ("dense", partial(library.nearest, vector, CANDIDATES)),
            ("terms", partial(library.matching, text, CANDIDATES)),
        ]
        found = []
        for name, part in parts:
            started = time.perf_counter()
            found.append(part())
            took.setdefault(name, []).append((time.perf_counter() - started) * 1000)
        started = time.perf_counter()
        fuse(found[0], found[1], DENSE_WEIGHT)
        took.setdefault("fusion", []).append((time.perf_counter() - started) * 1000)
    medians = {name: median(values) for name, values in took.items()}
    return medians | {
        "whole_p95": float(np.quantile(took["whole"], 0.95)),
        "read_mean": mean(took["read"]),
    }


def reading(qa: QA, questions: Sequence[Labelled]) -> dict[str, dict[str, float]]:
    """What is read, and EM/F1 of the best answer, as shipped and with 20 passages whole."""
    found = {}
    for name, read in (("shipped", as_shipped), ("whole", in_full)):
        tokens, em, score = [], [], []
        for one in questions:
            done, count = read(qa, one.question)
            best = rank(done.asked, done.spans, done.texts, qa._confidence, 1)
            span = best[0].spans[0] if best else None
            text = "" if span is None else done.texts[span.article_id][span.start : span.end]
            tokens.append(count)
            em.append(exact_match(text, one.answers))
            score.append(f1(text, one.answers))
        found[name] = {
            "em": 100 * mean(em),
            "f1": 100 * mean(score),
            "tokens_mean": mean(tokens),
            "tokens_median": median(tokens),
        }
    return found


class _Counting:
    """The reader, counting the tokens that it is given."""

    def __init__(self, reader: Any) -> None:
        self.reader = reader
        self.tokens = 0

    def read(self, question: str, some: list[Any]) -> Any:
        self.tokens += sum(len(row.ids) for _, row in self.reader._rows(question, some))
        return self.reader.read(question, some)


def as_shipped(qa: QA, question: str) -> tuple[Reading, int]:
    """What asking reads."""
    reader = qa._reader
    counting = _Counting(reader)
    qa._reader = counting  # type: ignore[assignment]
    done = qa.read(question)
    qa._reader = reader
    return done, counting.tokens


def in_full(qa: QA, question: str) -> tuple[Reading, int]:
    """Twenty passages, each to its end."""
    done = qa._find(question, ALL, WHOLE)
    counting = _Counting(qa._reader)
    todo = [
        window
        for id, article in done.articles.items()
        for window in windows(article, [hit for hit in done.hits if hit.passage.article_id == id])
    ]
    return replace(done, found=counting.read(done.spelled, todo)), counting.tokens


def limit(figures: dict[str, Any]) -> dict[str, float]:
    """The operations of reading one question, and how long they would take at best."""
    tokens = figures["reading"]["shipped"]["tokens_mean"]
    per_token = 2 * LAYERS * (4 * WIDTH**2 + 2 * WIDTH * INNER)
    rate = int8_rate()
    best_ms = tokens * per_token / rate * 1000
    return {
        "gop": tokens * per_token / 1e9,
        "gop_per_s_of_a_large_product": rate / 1e9,
        "at_best_ms": best_ms,
        "times_at_best": figures["stages_ms"]["read_mean"] / best_ms,
    }


def int8_rate() -> float:
    """Operations a second of a large int8 matrix product in ONNX Runtime, all cores."""
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper

    size = 2048
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["a", "b"], ["c"])],
        "product",
        [helper.make_tensor_value_info("a", TensorProto.UINT8, [size, size])],
        [helper.make_tensor_value_info("c", TensorProto.INT32, [size, size])],
        [onnx.numpy_helper.from_array(np.ones((size, size), np.int8), "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    session = onnxruntime.InferenceSession(model.SerializeToString())
    given = {"a": np.ones((size, size), np.uint8)}
    session.run(None, given)
    best = min(_timed(lambda: session.run(None, given)) for _ in range(9))
    return 2 * size**3 / best


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def server(questions: Sequence[Labelled]) -> dict[str, float]:
    """From starting the process to its first answer; then eight clients at once."""
    port = 8017
    address = f"http://127.0.0.1:{port}/api/v1/ask?k=1&q="
    started = time.perf_counter()
    process = subprocess.Popen(
        [COMMAND, "serve", "--data", LIBRARY, "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,  # a line for each request
    )

    def ask(question: str) -> float:
        began = time.perf_counter()
        with urllib.request.urlopen(address + quote(question)) as reply:
            reply.read()
        return (time.perf_counter() - began) * 1000

    try:
        while True:
            try:
                ask(questions[0].question)
                break
            except OSError:
                if process.poll() is not None:
                    sys.exit(f"the server has ended: is port {port} free, and the library whole?")
                time.sleep(0.01)
        start = time.perf_counter() - started
        one = [ask(question.question) for question in questions]
        began = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as pool:
            together = list(pool.map(ask, [question.question for question in questions]))
        seconds = time.perf_counter() - began
        [child] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        status = Path(f"/proc/{child}/status").read_text()
    finally:
        process.terminate()
        process.wait()
    return {
        "start_to_answer_s": start,
        "p50_ms": median(one),
        "p95_ms": float(np.quantile(one, 0.95)),
        "per_s_of_8_clients": len(together) / seconds,
        "p95_ms_of_8_clients": float(np.quantile(together, 0.95)),
        "resident_mb": float(status.split("VmRSS:")[1].split()[0]) / 1000,
    }


if __name__ == "__main__":
    main()
