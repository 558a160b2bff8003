"""txtai 9: hybrid embeddings (dense and BM25) and its extractive question answering.

Settings: its defaults: three passages, joined, read by the model.
"""

from pathlib import Path
from threading import Lock

from measure import Passage, main
from txtai import Embeddings
from txtai.pipeline import RAG


def index(folder: Path, passages: list[Passage]) -> None:
    embeddings = Embeddings(path=str(folder / "embedder"), content=True, hybrid=True, gpu=False)
    embeddings.index((n, f"{one['title']}\n{one['text']}") for n, one in enumerate(passages))
    embeddings.save(str(folder / "txtai"))


def load(folder: Path):
    embeddings = Embeddings()
    embeddings.load(str(folder / "txtai"))
    search, turn = embeddings.batchsearch, Lock()

    def in_turn(*given, **named):
        with turn:
            return search(*given, **named)

    embeddings.batchsearch = in_turn  # its database takes one search at a time
    rag = RAG(
        embeddings, str(folder / "reader"), task="question-answering", gpu=False, output="flatten"
    )

    def answer(question: str) -> str:
        try:
            return rag(question) or ""
        except TypeError:  # it has no place for "not answered here", the reader's first token
            return ""

    return answer


if __name__ == "__main__":
    main(index, load)
