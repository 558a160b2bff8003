"""What a Milvus server takes at once: expressions, texts of a length, rows of a size.

It must not know what a row is of.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

LONGEST = 65_535  # bytes of a text field, the server's own limit
_ROWS, _BYTES = 1000, 8_000_000  # written in one call, which must be over in time

Row = dict[str, Any]


def one_of(field: str, values: Sequence[Any]) -> str:
    """The expression that a field has one of the values."""
    return f"{field} in {quoted(list(values))}"


def quoted(value: Any) -> str:
    """A text, a number or a list of them as they stand in an expression."""
    return json.dumps(value, ensure_ascii=False)


def fit(text: str, most: int = LONGEST) -> str:
    """The beginning of a text, of so many bytes at most."""
    return text.encode()[:most].decode(errors="ignore")


def parts(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """The values in turn, as many together as `size`."""
    for at in range(0, len(values), size):
        yield values[at : at + size]


def parcels(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """The rows in turn, as many together as are written in one call."""
    first, size = 0, 0
    for place, row in enumerate(rows):
        more = len(row.get("vector", ())) * 4
        more += sum(len(text.encode()) for text in row.values() if isinstance(text, str))
        if place > first and (place - first == _ROWS or size + more > _BYTES):
            yield rows[first:place]
            first, size = place, 0
        size += more
    if rows:
        yield rows[first:]
