"""Spans become answers with citations in article offsets. Pure.

Nothing here searches for words: a quote is a slice of the article, and stays one.
"""

from collections.abc import Mapping, Sequence

from index import Article, sentences
from qa.errors import CitationError
from qa.rank import Ranked
from qa.records import Answer, Citation, Span

_AROUND = 400  # characters of the sentence shown on either side of the quote


def cite(
    ranked: Sequence[Ranked], articles: Mapping[str, Article], sure: float
) -> tuple[Answer, ...]:
    """Answers in the order given, each with a citation per span; from `sure` on they are so.

    Raises `CitationError` should a citation's words not stand at its offsets.
    """
    answers = []
    cited = {span.article_id for one in ranked for span in one.spans}
    places = {id: sentences(articles[id].text) for id in cited}
    for one in ranked:
        citations = tuple(
            _citation(span, articles[span.article_id], places[span.article_id])
            for span in one.spans
        )
        for citation in citations:
            check(citation, articles[citation.article_id])
        answers.append(
            Answer(citations[0].quote, one.confidence, one.confidence >= sure, citations)
        )
    return tuple(answers)


def check(citation: Citation, article: Article) -> None:
    """Raises `CitationError` unless `article.text[start:end] == quote`, and is not empty."""
    start, end = citation.start, citation.end
    inside = 0 <= start < end <= len(article.text)
    if not (inside and article.text[start:end] == citation.quote):
        raise CitationError(f"a citation of article {article.id} at {start}:{end} is not exact")


def _citation(span: Span, article: Article, places: Sequence[tuple[int, int]]) -> Citation:
    text = article.text
    start, end = span.start, span.end
    opening, closing = _sentence(places, start, end)
    return Citation(
        article_id=article.id,
        title=article.title,
        url=article.url,
        source=article.source,
        published=article.published,
        start=start,
        end=end,
        before=text[max(opening, start - _AROUND) : start],
        quote=text[start:end],
        after=text[end : min(closing, end + _AROUND)],
        page=article.page(start),
    )


def _sentence(places: Sequence[tuple[int, int]], start: int, end: int) -> tuple[int, int]:
    """Where the sentence, or the sentences, around a range begin and end.

    `places`: start and end of every sentence of the article.
    """
    opening, closing = start, end
    for first, last in places:
        if first <= start < last:
            opening = first
        if first < end <= last:
            closing = last
            break
    return opening, closing
