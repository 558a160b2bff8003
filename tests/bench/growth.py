"""How building, searching and changing a library grow with it: python growth.py [--million].

Texts are sentences of ../shared/data (or of seeds/) put together at random, so that every
passage is another; vectors are drawn around those of real passages, as embedding a million
would take an hour. Each size is built in a process of its own and asked in another.
"""

import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from index import DEFAULT_EMBEDDER, Article, Library, embedder_fingerprint, library_fingerprint
from index import sentences as borders
from index.acronyms import find_acronyms
from index.derived import clear_old, open_derived, write_derived
from index.embed import load_embedder
from index.library import DATABASE, DERIVED
from index.split import split
from index.store import Store
from qa.labels import load_labels
from qa.records import Filters
from qa.retrieve import search

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
RESULT = Path(__file__).with_name("results") / "growth.json"
SIZES = (1_000, 10_000, 100_000)
REAL = 2_000  # passages whose vectors the others are drawn around
LIKE = 0.8  # cosine of a drawn vector with the real one
ASKED = 300
CHANGED = 100  # articles


def main() -> None:
    """Measure every size, print a table, and write the figures down."""
    sizes = (*SIZES, 1_000_000) if "--million" in sys.argv else SIZES
    texts, vectors, questions, asked = material()
    figures = {}
    for size in sizes:
        with tempfile.TemporaryDirectory(dir=ROOT / "var", prefix="growth") as folder:
            built = alone(build, Path(folder), size, texts, vectors)
            figures[size] = built | alone(ask, Path(folder), questions, asked)
            figures[size] |= alone(change, Path(folder), texts, vectors)
        print(f"{size:>9,}  " + "  ".join(f"{k} {v}" for k, v in figures[size].items()))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(figures, indent=2) + "\n")


def alone(measure: Any, *given: Any) -> dict[str, float]:
    """What `measure` returns, called in a process of its own."""
    with get_context("spawn").Pool(1) as pool:
        found: dict[str, float] = pool.apply(measure, given)
    return found


def material() -> tuple[list[str], np.ndarray, list[str], np.ndarray]:
    """Sentences, vectors of real passages, questions, and their vectors."""
    embedder = load_embedder()
    if SHARED.is_dir():
        found = [load_labels(path) for path in sorted(SHARED.glob("*.json"))]
        whole = [article.text for articles, _ in found for article in articles]
        questions = [one.question for one in load_labels(SHARED / "xquad-en.json")[1]][:ASKED]
    else:
        whole = [path.read_text() for path in sorted((ROOT / "seeds").glob("*.md"))]
        rows = json.loads((ROOT / "seeds" / "questions.json").read_text())
        questions = [
            question["question"]
            for article in rows["data"]
            for paragraph in article["paragraphs"]
            for question in paragraph["qas"]
        ][:ASKED]
    texts = [text[start:end] for text in whole for start, end in borders(text)]
    real = random.Random(1).sample(texts, min(REAL, len(texts)))
    return texts, embedder.encode(real), questions, embedder.encode(questions)


def articles(first: int, texts: list[str]) -> Iterator[Article]:
    """Articles of some ten passages each, from number `first` on."""
    while True:
        drawn = random.Random(first)
        text = " ".join(drawn.choices(texts, k=40))
        yield Article(f"{first:016x}", f"{first}", drawn.choice(texts)[:80], text)
        first += 1


def stage(store: Store, ones: Iterator[Article], count: int, vectors: np.ndarray) -> int:
    """Store articles until there are `count` more passages; their number."""
    drawn, done = np.random.default_rng(count), 0
    while done < count:
        with store.transaction():
            for _ in range(500):
                article = next(ones)
                passages = split(article)
                near = vectors[drawn.integers(0, len(vectors), len(passages))]
                aside = drawn.normal(size=near.shape) / near.shape[1] ** 0.5
                own = LIKE * near + (1 - LIKE**2) ** 0.5 * aside
                own /= np.linalg.norm(own, axis=1, keepdims=True)
                store.stage(article, passages, own, find_acronyms(article.text))
                done += len(passages)
                if done >= count:
                    break
    return done


