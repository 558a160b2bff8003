"""Faults E7 to E10: many, forged and foreign requests to the real service."""

import json
import socket
from contextlib import closing
from http.client import HTTPConnection

import pytest
import web_fakes as fakes
from served import exchange, get, replies, serving

from web.hosts import is_known

MANY = 1000


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("fake"), "large", hosts="citespan.example") as one:
        yield one
        assert one.faults() == []


# E7


def statuses(port, count, source):
    """The status of so many requests from an address, each said to come for another."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60, source_address=(source, 0))
    found = []
    with closing(connection):
        for at in range(count):
            forged = {"X-Forwarded-For": f"9.9.{at // 250}.{at % 250}", "X-Real-IP": "9.9.9.9"}
            connection.request("GET", "/api/v1/ask?q=who", headers=forged)
            reply = connection.getresponse()
            reply.read()
            found.append(reply.status)
            assert reply.status == 200 or int(reply.getheader("Retry-After")) > 0
    return found


def test_a_thousand_requests_of_one_address_are_told_to_come_later(tmp_path):
    with serving(tmp_path, "large", limit="100/day") as limited:
        assert statuses(limited.port, MANY, "127.0.0.1") == [200] * 100 + [429] * (MANY - 100)
        assert statuses(limited.port, 3, "127.0.0.2") == [200] * 3
        assert get(limited.port, "/healthz").status == 200


def test_where_a_request_came_in_is_believed_of_a_proxy_alone(served, tmp_path):
    for forged in ("SCRIPT_NAME: /x", "PATH_INFO: /x", "X-Forwarded-Proto: https"):
        assert get(served.port, "/healthz", forged).json == {"status": "ok"}
    told = "X-Forwarded-Proto: https", "X-Forwarded-For: 9.9.9.9"
    assert b"https://localhost" not in get(served.port, "/opensearch.xml", *told).body
    with serving(tmp_path, "large", proxies=1, limit="1/day") as behind:
        assert b"https://localhost" in get(behind.port, "/opensearch.xml", *told).body
        assert get(behind.port, "/opensearch.xml", *told).status == 429
        assert get(behind.port, "/opensearch.xml", "X-Forwarded-For: 9.9.9.8").status == 200


# E8

FOREIGN = [
    *("evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example"),
    *("localhost@evil.example", "evil@127.0.0.1", "127.0.0.1@evil.example", "evil.example/"),
    *("localhost/evil.example", "localhost:80:80", "localhost:evil", "[::1", "::1", "[evil]", "."),
    *("xcitespan.example", "citespan.example.evil.example", "localhost,evil.example", "127.1", " "),
]


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("target", ["/", "/api/v1/ask?q=who", "/opensearch.xml", "//articles"])
def test_a_foreign_host_is_refused_and_not_repeated(served, host, target):
    asked = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    [reply] = replies(exchange(served.port, asked.encode()))
    assert reply.status == 400 and "location" not in reply.headers
    assert b"evil" not in reply.body


def test_a_name_that_a_foreign_site_leads_here_is_told_how_to_be_let_in(served):
    asked = b"GET /api/v1/articles HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    [reply] = replies(exchange(served.port, asked))
    assert "CITESPAN_HOSTS" in reply.json["detail"]


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST:80", "127.0.0.1:8000", "[::1]:8000", "10.1.2.3", "[2001:db8::1]"),
        *("citespan.example", "Citespan.Example:443"),
    ],
)
def test_its_own_names_and_addresses_in_numbers_are_answered(served, host):
    asked = f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    [reply] = replies(exchange(served.port, asked.encode()))
    assert reply.status == 200


def test_only_whole_names_are_known():
    assert is_known("a.example", ["A.example"])
    assert not is_known("b.a.example", ["a.example"]) and not is_known("", [""])


def test_without_a_host_there_are_no_links_elsewhere(served):
    [reply] = replies(exchange(served.port, b"GET /opensearch.xml HTTP/1.0\r\n\r\n"))
    assert reply.status == 200 and b'template="http://127.0.0.1' in reply.body


@pytest.mark.parametrize("method", ["TRACE", "PUT", "PATCH", "CONNECT", "DEBUG", "TRACK", "SEARCH"])
@pytest.mark.parametrize("path", ["/", "/api/v1/ask", "/healthz"])
def test_other_methods_are_refused_and_nothing_is_repeated(served, method, path):
    reply = get(served.port, path, "X-Secret: canary", method=method)
    assert reply.status == 405 and b"canary" not in reply.body


@pytest.mark.parametrize(
    "target",
    [
        *(
            "//evil.example",
            "//evil.example/",
            "//evil.example/%2e%2e",
            "///evil.example//articles",
        ),
        *("/\\evil.example", "/%5cevil.example", "/%2f%2fevil.example", "/.evil.example", "/@evil"),
        *("//articles", "/articles/", "//api/v1/articles", "/static//evil.example"),
        *("/static/%2e%2e/__init__.py", "/static/../__init__.py", "/static/..%2f__init__.py"),
        *("/static/%2e%2e%5c__init__.py", "/static//etc/passwd", "/static/%00", "/static/"),
        *(
            "/articles/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/%00",
            "/~root",
        ),
        *(
            "/.git/config",
            "/.env",
            "/console",
            "/api/v1/articles/..%2f..%2fhealthz",
            "http://evil/",
        ),
    ],
)
def test_no_address_leads_elsewhere_or_to_a_file(served, target):
    reply = get(served.port, target)
    assert reply.status in (200, 308, 400, 404)
    assert reply.headers.get("location", "http://localhost/").startswith("http://localhost/")
    if reply.status == 200:  # a page of its own, whichever host a proxy would ask
        assert target in ("//articles", "//api/v1/articles", "http://evil/")
    assert b"root:" not in reply.body and b"create_app" not in reply.body


# E9


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "a/b"])
@pytest.mark.parametrize("path", ["ask", "feedback", "verify", "table", "ask/batch"])
def test_what_a_foreign_page_may_send_unasked_is_refused(served, kind, path):
    lines = [
        f"POST /api/v1/{path} HTTP/1.1",
        "Host: localhost",
        "Origin: https://evil.example",
        "Connection: close",
        "Content-Length: 2",
        *([f"Content-Type: {kind}"] if kind else []),
    ]
    [reply] = replies(exchange(served.port, "\r\n".join(lines).encode() + b"\r\n\r\n{}"))
    assert reply.status == 415
    assert not any(name.startswith("access-control") for name in reply.headers)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_foreign_page_that_asks_first_is_not_let_in(served, origin, method):
    asked = f"Access-Control-Request-Method: {method}"
    for path in ("/api/v1/index", "/api/v1/feedback", "/api/v1/articles/a"):
        reply = get(served.port, path, f"Origin: {origin}", asked, method="OPTIONS")
        assert not any(name.startswith("access-control") for name in reply.headers)


# E10


def test_a_fault_is_told_by_number_and_written_down_once(tmp_path, monkeypatch):
    monkeypatch.setenv("FLASK_DEBUG", "1")
    monkeypatch.setenv("FLASK_ENV", "development")
    with serving(tmp_path, "faulty") as faulty:
        reply = get(faulty.port, "/api/v1/ask?q=private")
        forged = get(faulty.port, "/api/v1/articles/x%0a%7b%22event%22:%22forged%22%7d%1b%5b2J")
        page = get(faulty.port, "/?q=private&__debugger__=yes&cmd=resource&f=style.css")
        lines = faulty.lines()
        raw = faulty.log.read_text()
    for one in (reply, forged, page):
        assert one.status == 500 and one.headers["x-request-id"].encode() in one.body
        assert b"secret" not in one.body and b"Traceback" not in one.body
        assert b".py" not in one.body
    faults = [one for one in lines if one["event"] == "fault"]
    numbers = [one.headers["x-request-id"] for one in (reply, forged, page)]
    assert [one["request"] for one in faults] == numbers
    assert all(fakes.SECRET in one["trace"] for one in faults)
    assert "private" not in json.dumps(lines) and "\x1b" not in raw
    assert faulty.process.poll() is None or faulty.process.returncode == 0


def test_a_client_that_resets_is_no_fault(served):
    one = socket.create_connection(("127.0.0.1", served.port))
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    one.sendall(b"GET /api/v1/ask?q=who HTTP/1.1\r\nHost: localhost\r\n\r\n")
    one.close()
    assert get(served.port, "/healthz").status == 200
