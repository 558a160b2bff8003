"""Checks of a library that is read: it holds the islands, nobody writes into it."""

import numpy as np

from index.build import build_articles
from index.contract.bench import BROKEN, SOURCE, Bench, Check, refused, same
from index.errors import LibraryMissing
from index.library import passage_input
from index.opened import AnyLibrary, open_library
from index.sound import verify
from index.split import split

_ALIKE = 1e-4  # the same of two scores by words
_CLOSE = 5e-3  # how far two forms of an embedder may be from one another in a cosine


def every_article_is_there_to_the_letter(bench: Bench) -> None:
    islands, articles = bench.islands, bench.articles
    for one in articles:
        same(islands.article(one.id), one, one.title)
    islands.check(articles)
    same(islands.article("0" * 16), None, "an article that is none")
    same(islands.counts().articles, 5, "articles counted")
    same(islands.counts().passages, sum(len(split(one)) for one in articles), "passages counted")
    same(islands.failures(), [BROKEN], "failures")


def all_that_is_stored_is_proved_sound(bench: Bench) -> None:
    same(bench.islands.counts().articles, 5, "articles counted")
    same(verify(bench.place("islands")), [], "problems")


def articles_are_listed_newest_first_and_by_words_of_their_titles(bench: Bench) -> None:
    islands, articles = bench.islands, bench.articles
    dated = [articles[1].id, articles[0].id, articles[3].id]
    undated = sorted(one.id for one in (articles[2], articles[4]))
    same([one.id for one in islands.articles(0, 10)], [*dated, *undated], "all of them")
    same([one.id for one in islands.articles(1, 2)], dated[1:], "the second and the third")
    same([one.title for one in islands.articles(0, 9, "bORN holm")], ["Bornholm"], "two words")
    same((islands.count_articles("o"), islands.count_articles("100%")), (3, 0), "counted")
    same(islands.sources(), [(SOURCE, 2)], "sources")


def the_nearest_are_the_nearest_by_exact_search(bench: Bench) -> None:
    islands = bench.islands
    vector = bench.encode("Which island?")
    passages = [(one, passage) for one in bench.articles for passage in split(one)]
    given = [passage_input(one.title, passage.text) for one, passage in passages]
    exact = sorted(float(bench.encode(text) @ vector) for text in given)
    found = islands.nearest(vector, 20)
    same(len(found), 20, "how many are found")
    scores = np.array([score for _, score in found])
    apart = float(np.abs(scores - exact[:-21:-1]).max())
    same(apart < _CLOSE, True, f"the 20 best cosines, {apart:.4f} off")
    hits = islands.hits(found)
    same([hit.score for hit in hits], scores.tolist(), "scores of hits")
    everything = {number for number, _ in islands.nearest(vector, 10**6)}
    same(len(everything), len(passages), "passages when a million are asked for")


def every_hit_is_a_slice_of_its_article(bench: Bench) -> None:
    by_id = {one.id: one for one in bench.articles}
    hits = bench.ask(bench.islands, "Häfen")
    same({hit.passage.article_id for hit in hits}, set(by_id), "articles that are found")
    for hit in hits:
        passage = hit.passage
        text = by_id[passage.article_id].text[passage.start : passage.end]
        same(passage.text, text, f"the passage at {passage.start}")
        same(text == "", False, "an empty passage")


def words_find_what_has_them_where_the_server_knows_words(bench: Bench) -> None:
    islands = bench.islands
    found = islands.hits(islands.matching("the ferries of Elba", 3))
    if any("no BM25" in note for note in islands.notes):
        same(found, [], "found without BM25")
        same(islands.known("xyzzy"), True, "a word where nobody can tell")
        return
    same(islands.notes, (), "notes")
    same([hit.passage.article_id for hit in found[:1]], [bench.articles[4].id], "the best of all")
    scores = [hit.score for hit in found]
    same(scores, sorted(scores, reverse=True), "scores, best first")
    same(scores[0] > 0, True, "a score above 0")
    same([islands.known(word) for word in ("ferries", "xyzzy")], [True, False], "known words")


