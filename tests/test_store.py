"""Rows in SQLite: whole articles, seen by readers all at once or not at all."""

import sqlite3
import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.errors import LibraryCorrupt, LibraryError, LibraryMismatch, LibraryMissing
from index.records import Article, Counts, Failure, Passage
from index.store import Store


@pytest.fixture
def path(tmp_path):
    return tmp_path / "library.db"


@pytest.fixture
def store(path):
    store = Store(path, write=True)
    yield store
    store.close()


@pytest.fixture
def reader(store, path):
    reader = Store(path)
    yield reader
    reader.close()


def passages(article, *places):
    return [Passage(article.id, a, b, article.text[a:b]) for a, b in places]


def stage(store, article, acronyms=None):
    places = passages(article, (0, len(article.text)))
    store.stage(article, places, np.eye(1, 4, dtype=np.float32), acronyms or {})


def publish(store, *articles, removed=(), failures=()):
    for one in articles:
        stage(store, one)
    with store.transaction():
        store.make_live(removed)
        store.set_failures(failures, lambda origin: True)
        store.set_meta("revision", str(store.revision + 1))


def rows(path, table):
    with sqlite3.connect(path) as db:
        found = db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    db.close()
    return found


def test_an_article_comes_back_as_it_went_in(store, article):
    plain = article("Ça va? 🙂\n\n日本")
    full = Article(
        "f" * 16, "a.jsonl#2", "T", "Text", "https://e.org", "S", "2024-01-02", "A, B", (0, 2, 4)
    )
    publish(store, plain, full)
    assert store.article(plain.id) == plain
    assert store.article(full.id) == full
    assert store.article("0" * 16) is None
    assert list(store.every_article()) == [plain, full]


def test_articles_come_newest_first_and_by_pages(store):
    dated = [
        Article(f"{number}" * 16, f"{number}", "T", f"{number}", published=published)
        for number, published in enumerate(["2024-01-01", None, "2025-01-01", "2024-01-01"])
    ]
    publish(store, *dated)
    newest = [dated[2], dated[0], dated[3], dated[1]]
    assert store.articles(0, 10) == newest
    assert store.articles(1, 2) == newest[1:3]
    assert store.articles(4, 2) == []


@settings(max_examples=30)  # each is written to the disk
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_sql_slices_any_text_as_python_does(tmp_path_factory, article, text):
    store = Store(tmp_path_factory.mktemp("store") / "library.db", write=True)
    one = article(text)
    places = [(a, b) for a in range(min(len(text), 9)) for b in range(a, len(text) + 1)]
    store.stage(one, passages(one, *places), np.ones((len(places), 1), np.float32), {})
    publish(store)
    numbers = store.passage_numbers()
    assert list(store.passages(sorted(numbers)).values()) == passages(one, *places)
    assert [row[2] for row in store.passage_texts()] == [text[a:b] for a, b in places]
    store.close()


def test_an_error_in_the_middle_of_staging_leaves_nothing(store, path, article):
    one = article("One. Two.")
    places = passages(one, (0, 4), (5, 9))
    with pytest.raises(ValueError, match="shorter"):
        store.stage(one, places, np.ones((1, 4), np.float32), {"AB": "Alpha Beta"})
    assert [rows(path, table) for table in ("articles", "passages", "acronyms")] == [0, 0, 0]


def test_an_error_in_the_middle_of_staging_keeps_what_was_staged_before(store, article):
    old, new = article("Old."), article("New text.")
    stage(store, old)
    with pytest.raises(ValueError, match="shorter"):
        store.stage(new, passages(new, (0, 1), (2, 3)), np.ones((1, 4), np.float32), {})
    publish(store)
    assert store.article(old.id) == old


def test_an_error_in_the_middle_of_publishing_changes_nothing(store, article):
    old, new = article("Old."), article("New.")
    publish(store, old)
    stage(store, new)
    with pytest.raises(KeyError), store.transaction():
        store.make_live([])
        store.set_failures([Failure("x", "y")], lambda origin: True)
        store.set_meta("revision", "2")
        raise KeyError
    assert (store.article(old.id), store.revision, store.failures()) == (old, 1, [])
    publish(store)
    assert store.article(new.id) == new


