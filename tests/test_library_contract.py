"""One contract, three libraries: in a folder, on Milvus Lite, and on a Milvus server.

The server is 2.3.5, the newest that a machine can install by itself; it has no BM25.
"""

from dataclasses import replace

import numpy as np
import pytest
from milvus_servers import lite, real

from index.build import build_articles
from index.embed import DEFAULT_EMBEDDER, load_question_embedder
from index.errors import LibraryCorrupt, LibraryMismatch, LibraryMissing
from index.library import MODELS, passage_input
from index.migrate import migrate
from index.opened import open_library
from index.place import Remote
from index.records import Failure
from index.remote_rows import Head, part_ids
from index.shelf import open_shelf
from index.split import split

KINDS = ("folder", "lite", "real")
ISLANDS = ("Aland", "Bornholm", "Corfu", "Delos", "Elba")


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def new_folder(kind, tmp_path_factory, tiny_models):
    """Makes a folder with models in it."""

    def make(name):
        one = tmp_path_factory.mktemp(name)
        (one / MODELS).symlink_to(tiny_models)
        return one

    return make


@pytest.fixture(scope="module")
def new_place(kind, tmp_path_factory, new_folder):
    """Gives the place of a library to be, by its name."""
    if kind == "folder":
        yield new_folder
    else:
        pytest.importorskip("pymilvus", reason="pip install 'citespan[milvus]'")
        with (lite if kind == "lite" else real)(tmp_path_factory.mktemp(kind)) as port:
            yield lambda name: Remote("127.0.0.1", port, name, new_folder(name))


@pytest.fixture(scope="module")
def articles(article):
    """Five islands, one of them told at length, in letters of one to four bytes."""
    made = [
        article(f"{name} is an island. The ferry to {name} leaves at {hour}.", name, f"{name}.txt")
        for hour, name in enumerate(ISLANDS, 6)
    ]
    long = "".join(f"Häfen №{n} 😀 liegt im Norden. " for n in range(4000)).strip()
    assert len(long.encode()) > 2 * 65_535
    made[2] = replace(made[2], text=long, page_starts=(0, 30, 1000))
    made[0] = replace(made[0], source="Baltic 'News' \"now\"", published="2023-01-01")
    made[1] = replace(made[1], source="Baltic 'News' \"now\"", published="2023-02-01")
    made[3] = replace(
        made[3], published="2022-12-31", text=made[3].text + " The EU (European Union)."
    )
    return made


@pytest.fixture(scope="module")
def islands(new_place, articles, tiny_embedder):
    """A library of the islands, opened; nobody writes into it."""
    place = new_place("islands")
    failure = Failure("broken.pdf", "is no PDF")
    build_articles([*articles, failure], place, str(tiny_embedder))
    library = open_library(place)
    yield library
    library.close()


@pytest.fixture(scope="module")
def changing_place(new_place):
    return new_place("changing")


@pytest.fixture
def changing(changing_place, tiny_embedder, monkeypatch):
    """Brings a library to the articles given, and opens it; another time it begins empty.

    What its readers have once heard of articles they keep from the start.
    """
    monkeypatch.setattr("index.remote._BEHIND", -1.0)
    opened = []

    def bring(*articles):
        report = build_articles(articles, changing_place, str(tiny_embedder))
        opened.append(open_library(changing_place))
        return report, opened[-1]

    yield bring
    for one in opened:
        one.close()
    build_articles([], changing_place, str(tiny_embedder))


def ask(library, tiny_models, text, k=100):
    """Passages by meaning for a text."""
    [vector] = load_question_embedder(library.models, library.fingerprint).encode([text])
    return library.hits(library.nearest(vector, k))


def texts(library, models):
    """The texts of all passages, each as often as it is found."""
    return sorted(hit.passage.text for hit in ask(library, models, "ferry"))


def test_every_article_is_there_to_the_letter(islands, articles):
    assert {one.id: one for one in articles} == {
        one.id: islands.article(one.id) for one in articles
    }
    islands.check(articles)
    assert islands.article("0" * 16) is None
    assert islands.counts().articles == 5
    assert islands.counts().passages == sum(len(split(one)) for one in articles)
    assert islands.failures() == [Failure("broken.pdf", "is no PDF")]


def test_articles_are_listed_newest_first_and_by_words_of_their_titles(islands, articles):
    dated = [articles[1].id, articles[0].id, articles[3].id]
    listed = [one.id for one in islands.articles(0, 10)]
    assert listed == [*dated, *sorted(one.id for one in (articles[2], articles[4]))]
    assert [one.id for one in islands.articles(1, 2)] == dated[1:]
    assert [one.title for one in islands.articles(0, 9, "bORN holm")] == ["Bornholm"]
    assert (islands.count_articles("o"), islands.count_articles("100%")) == (3, 0)
    assert islands.sources() == [("Baltic 'News' \"now\"", 2)]


