"""Faults D1 to D10 but D4: articles that lie, swell, pack, repeat or attack; see README.md."""

import bz2
import gzip
import io
import json
import lzma
import os
import stat
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import web_fakes as fakes
from click.testing import CliRunner
from web_fakes import EVIL, PACT, FakeLibrary, FakeQA

from index import Article, Failure, Report
from index.build import build
from index.library import DATABASE, MODELS
from index.sources import KINDS, Sources, find_files, parser
from index.sources.tables import TOLD
from index.split import split
from qa.ask import open_qa
from qa.cli import main
from web import Settings, create_app

Index = Callable[..., Report]
SOUND = "The Grebe ferry was built by Mary Fisher in 1911. It crosses the river at noon."


@pytest.fixture(scope="module")
def sources() -> Iterator[Sources]:
    with Sources() as sources:
        yield sources


@pytest.fixture
def library(tiny_models: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    folder.mkdir()
    (folder / MODELS).symlink_to(tiny_models)
    return folder


@pytest.fixture
def index(library: Path, tiny_embedder: Path, tmp_path: Path) -> Index:
    """Indexes the folder `articles`, which it makes, with a quick embedder."""
    (tmp_path / "articles").mkdir()
    return lambda: build([tmp_path / "articles"], library, str(tiny_embedder))


def read(sources: Sources, file: Path, data: bytes) -> list[Article | Failure]:
    file.write_bytes(data)
    return list(sources.read(file))


def resident() -> int:
    """The megabytes that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") // 1_000_000


class Marks(HTMLParser):
    """The tags of a page, and what stands in its marks."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.marked = ""
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside |= tag == "mark"

    def handle_endtag(self, tag: str) -> None:
        self._inside &= tag != "mark"

    def handle_data(self, data: str) -> None:
        self.marked += data if self._inside else ""


# D1, D2


@pytest.mark.parametrize("length", [1, 4, 11])
def test_an_answer_cut_out_of_the_midst_of_a_tag_leaves_no_tag(length: int) -> None:
    qa = FakeQA()
    client = create_app(Settings(), qa).test_client()  # type: ignore[arg-type]
    for start in range(len(EVIL.text) - length):
        words = EVIL.text[start : start + length]
        if words.isspace():
            continue
        qa.replied = fakes.reply(fakes.citation(EVIL, start, start + length))
        for path in ("/?q=who", f"/articles/{EVIL.id}?start={start}&end={start + length}"):
            page = Marks(client.get(path).get_data(as_text=True))
            assert page.marked == words
            assert {"svg", "i"}.isdisjoint(tag for tag, _ in page.tags)
            for tag, attributes in page.tags:
                assert tag != "script" or attributes.get("src") == "/static/search.js"
                assert not any(name.startswith(("on", "style")) for name in attributes)
                assert not str(attributes.get("href")).startswith(("javascript:", "data:"))


def test_what_an_article_says_is_never_served_as_a_page_by_the_api() -> None:
    qa = FakeQA(fakes.reply(fakes.citation(EVIL, 0, 30)))
    client = create_app(Settings(), qa).test_client()  # type: ignore[arg-type]
    asked = {"questions": [{"question": "who?"}]}
    table = {"questions": ["who?"], "article_ids": [EVIL.id]}
    replies = [
        *(client.get(f"/api/v1/{path}") for path in ("ask?q=who", "search?q=who", "articles")),
        client.get(f"/api/v1/articles/{EVIL.id}"),
        client.get(f"/api/v1/articles/{fakes.NASTY}"),
        client.get("/api/v1/ask/stream?q=who", buffered=True),
        client.post("/api/v1/ask/batch", json=asked, buffered=True),
        client.post("/api/v1/table", json=table),
        client.post("/api/v1/table?format=csv", json=table),
    ]
    kinds = [reply.content_type for reply in replies]
    assert kinds == [
        *["application/json"] * 4,  # UTF-8, as JSON always is
        "application/problem+json",
        "text/event-stream",
        "application/x-ndjson",
        "application/json",
        "text/csv; charset=utf-8",
    ]
    for reply in replies:
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        reply.get_data().decode("utf-8", "strict")


# D3

MONSTERS: dict[str, Callable[[], bytes]] = {
    "deep.html": lambda: b"<html><body>" + b"<div>" * 100_000 + b"<p>Deep down.",
    "wide.html": lambda: b"<p " + b" ".join(b"a%d=x" % one for one in range(1_000_000)) + b">.",
    "open.html": lambda: b"<html><body>" + b"<p><b><i>" * 10_000 + b"Never closed.",
    "deep.md": lambda: b"> " * 1_000_000 + b"Deep down.",
    "deep.jsonl": lambda: b'{"text": ' + b"[" * 1_000_000,
}


def test_monsters_keep_no_other_article_out(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "articles"
    for name, made in MONSTERS.items():
        (folder / name).write_bytes(made())
        (folder / f"after-{name}.html").write_text(f"<html><body><p>{name}: {SOUND}</p></body>")
    for name in ("huge.html", "huge.txt", "huge.pdf"):
        with (folder / name).open("wb") as file:
            file.truncate(200_000_000)
    monkeypatch.setattr(parser, "FILE_SECONDS", 5.0)
    before = resident()
    report = index()
    assert resident() - before < 300
    failed = {Path(one.origin.partition("#")[0]).name: one.reason for one in report.failures}
    assert failed["huge.html"] == "is larger than 20 MB, the limit for an article"
    assert failed["huge.txt"] == failed["huge.pdf"] == failed["huge.html"].replace("20", "50")
    assert failed["deep.jsonl"] == "is JSON with a number or a nesting beyond all measure"
    assert set(failed) <= {*MONSTERS, "huge.html", "huge.txt", "huge.pdf"}
    assert report.read + len(failed) == 2 * len(MONSTERS) + 3


# D6


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        for name, data in {"../../out.txt": b"out", "/tmp/out.txt": b"out", **files}.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo("../../out.txt")
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"out"))
    return out.getvalue()


