"""Files in, a published revision out: every run ends whole, or as if it had not begun."""

import errno
import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from index.build import build, build_articles
from index.derived import open_derived, write_derived
from index.embed import DEFAULT_EMBEDDER, OnnxEmbedder, embedder_fingerprint
from index.errors import (
    LibraryCorrupt,
    LibraryError,
    LibraryMismatch,
    LibraryMissing,
    SourceError,
)
from index.library import (
    DATABASE,
    DERIVED,
    MODELS,
    Library,
    library_fingerprint,
    published,
)
from index.opened import check_fingerprint
from index.put import put
from index.records import Failure, Same
from index.store import Store
from index.verify import verify

MODULE = import_module("index.run")
COUNTS = ("added", "changed", "unchanged", "removed", "duplicate", "failed")


@pytest.fixture
def home(tmp_path, tiny_models):
    """The folder of a library to be; its models are there already."""
    folder = tmp_path / "library"
    (folder / MODELS).mkdir(parents=True)
    for model in tiny_models.iterdir():
        (folder / MODELS / model.name).symlink_to(model)
    return folder


@pytest.fixture
def news(tmp_path):
    """A folder of three articles in three kinds of file."""
    folder = tmp_path / "news"
    folder.mkdir()
    write(folder / "alpha.txt", "The alpaca slept.\n\nIt rained on Monday.")
    write(folder / "beta.md", "---\ntitle: Beta\n---\nThe beaver built a dam.")
    write_rows(folder / "rows.jsonl", {"id": "g", "text": "The gazelle ran."})
    return folder


@pytest.fixture
def run(home, tiny_embedder):
    """Brings the library to what the given paths hold."""

    def run(*paths, **options):
        return build(list(paths), home, str(tiny_embedder), **options)

    return run


@pytest.fixture
def no_model(monkeypatch):
    """From now on a text that is embedded ends the test."""

    def forbid():
        monkeypatch.setattr(MODULE, "load_embedder", lambda name: pytest.fail("model loaded"))
        monkeypatch.setattr(OnnxEmbedder, "encode", lambda self, texts: pytest.fail("embedded"))

    return forbid


@pytest.fixture
def no_torch(monkeypatch):
    """Loading the model that torch runs ends the test."""
    monkeypatch.setattr(MODULE, "load_embedder", lambda name: pytest.fail("model loaded"))


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def write_rows(path, *rows):
    return write(path, "".join(f"{json.dumps(row)}\n" for row in rows))


def counts(report):
    assert report.read == report.added + report.changed + report.unchanged + report.duplicate
    assert report.failed == len(report.failures)
    assert report.duplicate == len(report.duplicates)
    return {name: getattr(report, name) for name in COUNTS if getattr(report, name)}


def words_of(home):
    """Which of the animals can be found, in all three stores alike."""
    store = Store(home / DATABASE)
    numbers, revision, seal = store.passage_numbers(), store.revision, store.meta("seal")
    derived = open_derived(home / DERIVED, revision, seal, store.dimension(), len(numbers))
    vectors, terms = derived.vectors, derived.terms
    assert vectors.ids() == terms.ids() == numbers
    texts = {number: text for number, _, text in store.passage_texts()}
    for ids, stored in store.vectors():
        assert np.array_equal(vectors.vectors(ids), stored)
    store.close()
    animals = ("alpaca", "beaver", "gazelle", "dingo", "elk", "fox")
    for animal in animals:
        found = {number for number, _ in terms.matching(animal, 100)}
        assert found == {number for number, text in texts.items() if animal in text}
    return {animal for animal in animals if terms.known(animal)}


def revision_of(home):
    library = Library(home)
    library.close()
    assert published(home)[0] == library.revision
    assert library.notes == ()
    return library.revision


def article_of(home, path):
    store = Store(home / DATABASE)
    [found] = [one for one in store.every_article() if one.origin == str(path)]
    store.close()
    return found


def test_the_first_run_adds_every_article(run, home, news):
    report = run(news)
    assert counts(report) == {"added": 3}
    assert (report.articles, report.passages, report.embedded, report.revision) == (3, 3, 3, 1)
    assert report.seconds > 0 and report.passages_per_second > 0
    assert report.failures == report.duplicates == report.notes == []
    assert words_of(home) == {"alpaca", "beaver", "gazelle"}
    assert article_of(home, news / "beta.md").title == "Beta"
    assert verify(home) == []