def test_the_nearest_are_the_nearest_by_exact_search(islands, articles):
    passages = [(one, passage) for one in articles for passage in split(one)]
    embedder = load_question_embedder(islands.models, islands.fingerprint)
    [vector] = embedder.encode(["Which island?"])
    given = [passage_input(one.title, passage.text) for one, passage in passages]
    cosines = np.concatenate([embedder.encode([text]) for text in given]) @ vector
    found = islands.nearest(vector, 20)
    assert [score for _, score in found] == pytest.approx(sorted(cosines)[:-21:-1], abs=5e-3)
    hits = islands.hits(found)
    assert [hit.score for hit in hits] == [score for _, score in found]
    assert len({number for number, _ in islands.nearest(vector, 10**6)}) == len(passages)


def test_every_hit_is_a_slice_of_its_article(islands, articles, tiny_models):
    by_id = {one.id: one for one in articles}
    hits = ask(islands, tiny_models, "Häfen", 1000)
    assert {hit.passage.article_id for hit in hits} == set(by_id)
    for hit in hits:
        passage = hit.passage
        assert by_id[passage.article_id].text[passage.start : passage.end] == passage.text != ""


def test_words_find_what_has_them_where_the_server_knows_words(islands, articles, kind):
    found = islands.hits(islands.matching("the ferries of Elba", 3))
    if kind == "real":
        assert found == [] and "no BM25" in islands.notes[0]
        assert islands.known("xyzzy")  # who can't tell says nothing
    else:
        assert found[0].passage.article_id == articles[4].id and found[0].score > 0
        assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
        assert islands.known("ferries") and not islands.known("xyzzy") and islands.notes == ()


def test_filters_leave_what_is_all_of_that(islands, articles, tiny_models):
    def left(*filters):
        numbers = islands.numbers(*filters)
        hits = islands.hits([(int(number), 1.0) for number in numbers])
        assert len(hits) == len(numbers) and (np.diff(numbers) > 0).all()
        return {ISLANDS.index(islands.article(hit.passage.article_id).title) for hit in hits}

    assert left() == {0, 1, 2, 3, 4}
    assert left(["Baltic 'News' \"now\"", "other"]) == {0, 1}
    assert left((), "2023-01-01") == {0, 1}
    assert left((), None, "2023-01-01") == {0, 3}
    assert left((), "2023-01-01", "2023-01-31") == {0}
    assert left((), None, None, [articles[4].id, articles[2].id]) == {2, 4}
    assert left(['" or kind == "head'], None, None, ["a\\"]) == set()


def test_a_search_among_some_finds_these_alone(islands, articles, kind):
    among = islands.numbers(ids=[articles[2].id])
    assert len(among) > 100
    vector = np.ones(16, np.float32) / 4
    found = islands.nearest(vector, 10**4, among)
    assert {number for number, _ in found} == set(among.tolist())
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    assert len(islands.nearest(vector, 5, among)) == 5
    assert islands.nearest(vector, 5, among[:0]) == []
    assert {number for number, _ in islands.matching("Norden", 9, among[:3])} == (
        set() if kind == "real" else set(among[:3].tolist())
    )


def test_acronyms_are_known_in_any_case(islands):
    assert islands.expansions("eu") == islands.expansions("EU") == ["European Union"]
    assert islands.expansions('"') == []


def test_a_reader_stays_in_its_revision_while_another_is_published(changing, articles, tiny_models):
    _, before = changing(*articles[:2])
    changed = replace(articles[0], text="Aland has no ferry any more.")
    report, after = changing(changed, articles[4])
    assert (report.added, report.changed, report.removed) == (1, 1, 1)
    old, new = [one.text for one in articles[:2]], [changed.text, articles[4].text]
    for _ in range(2):  # before and after it has read all of it
        assert texts(before, tiny_models) == old and texts(after, tiny_models) == new
        assert before.article(articles[1].id) == articles[1]
        assert after.article(articles[1].id) is None
        assert before.article(changed.id) == articles[0] and after.article(changed.id) == changed
    before.check(articles[:2])
    assert before.published != before.latest() == after.published
    with pytest.raises(LibraryCorrupt):
        after.check([articles[0]])
    _, later = changing(changed)
    assert texts(after, tiny_models) == new and texts(later, tiny_models) == [changed.text]


def test_an_unchanged_run_publishes_nothing_and_embeds_nothing(changing, articles):
    _, before = changing(*articles[:2])
    report, after = changing(*articles[:2])
    assert (report.unchanged, report.embedded) == (2, 0)
    assert before.published == after.published


def test_failures_are_told_until_they_are_mended(changing, articles):
    _, library = changing(articles[0], Failure("a.pdf", "is no PDF"), Failure("b.pdf", "is locked"))
    assert [one.origin for one in library.failures()] == ["a.pdf", "b.pdf"]
    _, library = changing(articles[0], Failure("b.pdf", "is cut short"))
    assert library.failures() == [Failure("b.pdf", "is cut short")]