def both_rankings_are_those_of_a_folder(bench: Bench) -> None:
    home = bench.folder("home")
    build_articles(bench.articles, home, bench.embedder)
    folder = open_library(home)
    for text in ("the ferry to Elba", "who has a European Union?", "Häfen im Norden", "is"):
        ours, theirs = (_both(one, text, bench) for one in (folder, bench.islands))
        for one, other, near in zip(ours, theirs, (_CLOSE, _ALIKE), strict=True):
            same(other.keys(), one.keys(), f"passages for “{text}”")
            apart = max((abs(other[passage] - score) for passage, score in one.items()), default=0)
            same(apart < near, True, f"scores for “{text}” as in a folder, or {apart} apart")
        same(ours[1] == {}, text == "is", f"words of “{text}” that are none")
    folder.close()


def _both(library: AnyLibrary, text: str, bench: Bench) -> list[dict[tuple[str, int], float]]:
    """Both rankings, each as scores by article and start."""
    return [
        {(hit.passage.article_id, hit.passage.start): hit.score for hit in library.hits(ranking)}
        for ranking in library.rankings(text, bench.unit, 1000, None)
    ]


def filters_leave_what_is_all_of_that(bench: Bench) -> None:
    islands, articles = bench.islands, bench.articles

    def left(*filters: object) -> set[int]:
        numbers = islands.numbers(*filters)  # type: ignore[arg-type]
        same((np.diff(numbers) > 0).all(), True, "numbers in order, each once")
        hits = islands.hits([(int(number), 1.0) for number in numbers])
        same(len(hits), len(numbers), "hits of numbers")
        ids = {hit.passage.article_id for hit in hits}
        return {place for place, one in enumerate(articles) if one.id in ids}

    same(left(), {0, 1, 2, 3, 4}, "without any")
    same(left([SOURCE, "other"]), {0, 1}, "of a source")
    same(left((), "2023-01-01"), {0, 1}, "from a day on")
    same(left((), None, "2023-01-01"), {0, 3}, "until a day")
    same(left((), "2023-01-01", "2023-01-31"), {0}, "between two days")
    same(left((), None, None, [articles[4].id, articles[2].id]), {2, 4}, "of two articles")
    same(left(['" or kind == "head'], None, None, ["a\\"]), set(), "with marks in it")


def a_search_among_some_finds_these_alone(bench: Bench) -> None:
    islands = bench.islands
    among = islands.numbers(ids=[bench.articles[2].id])
    same(len(among) > 100, True, "passages of a long article")
    found = islands.nearest(bench.unit, 10**4, among)
    same({number for number, _ in found}, set(among.tolist()), "found among them")
    scores = [score for _, score in found]
    same(scores, sorted(scores, reverse=True), "scores, best first")
    same(len(islands.nearest(bench.unit, 5, among)), 5, "the best five")
    same(islands.nearest(bench.unit, 5, among[:0]), [], "among none")
    with_words = {number for number, _ in islands.matching("Norden", 9, among[:3])}
    wanted = set() if islands.matching("ferry", 1) == [] else set(among[:3].tolist())
    same(with_words, wanted, "found by a word among three")


def acronyms_are_known_in_any_case(bench: Bench) -> None:
    for short in ("eu", "EU"):
        same(bench.islands.expansions(short), ["European Union"], short)
    same(bench.islands.expansions('"'), [], "what is no acronym")


def no_library_is_told_with_its_place(bench: Bench) -> None:
    with refused(LibraryMissing, "there is no library ", "nobody yet: run citespan"):
        open_library(bench.place("nobody"))


READING: tuple[Check, ...] = (
    every_article_is_there_to_the_letter,
    all_that_is_stored_is_proved_sound,
    articles_are_listed_newest_first_and_by_words_of_their_titles,
    the_nearest_are_the_nearest_by_exact_search,
    every_hit_is_a_slice_of_its_article,
    words_find_what_has_them_where_the_server_knows_words,
    both_rankings_are_those_of_a_folder,
    filters_leave_what_is_all_of_that,
    a_search_among_some_finds_these_alone,
    acronyms_are_known_in_any_case,
    no_library_is_told_with_its_place,
)