def test_an_unchanged_library_costs_no_model_call_and_no_revision(run, home, news, no_model):
    run(news)
    before = {path: path.read_bytes() for path in (home / DERIVED).rglob("*") if path.is_file()}
    no_model()
    report = run(news)
    assert counts(report) == {"unchanged": 3}
    assert (report.embedded, report.revision, report.articles) == (0, 1, 3)
    assert revision_of(home) == 1
    assert before == {
        path: path.read_bytes() for path in (home / DERIVED).rglob("*") if path.is_file()
    }


def test_changed_added_and_removed_articles_are_so_in_every_store(run, home, news):
    run(news)
    write(news / "alpha.txt", "The dingo slept.")
    write(news / "new.txt", "The elk woke.")
    (news / "beta.md").unlink()
    report = run(news)
    assert counts(report) == {"added": 1, "changed": 1, "unchanged": 1, "removed": 1}
    assert (report.embedded, report.articles, report.passages) == (2, 3, 3)
    assert words_of(home) == {"dingo", "elk", "gazelle"}
    assert article_of(home, news / "alpha.txt").text == "The dingo slept."
    assert verify(home) == []


def test_a_changed_title_is_a_change(run, home, news):
    run(news)
    write(news / "beta.md", "---\ntitle: Better\n---\nThe beaver built a dam.")
    assert counts(run(news)) == {"changed": 1, "unchanged": 2}
    assert article_of(home, news / "beta.md").title == "Better"


def test_removing_alone_costs_no_model_call(run, home, news, no_model):
    run(news)
    (news / "beta.md").unlink()
    no_model()
    assert counts(run(news)) == {"unchanged": 2, "removed": 1}
    assert words_of(home) == {"alpaca", "gazelle"}


def test_the_revision_rises_with_each_changing_run_only(run, home, news):
    revisions = []
    for text in ("One.", "One.", "Two.", "Two.", "Three."):
        write(news / "alpha.txt", text)
        revisions.append(run(news).revision)
        assert revision_of(home) == revisions[-1]
    assert revisions == [1, 1, 2, 2, 3]


def test_rows_of_a_table_come_and_go_one_by_one(run, home, tmp_path):
    table = tmp_path / "rows.jsonl"
    row = {"id": "a", "text": "The alpaca slept."}
    write_rows(table, row, {"id": "b", "text": "The beaver slept."}, {"id": "c", "text": "A fox."})
    assert counts(run(table)) == {"added": 3}
    write_rows(table, {"id": "d", "text": "The dingo."}, row, {"id": "b", "text": "The beaver."})
    assert counts(run(table)) == {"added": 1, "changed": 1, "unchanged": 1, "removed": 1}
    assert words_of(home) == {"alpaca", "beaver", "dingo"}


def test_a_library_works_from_one_article_up_and_down_to_none(run, home, tmp_path):
    folder = tmp_path / "few"
    folder.mkdir()
    file = write(folder / "a.txt", "The fox.")
    assert counts(run(folder)) == {"added": 1}
    library = Library(home)
    [(number, _)] = library.matching("fox", 5)
    assert library.hits([(number, 1.0)])[0].passage.text == "The fox."
    assert len(library.nearest(np.ones(16, np.float32), 5)) == 1
    library.close()
    file.unlink()
    assert counts(run(folder)) == {"removed": 1}
    library = Library(home)
    assert library.matching("fox", 5) == library.nearest(np.ones(16, np.float32), 5) == []
    assert (library.articles(0, 5), library.counts().articles) == ([], 0)
    library.close()
    assert verify(home) == []
    write(file, "The fox is back.")
    assert counts(run(folder)) == {"added": 1}
    assert words_of(home) == {"fox"}


def test_an_empty_folder_makes_no_library(run, home, tmp_path):
    (tmp_path / "empty").mkdir()
    report = run(tmp_path / "empty")
    assert (counts(report), report.revision) == ({}, 0)
    with pytest.raises(LibraryMissing):
        Library(home)


