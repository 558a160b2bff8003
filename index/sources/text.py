"""Plain text and Markdown files become articles.

This file must not know any other kind of file.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from index.errors import SourceError
from index.records import Article
from index.sources.archives import refuse_archive
from index.sources.fields import label, make_article
from index.sources.files import read_bytes, shown
from index.sources.markdown import strip_markdown
from index.sources.normalise import decode, normalise

_FRONT_MATTER_LENGTH = 65_536  # code points
_NESTING = 20
_BLANK = ("", "~", "null")
# What front matter begins with, after blank lines and comments.
_KEY = re.compile(r"(?:[ \t]*(?:#.*)?\n)*+[\"']?[\w-]+[\"']?:(?:\s|$)")


def read_text(path: Path, given: Mapping[str, str]) -> Article:
    """The article in a .txt or .md file, after its YAML front matter, if any.

    `given`: fields for what that does not say. Raises `SourceError`.
    """
    data = read_bytes(path)
    refuse_archive(data)
    said, text = split_front_matter(normalise(decode(data)))
    fields = {**given, **said}
    heading = None
    if path.suffix.lower() == ".md":
        prose = strip_markdown(text)
        heading, text = prose.heading, prose.text
        title = label(fields.get("title"))
        if prose.leads and title is not None and title != label(heading):
            text = f"{heading}\n\n{text}"
    return make_article(shown(path), path.name, text, fields, heading)


def split_front_matter(text: str) -> tuple[Mapping[str, object], str]:
    """The keys and values between a first line "---" and the next, and the text after them.

    Where there are none it is all text, which may begin with a line. Raises `SourceError` when
    there is a key, and it is no front matter all the same.
    """
    if not text.startswith("---\n"):
        return {}, text
    lines = text.split("\n")
    end = None
    try:
        end = next((at for at, line in enumerate(lines) if at and line in ("---", "...")), None)
        if end is None:
            raise SourceError('opens front matter with "---" and never closes it')
        return _parse("\n".join(lines[1:end])), "\n".join(lines[end + 1 :])
    except SourceError:
        if _KEY.match("\n".join(lines[1:end])):
            raise
        return {}, text


def _parse(front_matter: str) -> Mapping[str, object]:
    # Every scalar is read as the string that stands there: a title "No" stays a title. The
    # recursive loader in C overruns its stack on deep nesting, so the depth is checked first.
    if len(front_matter) > _FRONT_MATTER_LENGTH:
        raise SourceError(f"has front matter of over {_FRONT_MATTER_LENGTH:,} characters")
    try:
        depth = 0
        for event in yaml.parse(front_matter, Loader=yaml.CBaseLoader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _NESTING:
                raise SourceError("has front matter that is nested too deeply")
        values = yaml.load(front_matter, Loader=yaml.CBaseLoader)
    except yaml.YAMLError as error:
        raise SourceError(f"has front matter that is not YAML{_place(error)}") from error
    if values in (None, ""):
        return {}
    if not isinstance(values, dict):
        raise SourceError("has front matter that is not a list of keys and values")
    return {str(key).lower(): value for key, value in values.items() if value not in _BLANK}


def _place(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return ""
    return f" ({error.problem}, line {error.problem_mark.line + 2})"