def test_staged_articles_are_invisible_until_they_are_live(store, reader, article):
    one = article("One.")
    stage(store, one, {"AB": "Alpha Beta"})
    for seen in (store, reader):
        assert seen.article(one.id) is None
        assert seen.articles(0, 9) == list(seen.every_article()) == []
        assert seen.counts() == Counts(0, 0)
        assert seen.passages([1]) == {} and seen.passages_of(one.id) == []
        assert list(seen.passage_texts()) == list(seen.vectors()) == []
        assert seen.passage_numbers() == set() and seen.dimension() == 0
        assert seen.expansions("AB") == [] and seen.acronyms(one.id) == {}
        assert seen.live_with_text(one.text_digest) == list(seen.live_origins()) == []
        assert seen.digest(one.id, live=True) is None
        assert seen.digest(one.id, live=False) == one.digest
        assert seen.staged_ids() == [one.id]
    publish(store)
    assert reader.article(one.id) == one
    assert reader.counts() == Counts(1, 1)
    assert reader.expansions("AB") == ["Alpha Beta"]
    assert reader.acronyms(one.id) == {"AB": "Alpha Beta"}
    assert reader.live_with_text(one.text_digest) == [(one.id, one.origin)]
    assert reader.staged_ids() == [] and reader.dimension() == 4


def test_a_frozen_reader_keeps_seeing_what_it_saw(store, reader, article):
    old, new, other = article("Old."), article("New."), article("Other.", name="other")
    publish(store, old)
    reader.freeze()
    publish(store, new, other)
    publish(store, removed=[other.id])
    assert (reader.revision, reader.counts()) == (1, Counts(1, 1))
    assert reader.article(old.id) == old
    [(numbers, _)] = reader.vectors()
    assert reader.passages(numbers.tolist())[int(numbers[0])].text == "Old."
    assert (store.revision, store.article(old.id)) == (3, new)


def test_a_new_version_replaces_the_old_one_with_all_that_hung_on_it(store, path, article):
    publish(store, article("Old."))
    stage(store, article("New."), {"AB": "Alpha Beta"})
    publish(store)
    publish(store, article("Newer."))
    assert [row[2] for row in store.passage_texts()] == ["Newer."]
    assert [rows(path, table) for table in ("articles", "passages", "acronyms")] == [1, 1, 0]


def test_a_removed_article_leaves_no_row(store, path, article):
    one = article("One.")
    stage(store, one, {"AB": "Alpha Beta"})
    publish(store)
    publish(store, removed=[one.id])
    assert [rows(path, table) for table in ("articles", "passages", "acronyms")] == [0, 0, 0]


def test_passage_numbers_are_never_used_again(store, article):
    publish(store, article("One."))
    first = store.passage_numbers()
    publish(store, removed=[article("").id])
    publish(store, article("Two.", name="two"))
    assert first.isdisjoint(store.passage_numbers())


def test_what_is_staged_can_be_forgotten(store, article):
    live, one, two = article("L", name="l"), article("1", name="1"), article("2", name="2")
    publish(store, live)
    for staged in (one, two, article("new", name="l")):
        stage(store, staged)
    store.unstage(one.id)
    assert sorted(store.staged_ids()) == sorted([two.id, live.id])
    store.unstage_all()
    assert store.staged_ids() == []
    assert list(store.every_article()) == [live]


def test_digests_tell_versions_apart(store, article):
    old, new = article("Old."), article("Old.", title="Another title")
    publish(store, old)
    stage(store, new)
    assert store.digest(old.id, live=True) == old.digest
    assert store.digest(old.id, live=False) == new.digest != old.digest
    assert old.text_digest == new.text_digest


