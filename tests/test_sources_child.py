import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.errors import SourceError
from index.records import Article, Failure
from index.sources import Sources, parser

PAGE = "<html><body><p>The bridge was built in 1183, and it stood.</p></body></html>"
TEXT = b"BT /F1 12 Tf 10 100 Td (The bridge stood.) Tj ET\n"
PAGES = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
RESOURCES = b"/Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>"


@pytest.fixture
def sources() -> Iterator[Sources]:
    with Sources() as sources:
        yield sources


def read(sources: Sources, file: Path) -> Article | Failure:
    (found,) = sources.read(file)
    return found


def assert_still_reads(sources: Sources, folder: Path) -> None:
    (folder / "good.html").write_text(PAGE)
    article = read(sources, folder / "good.html")
    assert isinstance(article, Article), article
    assert article.text == "The bridge was built in 1183, and it stood."


def children(parent: int) -> list[int]:
    """The process ids of the parsers that `parent` has started and not yet buried."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            status = (process / "status").read_text()
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if f"\nPPid:\t{parent}\n" in status and b"index.sources.child" in command:
            found.append(int(process.name))
    return found


def pdf(
    pages: bytes = PAGES,
    content: bytes = TEXT,
    filters: bytes = b"",
    resources: bytes = RESOURCES,
    trailer: bytes = b"",
    more: bytes = b"",
) -> bytes:
    """A one-page document made by hand, to be spoilt in one place."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        pages,
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<<%s>>>>"
        % resources,
        b"<</Length %d%s>>\nstream\n%s\nendstream" % (len(content), filters, content),
        more,
    ]
    data = b"%PDF-1.7\n"
    table = b"0000000000 65535 f \n"
    for number, body in enumerate(objects, start=1):
        table += b"%010d 00000 n \n" % len(data)
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    end = b"trailer\n<</Size 6/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n"
    trailer = trailer.replace(b"HERE", b"%d" % len(data))
    return data + b"xref\n0 6\n" + table + end % (trailer, len(data))


def zeros(megabytes: int) -> bytes:
    """So many MB of spaces, deflated: one MB, ended so that it can be repeated."""
    packer = zlib.compressobj(9)
    start = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b" " * 1_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + block * megabytes + packer.flush()


def test_the_document_made_by_hand_is_sound(sources: Sources, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf())
    article = read(sources, tmp_path / "a.pdf")
    assert isinstance(article, Article)
    assert article.text == "The bridge stood."


def test_a_file_that_takes_too_long_is_given_up(
    sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kids = b"<</Type/Pages/Kids[" + b"3 0 R " * 500_000 + b"]/Count 500000>>"
    (tmp_path / "endless.pdf").write_bytes(pdf(pages=kids))
    with monkeypatch.context() as patch:
        patch.setattr(parser, "FILE_SECONDS", 1.0)
        sources.close()
        failure = read(sources, tmp_path / "endless.pdf")
    assert failure == Failure(str(tmp_path / "endless.pdf"), "took longer than 1 s")
    assert children(os.getpid()) == []
    assert_still_reads(sources, tmp_path)


@pytest.mark.parametrize(
    "bomb",
    [
        {"content": zeros(3000), "filters": b"/Filter/FlateDecode"},
        {
            "content": zlib.compress(zeros(3000)),
            "filters": b"/Filter[/FlateDecode/FlateDecode]",
        },
    ],
    ids=["deflated", "deflated twice"],
)
def test_a_file_that_swells_or_crashes_is_given_up(
    sources: Sources, tmp_path: Path, bomb: dict[str, bytes]
) -> None:
    (tmp_path / "bomb.pdf").write_bytes(pdf(**bomb))
    assert_still_reads(sources, tmp_path)
    failure = read(sources, tmp_path / "bomb.pdf")
    assert failure == Failure(
        str(tmp_path / "bomb.pdf"), "needed over 1 GB of memory or crashed the parser"
    )
    assert_still_reads(sources, tmp_path)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"pages": b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 1000000>>"},
        {"pages": b"<</Type/Pages/Kids[3 0 R]/Count 1000000>>"},
        {"trailer": b"/Prev HERE"},
        {"trailer": b"/Prev 9999999999999"},
        {"trailer": b"/Size 2000000000"},
        {"trailer": b"/XRefStm HERE"},
        {"trailer": b"/Info 5 0 R", "more": b"<</Title 5 0 R/Author 5 0 R>>"},
        {
            "trailer": b"/Root 5 0 R",
            "more": b"<</Type/Catalog/Pages 2 0 R/Outlines 5 0 R/First 5 0 R/Next 5 0 R>>",
        },
        {"pages": b"<</Type/Pages/Parent 2 0 R/Kids[3 0 R]/Count 1/Resources 2 0 R>>"},
        {"more": b"[" * 100_000},
        {"more": b"<</A" * 100_000},
        {"content": b"q " * 200_000 + TEXT},
        {"content": TEXT, "filters": b"/Filter[" + b"/ASCIIHexDecode" * 10_000 + b"]"},
        {"filters": b"/Filter/FlateDecode/DecodeParms<</Predictor 15/Columns 2000000000>>"},
    ],
    ids=[
        *("pages in a circle", "a million pages declared", "tables in a circle"),
        *("a table beyond the end", "two billion objects", "a stream of tables in a circle"),
        *("properties in a circle", "an outline in a circle", "pages that inherit themselves"),
        *("deep lists", "deep dictionaries", "deep states", "ten thousand filters"),
        "a row of two billion columns",
    ],
)
def test_a_document_that_leads_nowhere_ends(
    sources: Sources, tmp_path: Path, spoilt: dict[str, bytes]
) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf(**spoilt))
    found = read(sources, tmp_path / "a.pdf")
    if isinstance(found, Article):
        assert found.text == "The bridge stood."
    else:
        assert found.reason == "is a damaged PDF"
    assert_still_reads(sources, tmp_path)


