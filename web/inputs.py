"""What comes in with a request, checked: parameters of the address, JSON bodies.

Everything wrong raises an HTTP error with one sentence. This file must not know what is
done with the values.
"""

import json
from typing import Any, TypeVar

from flask import request
from pydantic import ValidationError
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from qa import Filters
from web.bodies import Body

MAX_WORDS = 200  # characters
_EACH = ("source", "article_id")  # may be given several times
FILTERS = ("published_from", "published_to", *_EACH)
_PLAIN = {  # what pydantic would say with words of our code
    "model_type": "must be an object",
    "extra_forbidden": "is not a field of this request",
}
Shape = TypeVar("Shape", bound=Body)


def whole(name: str, default: int, low: int, high: int) -> int:
    """The whole number of parameter `name`, `default` if absent; raises `BadRequest`."""
    text = request.args.get(name)
    return default if text is None else bounded(name, _digits(text), low, high)


def bounded(name: str, number: int | None, low: int, high: int) -> int:
    """`number` if it lies from `low` to `high`; raises `BadRequest`."""
    if number is None or not low <= number <= high:
        raise BadRequest(f"parameter {name} must be a whole number from {low} to {high}")
    return number


def span() -> tuple[int, int] | None:
    """Parameters `start` and `end` as given, or None when they are not two whole numbers."""
    start, end = _digits(request.args.get("start", "")), _digits(request.args.get("end", ""))
    return None if start is None or end is None else (start, end)


def only(*names: str) -> None:
    """Refuse parameters that the address does not take, and repeated ones: `BadRequest`."""
    for name, values in request.args.lists():
        if name not in names:
            raise BadRequest(f"unknown parameter {json.dumps(name[:40])}")
        if len(values) > 1 and name not in _EACH:
            raise BadRequest(f"parameter {name} is given {len(values)} times; give it once")


def words(name: str) -> str:
    """The text of parameter `name`, "" if absent; raises `BadRequest` when it is endless."""
    text = request.args.get(name, "").replace("\0", " ")
    if len(text) > MAX_WORDS:
        raise BadRequest(f"parameter {name} has {len(text):,} characters; send {MAX_WORDS} at most")
    return text


def filters() -> Filters:
    """The filters of the address. Raises `FilterError`."""
    given = request.args
    return Filters(
        tuple(given.getlist("source")),
        given.get("published_from"),
        given.get("published_to"),
        tuple(given.getlist("article_id")),
    )


def body(shape: type[Shape]) -> Shape:
    """The JSON body in its shape; raises `UnsupportedMediaType` or `BadRequest`."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("send the body as application/json")
    try:
        given = json.loads(
            request.get_data(cache=False).decode(),
            object_pairs_hook=_distinct,
        )
    except (ValueError, RecursionError) as error:
        raise BadRequest(
            "the body is not JSON as it should be: see /docs for what to send"
        ) from error
    try:
        return shape.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        name = ".".join(json.dumps(str(part)[:40]) for part in first["loc"]) or "the body"
        plain = _PLAIN.get(first["type"])
        raise BadRequest(
            f"{name}: {first['msg'].lower()}" if plain is None else f"{name} {plain}"
        ) from error


def _digits(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a name is given twice")
    return fields
