"""When a request has arrived whole: never before the parser has all that it will read."""

import pytest
from gunicorn.config import Config
from gunicorn.http import errors
from gunicorn.http.parser import RequestParser
from hypothesis import example, given
from hypothesis import strategies as st

from web.framing import MAX_HEAD, Incoming, Refused
from web.serve import OPTIONS

MOST = 100  # bytes of a body
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /api/v1/ask HTTP/1.1\r\nHost: localhost\r\n"
SIZED = POST + b"Content-Length: 5\r\n\r\nhello"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
WHOLE = [
    GET,
    SIZED,
    CHUNKED,
    b"\r\n\r\n" + GET,
    POST + b"\r\n",
    POST + b"content-length: 0\r\n\r\n",
]
REFUSED = [
    (POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400),
    (POST + b"Content-Length: 5, 5\r\n\r\n", 400),
    (POST + b"Content-Length: +5\r\n\r\n", 400),
    (POST + b"Content-Length: 0x5\r\n\r\n", 400),
    (POST + b"Content-Length: \r\n\r\n", 400),
    (POST + b"Content-Length: " + b"9" * 16 + b"\r\n\r\n", 400),
    (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: xchunked\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    (POST + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n", 400),
    (POST + b"Transfer-Encoding: chunked\r\n\r\n5;name=value\r\n", 400),
    (POST + b"Transfer-Encoding: chunked\r\n\r\n000000005\r\n", 400),
    (POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloo", 400),
    (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nTrailer: x", 400),
    (POST + b"Transfer-Encoding: chunked\r\n\r\n65\r\n", 413),
    (POST + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n", 413),
    (POST + b"X: " + b"x" * MAX_HEAD, 431),
    (POST + b"X: " + b"x" * MAX_HEAD + b"\r\n\r\n", 431),
    (b"GET /" + b"x" * MAX_HEAD, 414),
]


def fed(data, step):
    """The first byte count at which the request is whole, fed `step` bytes at a time."""
    incoming = Incoming(MOST)
    for at in range(0, len(data), step):
        if incoming.take(data[at : at + step]):
            return at + step
    return None


@pytest.mark.parametrize("data", WHOLE, ids=ascii)
def test_a_request_is_whole_with_its_last_byte(data):
    assert fed(data, 1) == len(data)
    assert fed(data[:-1], 1) is None
    for step in (2, 3, 7, 1000):
        assert fed(data, step) is not None


@pytest.mark.parametrize(("data", "status"), REFUSED, ids=lambda one: ascii(one)[-40:])
@pytest.mark.parametrize("step", [1, 1000])
def test_a_body_whose_length_is_in_doubt_is_refused_before_the_parser_sees_it(data, status, step):
    with pytest.raises(Refused) as refused:
        fed(data, step)
    assert refused.value.status == status


@pytest.mark.parametrize("step", [1, MAX_HEAD + 3, 10**6])
def test_a_head_may_be_as_long_as_it_may_be_in_whatever_pieces_it_comes(step):
    start = POST + b"X: "
    longest = start + b"x" * (MAX_HEAD - len(start)) + b"\r\n\r\n"
    assert fed(longest, step) is not None
    with pytest.raises(Refused):
        fed(longest.replace(b"xx", b"xxx", 1), step)


def test_a_body_that_is_too_large_is_not_awaited():
    assert Incoming(MOST).take(POST + b"Content-Length: 101\r\n\r\n")
    assert not Incoming(MOST).take(POST + b"Content-Length: 100\r\n\r\n")


def test_it_is_seen_that_a_client_waits_to_be_told_to_go_on():
    incoming = Incoming(MOST)
    assert not incoming.take(POST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert incoming.expects
    assert incoming.take(b"hello")


class AwaitedMore(Exception):
    """The parser asked for bytes that had not arrived."""


def parsed(data):
    """What gunicorn makes of these bytes: the body that it reads, or None when it refuses."""

    def arriving():
        yield data
        raise AwaitedMore

    config = Config()
    for name, value in OPTIONS.items():
        config.set(name, value)
    try:
        request = next(iter(RequestParser(config, arriving(), ("127.0.0.1", 1))))
        return request.body.read()
    except errors.ParseException:
        return None


PIECES = st.sampled_from(
    [
        *(b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\n", b"POST / HTTP/1.0\r\n", b"Host: a\r\n"),
        *(b"Content-Length: ", b"content-length:", b"Content-Length : ", b"Content_Length: "),
        *(b"Transfer-Encoding: ", b"TRANSFER-ENCODING:\t", b"Transfer-Encoding:\x0b"),
        *(b"chunked", b"chunked\r\n", b"gzip", b"identity", b", ", b"0", b"1", b"5", b"a", b"1f"),
        *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b" ", b"\t", b"\0", b"\x85", b";", b":", b"X: y\r\n"),
        *(b"0\r\n\r\n", b"5\r\nhello\r\n", b"hello", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        *(b"Expect: 100-continue\r\n", b"Upgrade: h2c\r\n", b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n"),
    ]
)
MADE = st.one_of(
    st.lists(PIECES, max_size=14).map(b"".join),
    st.tuples(st.just(POST), st.lists(PIECES, max_size=10).map(b"".join)).map(b"".join),
)


@given(MADE, st.integers(1, 5))
@example(CHUNKED, 1)
@example(POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 1)
@example(b"\r\n\r\n" + GET, 1)
def test_what_counts_as_whole_keeps_no_parser_waiting(data, step):
    incoming = Incoming(10**9)
    whole = False
    for at in range(0, len(data), step):
        try:
            whole = incoming.take(data[at : at + step])
        except Refused:
            return
        if whole:
            break
    if whole:
        parsed(bytes(incoming.data))
