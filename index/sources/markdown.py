"""Markdown becomes prose that can be quoted: its marks go, its words stay.

Not a parser: an unusual document keeps a mark or two. Every pattern here runs in linear time,
because a document of 50 MB may have been written to make it slow. The input is normalised, so
control characters are free to stand for characters that must not be taken for marks.
"""

import re
from dataclasses import dataclass

_MARKS = "\\`*_[]()#!~<>"
_HIDE = str.maketrans({mark: chr(code) for code, mark in enumerate(_MARKS, start=14)})
_SHOW = str.maketrans({chr(code): mark for code, mark in enumerate(_MARKS, start=14)})

_FENCE = re.compile(r"([ \t]*)(```++(?!.*`)|~~~+)")  # ```one that ends in its line``` is code
_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]+(.*))?$")
_CLOSING_MARKS = re.compile(r"(?<!\S)#+$")
_UNDERLINE = re.compile(r" {0,3}(?:={2,}|-{2,})$")
_RULE = re.compile(r"[ \t]*(?:\*[* \t]*|-[- \t]*|_[_ \t]*)$")
_TABLE_RULE = re.compile(r"(?:[:| \t]|-(?!-))*--[-:| \t]*$")
_QUOTE = re.compile(r" {0,3}>[> \t]*")
_QUOTE_MARK = re.compile(r"^ {0,3}>")
_COMMENT = re.compile(r" {0,3}<!--")
_WHOLE_COMMENTS = re.compile(r"^(?:\s*+<!--(?:(?!-->).)*+-->)*+")
# What may go on in lines that are indented as code would be: lists, notes, boxes.
_ITEM = re.compile(r" {0,3}(?:(?:[-*+:]|\d{1,9}[.)])[ \t]|\[\^[^\[\]\s]+\]:|!!!|\?\?\?)")
_BULLET = re.compile(r"[ \t]*[-*+][ \t]+")
_DEFINITION = re.compile(
    r" {0,3}\[([^\[\]^][^\[\]]*)\]:[ \t]*(?=\S*?[/#.@])\S++(?:[ \t]+[\"'(].*)?$"
)

# A pattern that starts with a plain character is searched for many times faster than one that
# starts by looking back; so these look back over their first character.
_CODE = re.compile(r"(`(?<!``)`{0,2})(?!`)([^`\n]+)\1(?!`)")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_BREAK = re.compile(r"\\\n(?!\n)")
_TARGET = (
    r"\((?:<[^<>\n]*>|[^()\s]*(?:\([^()\s]*\)[^()\s]*){0,9})"
    r"(?:\s+(?:\"[^\"\n]*\"|'[^'\n]*'))?[ \t]*\)"
)
_IMAGE = re.compile(r"!\[([^\[\]]*)\]" + _TARGET)
_LINK = re.compile(r"\[([^\[\]]*)\]" + _TARGET)
_NAMED_LINK = re.compile(r"!?\[([^\[\]]+)\](?:\[([^\[\]]*)\])?")
_FOOTNOTE = re.compile(r"\[\^[^\[\]\s]+\](?::[ \t]*)?")
_ADDRESS = re.compile(r"<(https?://[^\s<>]+)>")
_WITHIN = r"(?=[^\s{0}])([^{0}\n]*(?:\n(?!\n)[^{0}\n]*){{0,50}})(?<=\S)\1"
_STARS = re.compile(r"(\*(?<!\*\*)\*{1,2})(?!\*)" + _WITHIN.format("*") + r"(?!\*)")
_STAR = re.compile(r"(\*(?<![\w*]\*))" + _WITHIN.format("*") + r"(?![\w*])")
_UNDERSCORES = re.compile(r"(_(?<!\w_)_{0,2})" + _WITHIN.format("_") + r"(?!\w)")
_TILDES = re.compile(r"(~(?<!~~)~)" + _WITHIN.format("~") + r"(?!~)")


@dataclass(frozen=True, slots=True)
class Prose:
    """`text`, and the document's first `heading`, which is not in the text if it `leads`."""

    text: str
    heading: str | None
    leads: bool


def strip_markdown(markdown: str) -> Prose:
    """The words of a normalised Markdown document, without its marks."""
    lines = _Lines(markdown.count("-->"))
    for line in markdown.split("\n"):
        lines.take(line)
    heading = lines.heading
    return Prose(
        text=_inline("\n".join(lines.kept), lines.addresses),
        heading=None if heading is None else _inline(heading, lines.addresses),
        leads=lines.leads,
    )


