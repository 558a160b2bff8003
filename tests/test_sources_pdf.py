from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fpdf import FPDF

from index.records import Article, Failure
from index.sources import Sources

Read = Callable[[bytes], Article | Failure]

LONG = (
    "The first bridge over the river was built in the year 1183 by a company of brothers, who "
    "begged for the money in the streets of the town."
)


@pytest.fixture(scope="module")
def sources() -> Iterator[Sources]:
    with Sources() as sources:
        yield sources


@pytest.fixture
def read(sources: Sources, tmp_path: Path) -> Read:
    def read(content: bytes) -> Article | Failure:
        (tmp_path / "the-bridge.pdf").write_bytes(content)
        (found,) = sources.read(tmp_path / "the-bridge.pdf")
        return found

    return read


def document(*pages: str) -> FPDF:
    pdf = FPDF()
    pdf.set_font("Helvetica", size=12)
    for page in pages:
        pdf.add_page()
        pdf.multi_cell(0, text=page)
    return pdf


def text_of(found: Article | Failure) -> str:
    assert isinstance(found, Article), found
    return found.text


def test_a_document_becomes_an_article(read: Read, tmp_path: Path) -> None:
    pdf = document(f"{LONG}\n\n{LONG}", "Page two.")
    pdf.set_title("Bridges")
    pdf.set_author("Ann Lee")
    pdf.set_creation_date(datetime(2023, 4, 5, 10, tzinfo=UTC))
    article = read(bytes(pdf.output()))
    assert isinstance(article, Article)
    assert article.text == f"{LONG}\n\n{LONG}\n\nPage two."
    assert article.origin == str(tmp_path / "the-bridge.pdf")
    assert (article.title, article.author, article.published) == (
        "Bridges",
        "Ann Lee",
        "2023-04-05",
    )
    assert (article.source, article.url) == ("the-bridge.pdf", None)


def test_it_says_where_each_page_begins(read: Read) -> None:
    article = read(bytes(document(LONG, "", f"  {LONG}  \n\n\n\nEnd.", "Last.", "").output()))
    assert isinstance(article, Article)
    assert [article.text[at:][:5] for at in article.page_starts] == [
        *(LONG[:5], LONG[:5], LONG[:5]),
        *("Last.", ""),
    ]
    places = [0, len(LONG), len(LONG) + 1, len(LONG) + 2, article.text.index("Last.")]
    assert [article.page(at) for at in places] == [1, 1, 1, 3, 4]


def test_without_properties_the_first_sentence_is_the_title(read: Read) -> None:
    article = read(bytes(document("The bridge fell. It was old.").output()))
    assert isinstance(article, Article)
    assert (article.title, article.author) == ("The bridge fell.", None)


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (f"{LONG}\nShort line.\nNext paragraph.", f"{LONG}\n\nShort line.\n\nNext paragraph."),
        (f"A heading\n{LONG}", f"A heading\n\n{LONG}"),
        (f"{LONG}\nbroken by hand\nbut one", f"{LONG}\n\nbroken by hand but one"),
    ],
)
def test_lines_are_joined_into_paragraphs(read: Read, lines: str, text: str) -> None:
    assert text_of(read(bytes(document(lines).output()))) == text


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        ("The engi-\nneer came.", "The engineer came."),
        ("A well-known man and a well-\nknown woman.", "A well-known man and a well-known woman."),
        ("The UN-\nbacked plan.", "The UN-backed plan."),
        ("In 2019-\n2020 it fell.", "In 2019-2020 it fell."),
        ("The state-of-the-\nart bridge.", "The state-of-the-art bridge."),
    ],
)
def test_words_broken_at_line_ends_are_mended(read: Read, lines: str, text: str) -> None:
    assert text_of(read(bytes(document(lines).output()))) == text


def test_locked_documents_are_told(read: Read) -> None:
    pdf = document("Secret.")
    pdf.set_encryption(owner_password="owner", user_password="user")
    failure = read(bytes(pdf.output()))
    assert isinstance(failure, Failure)
    assert failure.reason == "is a PDF that is locked with a password"


def test_documents_that_only_forbid_changes_are_read(read: Read) -> None:
    pdf = document("Open to all.")
    pdf.set_encryption(owner_password="owner")
    assert text_of(read(bytes(pdf.output()))) == "Open to all."


def test_documents_without_text_are_told(read: Read) -> None:
    pdf = document("")
    pdf.rect(10, 10, 100, 100)
    failure = read(bytes(pdf.output()))
    assert isinstance(failure, Failure)
    assert failure.reason == "is a PDF without text, perhaps a scan"


WHOLE = bytes(document(LONG, LONG).output())


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_documents_cut_short_are_told(read: Read, share: float) -> None:
    failure = read(WHOLE[: int(len(WHOLE) * share)])
    assert isinstance(failure, Failure)
    assert failure.reason == "is a PDF that is cut short: its end is missing"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is named .pdf but does not hold a PDF"),
        (b"<!DOCTYPE html><html><body>Words.</body></html>", "is named .pdf but does not hold"),
        (b"%PDF-1.7\n%%EOF", "is a damaged PDF"),
        (b"%PDF-1.7\n" + b"\0\xff" * 50_000 + b"\n%%EOF\n", "is a damaged PDF"),
    ],
)
def test_what_is_no_pdf_is_told(read: Read, content: bytes, reason: str) -> None:
    failure = read(content)
    assert isinstance(failure, Failure)
    assert failure.reason.startswith(reason)


@pytest.mark.parametrize("seed", range(40))
def test_damaged_bytes_never_stop_the_rest(read: Read, seed: int) -> None:
    damaged = bytearray(WHOLE)
    for step in range(1, 30):
        damaged[(seed * 7919 + step * step * 104729) % len(damaged)] ^= 1 << (seed % 8)
    found = read(bytes(damaged))
    assert found.text if isinstance(found, Article) else found.reason
    assert text_of(read(WHOLE)) == f"{LONG}\n\n{LONG}"