ZEROS = b"\0" * 100_000_000
PACKED: dict[str, Callable[[], bytes]] = {
    "ZIP": lambda: zipped(zeros=ZEROS),
    "ZIP in ZIP": lambda: zipped(**{f"{one}.zip": zipped(zeros=ZEROS[:9999]) for one in range(9)}),
    "ZIP of many": lambda: zipped(**{f"{one}.txt": b"" for one in range(20_000)}),
    "Word": lambda: zipped(**{"word/document.xml": b"<w:t>The bridge is old.</w:t>" * 999}),
    "gzip": lambda: gzip.compress(ZEROS, 1),
    "bzip2": lambda: bz2.compress(ZEROS[:9_999_999]),
    "xz": lambda: lzma.compress(ZEROS[:9_999_999]),
    "tar": tarred,
}


@pytest.mark.parametrize("kind", PACKED)
def test_a_packed_file_is_one_failure_under_any_name(
    sources: Sources, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "in").mkdir()
    data = PACKED[kind]()
    for suffix in KINDS:
        [failure] = read(sources, tmp_path / "in" / f"a{suffix}", data)
        assert isinstance(failure, Failure)
        told = f"is a packed file ({kind.split(maxsplit=1)[0].replace('Word', 'ZIP')}): unpack it"
        assert failure.reason.startswith(told)
    assert sorted(one.name for one in tmp_path.rglob("*")) == sorted(
        ["in", *(f"a{suffix}" for suffix in KINDS)]
    )
    assert not Path("/tmp/out.txt").exists()


def test_a_packed_file_by_its_own_name_is_passed_over(tmp_path: Path) -> None:
    for name in ("a.zip", "a.docx", "a.jsonl.gz", "a.tar"):
        (tmp_path / name).write_bytes(zipped())
    assert find_files(tmp_path) == []


def test_a_file_of_a_million_bad_rows_is_told_in_a_hundred_lines(
    sources: Sources, tmp_path: Path
) -> None:
    sound = json.dumps({"text": SOUND}).encode()
    found = read(sources, tmp_path / "a.jsonl", b"\xff\n" * 300_000 + sound)
    assert len(found) == TOLD + 2
    assert found[-1] == Failure(
        str(tmp_path / "a.jsonl"), f"has {300_000 - TOLD:,} more rows that hold no article"
    )
    assert isinstance(found[-2], Article) and found[-2].text == SOUND


# D7

