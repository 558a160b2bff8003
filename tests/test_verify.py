"""Every kind of damage comes out as a sentence that names the article."""

import shutil
import sqlite3
from importlib import import_module

import numpy as np
import pytest

from index.build import build_articles
from index.errors import LibraryCorrupt, LibraryError, LibraryLocked, LibraryMissing
from index.library import DATABASE, DERIVED, MODELS
from index.sound import repair
from index.verify import verify

MODULE = import_module("index.verify")  # the front door has a function of this name
TEXTS = {
    "Alpha": "The Reciprocal Access Agreement (RAA) was signed.",
    "Beta": " ".join(f"Sentence {n} has some eight words in it." for n in range(40)),
    "Gamma": "It rained in Zürich 🙂.",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory, tiny_embedder, tiny_models, article):
    folder = tmp_path_factory.mktemp("verified") / "library"
    folder.mkdir()
    (folder / MODELS).symlink_to(tiny_models)
    articles = [article(text, title, title) for title, text in TEXTS.items()]
    build_articles(articles, folder, str(tiny_embedder))
    return folder


@pytest.fixture
def home(built, tmp_path):
    return shutil.copytree(built, tmp_path / "library", symlinks=True)


@pytest.fixture
def change(home):
    """Runs one statement on the database, as nobody should."""

    def change(sql, *values):
        with sqlite3.connect(home / DATABASE) as db:
            assert db.execute(sql, values).rowcount > 0
        db.close()

    return change


def named(article, title):
    return f"article {article('', name=title).id} ({title})"


def vectors(home, article, title):
    with sqlite3.connect(home / DATABASE) as db:
        rows = db.execute(
            "SELECT p.id, vector FROM passages p JOIN articles ON row = article WHERE title = ?",
            (title,),
        ).fetchall()
    db.close()
    return rows


def test_a_sound_library_has_no_problem(built):
    assert verify(built) == []


def test_the_seeds_are_sound(seed_library):
    assert verify(seed_library) == []


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("UPDATE articles SET text = replace(text, '🙂', '🙃')", "its checksum differs"),
        ("UPDATE articles SET text = text || ' '", "its checksum differs"),
        ("UPDATE articles SET url = 'https://example.org'", "its checksum differs"),
        ("UPDATE articles SET digest = '0'", "its checksum differs"),
    ],
)
def test_a_changed_article_is_named(home, change, article, sql, problem):
    change(f"{sql} WHERE title = 'Gamma'")
    assert f"{named(article, 'Gamma')} is not as it was stored: {problem}" in verify(home)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE passages SET start = start + 1 {}",
        'UPDATE passages SET "end" = "end" - 1 {}',
        'UPDATE passages SET start = start - 1, "end" = "end" - 1 {}',
        "DELETE FROM passages {}",
        'INSERT INTO passages (article, start, "end", vector) '
        'SELECT article, start, "end", vector FROM passages {}',
        'UPDATE passages SET start = 10000, "end" = 10001 {}',
    ],
)
def test_a_passage_in_the_wrong_place_is_named(home, change, article, sql):
    ids = [id for id, _ in vectors(home, article, "Beta")]
    assert len(ids) > 2
    change(sql.format(f"WHERE id = {ids[1]}"))
    problems = verify(home)
    assert f"{named(article, 'Beta')} has other passages than its text gives" in problems
    assert not any(
        named(article, title) in line for line in problems for title in ("Alpha", "Gamma")
    )


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE acronyms SET long = 'Royal Academy of Arts'",
        "UPDATE acronyms SET short = 'RAB'",
        "DELETE FROM acronyms",
        "INSERT INTO acronyms SELECT article, 'RAB', long FROM acronyms",
    ],
)
def test_a_changed_acronym_is_named(home, change, article, sql):
    change(sql)
    assert verify(home) == [f"{named(article, 'Alpha')} has other acronyms than its text gives"]


def changed_vector(how, old):
    numbers = np.frombuffer(old, "<f2")
    return {
        "cut by a number": old[:-2],
        "cut by a byte": old[:-1],
        "empty": b"",
        "longer": old + old[:2],
        "scaled": (numbers * 2).astype("<f2").tobytes(),
        "zero": bytes(len(old)),
        "not a number": np.full_like(numbers, np.nan).tobytes(),
    }[how]


@pytest.mark.parametrize(
    "how",
    ["cut by a number", "cut by a byte", "empty", "longer", "scaled", "zero", "not a number"],
)
def test_a_vector_that_is_none_is_named(home, change, article, how):
    id, old = vectors(home, article, "Beta")[1]
    change("UPDATE passages SET vector = ? WHERE id = ?", changed_vector(how, old), id)
    wanted = "has a vector that is not 16 unit numbers"
    assert any(line.startswith(named(article, "Beta")) and wanted in line for line in verify(home))


