"""Bytes that gzip packed come out again, within a limit of size.

It must not know where they come from.
"""

import zlib
from collections.abc import Iterable
from typing import Any

from index.errors import SourceError

_MARK = 0x1F  # that gzip begins with


def unpack(parts: Iterable[bytes], most: int) -> bytes:
    """What lies in the parts, packed in one piece or in several, at most `most` bytes.

    What comes after it and is not packed is passed over. Raises `SourceError`.
    """
    found, piece = bytearray(), None
    for part in parts:
        rest = part
        while rest:
            if piece is None or piece.eof:
                if piece is not None and rest[0] != _MARK:
                    return bytes(found)
                piece = _piece()
            try:
                found += piece.decompress(rest, most + 1 - len(found))
            except zlib.error as error:
                raise SourceError("is packed wrongly") from error
            if len(found) > most:
                raise SourceError(f"is larger than {most / 1e6:g} MB")
            rest = piece.unused_data
    if piece is not None and not piece.eof:
        raise SourceError("is cut short")
    return bytes(found)


def _piece() -> Any:
    return zlib.decompressobj(wbits=31)