class _Lines:
    """The lines kept so far, with the marks at their starts gone."""

    def __init__(self, ends: int) -> None:
        """`ends`: how many ends of comments are to come."""
        self.kept: list[str] = []
        self.heading: str | None = None
        self.leads = False
        self.addresses: set[str] = set()
        self._ends = ends
        self._is_comment = False
        self._fence: str | None = None
        self._most = 0  # blanks before the line that ends the fence
        self._quotes = 0  # marks of quotation before each line inside the fence
        self._in_list = False
        self._after_blank = True

    def take(self, line: str) -> None:
        """Keep what is to be read in the next line."""
        self._ends -= line.count("-->")
        quoted = _QUOTE.match(line)
        if self._fence is not None and (quoted is not None or not self._quotes):
            self._take_fenced(line)
            return
        self._fence = None  # that of a quotation ends with it
        rest = line if quoted is None else line[quoted.end() :]
        if self._is_comment or (_COMMENT.match(rest) and (self._ends or "-->" in rest)):
            self._take_comment(rest)
        elif self._is_code(rest):
            self.kept.append(rest.translate(_HIDE))
        elif (fence := _FENCE.match(rest)) is not None:
            self._fence, self._most = fence[2], len(fence[1]) + 3
            self._quotes = line[: len(line) - len(rest)].count(">")
        else:
            self._take_prose(rest)

    def _take_fenced(self, line: str) -> None:
        if self._quotes:
            for _ in range(self._quotes):
                line = _QUOTE_MARK.sub("", line)
            line = line.removeprefix(" ")
        fence = _FENCE.match(line)
        is_end = fence is not None and len(fence[1]) <= self._most
        if fence is not None and is_end and fence[2].startswith(str(self._fence)):
            self._fence = None
        else:
            self.kept.append(line.translate(_HIDE))

    def _take_comment(self, line: str) -> None:
        _, end, rest = line.partition("-->")
        rest = _WHOLE_COMMENTS.sub("", rest)
        self._is_comment = not end or (_COMMENT.match(rest) is not None and self._ends > 0)
        if not self._is_comment:
            self._take_prose(rest.strip())

    def _is_code(self, line: str) -> bool:
        """Whether the line is code by being indented, which within a list or paragraph it isn't."""
        if self._after_blank and line[:1].strip():
            self._in_list = False
        self._in_list |= _ITEM.match(line) is not None
        is_code = self._after_blank and not self._in_list and line.startswith(("    ", "\t"))
        self._after_blank = not line or is_code
        return is_code

    def _take_prose(self, line: str) -> None:
        if (heading := _HEADING.match(line)) is not None:
            self._take_heading(_CLOSING_MARKS.sub("", heading[1] or "").strip())
        elif _UNDERLINE.match(line) and self._follows_single_line():
            self._take_heading(self.kept.pop())
        elif (named := _DEFINITION.match(line)) is not None:
            self.addresses.add(named[1].casefold())
        elif not _is_rule(line):
            bullet = _BULLET.match(line)
            self.kept.append(line if bullet is None else line[bullet.end() :])

    def _take_heading(self, heading: str) -> None:
        if self.heading is None and heading:
            self.heading = heading
            self.leads = not any(self.kept)
            if self.leads:
                return
        self.kept += ["", heading, ""]

    def _follows_single_line(self) -> bool:
        last, before = ["", "", *self.kept[-2:]][:-3:-1]
        return bool(last) and not before


def _is_rule(line: str) -> bool:
    """Whether the line only separates: paragraphs, or the head of a table from its rows."""
    if _RULE.match(line):
        return sum(map(line.count, "*-_")) > 2
    return "|" in line and _TABLE_RULE.match(line) is not None


def _inline(text: str, addresses: set[str]) -> str:
    """The text without the marks inside its lines."""
    text = _CODE.sub(lambda found: found[2].strip().translate(_HIDE), text)
    text = _ESCAPE.sub(lambda found: found[1].translate(_HIDE), text)
    text = _BREAK.sub("\n", text)
    text = _FOOTNOTE.sub("", text)
    text = _LINK.sub(r"\1", _IMAGE.sub(r"\1", text))
    if addresses:
        text = _NAMED_LINK.sub(lambda found: _words_of(found, addresses), text)
    text = _ADDRESS.sub(r"\1", text)
    for marks in (_STAR, _STARS, _UNDERSCORES, _TILDES, _STAR, _STARS):  # one inside the other
        text = marks.sub(r"\2", text)
    return text.translate(_SHOW)


def _words_of(link: re.Match[str], addresses: set[str]) -> str:
    words, name = link[1], link[2]
    return words if (name or words).casefold() in addresses else link[0]