def test_a_path_that_does_not_exist_changes_nothing(run, home, news, tmp_path):
    run(news)
    with pytest.raises(SourceError, match="no file or folder"):
        run(news, tmp_path / "nowhere")
    assert words_of(home) == {"alpaca", "beaver", "gazelle"}


def test_a_file_that_fails_is_reported_keeps_its_former_version_and_is_retried(run, home, news):
    run(news)
    (news / "alpha.txt").write_bytes(b"\xfd broken")
    for _ in range(2):
        report = run(news)
        assert counts(report) == {"unchanged": 2, "failed": 1}
        assert [failure.origin for failure in report.failures] == [str(news / "alpha.txt")]
        assert words_of(home) == {"alpaca", "beaver", "gazelle"}
        library = Library(home)
        assert library.failures() == report.failures
        library.close()
    write(news / "alpha.txt", "The elk woke.")
    assert counts(run(news)) == {"changed": 1, "unchanged": 2}
    assert words_of(home) == {"elk", "beaver", "gazelle"}
    library = Library(home)
    assert library.failures() == []
    library.close()


def test_a_failed_file_does_not_stop_the_first_run(run, home, news):
    (news / "alpha.txt").write_bytes(b"\xfd broken")
    assert counts(run(news)) == {"added": 2, "failed": 1}
    assert words_of(home) == {"beaver", "gazelle"}


def test_a_broken_row_loses_no_article_of_its_table(run, home, news):
    table = news / "rows.jsonl"
    rows = [{"id": "g", "text": "The gazelle ran."}, {"id": "e", "text": "The elk ran."}]
    write_rows(table, *rows)
    run(news)
    write(table, f'{json.dumps(rows[0])}\n{{"id": "e", "te\n')
    report = run(news)
    assert counts(report) == {"unchanged": 3, "failed": 1}
    assert words_of(home) == {"alpaca", "beaver", "gazelle", "elk"}
    write_rows(table, rows[0])
    assert counts(run(news)) == {"unchanged": 3, "removed": 1}
    assert words_of(home) == {"alpaca", "beaver", "gazelle"}


def test_a_copy_is_reported_and_stored_once(run, home, news):
    text = (news / "alpha.txt").read_text(encoding="utf-8")
    copy = write(news / "zeta.txt", text)
    for expected in ({"added": 3, "duplicate": 1}, {"unchanged": 3, "duplicate": 1}):
        report = run(news)
        assert counts(report) == expected
        assert report.duplicates == [(str(copy), str(news / "alpha.txt"))]
    assert words_of(home) == {"alpaca", "beaver", "gazelle"}


def test_a_copy_that_comes_first_by_name_does_not_displace_the_original(run, news):
    run(news)
    copy = write(news / "a.txt", (news / "alpha.txt").read_text(encoding="utf-8"))
    report = run(news)
    assert counts(report) == {"unchanged": 3, "duplicate": 1}
    assert report.duplicates == [(str(copy), str(news / "alpha.txt"))]


def test_a_file_that_becomes_a_copy_loses_its_own_article(run, home, news):
    run(news)
    write(news / "beta.md", (news / "alpha.txt").read_text(encoding="utf-8"))
    assert counts(run(news)) == {"unchanged": 2, "duplicate": 1, "removed": 1}
    assert words_of(home) == {"alpaca", "gazelle"}


def test_what_was_given_under_an_id_is_no_copy(run, home, news, tiny_embedder):
    run(news)
    text, embedder = (news / "alpha.txt").read_text(encoding="utf-8"), str(tiny_embedder)
    assert put("one", {"text": text}, home, embedder).added == 1
    assert put("two", {"text": "The dingo slept."}, home, embedder).added == 1
    assert counts(put("two", {"text": text}, home, embedder)) == {"changed": 1}
    assert put("two", {"text": text}, home, embedder).articles == 5
    assert verify(home) == []


def test_a_copy_stays_when_the_original_goes(run, home, news):
    copy = write(news / "zeta.txt", (news / "alpha.txt").read_text(encoding="utf-8"))
    run(news)
    (news / "alpha.txt").unlink()
    assert counts(run(news)) == {"added": 1, "unchanged": 2, "removed": 1}
    assert words_of(home) == {"alpaca", "beaver", "gazelle"}
    article_of(home, copy)


