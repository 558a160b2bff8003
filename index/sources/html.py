"""HTML pages become the fields and text of an article; runs in the killable child only.

This file must not fetch anything.
"""

import re
from datetime import date
from pathlib import Path

from trafilatura import bare_extraction, load_html

from index.errors import SourceError
from index.sources.archives import refuse_archive
from index.sources.figures import with_figures
from index.sources.files import read_bytes
from index.sources.normalise import decode_declared, one_line

_SIZE_LIMIT = 20_000_000  # bytes; trafilatura's own limit
_DECLARED = (  # the first that is there: where the two differ, browsers believe the page's own
    re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]{1,40})", re.IGNORECASE),
    re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']\s*([\w-]{1,40})", re.IGNORECASE),
)
_ITEM = re.compile(r" *- |\| ")
_TABLE_RULE = re.compile(r"\|(?:---\|)+")


def read_html(path: Path) -> dict[str, str | None]:
    """The main text of the page and what its head says of it. Raises `SourceError`."""
    data = read_bytes(path, _SIZE_LIMIT)
    refuse_archive(data)
    if data.startswith(b"%PDF-"):
        raise SourceError(f"is named {path.suffix} but holds a PDF")
    html = _decode_page(data)
    page = bare_extraction(
        with_figures(load_html(html)),
        include_comments=False,
        with_metadata=True,
        # The extensive search takes most dates in the text for the date of the page.
        date_extraction_params={
            "original_date": True,
            "extensive_search": False,
            "max_date": date.max.isoformat(),
        },
    )
    if page is None or isinstance(page, dict) or page.text is None:
        raise SourceError("holds no text of an article")
    return {
        "text": _paragraphs(page.text, page.title),
        "title": page.title,
        "url": page.url,
        "source": page.sitename,
        "published": _published(page.date, page.text, html),
        "author": None if page.author is None else page.author.replace("; ", ", "),
    }


def _decode_page(data: bytes) -> str:
    found = [one[1] for pattern in _DECLARED if (one := pattern.search(data[:4096]))]
    return decode_declared(data, found[0].decode("ascii", "replace") if found else "")


def _published(day: str | None, text: str, html: str) -> str | None:
    """The date, unless it stands in the text and nowhere else: then it may be any date."""
    return None if day is not None and 0 < html.count(day) <= text.count(day) else day


def _paragraphs(text: str, title: str | None) -> str:
    """Paragraphs apart by blank lines; no marks of lists and tables; no title on top."""
    lines = text.strip().split("\n")
    if title is not None and one_line(lines[0]) == one_line(title):
        lines = lines[1:]
    kept = ""
    in_list = False
    for line in lines:
        if _TABLE_RULE.fullmatch(line):
            continue
        item = _ITEM.match(line)
        of_list = item is not None
        words = line if item is None else line[item.end() :].strip(" |")
        kept += ("\n" if of_list and in_list else "\n\n") + words
        in_list = of_list
    return kept
