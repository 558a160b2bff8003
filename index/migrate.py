"""All articles of one library into another, wherever the two lie.

Passages and vectors are made anew by the one that takes them in, so that nothing but articles has
to be understood. It must not know how either stores them.
"""

from collections.abc import Iterable, Iterator

from index.build import build_articles
from index.embed import DEFAULT_EMBEDDER
from index.errors import LibraryCorrupt
from index.opened import AnyLibrary, open_library
from index.place import Place
from index.records import Article
from index.report import Report

_PAGE = 100  # articles read together


def migrate(source: Place, target: Place, embedder: str = DEFAULT_EMBEDDER) -> Report:
    """Add every article of `source` to `target`, and compare all of them there.

    What `target` holds besides stays. A migration that was stopped goes on where it was. Raises
    `LibraryCorrupt` when an article is not in `target` as it is in `source`, and what opening and
    building raise.
    """
    library = open_library(source)
    try:
        articles = _checked(library)
        report = build_articles(articles, target, embedder, lambda origin: False, copies=True)
        compare(_every(library), open_library(target))
    finally:
        library.close()
    return report


def _checked(library: AnyLibrary) -> Iterator[Article]:
    for article in _every(library):
        library.check([article])
        yield article


def _every(library: AnyLibrary) -> Iterator[Article]:
    for offset in range(0, library.counts().articles, _PAGE):
        yield from library.articles(offset, _PAGE)


def compare(articles: Iterable[Article], other: AnyLibrary) -> None:
    """Raises `LibraryCorrupt` for an article that the `other` library has not, and closes that."""
    try:
        for article in articles:
            if other.article(article.id) != article:
                raise LibraryCorrupt(
                    f"article {article.id} did not arrive as it was: do it once more"
                )
    finally:
        other.close()