def test_a_copy_under_another_path_is_found(run, home, news, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    write(other / "copy.txt", (news / "alpha.txt").read_text(encoding="utf-8"))
    run(news)
    report = run(other)
    assert report.duplicates == [(str(other / "copy.txt"), str(news / "alpha.txt"))]
    (news / "alpha.txt").unlink()
    assert counts(run(other)) == {"added": 1}
    assert counts(run(news)) == {"unchanged": 2, "removed": 1}
    assert words_of(home) == {"alpaca", "beaver", "gazelle"}


def test_a_copy_of_what_nobody_may_look_at_is_a_copy(run, news, tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(errno.EACCES, "Permission denied")

    copy = write(tmp_path / "copy.txt", (news / "alpha.txt").read_text(encoding="utf-8"))
    run(news)
    monkeypatch.setattr(MODULE, "Path", type("Locked", (type(news),), {"exists": refuse}))
    assert counts(run(copy)) == {"duplicate": 1}


def test_copies_of_what_was_removed_are_told_of(run, news):
    run(news)
    (news / "alpha.txt").unlink()
    assert "may have copies in other places" in run(news).notes[0]
    (news / "beta.md").unlink()
    assert run(news, only=True).notes == []


def test_files_that_swap_their_texts_are_both_kept(run, home, news):
    one, other = news / "alpha.txt", write(news / "zeta.txt", "The fox slept.")
    run(news)
    text = one.read_text(encoding="utf-8")
    write(one, "The fox slept.")
    write(other, text)
    assert counts(run(news)) == {"changed": 2, "unchanged": 2}
    assert words_of(home) == {"alpaca", "beaver", "gazelle", "fox"}
    assert article_of(home, one).text == "The fox slept."


def test_a_file_that_takes_the_text_of_a_changed_one_is_kept(run, home, news):
    run(news)
    (news / "alpha.txt").rename(news / "a.txt")
    write(news / "alpha.txt", "The dingo slept.")
    assert counts(run(news)) == {"added": 1, "changed": 1, "unchanged": 2}
    assert words_of(home) == {"alpaca", "beaver", "gazelle", "dingo"}


@pytest.mark.parametrize("name", ["aaa.txt", "zzz.txt"])
def test_a_renamed_file_is_one_article_under_its_new_name(run, home, news, name):
    run(news)
    (news / "alpha.txt").rename(news / name)
    assert counts(run(news)) == {"added": 1, "unchanged": 2, "removed": 1}
    assert words_of(home) == {"alpaca", "beaver", "gazelle"}
    article_of(home, news / name)


def test_a_second_path_keeps_what_came_from_the_first(run, home, news, tmp_path):
    other = tmp_path / "news-and-more"
    other.mkdir()
    write(other / "d.txt", "The dingo slept.")
    run(news)
    assert counts(run(other)) == {"added": 1}
    assert words_of(home) == {"alpaca", "beaver", "gazelle", "dingo"}
    (other / "d.txt").unlink()
    assert counts(run(news)) == {"unchanged": 3}
    assert words_of(home) == {"alpaca", "beaver", "gazelle", "dingo"}
    assert counts(run(news, other)) == {"unchanged": 3, "removed": 1}


def test_only_forgets_what_came_from_elsewhere(run, home, news, tmp_path):
    other = write(tmp_path / "d.txt", "The dingo slept.")
    run(news)
    assert counts(run(other, only=True)) == {"added": 1, "removed": 3}
    assert words_of(home) == {"dingo"}


def test_one_file_of_a_folder_can_be_brought_up_to_date_alone(run, home, news):
    run(news)
    write(news / "alpha.txt", "The elk woke.")
    write(news / "beta.md", "The fox woke.")
    assert counts(run(news / "alpha.txt")) == {"changed": 1}
    assert words_of(home) == {"elk", "beaver", "gazelle"}


@pytest.mark.parametrize("name", ["#1", "a#b", "été 🙂", "tab\there", "x.jsonl"])
def test_odd_names_of_folders_do_not_matter(run, home, news, tmp_path, name):
    odd = news.rename(tmp_path / name)
    write(odd / "zeta.txt", (odd / "alpha.txt").read_text(encoding="utf-8"))
    assert counts(run(odd)) == {"added": 3, "duplicate": 1}
    (odd / "beta.md").unlink()
    (odd / "rows.jsonl").write_bytes(b"\xff\n")
    assert counts(run(odd)) == {"unchanged": 1, "duplicate": 1, "removed": 1, "failed": 1}
    assert words_of(home) == {"alpaca", "gazelle"}


def test_the_same_path_twice_is_read_once(run, news):
    assert counts(run(news, news / "alpha.txt", news)) == {"added": 3}


def test_the_report_can_be_sent_as_json(run, news):
    (news / "bad.txt").write_bytes(b"\xff")
    write(news / "zeta.txt", (news / "alpha.txt").read_text(encoding="utf-8"))
    report = run(news, progress=True)
    sent = json.loads(json.dumps(report.as_json()))
    assert {name: sent[name] for name in COUNTS} == {
        "added": 3,
        "changed": 0,
        "unchanged": 0,
        "removed": 0,
        "duplicate": 1,
        "failed": 1,
    }
    assert sent["failures"][0]["origin"] == str(news / "bad.txt")


class Stopped(BaseException):
    """What a killed run does, as far as files can tell: it goes no further."""


@pytest.fixture
def encoded(monkeypatch):
    """Texts that went through the model; the run is stopped when a text holds "STOP"."""
    seen = []
    encode = OnnxEmbedder.encode

    def watched(self, texts):
        if any("STOP" in text for text in texts):
            raise Stopped
        seen.extend(texts)
        return encode(self, texts)

    monkeypatch.setattr(MODULE, "_BATCH", 1)
    monkeypatch.setattr(MODULE, "_LOOKED_UP", 1)
    monkeypatch.setattr(OnnxEmbedder, "encode", watched)
    return seen


def test_a_stopped_run_leaves_the_old_revision_and_the_next_goes_on(run, home, news, encoded):
    run(news)
    write(news / "alpha.txt", "The dingo slept.")
    write(news / "beta.md", "The elk slept.")
    write(news / "omega.txt", "STOP here.")
    with pytest.raises(Stopped):
        run(news)
    assert words_of(home) == {"alpaca", "beaver", "gazelle"}
    assert revision_of(home) == 1
    assert verify(home) == []
    write(news / "omega.txt", "The fox came.")
    encoded.clear()
    report = run(news)
    assert counts(report) == {"added": 1, "changed": 2, "unchanged": 1}
    assert report.embedded == len(encoded) == 1
    assert words_of(home) == {"dingo", "elk", "fox", "gazelle"}
    assert verify(home) == []


def test_a_first_run_that_is_stopped_leaves_no_library_and_the_next_goes_on(
    home, article, tiny_embedder, encoded
):
    articles = [article(f"Number {n}.", name=f"{n}") for n in range(4)]

    def stopping():
        yield from articles[:3]
        raise Stopped

    with pytest.raises(Stopped):
        build_articles(stopping(), home, str(tiny_embedder))
    with pytest.raises(LibraryMissing, match="run citespan index"):
        Library(home)
    assert published(home)[0] == 0
    assert len(encoded) == 3
    report = build_articles(articles, home, str(tiny_embedder))
    assert (report.added, report.embedded, report.articles) == (4, 1, 4)


def test_what_a_stopped_run_left_is_not_published_when_its_file_is_gone(run, home, news, encoded):
    run(news)
    write(news / "d.txt", "The dingo slept.")
    write(news / "omega.txt", "STOP here.")
    with pytest.raises(Stopped):
        run(news)
    (news / "d.txt").unlink()
    write(news / "omega.txt", "The fox came.")
    assert counts(run(news)) == {"added": 1, "unchanged": 3}
    assert words_of(home) == {"alpaca", "beaver", "gazelle", "fox"}


def test_what_a_stopped_run_left_is_not_published_when_its_file_is_as_before(
    run, home, news, encoded
):
    run(news)
    before = (news / "alpha.txt").read_text(encoding="utf-8")
    write(news / "alpha.txt", "The dingo slept.")
    write(news / "omega.txt", "STOP here.")
    with pytest.raises(Stopped):
        run(news)
    write(news / "alpha.txt", before)
    write(news / "omega.txt", "The fox came.")
    assert counts(run(news)) == {"added": 1, "unchanged": 3}
    assert words_of(home) == {"alpaca", "beaver", "gazelle", "fox"}


def test_what_a_stopped_run_left_is_not_published_by_a_run_elsewhere(
    run, home, news, tmp_path, encoded
):
    run(news)
    write(news / "alpha.txt", "The dingo slept.")
    write(news / "omega.txt", "STOP here.")
    with pytest.raises(Stopped):
        run(news)
    assert counts(run(write(tmp_path / "e.txt", "The elk."))) == {"added": 1}
    assert words_of(home) == {"alpaca", "beaver", "gazelle", "elk"}


@pytest.mark.parametrize("written", [False, True])
def test_a_full_disk_leaves_the_old_revision_and_the_next_run_publishes(
    run, home, news, monkeypatch, no_model, written
):
    run(news)
    write(news / "alpha.txt", "The dingo slept.")

    def refuse(*arguments):
        if written:
            write_derived(*arguments)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("index.shelf.write_derived", refuse)
        with pytest.raises(LibraryError, match="library can't be written: No space left on device"):
            run(news)
    assert words_of(home) == {"alpaca", "beaver", "gazelle"}
    assert revision_of(home) == 1
    assert verify(home) == []
    no_model()
    report = run(news)
    assert (counts(report), report.revision) == ({"changed": 1, "unchanged": 2}, 2)
    assert words_of(home) == {"dingo", "beaver", "gazelle"}


def test_a_reader_that_stays_open_keeps_its_revision(run, home, news):
    run(news)
    old = Library(home)
    for animal in ("dingo", "elk", "fox"):
        write(news / "alpha.txt", f"The {animal} slept.")
        run(news)
    [(number, score)] = old.matching("alpaca", 5)
    assert old.hits([(number, score)])[0].passage.text.startswith("The alpaca slept.")
    assert old.matching("fox", 5) == []
    assert (old.revision, old.counts().articles) == (1, 3)
    old.close()
    assert words_of(home) == {"fox", "beaver", "gazelle"}


def test_old_revisions_are_cleared_but_for_the_last_two(run, home, news):
    (home / DERIVED / "r99").mkdir(parents=True)
    (home / DERIVED / "rest").mkdir()
    for number in range(4):
        write(news / "alpha.txt", f"Number {number}.")
        run(news)
    assert {folder.name for folder in (home / DERIVED).iterdir()} == {"r3", "r4", "rest"}


@pytest.fixture
def both_models(home, embedder_models):
    for model in embedder_models.iterdir():
        (home / MODELS / model.name).symlink_to(model)


def test_another_embedder_embeds_every_article_again(run, home, news, tmp_path, both_models):
    tiny = run(news)
    elsewhere = write(tmp_path / "e.txt", "The elk.")
    report = build([elsewhere], home)
    assert report.embedded == tiny.passages + 1 == report.passages
    assert (report.articles, report.revision) == (4, 2)
    assert "was built with tiny:" in report.notes[0]
    assert words_of(home) == {"alpaca", "beaver", "gazelle", "elk"}
    assert verify(home) == []
    library = Library(home)
    assert len(library.nearest(np.ones(384, np.float32), 9)) == 4
    check_fingerprint(library, embedder_fingerprint(DEFAULT_EMBEDDER))
    library.close()
    assert counts(build([news, elsewhere], home)) == {"unchanged": 4}


def test_a_stopped_change_of_embedder_leaves_the_old_library_usable(
    run, home, news, both_models, encoded
):
    run(news)
    write(news / "omega.txt", "STOP here.")
    with pytest.raises(Stopped):
        build([news], home)
    assert revision_of(home) == 1
    assert verify(home) == []
    library = Library(home)
    assert len(library.nearest(np.ones(16, np.float32), 9)) == 3
    library.close()
    write(news / "omega.txt", "The fox.")
    encoded.clear()
    back = run(news)
    assert (counts(back), len(encoded)) == ({"added": 1, "unchanged": 3}, 1)
    assert words_of(home) == {"alpaca", "beaver", "gazelle", "fox"}
    assert verify(home) == []


def test_a_change_of_embedder_goes_on_where_it_was_stopped(run, home, news, both_models, encoded):
    run(news)
    write(news / "omega.txt", "STOP here.")
    with pytest.raises(Stopped):
        build([news], home)
    (news / "omega.txt").unlink()
    encoded.clear()
    report = build([news], home)
    assert report.embedded == len(encoded) == 1
    assert report.revision == 2
    assert words_of(home) == {"alpaca", "beaver", "gazelle"}
    assert verify(home) == []


def test_a_library_of_another_embedder_is_a_mismatch(run, home, news, tiny_embedder):
    run(news)
    library = Library(home)
    built, running = library.fingerprint, library_fingerprint("other:0123456789abcdef")
    check_fingerprint(library, embedder_fingerprint(str(tiny_embedder)))
    with pytest.raises(LibraryMismatch) as raised:
        check_fingerprint(library, "other:0123456789abcdef")
    library.close()
    assert f"built with {built}, running {running}: run citespan index to rebuild" in str(
        raised.value
    )


def test_another_way_of_splitting_makes_the_library_anew(run, home, news, monkeypatch, encoded):
    run(news)
    monkeypatch.setattr("index.library.SPLITTER", "another")
    encoded.clear()
    run(news)
    assert len(encoded) == 3
    library = Library(home)
    assert library.fingerprint.endswith("+another")
    library.close()


def test_a_missing_onnx_form_is_exported_again(home, news, run, tiny_models):
    run(news)
    [model] = (home / MODELS).iterdir()
    model.unlink()
    report = run(news)
    assert (counts(report), report.revision) == ({"unchanged": 3}, 1)
    assert verify(home) == []
    assert model.is_dir() and not model.is_symlink()


def test_a_few_articles_are_embedded_without_loading_the_model(run, home, news, no_torch, encoded):
    encoded.clear()
    assert run(news).embedded == len(encoded) == 3
    assert words_of(home) == {"alpaca", "beaver", "gazelle"}
    assert verify(home) == []


def test_many_are_embedded_by_the_model(run, home, news, monkeypatch, encoded):
    monkeypatch.setattr(MODULE, "_BATCH", 512)
    monkeypatch.setattr(MODULE, "_FEW", 2)
    assert (run(news).embedded, encoded) == (3, [])
    write(news / "alpha.txt", "The dingo slept.")
    assert run(news).embedded == len(encoded) == 1
    assert words_of(home) == {"dingo", "beaver", "gazelle"}


def test_articles_can_come_without_files(home, article, tiny_embedder):
    one, copy = article("Same text.", name="paragraph:1"), article("Same text.", name="paragraph:2")
    failure = Failure("paragraph:3", "holds no text")
    report = build_articles([one, copy, failure], home, str(tiny_embedder))
    assert counts(report) == {"added": 1, "duplicate": 1, "failed": 1}
    report = build_articles([one], home, str(tiny_embedder), inside=lambda origin: False)
    assert counts(report) == {"unchanged": 1}


def test_what_is_the_same_at_an_address_like_a_row_s_stays(home, article, tiny_embedder):
    page = article("Same text.", name="https://a.example/a.csv#top")
    build_articles([page], home, str(tiny_embedder))
    assert build_articles([Same(page.origin)], home, str(tiny_embedder)).removed == 0


def test_a_database_that_is_damaged_is_named_and_left_alone(run, home, news):
    write(home / DATABASE, "not a database at all" * 100)
    with pytest.raises(LibraryCorrupt, match="is damaged: run citespan"):
        run(news)
    assert (home / DATABASE).read_bytes().startswith(b"not a database")


def test_an_error_without_a_reason_of_the_system_is_told_in_its_own_words(
    run, home, news, monkeypatch
):
    def refuse(*_):
        raise OSError("some files were not copied")

    run(news)
    write(news / "alpha.txt", "The dingo slept.")
    monkeypatch.setattr("index.shelf.write_derived", refuse)
    with pytest.raises(LibraryError, match="library can't be written: some files were not copied"):
        run(news)


def test_no_part_of_a_run_writes_into_the_articles_folder(run, news):
    before = {path: Path(path).read_bytes() for path in news.rglob("*")}
    run(news)
    assert {path: Path(path).read_bytes() for path in news.rglob("*")} == before
