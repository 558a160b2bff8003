"""Citespan itself, as a library in one process like the others."""

from dataclasses import replace
from pathlib import Path

from measure import Passage, main

from index import (
    DEFAULT_EMBEDDER,
    Article,
    build_articles,
    embedder_fingerprint,
    library_fingerprint,
)
from qa.ask import CORES, QA
from qa.confidence import load_confidence
from qa.reader import DEFAULT_READER, load_reader


def index(folder: Path, passages: list[Passage]) -> None:
    articles = [
        Article(f"{n:016x}", f"{n}", one["title"], one["text"]) for n, one in enumerate(passages)
    ]
    build_articles(articles, folder / f"citespan{len(passages)}", DEFAULT_EMBEDDER)
    (folder / "citespan").unlink(missing_ok=True)
    (folder / "citespan").symlink_to(f"citespan{len(passages)}")


def load(folder: Path):
    reader = load_reader(DEFAULT_READER, CORES)
    library = library_fingerprint(embedder_fingerprint(DEFAULT_EMBEDDER))
    confidence = load_confidence(DEFAULT_READER, reader.fingerprint, library)
    # The best answer counts however unsure, as the others always give one.
    qa = QA(folder / "citespan", reader, replace(confidence, threshold=0.0), DEFAULT_EMBEDDER)

    def answer(question: str) -> str:
        answers = qa.ask(question, 1).answers
        return answers[0].text if answers else ""

    return answer


if __name__ == "__main__":
    main(index, load)
