"""A citation as text to paste elsewhere: a quotation, Markdown, BibTeX, CSL-JSON; pure.

The quoted sentence is the article's, with its line breaks as spaces. This file must not
know HTML, nor where a link leads.
"""

import json
import re
import string
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from qa import Citation
from web import wording

_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&])")
_BORDERS = string.whitespace + string.punctuation + "“”"
_BIBTEX = {
    **{sign: f"\\{sign}" for sign in "%&#_$"},
    **{"\\": r"\textbackslash ", "~": r"\textasciitilde ", "^": r"\textasciicircum "},
    **{"{": r"\textbraceleft ", "}": r"\textbraceright "},
}
_ADDRESS = "!#$%&'()*+,-./:;=?@_~[]"  # signs that a link keeps; all others are percent-encoded


@dataclass(frozen=True, slots=True)
class Texts:
    """One citation in each of the forms."""

    quotation: str
    markdown: str
    bibtex: str
    csl_json: str


def texts(citation: Citation, author: str | None, link: str) -> Texts:
    """The citation in every form; `link` is where a reader can check it."""
    return Texts(
        quotation=_quotation(citation, link),
        markdown=_markdown(citation, link),
        bibtex=_bibtex(citation, author, link),
        csl_json=_csl_json(citation, author, link),
    )


def sentence(citation: Citation) -> str:
    """The quote in its sentence, on one line."""
    return _line(citation.before + citation.quote + citation.after).strip()


def _quotation(citation: Citation, link: str) -> str:
    return f"“{sentence(citation)}” — {', '.join([*_where(citation), link])}"


def _markdown(citation: Citation, link: str) -> str:
    before, quoted, after = map(_plain, (citation.before, citation.quote, citation.after))
    title, *rest = map(_plain, _where(citation))
    address = quote(link, safe=_ADDRESS)
    credit = ", ".join([f"[{title.strip()}](<{address}>)", *rest])
    said = _bold(f"“{before.lstrip()}", quoted, f"{after.rstrip()}”")
    return f"> {said}\n>\n> — {credit}\n"


def _bold(before: str, words: str, after: str) -> str:
    """The words in stars, unless Markdown would not take the stars for marks there."""
    opens = words[0].isalnum() or before[-1] in _BORDERS
    closes = words[-1].isalnum() or after[0] in _BORDERS
    return f"{before}**{words}**{after}" if opens and closes else before + words + after


def _bibtex(citation: Citation, author: str | None, link: str) -> str:
    when = _date(citation.published)
    fields = {
        "title": f"{{{_tex(citation.title)}}}",
        "author": None if author is None else f"{{{_tex(author)}}}",
        "howpublished": None if citation.source is None else _tex(citation.source),
        "year": None if when is None else str(when.year),
        "date": None if when is None else when.isoformat(),
        "pages": None if citation.page is None else str(citation.page),
        "url": quote(link, safe=_ADDRESS),
        "note": _tex(f"“{sentence(citation)}”"),
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value is not None]
    key = f"citespan-{citation.article_id}-{citation.start}"
    return "@misc{" + ",\n".join([key, *lines]) + "\n}\n"


def _csl_json(citation: Citation, author: str | None, link: str) -> str:
    when = _date(citation.published)
    item: dict[str, object] = {
        "id": f"citespan-{citation.article_id}-{citation.start}",
        "type": "webpage",
        "title": citation.title,
        "URL": link,
        "note": f"“{sentence(citation)}”",
    }
    if author is not None:
        item["author"] = [{"literal": author}]
    if citation.source is not None:
        item["container-title"] = citation.source
    if citation.page is not None:
        item["page"] = str(citation.page)
    if when is not None:
        item["issued"] = {"date-parts": [[when.year, when.month, when.day]]}
    return json.dumps([item], ensure_ascii=False, indent=2) + "\n"


def _where(citation: Citation) -> list[str]:
    """Title, source, date and page, as far as they are known."""
    when = None if citation.published is None else wording.day(citation.published)
    page = None if citation.page is None else f"p. {citation.page}"
    return [_line(part) for part in (citation.title, citation.source, when, page) if part]


def _date(published: str | None) -> date | None:
    try:
        return None if published is None else date.fromisoformat(published)
    except ValueError:
        return None


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _plain(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", _line(text))


def _tex(text: str) -> str:
    return "".join(_BIBTEX.get(sign, sign) for sign in _line(text))
