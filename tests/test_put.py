"""Articles that come by themselves, and the process that changes the library."""

import json
import subprocess

import pytest

from index import Library, SourceError, given_article, is_given, verify
from index.embed import DEFAULT_EMBEDDER
from index.put import put, remove
from web.indexing import COMMAND

TEXT = "The bridge was opened by Anna. It is red."


def test_an_article_has_the_id_and_the_fields_it_was_given():
    fields = {"text": f" {TEXT}\r\n", "title": "Bridge", "published": "2023-01-11T10:00"}
    article = given_article("bridge-1", fields)
    assert (article.id, article.text, article.title) == ("bridge-1", TEXT, "Bridge")
    assert article.published == "2023-01-11" and is_given(article)
    assert given_article("b", {"text": TEXT}).title == "The bridge was opened by Anna."


@pytest.mark.parametrize(
    "id", ["", ".", "-a", "a/b", "a b", "ä", "a" * 65, "a\n", "../x", "\u0663"]
)
def test_what_is_no_id_is_refused(id):
    with pytest.raises(SourceError, match="a letter or a digit first"):
        given_article(id, {"text": TEXT})


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_article_without_text_is_refused(text):
    with pytest.raises(SourceError, match="the article holds no text"):
        given_article("a", {"text": text})


@pytest.mark.model
def test_putting_and_removing_one_leaves_the_others_alone(new_library, article):
    other = article("A walk begins in Alder.", "Walk")
    folder = new_library([other])
    assert put("b", {"text": TEXT}, folder, DEFAULT_EMBEDDER).added == 1
    assert put("b", {"text": TEXT}, folder, DEFAULT_EMBEDDER).unchanged == 1
    assert put("b", {"text": TEXT + " Still."}, folder, DEFAULT_EMBEDDER).changed == 1
    library = Library(folder)
    assert library.article("b").text == TEXT + " Still." and library.counts().articles == 2
    assert library.article(other.id) == other and not is_given(other)
    assert verify(folder) == []
    assert remove("b", folder, DEFAULT_EMBEDDER).removed == 1
    assert Library(folder).articles(0, 9) == [other]
    assert remove("b", folder, DEFAULT_EMBEDDER).removed == 0
    assert remove(other.id, folder, DEFAULT_EMBEDDER).removed == 0


def job(given):
    assert "-P" in COMMAND  # no module of the folder it was started in is taken for ours
    given = json.dumps(given)
    done = subprocess.run(COMMAND, input=given, capture_output=True, text=True, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.model
def test_a_job_tells_how_far_it_is_and_what_it_did(new_library, article, tmp_path):
    data = new_library([article("A walk begins in Alder.", "Walk")])
    folder = tmp_path / "articles"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.txt").write_text(f"{TEXT} {name}", encoding="utf-8")
    where = {"data": str(data), "library": None, "token": None, "embedder": DEFAULT_EMBEDDER}
    code, [first, second, last] = job(where | {"folder": str(folder)})
    assert (code, first, second) == (0, {"done": 1, "total": 2}, {"done": 2, "total": 2})
    assert (last["report"]["added"], last["report"]["articles"]) == (2, 3)
    code, [last] = job(where | {"remove": "b"})
    assert (code, last["report"]["removed"]) == (0, 0)


def test_a_job_that_can_not_be_done_is_a_sentence(tmp_path):
    where = {"data": str(tmp_path), "library": None, "token": None, "embedder": DEFAULT_EMBEDDER}
    code, [last] = job(where | {"folder": str(tmp_path / "none")})
    assert code == 1 and "There is no file or folder at" in last["problem"]