def test_copies_are_found_by_their_text(store, article):
    one, two, other = (
        article("Same.", name="1"),
        article("Same.", "Another title", "2"),
        article("Same?", name="3"),
    )
    publish(store, one, two, other)
    assert store.live_with_text(one.text_digest) == [(one.id, "1"), (two.id, "2")]


def test_expansions_come_most_used_first_in_any_letter_case(store, article):
    for number, long in enumerate(
        ["Rarely Agreed", "Reciprocal Access", "reciprocal access", "Zonal Act"]
    ):
        stage(store, article(long, name=f"{number}"), {"RAA" if number else "raa": long})
    stage(store, article("x", name="x"), {"RAAB": "Another One"})
    publish(store)
    for short in ("RAA", "raa", "Raa"):
        most, *others = store.expansions(short)
        assert most.lower() == "reciprocal access"
        assert others == ["Rarely Agreed", "Zonal Act"]
    assert store.expansions("RA%") == store.expansions("' OR 1 --") == []


def test_vectors_come_back_as_float16_and_in_batches(store, article, monkeypatch):
    monkeypatch.setattr("index.live._BATCH", 3)
    one = article("0123456789")
    written = np.random.default_rng(1).normal(size=(10, 5)).astype(np.float16).astype(np.float32)
    store.stage(one, passages(one, *((n, n + 1) for n in range(10))), written, {})
    publish(store)
    batches = list(store.vectors())
    assert [len(ids) for ids, _ in batches] == [3, 3, 3, 1]
    assert np.array_equal(np.concatenate([vectors for _, vectors in batches]), written)
    assert [row[2] for row in store.passage_texts()] == list(one.text)
    assert store.dimension() == 5


@pytest.mark.parametrize("size", [15, 12, 0])
def test_vectors_of_several_lengths_are_corrupt(store, path, article, size):
    publish(store, article("One.", name="1"), article("Two.", name="2"))
    with sqlite3.connect(path) as db:
        db.execute("UPDATE passages SET vector = ? WHERE id = 2", (b"x" * size,))
    db.close()
    with pytest.raises(LibraryCorrupt, match="length"):
        list(store.vectors())


def test_failures_are_those_of_the_last_run_and_of_elsewhere(store):
    publish(store, failures=[Failure("b", "1"), Failure("a", "2"), Failure("b", "3")])
    assert store.failures() == [Failure("a", "2"), Failure("b", "3")]
    store.set_failures([Failure("c", "4")], lambda origin: origin == "a")
    assert store.failures() == [Failure("b", "3"), Failure("c", "4")]
    store.set_failures([], lambda origin: True)
    assert store.failures() == []


def test_one_connection_serves_several_threads(store, article):
    articles = [article(f"Number {number}.", name=f"{number}") for number in range(20)]
    publish(store, *articles)
    wrong = []

    def read():
        for _ in range(20):
            wrong.extend(one for one in articles if store.article(one.id) != one)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_reader_of_an_empty_folder_says_what_to_do_and_creates_nothing(tmp_path):
    with pytest.raises(LibraryMissing, match=r"no library in .* yet: run citespan index"):
        Store(tmp_path / "library.db")
    with pytest.raises(LibraryMissing):
        Store(tmp_path / "nowhere" / "library.db")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_only_just_created_is_no_library_yet(path):
    path.touch()
    with pytest.raises(LibraryMissing):
        Store(path)
    Store(path, write=True).close()
    Store(path).close()


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" * 100])
def test_a_file_that_is_no_database_is_named(path, content, write):
    path.write_bytes(content)
    with pytest.raises(LibraryCorrupt, match=r"library\.db is damaged: run citespan"):
        Store(path, write=write)
    assert path.read_bytes() == content


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("table", ["notes (x)", "meta (x)"])
def test_another_program_s_database_is_refused_and_left_alone(path, table, write):
    with sqlite3.connect(path) as db:
        db.execute(f"CREATE TABLE {table}")
    db.close()
    before = path.read_bytes()
    with pytest.raises(LibraryCorrupt, match="not a library of this program"):
        Store(path, write=write)
    assert path.read_bytes() == before


