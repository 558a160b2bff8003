"""Everything stored is derived again and compared: what is wrong comes out as sentences."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from index.acronyms import find_acronyms
from index.database import missing
from index.derived import open_derived
from index.errors import EmbedderError, LibraryCorrupt, LibraryError
from index.expected import (
    SAMPLE,
    Findings,
    Sampled,
    article_problems,
    differing,
    place_in,
    vector_differs,
    vector_problem,
)
from index.library import DATABASE, DERIVED, MODELS, model_name, published
from index.store import Store


def verify(folder: Path) -> list[str]:
    """What is wrong with the library in `folder`, a sentence each; empty when it is sound.

    Checked: the database file, every article's checksum, every passage's place, every
    vector, every acronym, both search indexes, and a sample of passages embedded again.
    Raises `LibraryMissing` when there is nothing to check, `LibraryCorrupt` when the
    database can't even be read, `LibraryError` when others wrote meanwhile.
    """
    return look_through(folder).problems


def look_through(folder: Path) -> Findings:
    """The same, and which articles are damaged."""
    store, found = Store(folder / DATABASE), Findings()
    try:
        store.freeze()
        if store.revision == 0:
            raise missing(folder)
        _look(store, folder, found)
        if found.problems and published(folder) != (store.revision, store.meta("seal") or "{}"):
            raise LibraryError(
                f"{folder} was written while it was checked: run citespan verify again"
            )
        return found
    finally:
        store.close()


def _look(store: Store, folder: Path, found: Findings) -> None:
    found.problems += [f"the database is damaged: {line}" for line in store.damage()]
    dimension, total = store.dimension(), store.counts().passages
    step, met = max(1, total // SAMPLE), 0
    sample: list[Sampled] = []
    for article in store.every_article():
        rows, digest = store.passages_of(article.id), store.digest(article.id, live=True)
        has_acronyms = store.acronyms(article.id) == find_acronyms(article.text)
        places = [row[:2] for row in rows]
        found.add(article, digest, article_problems(article, digest, places, has_acronyms))
        for start, end, stored in rows:
            is_whole = len(stored) == 2 * dimension
            vector = np.frombuffer(stored if is_whole else b"", dtype="<f2").astype(np.float32)
            problem = vector_problem(article, start, vector, dimension)
            is_odd = found.add(article, digest, [] if problem is None else [problem])
            if met % step == 0 and not is_odd:
                sample.append(Sampled(article, start, end, vector))
            met += 1
    found.problems += _index_problems(store, folder, dimension, total)
    fingerprint = store.meta("fingerprint") or ""
    try:
        wrong = differing(folder / MODELS / model_name(fingerprint), fingerprint, sample)
    except EmbedderError as error:
        found.problems.append(str(error))
        return
    for one in wrong:
        found.add(one.article, store.digest(one.article.id, live=True), [vector_differs(one)])


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
                    yield f"{place_in(article, passage.start)} has another vector than is indexed"
    except LibraryCorrupt as error:
        yield str(error)