def test_another_passage_s_vector_is_named(home, change, article):
    [(_, other)] = vectors(home, article, "Alpha")
    id, _ = vectors(home, article, "Beta")[1]
    change("UPDATE passages SET vector = ? WHERE id = ?", other, id)
    problems = verify(home)
    for wanted in ("has another vector than its text gives", "has another vector than is indexed"):
        assert any(line.startswith(named(article, "Beta")) and wanted in line for line in problems)
    assert not any(named(article, "Alpha") in line for line in problems)


def test_another_passage_s_vector_is_named_even_outside_the_sample(
    home, change, article, monkeypatch
):
    monkeypatch.setattr(MODULE, "SAMPLE", 1)
    [(_, other)] = vectors(home, article, "Alpha")
    [(id, _)] = vectors(home, article, "Gamma")
    change("UPDATE passages SET vector = ? WHERE id = ?", other, id)
    [problem] = verify(home)
    assert problem.startswith(named(article, "Gamma")) and "than is indexed" in problem


def test_a_passage_under_another_number_than_is_indexed_is_reported(home, change, article):
    [(id, _)] = vectors(home, article, "Gamma")
    change("UPDATE passages SET id = 1000 WHERE id = ?", id)
    assert verify(home) == [
        "the term index holds other passages than the database",
        "the vector index holds other passages than the database",
    ]


@pytest.mark.parametrize("file", ["vectors.faiss", "terms/*.idx", "terms/meta.json"])
@pytest.mark.parametrize("cut", [0, 1])
def test_a_damaged_index_file_is_named(home, file, cut):
    [path] = (home / DERIVED / "r1").glob(file)
    content = path.read_bytes()
    path.write_bytes(content[:-1] if cut else content[:-1] + bytes([content[-1] ^ 1]))
    [problem] = verify(home)
    assert problem.startswith(f"the search index is damaged: {path.name}")


@pytest.mark.parametrize("name", ["model.onnx", "sha256"])
def test_a_damaged_embedder_is_reported(home, tiny_models, name):
    (home / MODELS).unlink()
    shutil.copytree(tiny_models, home / MODELS)
    [path] = (home / MODELS).rglob(name)
    path.write_bytes(path.read_bytes()[:-1])
    [problem] = verify(home)
    assert problem.endswith("is damaged: run citespan index again")


def test_the_database_s_own_damage_is_reported(home, change):
    with sqlite3.connect(home / DATABASE) as db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.execute("UPDATE articles SET live = 7 WHERE title = 'Gamma'")
    db.close()
    assert any(line.startswith("the database is damaged: ") for line in verify(home))


def test_a_database_that_can_not_be_read_is_corrupt(home):
    (home / DATABASE).write_bytes(b"nothing of the kind " * 1000)
    with pytest.raises(LibraryCorrupt):
        verify(home)


def test_what_is_derived_from_an_article_is_made_anew(home, change, article, tiny_embedder):
    change("DELETE FROM acronyms")
    for title, sql in (
        ("Beta", "DELETE FROM passages"),
        ("Gamma", "UPDATE passages SET start = 1"),
    ):
        change(f"{sql} WHERE id = {vectors(home, article, title)[0][0]}")
    assert verify(home) != []
    report = repair(home, str(tiny_embedder))
    assert (report.revision, report.changed) == (2, 3)
    assert report.notes[-1] == "articles written anew from their texts: 3"
    assert verify(home) == []


def test_a_damaged_article_is_mended_when_it_is_indexed_again(home, change, article, tiny_embedder):
    change("UPDATE articles SET text = replace(text, '🙂', '🙃') WHERE title = 'Gamma'")
    assert repair(home, str(tiny_embedder)).notes[-1] == "articles to index again: 1"
    wanted = f"{named(article, 'Gamma')} is not as it was stored: its checksum differs"
    assert verify(home) == [wanted]
    articles = [article(text, title, title) for title, text in TEXTS.items()]
    report = build_articles(articles, home, str(tiny_embedder))
    assert (report.changed, report.unchanged, verify(home)) == (1, 2, [])


def test_nobody_writes_while_a_repair_looks_and_mends(home, change, tiny_embedder, monkeypatch):
    def look(folder):
        with pytest.raises(LibraryLocked):
            build_articles([], folder, str(tiny_embedder))
        return MODULE.look_through(folder)

    change("DELETE FROM acronyms")
    monkeypatch.setattr("index.sound.look_through", look)
    assert repair(home, str(tiny_embedder)).changed == 1


def test_what_is_published_while_it_is_checked_is_no_damage(
    home, article, tiny_embedder, monkeypatch
):
    def late(*given):
        for text in ("One more.", "Another."):
            build_articles([article(text, "Delta", "Delta")], home, str(tiny_embedder))
        return opened(*given)

    opened = MODULE.open_derived
    monkeypatch.setattr(MODULE, "open_derived", late)
    with pytest.raises(LibraryError, match="written while it was checked: run citespan verify"):
        verify(home)


def test_checking_changes_nothing(home):
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    verify(home)
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_an_empty_folder_is_no_library_and_stays_empty(tmp_path):
    with pytest.raises(LibraryMissing):
        verify(tmp_path)
    assert list(tmp_path.iterdir()) == []