TOWN = "Kōmeitō met Señor Núñez in Zürich."
LIES = {
    "latin-1 named UTF-8": "Señor".encode("latin-1"),
    "UTF-16 without a mark": TOWN.encode("utf-16-le"),
    "UTF-16 without a mark, the other way": TOWN.encode("utf-16-be"),
    "UTF-32 without a mark": TOWN.encode("utf-32-le"),
    "cut in a character": TOWN.encode()[:2],
    "surrogates": "Ko\ud834meito".encode(errors="surrogatepass"),
    "longer than need be": b"Caf\xc3\xa9 \xc0\xaf",
    "Shift JIS": "公明党はどこですか".encode("shift_jis"),
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html"])
def test_bytes_that_are_no_utf_8_are_never_guessed(
    sources: Sources, tmp_path: Path, lie: str, name: str
) -> None:
    [failure] = read(sources, tmp_path / name, LIES[lie])
    assert isinstance(failure, Failure)
    assert failure.reason.startswith(("is not UTF-8 text (byte", "is UTF-16 text without its mark"))


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_rows_in_utf_16_are_never_read_with_letters_missing(
    sources: Sources, tmp_path: Path, name: str
) -> None:
    rows = f"text,title\n{TOWN},T\n" if name == "a.csv" else json.dumps({"text": TOWN})
    found = read(sources, tmp_path / name, rows.encode("utf-16-le"))
    assert found and all(isinstance(one, Failure) for one in found)


@pytest.mark.parametrize("declared", ["", '<meta charset="utf-7">'])
def test_utf_7_is_refused_or_shown_as_it_stands(
    sources: Sources, tmp_path: Path, declared: str
) -> None:
    page = f"<html><head>{declared}</head><body><p>+ADw-script+AD4-alert(1)</p>"
    [found] = read(sources, tmp_path / "a.html", page.encode())
    if declared:
        assert isinstance(found, Failure) and found.reason.startswith("is utf-7 text")
    else:
        assert isinstance(found, Article) and found.text == "+ADw-script+AD4-alert(1)"


def test_one_text_in_many_forms_is_one_article_and_offsets_are_of_what_is_stored(
    index: Index, library: Path, tiny_embedder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "articles"
    plain = "🏮👩‍👩‍👧‍👦 The Kōmeitō café was built by Zoë Núñez.\n\nIt opened in 1911 🎉."
    forms = {
        "a": plain.encode(),
        "b": unicodedata.normalize("NFD", plain).encode(),
        "c": plain.replace("\n", "\r\n").encode("utf-8-sig"),
        "d": plain.encode("utf-16"),
        "e": plain.replace("café", "ca\xadfé").replace(" in ", "\xa0in\xa0").encode(),
        "f": plain.replace(" met", "\x08 met").replace("built", "bu\0ilt").encode(),
    }
    for name, data in forms.items():
        (folder / f"{name}.txt").write_bytes(data)
    report = index()
    assert (report.added, report.duplicate, report.failures) == (1, len(forms) - 1, [])
    qa = open_qa(library, None, str(tiny_embedder))
    for question in ("Who built the café?", unicodedata.normalize("NFD", "Who built the café?")):
        [answer, *_] = qa.ask(question, 3).answers
        [cited] = answer.citations
        article = qa.library.article(cited.article_id)
        assert article is not None and article.text == plain
        assert plain[cited.start : cited.end] == cited.quote
        assert cited.start == plain.index(cited.quote) > 20


def test_utf_32_is_refused_by_its_mark(sources: Sources, tmp_path: Path) -> None:
    [failure] = read(sources, tmp_path / "a.txt", TOWN.encode("utf-32"))
    assert failure == Failure(
        str(tmp_path / "a.txt"), "is UTF-32 text, which is not read: save it as UTF-8"
    )


# D8


def large(megabytes: int) -> bytes:
    line = "On day %d the old bridge over the river Grebe was mended by the brothers of the town. "
    count = megabytes * 1_000_000 // (len(line) + 6)  # their numbers take room, too
    lines = (line % one + ("\n\n" if one % 9 == 0 else "") for one in range(count))
    return "".join([*lines, SOUND]).encode()


def test_a_large_article_is_cut_whole_into_passages(sources: Sources, tmp_path: Path) -> None:
    [article] = read(sources, tmp_path / "a.txt", large(6))
    assert isinstance(article, Article) and article.text.endswith(SOUND)
    passages = split(article)
    assert all(article.text[one.start : one.end] == one.text for one in passages)
    assert passages[-1].text.endswith(SOUND) and max(len(one.text) for one in passages) < 2000


def to_its_last_word(index: Index, library: Path, embedder: Path, file: Path, size: int) -> None:
    """An article of so many megabytes is indexed and asked for what its last sentence says."""
    file.write_bytes(large(size))
    report = index()
    assert (report.added, report.failures) == (1, []) and report.passages > 1_000 * size
    qa = open_qa(library, None, str(embedder))
    [answer] = qa.ask("Who built the Grebe ferry?", 1).answers
    assert "Mary Fisher" in answer.text


def test_a_large_article_answers_to_its_last_word(
    index: Index, library: Path, tiny_embedder: Path, tmp_path: Path
) -> None:
    to_its_last_word(index, library, tiny_embedder, tmp_path / "articles" / "a.txt", 1)


@pytest.mark.soak
def test_an_article_of_50_mb_is_indexed_and_answers_to_its_last_word(
    index: Index, library: Path, tiny_embedder: Path, tmp_path: Path
) -> None:
    to_its_last_word(index, library, tiny_embedder, tmp_path / "articles" / "a.txt", 50)


def one_word(index: Index, library: Path, embedder: Path, folder: Path, count: int) -> None:
    """A library of so many articles of one word is made, made again, and asked."""
    with (folder / "a.jsonl").open("w") as file:
        file.writelines(f'{{"text": "Word{one}", "title": "T"}}\n' for one in range(count))
    report = index()
    assert (report.added, report.passages, report.failures) == (count, count, [])
    again = index()
    assert (again.unchanged, again.revision) == (count, report.revision)
    [answer, *_] = open_qa(library, None, str(embedder)).ask(f"Word{count - 1}?", 1).passages
    assert answer.passage.text == f"Word{count - 1}"


def test_articles_of_one_word(
    index: Index, library: Path, tiny_embedder: Path, tmp_path: Path
) -> None:
    one_word(index, library, tiny_embedder, tmp_path / "articles", 1000)


@pytest.mark.soak
def test_a_million_articles_of_one_word(
    index: Index, library: Path, tiny_embedder: Path, tmp_path: Path
) -> None:
    one_word(index, library, tiny_embedder, tmp_path / "articles", 1_000_000)


def copies(count: int) -> str:
    """The same article so often, each under a name of its own."""
    return "".join(json.dumps({"text": SOUND, "title": f"Copy {at}"}) + "\n" for at in range(count))


def test_copies_are_one_article(index: Index, library: Path, tmp_path: Path) -> None:
    (tmp_path / "articles" / "a.jsonl").write_text(copies(3000))
    report = index()
    assert (report.added, report.duplicate, report.passages) == (1, 2999, 1)
    size = (library / DATABASE).stat().st_size
    (tmp_path / "articles" / "b.jsonl").write_text(copies(5000))
    assert index().duplicate == 7999
    assert (library / DATABASE).stat().st_size < size + 100_000


@pytest.mark.soak
def test_100_000_copies_are_one_article(index: Index, tmp_path: Path) -> None:
    (tmp_path / "articles" / "a.jsonl").write_text(copies(100_000))
    report = index()
    assert (report.added, report.duplicate, report.passages) == (1, 99_999, 1)


@pytest.mark.model
def test_near_copies_do_not_fill_the_answers(
    new_library: Callable[..., Path], article: Callable[..., Article]
) -> None:
    near = [
        article(f"{SOUND} Printed as number {at}.", f"Ferry {at}", f"{at}.txt") for at in range(60)
    ]
    other = article("The Heron ferry was built by Anna Stone in 1920.", "Heron", "heron.txt")
    qa = open_qa(new_library([*near, other]), None, None)
    answers = qa.ask("Who built the Grebe ferry?", 10).answers
    texts = [one.text for one in answers]
    assert texts[0] == "Mary Fisher" and len(set(texts)) == len(texts)
    assert len(answers[0].citations) > 1


def test_what_is_empty_is_counted_and_leaves_no_article(index: Index, tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    empty = {"a.txt": "", "b.md": "# Only a title\n", "c.md": "---\ntitle: T\n---\n", "d.html": ""}
    for name, text in empty.items():
        (folder / name).write_text(text)
    (folder / "e.jsonl").write_text('{"title": "T"}\n{"title": "T", "text": " "}\n')
    report = index()
    assert (report.read, report.failed, report.articles) == (0, 6, 0)
    assert {one.reason for one in report.failures} == {
        "holds no text",
        "holds no text of an article",
    }


# D9

CONTROLS = "".join(map(chr, [*range(32), *range(127, 160)]))


def test_no_control_character_of_an_article_is_kept(sources: Sources, tmp_path: Path) -> None:
    said = f"The {CONTROLS} bridge \x1b[2J\x08\x08\x08 is \x9b31m red."
    row = dict.fromkeys(("text", "title", "source", "author", "id", "published", "url"), said)
    [article] = read(sources, tmp_path / "a.jsonl", json.dumps(row).encode())
    assert isinstance(article, Article)
    for kept in (article.text, article.title, article.source, article.author, article.origin):
        assert kept and not set(kept) & set(CONTROLS.replace("\n", "").replace("\t", ""))
    assert (article.published, article.url) == (None, None)


def test_what_is_printed_moves_no_cursor(
    library: Path, tiny_embedder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "a\x1b[2J\n\x08.txt").write_text("")
    rows = [{"text": SOUND, "id": "\x1b[2J", "title": "\x1b]0;x\x07"}, {"id": "\x1b[2J"}]
    (folder / "b.jsonl").write_text("".join(json.dumps(one) + "\n" for one in [*rows, rows[0]]))
    (folder / "c.csv").write_bytes(b"te\x1b[2Jxt\n1\n")
    (folder / "d.md").write_text("---\na: \x1b[2J: \x07\n---\n")
    (folder / "e.txt").write_text(SOUND.replace("Mary", "Mary\x1b[2J\x08"))
    where = ["--data", str(library), "--embedder", str(tiny_embedder)]
    done = CliRunner().invoke(main, ["index", str(folder), *where])
    assert done.exit_code == 1 and done.output.count("failed  ") == 5
    assert not set(done.output) & set(CONTROLS.replace("\n", ""))


def test_a_strange_kind_of_page_is_told_in_print(sources: Sources) -> None:
    found = sources.read_page("https://e.example/", b"", "text/\x1b[2J\r\nx" + "y" * 999)
    assert isinstance(found, Failure) and len(found.reason) < 200
    assert not set(found.reason) & set(CONTROLS)


# D10

NAMES = [
    *("CON.txt", "nul.md", "com1.html.txt", "-rf.txt", "--help.md", " .txt", "...txt", "~.txt"),
    *("a\nb.txt", "a\x1b[2Jb.txt", "..%2f..%2fetc%2fpasswd.txt", "a\\..\\b.txt", "$(id).txt"),
    *("аpple.txt", "apple.txt", "\u202efdp.txt", "\u200b.txt", "é.txt", "e\u0301.txt"),
    *("w" * 251 + ".txt", "<svg onload=alert(1)>.txt", "'; DROP TABLE article; --.txt"),
]


def test_any_name_of_a_file_is_but_shown(index: Index, library: Path, tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    for at, name in enumerate(NAMES):
        (folder / name).write_text(f"---\nsource: S\n---\nArticle {at} is by itself.")
    names = [name for name in NAMES if not name.startswith(".")]
    report = index()
    assert (report.added, report.failures) == (len(names), [])
    found = [one for path in find_files(folder) for one in Sources().read(path)]
    for one in found:
        assert isinstance(one, Article)
        assert len(one.id) == 16 and set(one.id) <= set("0123456789abcdef")
        assert one.origin.isprintable() and one.title.isprintable()
    assert len({one.origin for one in found}) == len(names)
    shelf = FakeLibrary(
        stored=(PACT, *(one for one in found if isinstance(one, Article))),
        failed=tuple(Failure(one.origin, "torn") for one in found),
    )
    client = create_app(Settings(), FakeQA(shelf=shelf)).test_client()  # type: ignore[arg-type]
    page = Marks(client.get("/articles").get_data(as_text=True))
    assert "svg" not in {tag for tag, _ in page.tags}


@pytest.mark.parametrize("name", ["a.jsonl#1.txt", "a.csv#x/b.md"])
def test_a_file_can_not_pass_for_a_row_of_a_table(
    sources: Sources, tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    [failure] = read(sources, file, SOUND.encode())
    assert failure == Failure(
        str(file), "has .csv# or .jsonl# in its path, as rows have: rename it"
    )