@pytest.mark.parametrize("write", [False, True])
def test_another_format_is_a_mismatch(store, path, write):
    store.set_meta("format", "99")
    store.close()
    with pytest.raises(LibraryMismatch, match="has format 99, this program writes 3"):
        Store(path, write=write)


def test_a_truncated_file_is_corrupt(store, path, article):
    publish(store, article("word " * 5000))
    store.close()
    path.write_bytes(path.read_bytes()[:8192])
    with pytest.raises(LibraryCorrupt, match="damaged"):
        Store(path).article(article("").id)


def test_damage_inside_the_file_is_found(store, path, article):
    publish(store, *(article(f"Number {n}.", name=f"{n}") for n in range(200)))
    assert store.damage() == []
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.execute("UPDATE articles SET live = 7 WHERE row = 5")
    db.close()
    [sentence] = store.damage()
    assert "articles" in sentence
    store.close()
    content = bytearray(path.read_bytes())
    content[3 * 4096 : 4 * 4096] = bytes(4096)
    path.write_bytes(content)
    damaged = Store(path)
    with pytest.raises(LibraryCorrupt, match="damaged"):
        damaged.damage()
    damaged.close()


def test_a_folder_in_the_file_s_place_is_an_error_of_ours(path):
    path.mkdir()
    with pytest.raises(LibraryError):
        Store(path, write=True)


def test_a_closed_store_raises_an_error_of_ours(store):
    store.close()
    with pytest.raises(LibraryError):
        store.counts()


def test_another_writer_s_open_transaction_is_waited_for_and_then_named(store, path, monkeypatch):
    monkeypatch.setattr("index.database._BUSY_MS", 10)
    other = Store(path, write=True)
    with store.transaction():
        store.set_meta("a", "b")
        with pytest.raises(LibraryError, match="in use by another process"):
            other.set_meta("c", "d")
    other.set_meta("c", "d")
    other.close()


DATED = [
    Article("a", "a", "The Tower", "One.", source="Post", published="2023-01-01"),
    Article("b", "b", "A 100% tower", "Two.", source="Post", published="2023-01-02"),
    Article("c", "c", "Under_score \\ LAKE", "Three.", source="Gazette"),
]


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        (((), None, None, ()), "abc"),
        ((("Post",), None, None, ()), "ab"),
        ((("post",), None, None, ()), ""),
        ((("Post", "Gazette"), None, None, ("c", "x")), "c"),
        (((), "2023-01-02", None, ()), "b"),
        (((), None, "2023-01-01", ()), "a"),
        (((), "2023-01-01", "2023-01-02", ("a", "b", "c")), "ab"),
        ((("'; --",), None, None, ()), ""),
    ],
)
def test_passages_are_numbered_by_what_their_articles_are(store, asked, ids):
    publish(store, *DATED)
    stage(store, replace(DATED[0], text="Never seen."))
    numbers = store.numbers(*asked)
    assert numbers.dtype == np.int64
    assert "".join(one.article_id for one in store.passages(numbers.tolist()).values()) == ids
    assert len(numbers) == len(ids)


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ("", "bac"),
        ("tower", "ba"),
        ("TOWER the", "a"),
        ("100%", "b"),
        ("%", "b"),
        ("_", "c"),
        ("\\", "c"),
        ("lake under", "c"),
        ("bridge", ""),
        ("' OR 1=1", ""),
    ],
)
def test_articles_are_found_by_words_of_their_titles(store, words, ids):
    publish(store, *DATED)
    assert "".join(one.id for one in store.articles(0, 9, words)) == ids
    assert store.count_articles(words) == len(ids)


def test_titles_are_found_in_any_case_of_any_letter(store, article):
    publish(store, article("It rained.", "Über den Fluß"))
    for words in ("über", "ÜBER FLUSS", "fluß"):
        assert store.count_articles(words) == len(store.articles(0, 9, words)) == 1


def test_sources_are_counted(store, article):
    publish(store, *DATED, article("No source."))
    assert store.sources() == [("Post", 2), ("Gazette", 1)]
