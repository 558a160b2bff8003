"""The parameters of the API's addresses as data.

This file must not know which route takes which.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qa import MAX_QUESTION
from web import bodies, shapes


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an address, with its JSON schema and an example."""

    name: str
    text: str
    schema: Mapping[str, Any]
    example: Any
    place: str = "query"
    required: bool = False
    repeated: bool = False


_DAY = {"type": "string", "format": "date"}
_TEXT = {"type": "string", "minLength": 1}
QUESTION = Parameter(
    "q",
    "The question, in words.",
    {"type": "string", "minLength": 1, "maxLength": MAX_QUESTION},
    "when did the RAA between Japan and the UK come into force",
    required=True,
)
FILTERS = (
    Parameter(
        "source",
        "Ask only articles of this source, named exactly; may be given several times.",
        _TEXT,
        "Citespan Seeds: World desk",
        repeated=True,
    ),
    Parameter(
        "published_from", "Ask only articles published on this day or later.", _DAY, "2022-01-01"
    ),
    Parameter(
        "published_to",
        "Ask only articles published up to this day: the answer as of then.",
        _DAY,
        "2023-12-31",
    ),
    Parameter(
        "article_id",
        "Ask only this article; may be given several times.",
        _TEXT,
        "224202a45aec7f5f",
        repeated=True,
    ),
)
ID = Parameter("article_id", "The article's id.", _TEXT, "224202a45aec7f5f", "path", required=True)
OWN_ID = Parameter(
    "article_id",
    "An id of your own, made of letters, digits, “.”, “_”, “~” and “-”.",
    {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._~-]{0,63}$"},
    "bridge-1",
    "path",
    required=True,
)


def whole(name: str, text: str, default: int, low: int, high: int) -> Parameter:
    """A parameter that is a whole number within bounds."""
    schema = {"type": "integer", "minimum": low, "maximum": high, "default": default}
    return Parameter(name, text, schema, default)


K = whole("k", "Answers at most.", shapes.DEFAULT_ANSWERS, 1, bodies.MOST_ANSWERS)
