"""Hard negatives: passages that our own retrieval ranks high and that hold no answer.

They teach the reader silence, and to compare its scores across passages.
"""

from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from index import Article, Library, Passage, build_articles, load_embedder
from qa.labels import Labelled
from qa.metrics import holds
from qa.records import Filters
from qa.retrieve import expand, search

_LOOKED_AT = 12  # passages of a question's ranking
KEPT = 4  # of those, at most so many that hold no answer


def mine(
    articles: Sequence[Article],
    questions: Sequence[Labelled],
    folder: Path,
    embedder: str,
    progress: bool,
) -> list[list[Passage]]:
    """For each question, at most `KEPT` passages without its answer, highest ranked first.

    `folder`: where the library of all `articles` is built, or brought up to date.
    """
    build_articles(tqdm(articles, "indexing", disable=not progress), folder, embedder)
    library = Library(folder)
    texts = [expand(one.question, library.expansions, keep=True) for one in questions]
    vectors = load_embedder(embedder).encode(texts)  # together: four times as fast
    found = []
    asked = zip(questions, texts, vectors, strict=True)
    bar = tqdm(asked, "mining negatives", len(texts), disable=not progress)
    for labelled, text, vector in bar:
        hits = search(library, text, vector, Filters(), _LOOKED_AT)
        passages = [hit.passage for hit in hits]
        found.append([one for one in passages if not holds(one.text, labelled.answers)][:KEPT])
    library.close()
    return found
