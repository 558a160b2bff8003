"""One revision of a library, read whole."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from index.build import build_articles
from index.embed import DEFAULT_EMBEDDER, load_embedder, load_question_embedder
from index.errors import LibraryCorrupt, LibraryError, LibraryMissing
from index.library import DATABASE, DERIVED, MODELS, Library, published
from index.records import Hit, Passage
from index.store import Store

QUESTIONS = [
    "Who signed the Reciprocal Access Agreement?",
    "the RAA in London",
    "malaria vaccine",
    "marathon world record",
    "When did the telescope launch?",
    "euro in Croatia",
]


@pytest.fixture(scope="module")
def seeds(seed_library):
    library = Library(seed_library)
    yield library
    library.close()


@pytest.fixture(scope="module")
def vectors(seeds):
    return load_question_embedder(seeds.models, seeds.fingerprint).encode(QUESTIONS)


def test_the_seeds_are_all_there(seeds):
    counts = seeds.counts()
    assert counts.articles == 30 and counts.passages > 100
    assert seeds.failures() == [] and seeds.notes == ()
    assert len(seeds.articles(0, 100)) == 30
    assert len(seeds.articles(28, 100)) == 2


def test_every_hit_is_a_slice_of_its_article(seeds, vectors):
    for question, vector in zip(QUESTIONS, vectors, strict=True):
        for scored in (seeds.matching(question, 30), seeds.nearest(vector, 30)):
            hits = seeds.hits(scored)
            assert [hit.score for hit in hits] == [score for _, score in scored]
            assert len(hits) == 30 or scored == seeds.matching(question, 30)
            for hit in hits:
                article = seeds.article(hit.passage.article_id)
                assert article.text[hit.passage.start : hit.passage.end] == hit.passage.text


def test_both_rankings_find_what_is_asked_for(seeds, vectors):
    best = seeds.hits(seeds.nearest(vectors[0], 3))
    assert any("Reciprocal Access Agreement" in hit.passage.text for hit in best)
    [first, *_] = seeds.hits(seeds.matching("malaria vaccine", 3))
    assert "malaria" in first.passage.text.lower()


def test_cosines_are_those_of_the_model(seeds, vectors):
    embedder = load_embedder(DEFAULT_EMBEDDER)  # as passages are: in bfloat16, where there is some
    [(number, score)] = seeds.nearest(vectors[0], 1)
    [hit] = seeds.hits([(number, score)])
    title = seeds.article(hit.passage.article_id).title
    [again] = embedder.encode([f"{title}\n{hit.passage.text}"])
    assert float(again @ vectors[0]) == pytest.approx(score, abs=1e-3)


def test_acronyms_of_the_seeds_are_known(seeds):
    assert seeds.expansions("raa")[0].lower() == "reciprocal access agreement"
    assert seeds.expansions("XYZ") == []


def test_words_are_known_or_not(seeds):
    assert seeds.known("telescopes") and not seeds.known("xyzzy")


def test_hits_keep_the_order_given_and_leave_out_what_does_not_exist(seeds):
    numbers = [number for number, _ in seeds.matching("agreement", 3)]
    scored = [(number, float(place)) for place, number in enumerate(reversed(numbers))]
    hits = seeds.hits([*scored, (10**9, 9.0)])
    assert [hit.score for hit in hits] == [0.0, 1.0, 2.0]
    assert seeds.hits([]) == []
    assert seeds.article("0" * 16) is None


def everything(library, vectors):
    """All that a question can ask of a library."""
    found = []
    for question, vector in zip(QUESTIONS, vectors, strict=True):
        for scored in (library.matching(question, 20), library.nearest(vector, 20)):
            hits = library.hits(scored)
            found.append((scored, hits, library.article(hits[0].passage.article_id)))
        found.append((library.known(question), library.expansions("RAA"), library.counts()))
    return found


def test_eight_threads_read_what_one_reads(seeds, vectors):
    alone = everything(seeds, vectors)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda _: everything(seeds, vectors), range(24)))
    assert all(found == alone for found in together)


def test_one_library_is_as_good_as_another(seeds, seed_library, vectors):
    again = Library(seed_library)
    assert everything(again, vectors) == everything(seeds, vectors)
    again.close()


def test_threads_read_on_while_another_revision_is_published(new_library, article):
    folder = new_library([article(f"Number {n}.", name=f"{n}") for n in range(5)])
    library = Library(folder)
    wanted = [Hit(Passage(article("", name="3").id, 0, 9, "Number 3."), 1.0)]
    [(number, _)] = library.matching("3", 1)
    done = []

    def read(_):
        rounds = 0
        while not done or rounds < 10:
            assert library.hits([(number, 1.0)]) == wanted
            assert library.counts().articles == 5
            rounds += 1
        return rounds

    with ThreadPoolExecutor(3) as pool:
        reading = [pool.submit(read, n) for n in range(3)]
        try:
            build_articles([article("Another.", name="3")], folder)
        finally:
            done.append(True)
        assert all(one.result() >= 10 for one in reading)
    assert (library.revision, published(folder)[0]) == (1, 2)
    library.close()
    later = Library(folder)
    assert (later.counts().articles, later.hits([(number, 1.0)])) == (1, [])
    later.close()


def test_a_renewed_library_reads_the_same_revision(new_library, article, monkeypatch):
    folder = new_library([article("The fox slept.")])
    monkeypatch.setattr("index.library.LOG_LIMIT", 0)
    library = Library(folder)
    found = library.hits(library.matching("fox", 1))
    library.renew()
    assert library.hits(library.matching("fox", 1)) == found
    build_articles([article("The dog slept.")], folder)
    library.renew()
    assert library.hits(library.matching("fox", 1)) == found
    assert library.article(article("").id).text == "The fox slept."
    library.close()


def test_an_empty_folder_is_told_what_to_run_and_stays_empty(tmp_path):
    for opening in (Library, published):
        for folder in (tmp_path, tmp_path / "nowhere"):
            with pytest.raises(LibraryMissing, match=r"no library in .* yet: run citespan"):
                opening(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_library_that_was_never_published_is_missing(tmp_path):
    Store(tmp_path / DATABASE, write=True).close()
    with pytest.raises(LibraryMissing):
        Library(tmp_path)
    assert published(tmp_path)[0] == 0


@pytest.mark.parametrize("opening", [Library, published])
def test_a_damaged_database_is_corrupt(tmp_path, opening):
    (tmp_path / DATABASE).write_bytes(b"not a database " * 1000)
    with pytest.raises(LibraryCorrupt, match=r"library\.db is damaged: run citespan restore"):
        opening(tmp_path)


def test_indexes_and_vectors_both_damaged_are_an_error_of_ours(new_library, article):
    folder = new_library([article("One.", name="1"), article("Two.", name="2")])
    (folder / DERIVED / "r1" / "vectors.faiss").unlink()
    with sqlite3.connect(folder / DATABASE) as db:
        db.execute("UPDATE passages SET vector = x'00' WHERE id = 1")
    db.close()
    with pytest.raises(LibraryCorrupt, match="vectors"):
        Library(folder)


def test_a_closed_library_raises_an_error_of_ours(new_library, article):
    library = Library(new_library([article("One.")]))
    library.close()
    with pytest.raises(LibraryError):
        library.article("0" * 16)


def test_the_models_lie_in_the_library_s_folder(seeds, seed_library):
    assert seeds.models.parent == seed_library / MODELS
    assert seeds.models.is_dir()
    assert len(seeds.nearest(np.ones(384, np.float32), 10**6)) == seeds.counts().passages


def test_the_log_stays_bounded_under_a_server_that_always_reads(new_library, article, monkeypatch):
    monkeypatch.setattr("index.library.LOG_LIMIT", 200_000)
    folder = new_library([article("Nothing yet.")])
    sizes = []
    for run in range(20):
        build_articles([article(f"The fact number {run} stands. " * 200)], folder)
        library = Library(folder)
        library.renew()
        sizes.append((folder / f"{DATABASE}-wal").stat().st_size)
        assert "number" in library.articles(0, 1)[0].text
    assert max(sizes[10:]) <= max(sizes[:10])


def test_renewing_never_moves_to_another_revision(new_library, article, monkeypatch):
    monkeypatch.setattr("index.library.LOG_LIMIT", 0)
    folder = new_library([article("The old words.")])
    library = Library(folder)
    build_articles([article("The new words.")], folder)
    library.renew()
    [found] = library.articles(0, 10)
    assert (library.revision, found.text) == (1, "The old words.")