@pytest.mark.parametrize(
    "page",
    [
        "<html><body>" + "<div>" * 100_000 + "<p>Deep down.</p>",
        "<html><body>" + "<p><b><i>" * 10_000 + "Deep down.",
        "<html><body>" + "<table><tr><td>" * 30_000 + "Deep down.",
        "<html><body>" + "<" * 1_000_000,
    ],
    ids=["nested", "never closed", "tables", "brackets"],
)
def test_a_page_beyond_measure_ends(sources: Sources, tmp_path: Path, page: str) -> None:
    (tmp_path / "a.html").write_text(page)
    found = read(sources, tmp_path / "a.html")
    assert found.text if isinstance(found, Article) else found.reason
    assert_still_reads(sources, tmp_path)


def test_a_page_that_takes_ever_longer_is_cut_off(
    sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = "<html><body><p " + " ".join(f"a{n}=x" for n in range(1_000_000)) + ">Words.</p>"
    (tmp_path / "a.html").write_text(page)
    with monkeypatch.context() as patch:
        patch.setattr(parser, "FILE_SECONDS", 2.0)
        found = read(sources, tmp_path / "a.html")
    assert found == Failure(str(tmp_path / "a.html"), "took longer than 2 s")
    assert_still_reads(sources, tmp_path)


def test_a_drawing_that_draws_itself_ends(sources: Sources, tmp_path: Path) -> None:
    drawing = (
        b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 5 0 R>>>>"
        b"/Length 12>>\nstream\n/X Do /X Do \nendstream"
    )
    content = pdf(content=b"/X Do\n", resources=b"/XObject<</X 5 0 R>>", more=drawing)
    (tmp_path / "a.pdf").write_bytes(content)
    found = read(sources, tmp_path / "a.pdf")
    assert isinstance(found, Failure)
    assert found.reason in (
        "took longer than 10 s",
        "needed over 1 GB of memory or crashed the parser",
        "is a PDF without text, perhaps a scan",
    )
    assert_still_reads(sources, tmp_path)


def test_more_text_than_allowed_is_not_taken(
    sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.html").write_text(PAGE.replace("stood", "stood " * 500))
    with monkeypatch.context() as patch:
        patch.setattr(parser, "SIZE_LIMIT", 2000)
        found = read(sources, tmp_path / "a.html")
    assert found == Failure(str(tmp_path / "a.html"), "holds more than 0.002 MB of text")
    assert_still_reads(sources, tmp_path)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("nonsense", "can't be parsed"),
        ("[1]", "can't be parsed"),
        ("[" * 50_000, "can't be parsed"),
        ('{"text": 5}', "can't be parsed"),
        ('{"title": {"a": 1}, "reason": null}', "holds no text"),
    ],
)
def test_the_word_of_the_child_is_not_trusted(
    sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, reason: str
) -> None:
    (tmp_path / "answer").write_text(f"{answer}\n")
    rogue = tmp_path / "rogue"
    rogue.write_text(f"#!/bin/sh\necho '{{}}'\nread line\nexec /bin/cat {tmp_path}/answer\n")
    rogue.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(rogue))
    (tmp_path / "a.html").write_text(PAGE)
    found = read(sources, tmp_path / "a.html")
    assert found == Failure(str(tmp_path / "a.html"), reason)


