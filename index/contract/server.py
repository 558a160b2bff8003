"""Checks of a library on a server alone, where a version of an article is many rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from index.contract.bench import Bench, Check, refused, same, soon
from index.errors import LibraryCorrupt, LibraryMismatch
from index.milvus import Milvus
from index.place import Remote
from index.remote import RemoteLibrary
from index.remote_rows import part_ids
from index.shelf import open_shelf


def what_a_killed_run_left_without_its_end_is_no_article(bench: Bench) -> None:
    first, long = bench.articles[0], bench.articles[2]
    _, before = bench.bring(first)
    shelf = open_shelf(bench.place("changing"))
    shelf.begin(before.fingerprint)
    shelf.look([long])
    shelf.stage_all([bench.version(long, {})])
    shelf.close()
    with _server(bench) as milvus:  # its head is the last that is written
        last = milvus.every(milvus.rows, f'kind == "head" and article == "{long.id}"', [])
        milvus.delete(milvus.rows, [row["id"] for row in last])
    report, after = bench.bring(replace(long, text="Corfu, in short."), first)
    same((report.added, report.passages), (1, 2), "articles added, and passages")
    same(bench.texts(after), [first.text, "Corfu, in short."], "passages")
    same(len(after.nearest(bench.unit, 1000)), 2, "passages found")


def a_damaged_article_is_never_cited(bench: Bench) -> None:
    first = bench.articles[0]
    _, library = bench.bring(first)
    assert isinstance(library, RemoteLibrary)
    [head] = library.heads()
    where = f'id == "{part_ids(head)[0]}"'
    with _server(bench) as milvus:
        [row] = milvus.get(milvus.rows, where, ["kind", "article", "run", "value"])
        for value, words in ((row["value"].replace("6", "7"), "damaged"), ("{", "not whole")):
            made = {**row, "word": "", "value": value}
            milvus.put_rows([made])
            soon(lambda: _value(milvus, where), value, "what was written")
            again = bench.reopened()
            with refused(LibraryCorrupt, "milvus://", f"{words}: run citespan verify --repair"):
                found = again.article(first.id)
                assert found is not None
                again.check([found])


def another_embedder_is_refused(bench: Bench) -> None:
    _, library = bench.bring(bench.articles[0])
    shelf = open_shelf(bench.place("changing"))
    try:
        with refused(LibraryMismatch, "milvus://", f"was built with {library.fingerprint}"):
            shelf.begin(f"another-{library.fingerprint}")
    finally:
        shelf.close()


def _value(milvus: Milvus, where: str) -> str:
    [row] = milvus.get(milvus.rows, where, ["value"], strong=True)
    return str(row["value"])


@contextmanager
def _server(bench: Bench) -> Iterator[Milvus]:
    """The library that changes, row by row."""
    place = bench.place("changing")
    assert isinstance(place, Remote)
    milvus = Milvus(place)
    try:
        yield milvus
    finally:
        milvus.close()


ON_A_SERVER: tuple[Check, ...] = (
    what_a_killed_run_left_without_its_end_is_no_article,
    a_damaged_article_is_never_cited,
    another_embedder_is_refused,
)
