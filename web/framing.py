"""Whether a request has arrived whole; only as much of HTTP/1.1 as that takes. Pure.

A head that is malformed counts as whole, so that the parser refuses it at once. This file must
not know what a request asks for.
"""

import re

MAX_HEAD = 32768  # bytes of request line and headers
_MAX_SIZE = 8  # digits of a chunk's size
_EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue", re.IGNORECASE)
_LENGTHS = re.compile(rb"\r\n(content-length|transfer-encoding):[ \t]*([^\r\n]*)", re.IGNORECASE)


class Refused(Exception):
    """The request is not taken: an HTTP status, and a sentence that says why."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Incoming:
    """A request as far as it has arrived in `data`; a body of more than `most` is not awaited.

    `expects`: the client sends its body when it is told to go on.
    """

    def __init__(self, most: int) -> None:
        self.data = bytearray()
        self.expects = False
        self._most = most
        self._body = 0  # where the body begins; 0 while the head is not whole
        self._at = 0  # where the next chunk begins
        self._length: int | None = None  # of the body; None for chunks

    def take(self, more: bytes) -> bool:
        """Whether the request is whole with these bytes too. Raises `Refused`."""
        seen = max(0, len(self.data) - 3)
        self.data += more
        if self._body == 0 and not self._read_head(seen):
            return False
        if self._length is None:
            return self._last_chunk()
        return len(self.data) - self._body >= self._length

    def _read_head(self, seen: int) -> bool:
        if self.data.startswith((b"\r", b"\n")):  # blank lines may stand before a request
            del self.data[: len(self.data) - len(self.data.lstrip(b"\r\n"))]
            seen = 0
        end = self.data.find(b"\r\n\r\n", seen)
        # Of the blank line that ends a head three bytes may have come already.
        if end > MAX_HEAD or (end < 0 and len(self.data) > MAX_HEAD + 3):
            status = 431 if b"\r\n" in self.data[:MAX_HEAD] else 414
            raise Refused(status, f"the request's head is too large: {MAX_HEAD:,} bytes are read")
        if end < 0:
            return False
        self._body = self._at = end + 4
        head = bytes(self.data[: end + 2])
        self._length = self._read_length(head)
        self.expects = _EXPECTS.search(head) is not None
        return True

    def _read_length(self, head: bytes) -> int | None:
        found = [(name.lower(), value.strip()) for name, value in _LENGTHS.findall(head)]
        match found:
            case []:
                return 0
            case [(b"transfer-encoding", coding)] if coding.lower() == b"chunked":
                return None
            case [(b"content-length", digits)] if digits.isdigit() and len(digits) < 16:
                return 0 if int(digits) > self._most else int(digits)
        raise Refused(400, "how long the body is must be said once: send one Content-Length")

    def _last_chunk(self) -> bool:
        while (end := self.data.find(b"\r\n", self._at, self._at + _MAX_SIZE + 2)) >= 0:
            size = _size(bytes(self.data[self._at : end]))
            if self._at - self._body + size > self._most:
                raise Refused(413, f"the body is too large: at most {self._most:,} bytes are read")
            following = bytes(self.data[end + 2 + size : end + 4 + size])
            if not b"\r\n".startswith(following):
                raise Refused(400, "the body is not in chunks as it should be")
            if len(following) < 2:
                return False
            if size == 0:
                return True
            self._at = end + 4 + size
        if len(self.data) - self._at > _MAX_SIZE + 1:
            raise Refused(400, "the body is not in chunks as it should be")
        return False


def _size(digits: bytes) -> int:
    """The size of a chunk; what may stand beside it (extensions) nobody needs."""
    if re.fullmatch(rb"[0-9a-fA-F]{1,8}", digits) is None:
        raise Refused(400, "the body is not in chunks as it should be")
    return int(digits, 16)