def test_a_run_that_was_killed_is_seen_by_nobody_and_taken_up(
    changing, changing_place, articles, tiny_models
):
    _, before = changing(articles[0])
    shelf = open_shelf(changing_place)
    shelf.begin(before.fingerprint)
    for one in (replace(articles[0], text="Never published."), articles[1], articles[4]):
        passages = split(one)
        shelf.stage(one, passages, np.full((len(passages), 16), 0.25, np.float32), {"EU": "Elk"})
    shelf.close()
    during = open_library(changing_place)
    assert during.published == before.published
    assert texts(during, tiny_models) == [articles[0].text] and during.expansions("EU") == []
    during.close()
    report, after = changing(*articles[:2])
    assert (report.unchanged, report.added, report.embedded) == (1, 1, 0)
    assert texts(after, tiny_models) == [one.text for one in articles[:2]]


def test_what_a_killed_run_left_without_its_end_is_no_article(
    changing, changing_place, articles, kind, tiny_models, monkeypatch
):
    if kind == "folder":
        pytest.skip("an article is one transaction there")
    _, before = changing(articles[0])
    shelf = open_shelf(changing_place)
    shelf.begin(before.fingerprint)
    passages = split(articles[2])
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr("index.remote_shelf.head_row", lambda head: 1 / 0)
        shelf.stage(articles[2], passages, np.ones((len(passages), 16), np.float32), {})
    shelf.close()
    report, after = changing(replace(articles[2], text="Corfu, in short."), articles[0])
    assert (report.added, report.passages) == (1, 2)
    assert texts(after, tiny_models) == [articles[0].text, "Corfu, in short."]
    assert len(after.nearest(np.ones(16, np.float32), 1000)) == 2


def test_a_damaged_article_is_never_cited(changing, articles, kind):
    if kind == "folder":
        pytest.skip("tests/test_faults_files.py")
    _, library = changing(articles[0])
    head = Head(articles[0].id, library.revision, False, parts=1)
    milvus = library._milvus
    [row] = milvus.get(milvus.rows, f'id == "{part_ids(head)[0]}"', ["kind", "article", "value"])
    for value, error in ((row["value"].replace("6", "7"), "damaged"), ("{", "not whole")):
        made = {**row, "word": "", "revision": head.revision, "value": value}
        milvus.put_rows([made])
        milvus.get(milvus.rows, 'kind == ""', [], strong=True)
        again = open_library(library._remote)
        with pytest.raises(LibraryCorrupt, match=rf"milvus://.* is {error}: index its file again"):
            again.check([again.article(articles[0].id)])
        again.close()


def test_a_library_moves_there_and_back_to_the_letter(
    changing, changing_place, articles, new_folder, tiny_embedder
):
    there, back = new_folder("there"), new_folder("back")
    build_articles(articles, there, str(tiny_embedder))
    moved = migrate(there, changing_place, str(tiny_embedder))
    assert (moved.added, moved.articles) == (5, 5)
    assert migrate(there, changing_place, str(tiny_embedder)).unchanged == 5
    assert migrate(changing_place, back, str(tiny_embedder)).added == 5
    library = open_library(back)
    assert {one.id: one for one in library.articles(0, 9)} == {one.id: one for one in articles}
    library.close()


def test_no_library_is_told_with_its_place(new_place):
    place = new_place("nobody")
    with pytest.raises(LibraryMissing, match=r"there is no library .*nobody0? yet: run citespan"):
        open_library(place)


def test_another_embedder_is_refused_on_a_server(changing, changing_place, articles, kind):
    if kind == "folder":
        pytest.skip("all articles are embedded again there")
    changing(articles[0])
    with pytest.raises(LibraryMismatch, match=r"milvus://.*/changing was built with tiny:.* all-"):
        build_articles([articles[0]], changing_place, DEFAULT_EMBEDDER)


def test_odd_articles_are_kept_and_found(changing, article, tiny_models):
    odd = [
        article("It is.", "The"),  # not a word that is indexed
        article("", "Nothing in it", name="2.txt"),
        article("one,two," * 20_000, "A list without a space", name="3.txt"),
        article('{"\\": "\\u0041"}\n\u2028 %s {x} \'', '"quoted"', name="4.txt"),
    ]
    _, library = changing(*odd)
    assert [library.article(one.id) for one in odd] == odd
    library.check(odd)
    assert set(texts(library, tiny_models)) == {
        one.text[passage.start : passage.end] for one in odd for passage in split(one)
    }
    assert library.matching("is", 9) == []


def test_an_empty_library_answers_with_nothing(changing, articles, tiny_models):
    changing(articles[0])
    _, library = changing()
    assert (library.counts().articles, library.counts().passages) == (0, 0)
    assert texts(library, tiny_models) == [] and library.articles(0, 9) == []
    assert library.matching("ferry", 9) == [] and len(library.numbers()) == 0
