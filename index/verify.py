"""Everything stored is derived again and compared: what is wrong comes out as sentences."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.acronyms import find_acronyms
from index.database import missing
from index.derived import open_derived
from index.embed import load_question_embedder
from index.errors import EmbedderError, LibraryCorrupt
from index.library import DATABASE, DERIVED, MODELS, model_name, passage_input
from index.records import Article
from index.split import split
from index.store import Store

_SAMPLE = 32  # passages embedded again, spread over the library
_SAME = 0.999  # least cosine of a stored vector and the one made again
_UNIT = 1e-3  # how far from 1 a vector's length may be

_Sample = tuple[str, str, NDArray[np.float32]]  # place, text as embedded, vector as stored


def verify(folder: Path) -> list[str]:
    """What is wrong with the library in `folder`, a sentence each; empty when it is sound.

    Checked: the database file, every article's checksum, every passage's place, every
    vector, every acronym, both search indexes, and a sample of passages embedded again.
    Raises `LibraryMissing` when there is nothing to check, `LibraryCorrupt` when the
    database can't even be read.
    """
    store = Store(folder / DATABASE)
    try:
        store.freeze()
        if store.revision == 0:
            raise missing(folder)
        return list(_problems(store, folder))
    finally:
        store.close()


def _problems(store: Store, folder: Path) -> Iterator[str]:
    yield from (f"the database is damaged: {line}" for line in store.damage())
    dimension = store.dimension()
    total = store.counts().passages
    step, met = max(1, total // _SAMPLE), 0
    sample: list[_Sample] = []
    for article in store.every_article():
        rows = store.passages_of(article.id)
        yield from _article_problems(store, article, rows, dimension)
        for start, end, vector in rows:
            if met % step == 0 and len(vector) == 2 * dimension:
                text = passage_input(article.title, article.text[start:end])
                stored = np.frombuffer(vector, dtype="<f2").astype(np.float32)
                sample.append((_place(article, start), text, stored))
            met += 1
    yield from _index_problems(store, folder, dimension, total)
    yield from _vector_problems(store, folder, sample)


def _article_problems(
    store: Store, article: Article, rows: list[tuple[int, int, bytes]], dimension: int
) -> Iterator[str]:
    name = _name(article)
    if store.digest(article.id, live=True) != article.digest:
        yield f"{name} is not as it was stored: its checksum differs"
    expected = [(passage.start, passage.end) for passage in split(article)]
    if [(start, end) for start, end, _ in rows] != expected:
        yield f"{name} has other passages than its text gives"
    if store.acronyms(article.id) != find_acronyms(article.text):
        yield f"{name} has other acronyms than its text gives"
    for start, _, vector in rows:
        numbers = np.frombuffer(vector[: len(vector) // 2 * 2], dtype="<f2").astype(np.float32)
        is_unit = abs(float(np.linalg.norm(numbers)) - 1) <= _UNIT  # false for what is no number
        if len(vector) != 2 * dimension or not is_unit:
            yield f"{_place(article, start)} has a vector that is not {dimension} unit numbers"


def _index_problems(store: Store, folder: Path, dimension: int, total: int) -> Iterator[str]:
    seal = store.meta("seal") or "{}"
    try:
        derived = open_derived(folder / DERIVED, store.revision, seal, dimension, total)
    except LibraryCorrupt as error:
        yield f"the search index is damaged: {error}"
        return
    vectors, terms = derived.vectors, derived.terms
    numbers = store.passage_numbers()
    if terms.ids() != numbers:
        yield "the term index holds other passages than the database"
    if vectors.ids() != numbers:
        yield "the vector index holds other passages than the database"
        return
    try:
        for ids, stored in store.vectors():
            for number in ids[(vectors.vectors(ids) != stored).any(axis=1)]:
                [passage] = store.passages([int(number)]).values()
                article = store.article(passage.article_id)
                if article is not None:
                    yield f"{_place(article, passage.start)} has another vector than is indexed"
    except LibraryCorrupt as error:
        yield str(error)


def _vector_problems(
    store: Store,
    folder: Path,
    sample: list[_Sample],
) -> Iterator[str]:
    fingerprint = store.meta("fingerprint") or ""
    try:
        embedder = load_question_embedder(folder / MODELS / model_name(fingerprint), fingerprint)
    except EmbedderError as error:
        yield str(error)
        return
    for place, text, stored in sample:
        [again] = embedder.encode([text])
        if not float(again @ stored) >= _SAME:
            yield f"{place} has another vector than its text gives"


def _name(article: Article) -> str:
    return f"article {article.id} ({article.title})"


def _place(article: Article, start: int) -> str:
    return f"{_name(article)}: the passage at {start}"
