"""Files of a library that are cut, changed, gone, foreign or not to be written."""

import json
import os
import re
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from random import Random

import numpy as np
import pytest
from indexer import Trouble
from shelf import QUESTIONS, Shelf

from index import MODELS, Library, LibraryError, verify
from qa import QAError

FLIPS = 25  # of a bit in a file, in an ordinary run
SOAKED = 1000
ASKED = 2  # of the changes of a file
DIMENSION = 16  # of the small embedder
NOBODY = 65534
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def shelf(tiny_embedder, tiny_models, tmp_path_factory):
    one = Shelf(tmp_path_factory.mktemp("shelf"), str(tiny_embedder), tiny_models)
    one.write_articles()
    return one


@pytest.fixture(scope="module")
def sound(shelf):
    """A library that nobody harms, with models of its own."""
    library = shelf.new("sound")
    (library / MODELS).unlink()
    shutil.copytree(shelf.models, library / MODELS)
    return library


@pytest.fixture
def library(sound, tmp_path):
    """One to be harmed."""
    return Path(shutil.copytree(sound, tmp_path / "library"))


def outcome(shelf, library):
    """What it does: the state it answers in, with notes on what is mended, or its error."""
    try:
        opened = Library(library)
        notes = opened.notes
        opened.close()
        return shelf.answering(library), " ".join(notes)
    except (LibraryError, QAError) as error:
        return "refused", str(error)


def parts(library):
    """Every file that a library is read from, relative to it."""
    return [
        path.relative_to(library)
        for path in sorted(library.rglob("*"))
        if path.is_file() and path.name != "lock" and path.suffix != ".lock"
    ]


def cut(path, length):
    with path.open("r+b") as file:
        file.truncate(length)


