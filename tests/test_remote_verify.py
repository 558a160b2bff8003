"""Every kind of damage on a server comes out as a sentence, and is mended where it can be."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from index.build import build_articles
from index.errors import LibraryError, LibraryMismatch, LibraryMissing
from index.library import MODELS
from index.milvus import Milvus
from index.opened import open_library
from index.place import Remote
from index.records import Version
from index.shelf import open_shelf
from index.sound import repair, verify
from index.split import split
from qa.cli import main

TEXTS = {
    "Alpha": "The Reciprocal Access Agreement (RAA) was signed.",
    "Beta": " ".join(f"Sentence {n} has some eight words in it." for n in range(40)),
    "Gamma": "It rained in Zürich 🙂.",
}
ROW = ["kind", "article", "word", "value", "run"]
PASSAGE = ["article", "run", "start", "stop", "vector", "words"]
pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def place(lite_port, tmp_path_factory, tiny_models):
    folder = tmp_path_factory.mktemp("models")
    (folder / MODELS).symlink_to(tiny_models)
    return Remote("127.0.0.1", lite_port, "proved", folder)


@pytest.fixture(scope="module")
def articles(article):
    return {title: article(text, title, f"{title}.txt") for title, text in TEXTS.items()}


@pytest.fixture
def milvus(place, articles, tiny_embedder):
    """The rows of a sound library."""
    build_articles(articles.values(), place, str(tiny_embedder))
    one = Milvus(place)
    one.load(one.rows)
    one.load(one.passages)
    yield one
    one.close()


def rows(milvus, article, kind):
    where = f'kind == "{kind}" and article == "{article.id}"'
    return sorted(milvus.get(milvus.rows, where, ROW, strong=True), key=lambda row: row["id"])


def passages(milvus, article):
    where = f'article == "{article.id}"'
    found = milvus.get(milvus.passages, where, PASSAGE, strong=True)
    return sorted(found, key=lambda row: row["start"])


def change(milvus, row, **fields):
    put = milvus.put_passages if "start" in row else milvus.put_rows
    put([{**row, **fields}])


def named(article):
    return f"article {article.id} ({article.title})"


def test_a_sound_library_has_no_problem_and_none_is_told_apart(milvus, place):
    assert verify(place) == []
    with pytest.raises(LibraryMissing, match=r"there is no library milvus://.*/nobody yet"):
        verify(replace(place, name="nobody"))


def retitled(row):
    return json.dumps(json.loads(row["value"]) | {"title": "Delta"})


PASSAGES = "has other passages than its text gives"
ACRONYMS = "has other acronyms than its text gives"
DAMAGE = {  # at once, to one article each: what is done, and what is said
    "gone or too long": {
        "Alpha": (lambda m, a: m.delete(m.rows, [rows(m, a, "acronym")[0]["id"]]), ACRONYMS),
        "Beta": (lambda m, a: m.delete(m.passages, [passages(m, a)[1]["id"]]), PASSAGES),
        "Gamma": (lambda m, a: change(m, passages(m, a)[0], stop=1000), PASSAGES),
    },
    "another's": {
        "Alpha": (lambda m, a: change(m, rows(m, a, "acronym")[0], value="Royal"), ACRONYMS),
        "Beta": (lambda m, a: change(m, passages(m, a)[1], article="0" * 16), PASSAGES),
        "Gamma": (
            lambda m, a: change(m, passages(m, a)[0], vector=[1.0, *[0.0] * 15]),
            ": the passage at 0 has another vector than its text gives",
        ),
    },
    "wrong": {
        "Alpha": (
            lambda m, a: change(m, (row := rows(m, a, "head")[-1]), value=retitled(row)),
            "is not what its head tells of it",
        ),
        "Beta": (
            lambda m, a: change(m, passages(m, a)[0], vector=[1.0] * 16),
            ": the passage at 0 has a vector that is not 16 unit numbers",
        ),
        "Gamma": (
            lambda m, a: change(m, passages(m, a)[0], words="snow"),
            ": the passage at 0 has other words than its text gives",
        ),
    },
}


@pytest.mark.parametrize("how", DAMAGE)
def test_what_is_derived_is_named_and_made_anew(milvus, place, articles, tiny_embedder, how):
    for title, (damage, _) in DAMAGE[how].items():
        damage(milvus, articles[title])
    problems = verify(place)
    for title, (_, wanted) in DAMAGE[how].items():
        name = named(articles[title])
        assert any(line.startswith(name) and wanted in line for line in problems), title
    report = repair(place, str(tiny_embedder))
    assert (report.added, report.failures) == (3, [])
    assert report.notes[0] == "articles written anew from their texts: 3"
    assert verify(place) == []
    library = open_library(place)
    assert {one.id: one for one in library.articles(0, 9)} == {
        one.id: one for one in articles.values()
    }
    library.close()


def test_a_damaged_text_is_taken_out_and_a_failure_until_it_is_indexed(
    milvus, place, articles, tiny_embedder
):
    alpha, beta, gamma = articles.values()
    [row] = rows(milvus, gamma, "part")
    change(milvus, row, value=row["value"].replace("rained", "snowed"))
    milvus.delete(milvus.rows, [rows(milvus, alpha, "part")[0]["id"]])
    problems = verify(place)
    assert f"{named(alpha)} is not whole" in problems
    assert f"{named(gamma)} is not as it was stored: its checksum differs" in problems
    given = ["verify", "--repair", "--library", str(place), "--data", str(place.folder)]
    told = CliRunner().invoke(main, [*given, "--embedder", str(tiny_embedder)])
    assert told.exit_code == 1 and "taken out, as their texts are damaged: 2" in told.output
    assert "Gamma.txt: was damaged: index it again\neverything is as it should be" in told.output
    library = open_library(place)
    assert [one.origin for one in library.failures()] == ["Alpha.txt", "Gamma.txt"]
    assert library.failures()[0].reason == "was damaged: index it again"
    assert library.articles(0, 9) == [beta]
    library.close()
    assert build_articles(articles.values(), place, str(tiny_embedder)).added == 2
    assert verify(place) == []


def test_what_belongs_to_no_article_is_named_and_deleted(milvus, place, articles, tiny_embedder):
    beta = articles["Beta"]
    [head, *_] = rows(milvus, beta, "head")
    milvus.delete(milvus.rows, [head["id"]])
    count = len(split(beta))
    assert verify(place) == [
        f"3 articles with {count + 2} passages are published, but 2 with 2 are there",
        "rows that belong to no article: 1; --repair deletes them",
        f"passages that belong to no article: {count}; --repair deletes them",
    ]
    report = repair(place, str(tiny_embedder))
    assert report.notes == [f"rows deleted that belonged to no article: {count + 1}"]
    assert verify(place) == []


def test_a_head_that_can_not_be_read_is_named_and_taken_out(milvus, place, articles, tiny_embedder):
    alpha = articles["Alpha"]
    [*_, head] = rows(milvus, alpha, "head")
    for value in ("{", "[]", '{"colour": "red"}'):
        change(milvus, head, value=value)
        assert f"article {alpha.id} has a head that can't be read" in verify(place)
    report = repair(place, str(tiny_embedder))
    assert "articles taken out, as their texts are damaged: 1" in report.notes
    assert verify(place) == []


def test_former_versions_and_a_run_under_way_are_no_problems_and_stay(
    milvus, place, articles, article, tiny_embedder
):
    changed = replace(articles["Gamma"], text="It snowed in Zürich.")
    report = build_articles([articles["Alpha"], changed], place, str(tiny_embedder))
    assert report.removed == 1
    library, shelf = open_library(place), open_shelf(place)
    shelf.begin(library.fingerprint)
    library.close()
    one = article("Never published.", "Delta", "4.txt")
    shelf.look([one])
    shelf.stage_all([Version(one, split(one), np.full((1, 16), 0.25, np.float32), {})])
    shelf.close()
    assert verify(place) == []
    assert len(passages(milvus, one)) == 1


def test_another_splitter_is_told(milvus, place, monkeypatch):
    monkeypatch.setattr("index.remote_verify.SPLITTER", "words-v9")
    with pytest.raises(LibraryMismatch, match=r"this program splits by words-v9: index into"):
        verify(place)


def test_heads_that_another_thread_forgets_meanwhile_are_still_told(
    milvus, place, articles, monkeypatch
):
    class Watched(dict):
        def __contains__(self, id):
            found = super().__contains__(id)
            if found:
                library.digests(["another's"])
            return found

    ids = [article.id for article in articles.values()]
    monkeypatch.setattr("index.remote._BEHIND", -1.0)
    monkeypatch.setattr("index.remote._KNOWN", -1)  # all is forgotten as soon as more is asked
    library = open_library(place)
    digests = library.digests(ids)
    library._known = Watched(library._known)
    assert library.digests(ids) == digests == {one.id: one.digest for one in articles.values()}
    library.close()


def test_what_others_change_meanwhile_is_no_damage(milvus, place, articles, monkeypatch):
    milvus.delete(milvus.passages, [passages(milvus, articles["Alpha"])[0]["id"]])
    monkeypatch.setattr("index.remote.RemoteLibrary.latest", lambda self: (99, "another"))
    with pytest.raises(LibraryError, match=r"/proved was written while it was checked: run"):
        verify(place)
