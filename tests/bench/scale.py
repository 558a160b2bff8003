"""The same library in a folder, on Milvus Lite and on a Milvus server: speed, room and answers.

Of all paragraphs of ../shared/data, asked the questions of xquad-en; of seeds/ where those are
not. Passages are embedded once, and their vectors kept in var/scale. The figures are printed
and written to tests/bench/results/scale.json.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests"))

from milvus_servers import Server, lite_server, real_server  # noqa: E402

from index import MODELS, Article, LibraryError, Place, Remote, build_articles  # noqa: E402
from index import load_question_embedder as load  # noqa: E402
from index import open_library as opened  # noqa: E402
from index.embed import Embedder, load_embedder  # noqa: E402
from qa import QA, open_qa  # noqa: E402
from qa.labels import Labelled, load_labels  # noqa: E402
from qa.metrics import exact_match, f1  # noqa: E402
from qa.records import Filters, Reply  # noqa: E402
from qa.retrieve import search  # noqa: E402

RESULT = Path(__file__).with_name("results") / "scale.json"
SHARED = ROOT.parent / "shared" / "data"
KEPT = ROOT / "var" / "scale" / "vectors.npz"
ASKED = {"folder": 1190, "server": 1190, "lite": 10}  # questions at most; Lite is slow
Vectors = dict[str, np.ndarray]


class Recalled:
    """An embedder that embeds a text once, also in another run."""

    def __init__(self, inner: Embedder) -> None:
        self._inner, self._vectors = inner, kept_vectors()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def encode(self, texts: list[str]) -> np.ndarray:
        """The vectors of texts, of shape (texts, dimension)."""
        new = [one for one in texts if name_of(one) not in self._vectors]
        if new:
            self._vectors.update(zip(map(name_of, new), self._inner.encode(new), strict=True))
        return np.stack([self._vectors[name_of(one)] for one in texts])

    def keep(self) -> None:
        """Write the vectors down."""
        KEPT.parent.mkdir(parents=True, exist_ok=True)
        np.savez(KEPT, names=list(self._vectors), vectors=np.stack(list(self._vectors.values())))


def name_of(text: str) -> str:
    """What stands for a text."""
    return sha256(text.encode()).hexdigest()


def kept_vectors() -> Vectors:
    """The vectors that were written down, if any were, by the names of their texts."""
    if not KEPT.is_file():
        return {}
    with np.load(KEPT) as kept:
        return dict(zip(kept["names"].tolist(), kept["vectors"], strict=True))


def main() -> None:
    """Measure all three, print a line for each, and write the figures down."""
    articles, questions = material()
    embedder = Recalled(load_embedder())
    vars(import_module("index.run"))["load_embedder"] = lambda name: embedder
    figures: dict[str, Any] = {}
    exact: list[set[Any]] = []
    with tempfile.TemporaryDirectory() as made, ExitStack() as stack:
        models = Path(made, "models")
        build_articles(articles, models)
        embedder.keep()
        for name, server in (("folder", None), ("server", real_server), ("lite", lite_server)):
            home = Path(made, name)
            running = None if server is None else stack.enter_context(server(home))
            where: Place = home
            if running is None:
                home.mkdir()
                (home / MODELS).symlink_to(models / MODELS)
            else:
                where = Remote("127.0.0.1", running.port, "bench", models)
            asked = questions[:: max(1, len(questions) // ASKED[name])][: ASKED[name]]
            figures[name] = measured(where, home, running, articles, asked)
            exact = exact or nearest(where, questions, exact=True)  # in the folder, the first
            met = nearest(where, questions, exact=False)
            figures[name]["recall_of_100"] = recall(met, exact)
            print(f"{name:8}" + "  ".join(f"{k} {v}" for k, v in figures[name].items()), flush=True)
            RESULT.write_text(json.dumps(figures, indent=2) + "\n")


def material() -> tuple[list[Article], list[Labelled]]:
    """The articles, each of its file as a source, and the questions to ask."""
    if not SHARED.is_dir():
        articles, questions = load_labels(ROOT / "seeds" / "questions.json")
        return [replace(one, source="seeds") for one in articles], questions
    found: dict[str, Article] = {}
    for file in sorted(SHARED.glob("*.json")):
        for one in load_labels(file)[0]:
            found.setdefault(one.id, replace(one, source=file.stem))
    return list(found.values()), load_labels(SHARED / "xquad-en.json")[1]


def measured(
    place: Place,
    home: Path,
    server: Server | None,
    articles: list[Article],
    questions: list[Labelled],
) -> dict[str, Any]:
    """How fast a library is made, searched and changed at a place, and how well it answers."""
    started = time.perf_counter()
    report = build_articles(articles, place)
    took = time.perf_counter() - started
    before = resident([0])
    qa = open_qa(place)
    library = qa.library
    texts = [one.question for one in questions]
    vectors = load(library.models, library.fingerprint).encode(texts)
    asked = list(zip(texts, vectors, strict=True))
    one_source = Filters(sources=(articles[0].source or "",))
    figures = {
        "passages": report.passages,
        "passages_a_second": round(report.passages / took),
        "nearest_ms": spread([partial(library.nearest, v, 100) for _, v in asked]),
        "words_ms": spread([partial(library.matching, t, 100) for t, _ in asked]),
        "fused_ms": spread([partial(search, library, t, v, Filters(), 20) for t, v in asked]),
        "filtered_ms": spread(
            [partial(search, library, t, v, one_source, 20) for t, v in asked[:50]]
        ),
        **answers(qa, questions),
        "client_mb": resident([0]) - before,
        "server_mb": 0 if server is None else resident(server.processes),
        "disk_mb": sum(one.stat().st_size for one in home.rglob("*") if one.is_file()) // 10**6,
    }
    changed = [replace(articles[0], text=articles[0].text + " Changed."), *articles[1:]]
    started = time.perf_counter()
    build_articles(changed, place)
    figures["replace_one_s"] = round(time.perf_counter() - started, 1)
    if server is not None:
        figures["ready_after_kill_s"] = ready_again(server, place)
    return figures


def nearest(place: Place, questions: list[Labelled], *, exact: bool) -> list[set[Any]]:
    """Where the 100 passages nearest to each of 50 questions stand; `exact`: by comparing all."""
    library = opened(place)
    among = library.numbers() if exact else None
    asked = [one.question for one in questions[:: len(questions) // 50][:50]]
    vectors = load(library.models, library.fingerprint).encode(asked)
    found = [library.hits(library.nearest(one, 100, among)) for one in vectors]
    library.close()
    return [{(hit.passage.article_id, hit.passage.start) for hit in hits} for hits in found]


def recall(found: list[set[Any]], exact: list[set[Any]]) -> float:
    """The share of the exact ones that is found."""
    met = [len(one & best) / len(best) for one, best in zip(found, exact, strict=True)]
    return round(float(np.mean(met)), 4)


def ready_again(server: Server, place: Place) -> float:
    """Seconds from the server's end by kill -9 until its library can be read again."""
    server.kill()
    started = time.perf_counter()
    server.start()
    while True:
        try:
            opened(place).close()
            return round(time.perf_counter() - started, 1)
        except LibraryError:
            time.sleep(0.2)


def answers(qa: QA, questions: list[Labelled]) -> dict[str, Any]:
    """EM and F1, of silence as well, and the milliseconds that a question takes."""
    replies: list[Reply] = []

    def ask(question: str) -> None:
        replies.append(qa.ask(question, 1))

    took = spread([partial(ask, one.question) for one in questions])
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


def resident(processes: list[int]) -> int:
    """Megabytes that processes hold; 0 is this one."""
    kilobytes = 0
    for one in processes:
        status = Path("/proc", str(one) if one else "self", "status").read_text()
        kilobytes += int(status.split("VmRSS:")[1].split()[0])
    return kilobytes // 1000


if __name__ == "__main__":
    main()