def test_a_child_that_was_killed_is_replaced(sources: Sources, tmp_path: Path) -> None:
    assert_still_reads(sources, tmp_path)
    (child,) = children(os.getpid())
    os.kill(child, signal.SIGKILL)
    assert_still_reads(sources, tmp_path)
    assert children(os.getpid()) != [child]


def test_one_child_serves_many_files(sources: Sources, tmp_path: Path) -> None:
    assert_still_reads(sources, tmp_path)
    before = children(os.getpid())
    assert_still_reads(sources, tmp_path)
    assert children(os.getpid()) == before
    assert len(before) == 1


def test_text_needs_no_child(sources: Sources, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Words.")
    assert isinstance(read(sources, tmp_path / "a.md"), Article)
    assert children(os.getpid()) == []


def test_nothing_is_left_running_or_open_after_close(tmp_path: Path) -> None:
    def open_files() -> list[str]:
        return sorted(entry.name for entry in Path("/proc/self/fd").iterdir())

    before = open_files()
    with Sources() as sources:
        assert_still_reads(sources, tmp_path)
        assert len(children(os.getpid())) == 1
    assert children(os.getpid()) == []
    assert open_files() == before
    sources.close()


def test_an_error_in_the_midst_leaves_nothing_running(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Sources() as sources:
        assert_still_reads(sources, tmp_path)
        raise ZeroDivisionError
    assert children(os.getpid()) == []


def test_the_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(PAGE)
    script = (
        "import pathlib, sys, time\n"
        "from index.sources import Sources\n"
        "sources = Sources()\n"
        "print(list(sources.read(pathlib.Path(sys.argv[1]))), flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, tmp_path / "a.html"],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as parent:
        assert parent.stdout is not None
        assert b"Article(" in parent.stdout.readline()
        (child,) = children(parent.pid)
        parent.kill()
    for _ in range(100):
        if not Path(f"/proc/{child}/cmdline").exists() or not _command(child):
            return
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    pytest.fail("the child outlived its parent by 10 s")


def _command(process: int) -> bytes:
    """The command of a process; empty when it has ended and nobody has buried it yet."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def test_the_child_knows_little_and_is_limited(
    sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITESPAN_SECRET", "canary")
    assert_still_reads(sources, tmp_path)
    (child,) = children(os.getpid())
    names = {
        entry.partition(b"=")[0]
        for entry in Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
        if entry
    }
    assert names == {b"PYTHONPATH", b"PYTHONUTF8"}
    limits = {
        line[:25].strip(): line[25:].split()[:2]
        for line in Path(f"/proc/{child}/limits").read_text().splitlines()
    }
    assert limits["Max core file size"] == ["0", "0"]
    assert limits["Max file size"] == ["0", "0"]
    assert 1_000_000_000 < int(limits["Max address space"][1]) < 6_000_000_000
    assert 12 <= int(limits["Max cpu time"][0]) < 60


def test_the_parsers_are_silent(
    sources: Sources, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for number, page in enumerate(["", "<p>", "<html>" + "<div>" * 1000, "no page"]):
        (tmp_path / f"{number}.html").write_text(page)
        assert isinstance(read(sources, tmp_path / f"{number}.html"), Failure)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("program", ["/bin/false", "/nowhere/python", "/bin/cat"])
def test_an_installation_that_can_not_parse_is_an_error(
    sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    (tmp_path / "a.html").write_text(PAGE)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", program)
        with pytest.raises(SourceError, match=r"^The parser of HTML and PDF can't be started"):
            read(sources, tmp_path / "a.html")
    assert_still_reads(sources, tmp_path)


def test_the_parsers_are_not_loaded_into_this_process() -> None:
    script = "import sys, index.sources; print([m for m in sys.modules if m in sys.argv])"
    loaded = subprocess.run(
        [sys.executable, "-c", script, "trafilatura", "pypdfium2", "lxml"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=True,
    )
    assert loaded.stdout.strip() == b"[]"