def publish(store: Store, folder: Path, former: Any) -> None:
    """As an indexing run does it."""
    revision = store.revision + 1
    with store.transaction():
        store.make_live([])
        written = write_derived(store, store.dimension(), folder / DERIVED, revision, former)
        embedder = embedder_fingerprint(DEFAULT_EMBEDDER)
        store.set_meta("fingerprint", library_fingerprint(embedder))
        store.set_meta("seal", written.seal)
        if written.recall is not None:
            store.set_meta("recall", str(written.recall))
        store.set_meta("revision", str(revision))
    clear_old(folder / DERIVED, revision)


def build(folder: Path, size: int, texts: list[str], vectors: np.ndarray) -> dict[str, float]:
    """Staging and publishing, embedding left out."""
    store = Store(folder / DATABASE, write=True)
    started = time.perf_counter()
    count = stage(store, articles(0, texts), size, vectors)
    staged = time.perf_counter()
    publish(store, folder, None)
    done = time.perf_counter()
    recall = float(store.meta("recall") or 0)
    store.close()
    return {
        "passages": count,
        "stage_s": round(staged - started, 1),
        "publish_s": round(done - staged, 1),
        "build_peak_mb": round(memory("VmHWM")),
        "recall_at_20": round(recall, 4),
        "disk_mb": disk(folder),
    }


def ask(folder: Path, questions: list[str], asked: np.ndarray) -> dict[str, float]:
    """Opening the library, and both rankings fused, one question at a time."""
    before = memory("VmRSS")
    started = time.perf_counter()
    library = Library(folder)
    opened = time.perf_counter() - started
    took = []
    for text, vector in zip(questions, asked, strict=True):
        started = time.perf_counter()
        search(library, text, vector, Filters(), 20)
        took.append((time.perf_counter() - started) * 1000)
    return {
        "open_s": round(opened, 2),
        "p50_ms": round(float(np.median(took)), 2),
        "p95_ms": round(float(np.quantile(took, 0.95)), 2),
        "resident_mb": round(memory("VmRSS") - before),
        "found_of_20": round(found_of(library, asked), 4),
    }


def change(folder: Path, texts: list[str], vectors: np.ndarray) -> dict[str, float]:
    """A hundred articles with other texts, from their being embedded to their being found."""
    store = Store(folder / DATABASE, write=True)
    ones = (
        Article(f"{number:016x}", f"{number}", fresh.title, fresh.text)
        for number, fresh in enumerate(articles(10**9, texts))
    )
    drawn = np.random.default_rng(7)
    with store.transaction():
        for _ in range(CHANGED):
            article = next(ones)
            passages = split(article)
            own = vectors[drawn.integers(0, len(vectors), len(passages))]
            store.stage(article, passages, own, {})
    started = time.perf_counter()
    count, seal = store.counts().passages, store.meta("seal") or ""
    former = open_derived(folder / DERIVED, store.revision, seal, store.dimension(), count)
    publish(store, folder, former)
    store.close()
    published = time.perf_counter()
    Library(folder).close()
    swapped = time.perf_counter()
    return {
        "change_s": round(swapped - started, 2),
        "swap_s": round(swapped - published, 2),
        "disk_after_mb": disk(folder),
    }


def disk(folder: Path) -> int:
    """Megabytes that the folder takes, a file with two names once."""
    files = {path.stat().st_ino: path.stat() for path in folder.rglob("*") if path.is_file()}
    return sum(one.st_blocks * 512 for one in files.values()) // 1_000_000


def found_of(library: Library, asked: np.ndarray) -> float:
    """Of the 20 vectors that are nearest by exact search, the share that is found."""
    scores, numbers = np.zeros((len(asked), 0)), np.zeros((len(asked), 0), np.int64)
    for ids, vectors in library._store.vectors():
        scores = np.hstack([scores, asked @ vectors.T])
        numbers = np.hstack([numbers, np.broadcast_to(ids, (len(asked), len(ids)))])
        best = np.argsort(-scores, axis=1)[:, :20]
        scores = np.take_along_axis(scores, best, axis=1)
        numbers = np.take_along_axis(numbers, best, axis=1)
    met = [
        len({number for number, _ in library.nearest(vector, 20)} & set(row)) / 20
        for vector, row in zip(asked, numbers.tolist(), strict=True)
    ]
    return float(np.mean(met))


def memory(kind: str) -> float:
    """Megabytes of this process: VmRSS, held now, or VmHWM, at the most."""
    status = Path("/proc/self/status").read_text()
    return float(status.split(f"{kind}:")[1].split()[0]) / 1000


if __name__ == "__main__":
    (ROOT / "var").mkdir(exist_ok=True)
    main()