@pytest.mark.parametrize("share", ["nothing", "one byte", "half", "all but a byte"])
def test_a_file_cut_short_is_named_and_mended_or_refused(shelf, sound, library, share):
    for part in parts(sound):
        size = (sound / part).stat().st_size
        cut(library / part, {"nothing": 0, "one byte": 1, "half": size // 2}.get(share, size - 1))
        state, said = outcome(shelf, library)
        assert state in ("old", "refused"), part
        named = {part.name, part.parent.name} if MODELS in part.parts else {part.name, "no library"}
        assert any(name in said for name in named), (part, said)
        assert "\n" not in said
        assert verify_problems(library) != [], part
        shutil.copyfile(sound / part, library / part)
    assert outcome(shelf, library) == ("old", "")


def verify_problems(library):
    try:
        return verify(library)
    except LibraryError as error:
        return [str(error)]


def flipped(path, random):
    """The file with one bit changed; gives what it was."""
    before = path.read_bytes()
    after = bytearray(before)
    after[random.randrange(len(after))] ^= 1 << random.randrange(8)
    path.write_bytes(after)
    return before


def found(library):
    """What both search indexes find, best first, and the notes on what is mended."""
    opened = Library(library)
    try:
        vector = np.full(DIMENSION, DIMENSION**-0.5, np.float32)
        near, matching = opened.nearest(vector, 99), opened.matching("the mill of Birch", 99)
        return (dict(near), dict(matching)), " ".join(opened.notes)
    finally:
        opened.close()


def test_a_changed_bit_is_noticed_before_a_file_is_parsed(shelf, library):
    flips(shelf, library, ASKED + 1)


@pytest.mark.soak
def test_a_thousand_changed_bits_are_noticed(shelf, library):
    flips(shelf, library, SOAKED)


def flips(shelf, library, times):
    """Change a bit in each file but the database, again and again; each change has a checksum.

    After two changes of a file the library answers as ever; after the others it finds as ever.
    """
    random, (sound, _) = Random(1), found(library)
    for part in parts(library):
        for number in range(0 if part.name == "library.db" else times):
            before = flipped(library / part, random)
            if number < ASKED or MODELS in part.parts:
                state, said = outcome(shelf, library)
                assert state in ("old", "refused"), part
            else:
                now, said = found(library)
                assert now == sound and "is not as it was written" in said
            assert part.name in said or (part.parent.name in said and MODELS in part.parts)
            (library / part).write_bytes(before)
    assert outcome(shelf, library) == ("old", "")


def test_a_changed_bit_in_the_database_never_makes_a_citation_that_is_not_true(shelf, library):
    assert quoted_in_spite_of_flips(shelf, library, FLIPS) > FLIPS / 2


@pytest.mark.soak
def test_a_thousand_changed_bits_never_make_a_citation_that_is_not_true(shelf, library):
    quoted_in_spite_of_flips(shelf, library, SOAKED)


def quoted_in_spite_of_flips(shelf, library, times):
    """Change a bit of the database, ask, and change it back; how many replies had answers."""
    articles = held(library)
    random, answered = Random(2), 0
    for _ in range(times):
        before = flipped(library / "library.db", random)
        try:
            answered += cited(shelf, library, articles)
        except (LibraryError, QAError) as error:
            assert "\n" not in str(error)
        for part in library.glob("library.db*"):
            part.unlink()
        (library / "library.db").write_bytes(before)
    return answered


def held(library):
    """The articles of a library by id."""
    opened = Library(library)
    try:
        return {one.id: one for one in opened.articles(0, 99)}
    finally:
        opened.close()


def cited(shelf, library, articles):
    """How many replies have answers, of which each citation is true of these articles."""
    replies = shelf.ask(library)
    for reply in replies:
        for citation in (one for answer in reply.answers for one in answer.citations):
            article = articles[citation.article_id]
            assert article.text[citation.start : citation.end] == citation.quote
            around = citation.before + citation.quote + citation.after
            assert around in article.text
            assert (citation.title, citation.source) == (article.title, article.source)
    return sum(bool(reply.answers) for reply in replies)


KINDS = [
    pytest.param("NULL", id="nothing"),
    pytest.param("x'ff00'", id="bytes"),
    pytest.param("-rowid", id="number", marks=pytest.mark.soak),
    pytest.param("rowid + 0.5", id="fraction", marks=pytest.mark.soak),
]
CELLS = [  # but an article's id: another one in its row and in its index is its id
    *(f"articles.{name}" for name in ("live", "origin", "title", "text", "url", "source")),
    *(f"articles.{name}" for name in ("published", "author", "page_starts")),
    *(f"articles.{name}" for name in ("digest", "text_digest")),
    *(f"passages.{name}" for name in ("article", "start", "end", "vector")),
    *(f"acronyms.{name}" for name in ("article", "short", "long")),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cell", CELLS)
def test_a_value_of_another_kind_is_never_cited_and_never_a_trace(shelf, library, cell, kind):
    articles = held(library)
    of_another_kind(library, *cell.split("."), kind)
    for look in (lambda one: cited(shelf, one, articles), verify, listed):
        try:
            look(library)
        except (LibraryError, QAError) as error:
            assert "\n" not in str(error)


def of_another_kind(library, table, column, value):
    """Give a column of every second row a value that SQLite itself would not take there."""
    with closing(sqlite3.connect(library / "library.db")) as database:
        schema = dict(database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
        database.execute("PRAGMA writable_schema = ON")
        loose = re.sub("NOT NULL|STRICT, |STRICT|CHECK \\(live IN \\(0, 1\\)\\)", "", schema[table])
        told = "UPDATE sqlite_master SET sql = ? WHERE name = ?"
        database.execute(told, (loose, table))
        database.commit()
    with closing(sqlite3.connect(library / "library.db")) as database:
        database.execute(f'UPDATE OR IGNORE {table} SET "{column}" = {value} WHERE rowid % 2')
        database.execute("PRAGMA writable_schema = ON")
        database.execute(told, (schema[table], table))
        database.commit()


def listed(library):
    """All that is told of a library without a question."""
    opened = Library(library)
    try:
        return (
            *(opened.articles(0, 99), opened.articles(0, 99, "walk"), opened.failures()),
            *(opened.counts(), opened.sources(), opened.expansions("EU")),
            opened.numbers(["a"], "2000-01-01", "2030-01-01"),
        )
    finally:
        opened.close()


def test_a_file_that_is_gone_is_named_and_mended_or_refused(shelf, sound, library):
    for part in parts(sound):
        (library / part).unlink()
        state, said = outcome(shelf, library)
        assert state in ("old", "refused"), part
        assert part.name in said or part.parent.name in said or "no library" in said, (part, said)
        shutil.copyfile(sound / part, library / part)
    assert outcome(shelf, library) == ("old", "")


def test_files_of_another_library_are_not_taken_for_its_own(shelf, sound, library):
    other = shelf.new("other", "new")
    shutil.copytree(other / "derived", library / "derived", dirs_exist_ok=True)
    state, said = outcome(shelf, library)
    assert state == "old" and "damaged" in said


NO_SEALS = {
    "empty": "",
    "cut": '{"terms/meta.json": [12',
    "no object": "[1, 2, 3]",
    "wrong kinds": '{"vectors.faiss": "x"}',
    "wrong numbers": '{"vectors.faiss": [NaN, null]}',
    "endless numbers": '{"vectors.faiss": [Infinity, "x"]}',
    "deep": "[" * 99_999,
    "long": json.dumps({f"file{n}": [1, "x"] for n in range(100_000)}),
}


@pytest.mark.parametrize("seal", NO_SEALS.values(), ids=NO_SEALS)
def test_a_list_of_files_that_is_none_is_noticed(shelf, library, seal):
    set_meta(library, "seal", seal)
    state, said = outcome(shelf, library)
    assert state == "old" and "damaged" in said and len(said) < 400


@pytest.mark.parametrize("name", ["revision", "format", "fingerprint"])
@pytest.mark.parametrize("value", ["", "seven", "NaN", "-1", "9" * 5000])
def test_facts_that_can_not_be_are_refused_in_a_sentence(shelf, library, name, value):
    set_meta(library, name, value)
    state, said = outcome(shelf, library)
    assert state == "refused" and said and "\n" not in said


@pytest.mark.soak
@pytest.mark.parametrize("name", ["revision", "format", "fingerprint", "seal"])
def test_a_fact_of_a_gigabyte_is_refused_in_little_memory(shelf, library, name):
    with closing(sqlite3.connect(library / "library.db")) as database:
        value = "UPDATE meta SET value = CAST(zeroblob(999999000) AS TEXT) WHERE key = ?"
        database.execute(value, (name,))
        database.commit()
    for command in (["stats"], ["index", shelf.folder / "new"], ["ask", QUESTIONS[0]]):
        more = ["--data", library, "--embedder", shelf.embedder][: 2 if command == ["stats"] else 4]
        code, said = shelf.run([*command, *more], Trouble(room=2 * 10**8))
        assert (code, said.count("\n")) == (2, 1), said
        assert said.startswith(f"citespan: {library / 'library.db'} ")


def set_meta(library, key, value):
    with closing(sqlite3.connect(library / "library.db")) as database:
        database.execute("UPDATE meta SET value = ? WHERE key = ?", (value, key))
        database.commit()


def test_pickles_in_the_library_s_folder_are_never_opened(shelf, library):
    canary = library / "canary"
    bomb = b"cos\nsystem\n(S'touch %s'\ntR." % str(canary).encode()
    for part in ("passages.pkl", "vectors.npy", "derived/r1/vectors.pkl", "derived/r1/a.joblib"):
        (library / part).write_bytes(bomb)
    assert shelf.index(library, "new")[0] == 0
    assert shelf.state(library) == "new"
    assert not canary.exists()


@pytest.fixture
def open_folder():
    """A folder that everybody may look into; those of other tests are root's own."""
    closed = [one for one in ROOT.parents if not one.stat().st_mode & 0o001]
    if os.getuid() or closed:
        pytest.skip(f"only root can act as another user, who must get through {closed}")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_library_without_the_right_to_write_is_served(shelf, library, open_folder):
    """Asked as another user, who may only read."""
    library = Path(shutil.copytree(library, open_folder / "library"))
    embedder = Path(shutil.copytree(shelf.embedder, open_folder / Path(shelf.embedder).name))
    for path in open_folder.rglob("*"):
        path.chmod(0o755)
    nobody = Trouble(user=NOBODY)
    code, said = shelf.run(["stats", "--data", library], nobody)
    assert (code, "articles    10" in said) == (0, True), said
    asked = ["ask", QUESTIONS[0], "--data", library, "--embedder", embedder]
    code, said = shelf.run(asked, nobody)
    assert (code, "Mary Stone" in said) == (0, True), said
    code, said = shelf.run(["index", ROOT / "seeds", "--data", library], nobody)
    assert (code, said.count("\n")) == (2, 1), said
    assert f"{library} can't be written: Permission denied" in said
    assert shelf.state(library) == "old"


def test_a_library_behind_a_link_is_the_same(shelf, library, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(library)
    assert shelf.index(link, "new")[0] == 0
    assert shelf.state(library) == shelf.state(link) == "new"
    link.unlink()
    link.symlink_to(tmp_path / "gone")
    code, said = shelf.index(link, "new")
    assert code == 2 and "can't be written" in said
