"""Best passages by words (BM25). The only file that imports the term engine, tantivy."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import tantivy
from numpy.typing import NDArray
from tantivy import Filter, Occur, Query, TextAnalyzerBuilder, Tokenizer

from index.errors import LibraryCorrupt, LibraryError

_ANALYZER = "words-en-v2"
TITLE_WEIGHT = 0.4  # a title's word counts this much beside the passage's own
PAIR_WEIGHT = 0.5  # two words of the question that stand together also there
APART = 2  # words between them at most, such as those of "Tower of London"
_HEAP = 64_000_000  # bytes for the writer
_LONGEST = 64  # letters of a word that is indexed
_FIELDS = ("body", "title")


class TermIndex:
    """Passages by id, searched by their words and their article's title."""

    def __init__(self, index: tantivy.Index) -> None:
        self._schema = index.schema
        self._searcher = index.searcher()
        self._analyzer = _analyzer()

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def matching(
        self, text: str, k: int, among: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """At most `k` (id, BM25 score) pairs, best first, for any of the words of `text`.

        Two neighbours of `text` that are neighbours there, too, count as a word of their own
        (Metzler and Croft 2005, sequential dependence). `among`: the only ids that count.
        """
        words = self._analyzer.analyze(text)
        if not words:
            return []
        clauses = []
        for word in dict.fromkeys(words):
            body = Query.term_query(self._schema, "body", word, "freq")
            title = Query.term_query(self._schema, "title", word, "freq")
            clauses.append((Occur.Should, body))
            clauses.append((Occur.Should, Query.boost_query(title, TITLE_WEIGHT)))
        for pair in dict.fromkeys(pairwise(words)):
            if pair[0] != pair[1]:
                near = Query.phrase_query(self._schema, "body", list(pair), APART)
                clauses.append((Occur.Should, Query.boost_query(near, PAIR_WEIGHT)))
        query = Query.boolean_query(clauses)
        if among is not None:
            query = Query.boolean_query([(Occur.Must, query), (Occur.Must, self._only(among))])
        return self._search(query, k)

    def _only(self, ids: NDArray[np.int64]) -> Query:
        """Holds for these ids, and adds nothing to a score."""
        return Query.const_score_query(
            Query.term_set_query(self._schema, "passage", ids.tolist()), 0.0
        )

    def _search(self, query: Query, k: int) -> list[tuple[int, float]]:
        hits = self._searcher.search(query, k, count=False).hits
        ids = self._searcher.fast_field_values("passage", [address for _, address in hits])
        return [
            (int(found), float(score))
            for found, (score, _) in zip(ids, hits, strict=True)
            if found is not None
        ]

    def ids(self) -> set[int]:
        """Every id in the index."""
        if len(self) == 0:
            return set()
        hits = self._searcher.search(Query.all_query(), len(self), count=False).hits
        found = self._searcher.fast_field_values("passage", [address for _, address in hits])
        return {int(number) for number in found if number is not None}

    def known(self, word: str) -> bool:
        """Whether any passage or title holds this word, as the index sees words."""
        clauses = [
            (Occur.Should, Query.term_query(self._schema, field, term, "freq"))
            for term in self._analyzer.analyze(word)
            for field in _FIELDS
        ]
        # Not by the frequency of the term: passages taken out count there until later.
        return bool(clauses) and bool(self._search(Query.boolean_query(clauses), 1))

    def alike(self, word: str, k: int) -> list[int]:
        """At most `k` ids of passages with a word one typo from `word`, else two; or none."""
        terms = {*self._analyzer.analyze(word), word.lower()}  # an ending misspelled has no stem
        for distance in (1, 2):
            clauses = [
                (Occur.Should, Query.fuzzy_term_query(self._schema, field, term, distance))
                for term in sorted(terms)
                for field in _FIELDS
                if 2 + 2 * distance <= len(term) <= _LONGEST
            ]
            found = self._search(Query.boolean_query(clauses), k) if clauses else []
            if found:
                return [number for number, _ in found]
        return []


def stems(text: str) -> list[str]:
    """The words of a text as the index sees them."""
    return [str(word) for word in _analyzer().analyze(text)]


def places(text: str) -> list[str]:
    """Every word of a text in order, as the index sees it; "" for one that is not indexed."""
    analyzer, plain = _analyzer(), TextAnalyzerBuilder(Tokenizer.simple()).build()
    return [str(next(iter(analyzer.analyze(word)), "")) for word in plain.analyze(text)]


def build_terms(rows: Iterable[tuple[int, str, str]], folder: Path | None) -> TermIndex:
    """An index over (passage id, title, passage text) rows, in `folder` or in memory.

    Raises `LibraryError` when `folder` can't be written.
    """
    with _written():
        if folder is None:
            index = tantivy.Index(_schema())
        else:
            folder.mkdir(parents=True)
            index = tantivy.Index(_schema(), path=str(folder), reuse=False)
        index.register_tokenizer(_ANALYZER, _analyzer())
        _commit(index, [], rows)
        return TermIndex(index)


def change_terms(
    folder: Path, removed: Sequence[int], rows: Iterable[tuple[int, str, str]]
) -> None:
    """Take passages out of the index in `folder` and put others in.

    Raises `LibraryError` when it can't be written.
    """
    with _written():
        index = tantivy.Index.open(str(folder))
        index.register_tokenizer(_ANALYZER, _analyzer())
        _commit(index, removed, rows)


@contextmanager
def _written() -> Iterator[None]:
    """The engine's errors as ours."""
    try:
        with _calm():
            yield
    except ValueError as error:
        raise LibraryError(f"the term index can't be written: {error}") from error


@contextmanager
def _calm() -> Iterator[None]:
    """The engine's panics, which nothing else would catch, as errors of its own kind."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # its module can't be imported
            raise
        raise ValueError(str(error)) from error


def _commit(
    index: tantivy.Index, removed: Sequence[int], rows: Iterable[tuple[int, str, str]]
) -> None:
    writer = index.writer(heap_size=_HEAP, num_threads=1)
    if removed:
        gone = Query.term_set_query(index.schema, "passage", list(removed))
        writer.delete_documents_by_query(gone)
    for passage, title, body in rows:
        document = tantivy.Document()
        document.add_unsigned("passage", passage)
        document.add_text("title", title)
        document.add_text("body", body)
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()
    index.reload()


def load_terms(folder: Path, count: int) -> TermIndex:
    """The index saved in `folder`; its checksums must have been compared before.

    Raises `LibraryCorrupt` when it is not an index of `count` passages.
    """
    try:
        with _calm():
            index = tantivy.Index.open(str(folder))
            index.register_tokenizer(_ANALYZER, _analyzer())
            terms = TermIndex(index)
    except ValueError as error:
        raise LibraryCorrupt(f"{folder.name} can't be read as a term index") from error
    if index.schema != _schema():
        raise LibraryCorrupt(f"{folder.name} is a term index of another version")
    if len(terms) != count:
        raise LibraryCorrupt(f"{folder.name} holds {len(terms)} passages, not {count}")
    return terms


def _schema() -> tantivy.Schema:
    return (
        tantivy.SchemaBuilder()
        .add_unsigned_field("passage", stored=False, indexed=True, fast=True)
        .add_text_field("title", tokenizer_name=_ANALYZER, index_option="freq")
        .add_text_field("body", tokenizer_name=_ANALYZER, index_option="position")
        .build()
    )


def _analyzer() -> tantivy.TextAnalyzer:
    return (
        TextAnalyzerBuilder(Tokenizer.simple())
        .filter(Filter.remove_long(_LONGEST))
        .filter(Filter.lowercase())
        .filter(Filter.ascii_fold())
        .filter(Filter.stopword("english"))
        .filter(Filter.stemmer("english"))
        .build()
    )
