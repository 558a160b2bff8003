"""PDF files become the fields and text of an article; runs in the killable child only.

This file must not know how a page is laid out beyond its lines of text.
"""

import re
from itertools import pairwise
from pathlib import Path

from pypdfium2 import PdfDocument, PdfiumError
from pypdfium2.raw import FPDF_ERR_PASSWORD

from index.errors import SourceError
from index.sources.archives import refuse_archive
from index.sources.files import read_bytes
from index.sources.normalise import normalise

# pdfium sets U+FFFE where it takes a hyphen at the end of a line for a broken word.
_BROKEN_WORD = re.compile(r"(?<![\w-])([\w-]*\w)(?:\ufffe|[-\u00ad]\n)(?=(\w+))")
_HYPHENATED = re.compile(r"(?<!\w)\w+(?:-\w+)+")
_DATE = re.compile(r"(?:D:)?(\d{4})(\d{2})(\d{2})", re.ASCII)
_SENTENCE_END = re.compile(r"[.!?:][\"'\u2019\u201d)\]]*$")
_GAP = "\n\n"  # between two pages
_SHORT = 0.8  # of the page's longest line: a sentence that ends before it ends its paragraph
_HEADING = 0.6  # of the page's longest line: a line before it that ends in no stop is a heading


def read_pdf(path: Path) -> dict[str, str | None]:
    """The text of all pages, apart by blank lines, where each begins, and the properties.

    Raises `SourceError`.
    """
    data = read_bytes(path)
    refuse_archive(data)
    if b"%PDF-" not in data[:1024]:
        raise SourceError(f"is named {path.suffix} but does not hold a PDF")
    if b"%%EOF" not in data.rstrip(b"\0\r\n\t ")[-2048:]:
        raise SourceError("is a PDF that is cut short: its end is missing")
    try:
        document = PdfDocument(data)
        pages = [page.get_textpage().get_text_range() for page in document]
        properties = document.get_metadata_dict()
    except PdfiumError as error:
        if error.err_code == FPDF_ERR_PASSWORD:
            raise SourceError("is a PDF that is locked with a password") from error
        raise SourceError("is a damaged PDF") from error
    if not any(page.strip() for page in pages):
        raise SourceError("is a PDF without text, perhaps a scan")
    made = _DATE.match(properties["CreationDate"])
    text, starts = join_pages(pages)
    return {
        "text": text,
        "page_starts": " ".join(map(str, starts)),
        "title": properties["Title"],
        "author": properties["Author"],
        "published": None if made is None else "-".join(made.groups()),
    }


def join_pages(pages: list[str]) -> tuple[str, list[int]]:
    """The text in its canonical form, and where in it each page begins.

    Words broken at line ends are made whole, lines joined into paragraphs, pages set apart.
    """
    pages = [page.replace("\r\n", "\n") for page in pages]
    hyphenated = {word for page in pages for word in _HYPHENATED.findall(page)}

    def mend(broken: re.Match[str]) -> str:
        first, last = broken[1], broken[2]
        compound = "-" in first or f"{first}-{last}" in hyphenated
        whole = first[-1].islower() and last[0].islower() and not compound
        return first if whole else f"{first}-"

    texts = [normalise(_join_lines(_BROKEN_WORD.sub(mend, page))) for page in pages]
    starts, length = [], 0
    for text in texts:
        starts.append(length)
        length += len(text) + len(_GAP) if text else 0
    whole = _GAP.join(filter(None, texts))
    return whole, [min(start, len(whole)) for start in starts]


def _join_lines(page: str) -> str:
    lines = [line.strip() for line in page.split("\n")]
    width = max(map(len, lines))
    joined = lines[0]
    for last, line in pairwise(lines):
        joined += ("\n\n" if _ends_paragraph(last, line, width) else " ") + line
    return joined


def _ends_paragraph(line: str, following: str, width: int) -> bool:
    if not line or not following:
        return True
    if _SENTENCE_END.search(line):
        return len(line) < _SHORT * width
    return len(line) < _HEADING * width and not following[0].islower()
