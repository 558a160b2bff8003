"""Best passages by words (BM25). The only file that imports the term engine, tantivy."""

from collections.abc import Iterable
from pathlib import Path

import tantivy
from tantivy import Filter, Occur, Query, TextAnalyzerBuilder, Tokenizer

from index.errors import LibraryCorrupt, LibraryError

_ANALYZER = "words-en-v1"
_TITLE_WEIGHT = 0.4  # a title's word counts this much beside the passage's own
_HEAP = 64_000_000  # bytes for the writer


class TermIndex:
    """Passages by id, searched by their words and their article's title."""

    def __init__(self, index: tantivy.Index) -> None:
        self._schema = index.schema
        self._searcher = index.searcher()
        self._analyzer = _analyzer()

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def matching(self, text: str, k: int) -> list[tuple[int, float]]:
        """At most `k` (id, BM25 score) pairs, best first, for any of the words of `text`."""
        words = dict.fromkeys(self._analyzer.analyze(text))
        if not words:
            return []
        clauses = []
        for word in words:
            body = Query.term_query(self._schema, "body", word, "freq")
            title = Query.term_query(self._schema, "title", word, "freq")
            clauses.append((Occur.Should, body))
            clauses.append((Occur.Should, Query.boost_query(title, _TITLE_WEIGHT)))
        hits = self._searcher.search(Query.boolean_query(clauses), k, count=False).hits
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
        return any(
            self._searcher.doc_freq(field, term) > 0
            for term in self._analyzer.analyze(word)
            for field in ("body", "title")
        )


def build_terms(rows: Iterable[tuple[int, str, str]], folder: Path | None) -> TermIndex:
    """An index over (passage id, title, passage text) rows, in `folder` or in memory.

    Raises `LibraryError` when `folder` can't be written.
    """
    schema = (
        tantivy.SchemaBuilder()
        .add_unsigned_field("passage", stored=False, indexed=True, fast=True)
        .add_text_field("title", tokenizer_name=_ANALYZER, index_option="freq")
        .add_text_field("body", tokenizer_name=_ANALYZER, index_option="freq")
        .build()
    )
    if folder is None:
        index = tantivy.Index(schema)
    else:
        folder.mkdir(parents=True)
        index = tantivy.Index(schema, path=str(folder), reuse=False)
    index.register_tokenizer(_ANALYZER, _analyzer())
    try:
        _write(index, rows)
    except ValueError as error:
        raise LibraryError(f"the term index can't be written: {error}") from error
    return TermIndex(index)


def _write(index: tantivy.Index, rows: Iterable[tuple[int, str, str]]) -> None:
    writer = index.writer(heap_size=_HEAP, num_threads=1)
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
        index = tantivy.Index.open(str(folder))
        index.register_tokenizer(_ANALYZER, _analyzer())
        terms = TermIndex(index)
    except ValueError as error:
        raise LibraryCorrupt(f"{folder.name} can't be read as a term index") from error
    if len(terms) != count:
        raise LibraryCorrupt(f"{folder.name} holds {len(terms)} passages, not {count}")
    return terms


def _analyzer() -> tantivy.TextAnalyzer:
    return (
        TextAnalyzerBuilder(Tokenizer.simple())
        .filter(Filter.remove_long(64))
        .filter(Filter.lowercase())
        .filter(Filter.ascii_fold())
        .filter(Filter.stopword("english"))
        .filter(Filter.stemmer("english"))
        .build()
    )
