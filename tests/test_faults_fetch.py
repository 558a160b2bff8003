"""Fetching from the web: nothing inside this network is asked, and nothing goes on for ever.

Faults E1 to E4. The servers are real ones on this machine, which only `inside` lets be reached.
"""

import gzip
import socket
import ssl
import subprocess
import threading
import time
import tracemalloc

import pytest
from foreign import foreign_site

from index import Report, SourceError
from index.build import build
from index.fetch import Visitor, client, fetch, guard, polite
from index.library import MODELS, Library

PAGE = "<html><head><title>The bridge</title></head><body><article><h1>The bridge</h1>{}</article>"
TEXT = "<p>Mary Stone built the old bridge over the river in the spring of 1907 for the town.</p>"
HTML = PAGE.format(TEXT * 3).encode()


@pytest.fixture
def foreign():
    with foreign_site() as one:
        yield one


@pytest.fixture
def canary():
    """A listening socket that nobody may connect to, and its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        yield listener.getsockname()[1]
        with pytest.raises(TimeoutError):
            listener.accept()


def refused(url, **more):
    with pytest.raises(SourceError) as raised:
        fetch(url, **more)
    return str(raised.value)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "localhost.", "127.1", "0x7f000001", "2130706433", "0.0.0.0"),
        *("[::1]", "[::ffff:127.0.0.1]", "[::]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"),
        *("[fec0::1]", "[64:ff9b:1::a01:203]", "[::ffff:0:a01:203]", "[::10.1.2.3]"),
        *("169.254.169.254", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "224.0.0.1"),
    ],
)
def test_an_address_inside_the_network_is_refused(host):
    said = refused(f"http://{host}/")
    assert "not an address of the open internet" in said or "is not known as a name" in said


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "gopher://example.org/", "ftp://example.org/", "//example.org/"),
        *("http://user@example.org/", "http://a:b@example.org/", "http://example.org:22/"),
        *("https://example.org:80/", "http:///nowhere", "http://exa mple.org/", "http://[::1/"),
        *("http://example.org:99999/", "http://example.org/\n", "http://" + "a" * 3000 + ".org/"),
    ],
)
def test_what_is_no_address_of_a_page_is_refused_before_any_name_is_looked_up(url, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", None)
    refused(url)


def test_a_server_on_this_machine_sees_nothing(canary):
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
        refused(f"http://{host}:{canary}/")
        with pytest.raises(SourceError, match="open internet"):
            guard.connect(host.strip("[]"), canary, 1, False)


def resolving(monkeypatch, *answers):
    """Names resolve to each of `answers` in turn, a list of addresses each."""
    given = iter(answers)

    def getaddrinfo(host, port, type=0):
        return [
            (socket.AF_INET6 if ":" in one else socket.AF_INET, type, 6, "", (one, port))
            for one in next(given)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_one_inner_address_among_public_ones_is_enough_to_refuse(monkeypatch, canary):
    resolving(monkeypatch, ["93.184.216.34", "127.0.0.1"], ["2606:4700::1111", "::1"])
    for _ in range(2):
        with pytest.raises(SourceError, match="open internet"):
            guard.connect("example.org", canary, 1, False)


def test_a_name_is_looked_up_once_so_that_it_can_not_change_its_mind(monkeypatch, canary):
    resolving(monkeypatch, ["192.0.2.1"], ["127.0.0.1"])  # the first is reserved: never answers
    monkeypatch.setattr(guard, "is_public", lambda address: address == "192.0.2.1")
    with pytest.raises(SourceError, match="can't be reached"):
        guard.connect("example.org", canary, 0.2, False)


def test_the_peer_is_looked_at_again_after_connecting(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen = iter([True, False])
        monkeypatch.setattr(guard, "is_public", lambda address: next(seen))
        with pytest.raises(SourceError, match="open internet"):
            guard.connect("127.0.0.1", listener.getsockname()[1], 1, False)
        peer, _ = listener.accept()
        with peer:
            assert peer.recv(100) == b""


def test_each_address_that_a_page_leads_on_to_is_checked(foreign, monkeypatch, canary):
    monkeypatch.setattr(guard, "is_public", lambda address: True)
    real = guard.checked
    monkeypatch.setattr(
        client, "checked", lambda url, inside: real(url, url.startswith(foreign.home))
    )
    for place in (
        f"http://localhost:{canary}/",
        "file:///etc/passwd",
        "gopher://x/",
        "http://a@b/",
    ):
        foreign.pages["/on"] = (302, {"Location": place}, b"")
        refused(f"{foreign.home}/on")


def test_what_comes_with_an_address_that_leads_on_is_not_read(foreign):
    sent = []

    def endless():
        while True:
            sent.append(1)
            yield bytes(1_000_000)

    foreign.pages["/on"] = (302, {"Location": "/there"}, endless())
    foreign.pages["/there"] = (200, {}, b"there")
    assert fetch(f"{foreign.home}/on", inside=True).data == b"there"
    assert len(sent) < 50


def test_a_page_may_lead_on_twice_and_no_further(foreign):
    foreign.pages |= {f"/{n}": (301, {"Location": f"/{n + 1}"}, b"") for n in range(30)}
    foreign.pages["/3"] = (200, {"Content-Type": "text/plain"}, b"there")
    assert fetch(f"{foreign.home}/1", inside=True).data == b"there"
    assert "more than 2 times" in refused(f"{foreign.home}/0", inside=True)
    assert len(foreign.asked) == 6


def test_too_much_is_cut_off_also_when_it_is_packed_small(foreign, monkeypatch):
    monkeypatch.setattr(client, "SIZE", 1_000_000)
    packed = gzip.compress(bytes(300_000_000))
    foreign.pages["/packed"] = (200, {"Content-Encoding": "gzip"}, packed)
    foreign.pages["/endless"] = (200, {}, (b"x" * 65536 for _ in range(10**6)))
    foreign.pages["/wrong"] = (200, {"Content-Encoding": "gzip"}, b"not packed")
    foreign.pages["/other"] = (200, {"Content-Encoding": "br"}, b"")
    assert "larger than 1 MB" in refused(f"{foreign.home}/packed", inside=True)
    assert "larger than 1 MB" in refused(f"{foreign.home}/endless", inside=True)
    assert "packed wrongly" in refused(f"{foreign.home}/wrong", inside=True)
    assert "packed as br" in refused(f"{foreign.home}/other", inside=True)


def test_a_packed_page_is_read_whole_or_not_at_all(foreign):
    packed = gzip.compress(HTML)
    for name, body in (
        ("whole", packed),
        ("two", gzip.compress(HTML[:300]) + gzip.compress(HTML[300:])),
        ("more", packed + b"\0\0 and more"),
        ("cut", packed[:-20]),
        ("half", gzip.compress(HTML[:300]) + packed[:20]),
    ):
        foreign.pages[f"/{name}"] = (200, {"Content-Encoding": "gzip"}, body)
    for name in ("whole", "two", "more"):
        assert fetch(f"{foreign.home}/{name}", inside=True).data == HTML
    for name in ("cut", "half"):
        assert refused(f"{foreign.home}/{name}", inside=True) == "is cut short"


def test_many_addresses_that_do_not_answer_take_the_time_of_one_page(monkeypatch):
    class Silent(socket.socket):
        def connect(self, address):
            time.sleep(self.gettimeout())
            raise TimeoutError

    resolving(monkeypatch, ["192.0.2.1"] * 9)
    monkeypatch.setattr(guard.socket, "socket", Silent)
    started = time.monotonic()
    with pytest.raises(SourceError, match="can't be reached"):
        guard.connect("example.org", 80, 0.2, True, until=started + 0.5)
    assert time.monotonic() - started < 1.5


def test_a_trickle_ends_after_the_time_for_a_page_whatever_trickles(foreign, monkeypatch):
    def slowly():
        for _ in range(100):
            time.sleep(0.1)
            yield b"x"

    monkeypatch.setattr(client, "SECONDS", 0.5)
    foreign.pages["/body"] = (200, {}, slowly())
    assert "took longer" in refused(f"{foreign.home}/body", inside=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def headers():
            peer, _ = listener.accept()
            with peer:
                try:
                    for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Long: 1\r\n" * 99:
                        peer.send(bytes([byte]))
                        time.sleep(0.05)
                except OSError:
                    pass

        threading.Thread(target=headers, daemon=True).start()
        said = refused(f"http://127.0.0.1:{listener.getsockname()[1]}/", inside=True)
    assert "took longer" in said


@pytest.mark.parametrize(
    "sent", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 9**5]
)
def test_what_is_not_http_is_one_sentence(sent):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            peer, _ = listener.accept()
            with peer:
                try:
                    peer.recv(1000)
                    peer.sendall(sent)
                except OSError:
                    pass

        threading.Thread(target=answer, daemon=True).start()
        said = refused(f"http://127.0.0.1:{listener.getsockname()[1]}/", inside=True)
    assert said == "can't be fetched: the connection broke or made no sense"


@pytest.fixture
def secure(foreign, tmp_path):
    """The site over TLS; its address, and the certificate that nobody vouches for."""
    made = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {tmp_path}/key -out {tmp_path}/cert"
        " -days 1 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    subprocess.run(made.split(), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    foreign.server.socket = context.wrap_socket(foreign.server.socket, server_side=True)
    return foreign.home.replace("http://127.0.0.1", "https://localhost"), tmp_path / "cert"


def test_a_trickle_over_tls_ends_after_the_time_for_a_page(foreign, secure, monkeypatch):
    sent = []

    def slowly():
        for _ in range(100):
            time.sleep(0.1)
            sent.append(b"x")
            yield b"x"

    home, certificate = secure
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    foreign.pages["/quick"] = (200, {}, b"whole")
    assert fetch(f"{home}/quick", inside=True).data == b"whole"
    monkeypatch.setattr(client, "SECONDS", 1.0)
    foreign.pages["/body"] = (200, {}, slowly())
    assert "took longer" in refused(f"{home}/body", inside=True)
    assert len(sent) < 100


def test_a_certificate_that_nobody_vouches_for_is_an_error(foreign, secure):
    foreign.pages["/"] = (200, {}, b"never read")
    assert refused(secure[0], inside=True) == "has no valid certificate" and foreign.asked == []


@pytest.fixture
def hurried(monkeypatch):
    monkeypatch.setattr(polite, "DELAY", 0.0)


def test_robots_are_listened_to_and_a_site_that_can_not_say_is_left_alone(foreign, hurried):
    foreign.pages["/robots.txt"] = (200, {}, b"User-agent: *\nDisallow: /private\n")
    foreign.pages |= {path: (200, {}, b"x") for path in ("/open", "/private/a")}
    visitor = Visitor(inside=True)
    assert visitor.visit(f"{foreign.home}/open").data == b"x"
    with pytest.raises(SourceError, match=r"robots\.txt of its site forbids it"):
        visitor.visit(f"{foreign.home}/private/a")
    assert [path for path, _ in foreign.asked] == ["/robots.txt", "/open"]
    assert {headers["User-Agent"] for _, headers in foreign.asked} == {"Citespan/0.1"}
    foreign.pages["/robots.txt"] = (503, {}, b"")
    with pytest.raises(SourceError, match=r"robots\.txt of its site answers 503"):
        Visitor(inside=True).visit(f"{foreign.home}/open")


@pytest.mark.parametrize("line", ["Disallow: //[", "Crawl-delay: ²", "Crawl-delay: " + "9" * 5000])
def test_a_line_of_robots_that_makes_no_sense_is_passed_over(foreign, hurried, line):
    rules = f"User-agent: *\n{line}\nDisallow: /private\n"
    foreign.pages |= {"/robots.txt": (200, {}, rules.encode()), "/open": (200, {}, b"x")}
    visitor = Visitor(inside=True)
    assert visitor.visit(f"{foreign.home}/open").data == b"x"
    with pytest.raises(SourceError, match="forbids it"):
        visitor.visit(f"{foreign.home}/private")


@pytest.mark.parametrize(
    ("rules", "path", "may"),
    [
        ("\ufeffUser-agent: *\nDisallow: /", "/a", False),
        ("User-agent: *\n\nDisallow: /", "/a", False),
        ("User-agent: *\nDisallow: /\nAllow: /news/", "/news/a", True),
        ("User-agent: *\nDisallow: /*.pdf$", "/a.pdf", False),
        ("User-agent: *\nDisallow: /*.pdf$", "/a.pdf?b", True),
        (
            "User-agent: *\nAllow: /\n\nUser-agent: Other\nUser-agent: CiteSpan\nDisallow: /",
            "/a",
            False,
        ),
        ("User-agent: *\nDisallow: /\n\nUser-agent: citespan/2 # it\nAllow: /", "/a", True),
        ("User-agent: cite\nDisallow: /", "/a", True),
    ],
)
def test_robots_are_understood_as_rfc_9309_has_them(foreign, hurried, rules, path, may):
    foreign.pages |= {"/robots.txt": (200, {}, rules.encode()), path: (200, {}, b"x")}
    if may:
        assert Visitor(inside=True).visit(foreign.home + path).data == b"x"
    else:
        with pytest.raises(SourceError, match="forbids it"):
            Visitor(inside=True).visit(foreign.home + path)


def test_robots_of_many_names_and_many_rules_fill_no_memory(foreign, hurried):
    names = "".join(f"User-agent: {n}\n" for n in range(300))
    rules = names + "Disallow: /b\n" * 10_000
    foreign.pages |= {"/robots.txt": (200, {}, rules.encode()), "/a": (200, {}, b"x")}
    tracemalloc.start()
    try:
        assert Visitor(inside=True).visit(f"{foreign.home}/a").data == b"x"
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_robots_are_asked_for_once_a_day_and_again_soon_where_they_could_not_be_had(
    foreign, hurried, monkeypatch
):
    visitor, page = Visitor(inside=True), f"{foreign.home}/a"
    foreign.pages |= {"/robots.txt": (503, {}, b""), "/a": (200, {}, b"x")}
    for _ in range(3):
        with pytest.raises(SourceError, match=r"robots\.txt of its site answers 503"):
            visitor.visit(page)
    assert [path for path, _ in foreign.asked] == ["/robots.txt"]
    del foreign.pages["/robots.txt"]
    now = time.monotonic() + 61
    monkeypatch.setattr(polite.time, "monotonic", lambda: now)
    monkeypatch.setattr(polite.time, "sleep", lambda seconds: None)
    visitor.visit(page)
    visitor.visit(page)
    assert [path for path, _ in foreign.asked[1:]] == ["/robots.txt", "/a", "/a"]
    foreign.pages["/robots.txt"] = (200, {}, b"User-agent: *\nDisallow: /\n")
    now += 86_401
    with pytest.raises(SourceError, match="forbids it"):
        visitor.visit(page)


def test_an_address_that_makes_no_sense_is_a_failure(tmp_path, tiny_embedder):
    urls = ["http://[::1", "https://example.org:x/"]
    report = build([], tmp_path, str(tiny_embedder), urls=urls)
    assert [one.reason for one in report.failures] == ["is not an address of the web"] * 2


def test_a_host_is_not_hurried(foreign, monkeypatch):
    monkeypatch.setattr(polite, "DELAY", 0.2)
    foreign.pages["/a"] = (200, {}, b"x")
    visitor, started = Visitor(inside=True), time.monotonic()
    visitor.visit(f"{foreign.home}/a")
    visitor.visit(f"{foreign.home}/a")
    assert time.monotonic() - started >= 0.4


def test_http_and_https_of_a_host_are_one_host():
    usual = ("http://A.example/", "https://a.example/b", "https://a.example:443/")
    assert {guard.host_of(guard.checked(url, True)) for url in usual} == {"a.example"}
    assert guard.host_of(guard.checked("http://a.example:81/", True)) == "a.example:81"


def test_each_site_that_a_page_leads_on_to_is_asked_for_its_robots_and_not_hurried(
    foreign, monkeypatch
):
    monkeypatch.setattr(polite, "DELAY", 0.2)
    with foreign_site() as other:
        foreign.pages |= {
            "/open": (302, {"Location": f"{other.home}/a"}, b""),
            "/closed": (302, {"Location": f"{other.home}/private"}, b""),
        }
        other.pages["/robots.txt"] = (200, {}, b"User-agent: *\nDisallow: /private\n")
        other.pages |= {path: (200, {}, b"x") for path in ("/a", "/private")}
        visitor, started = Visitor(inside=True), time.monotonic()
        assert visitor.visit(f"{foreign.home}/open").data == b"x"
        with pytest.raises(SourceError, match="forbids it"):
            visitor.visit(f"{foreign.home}/closed")
        assert visitor.visit(f"{other.home}/a").data == b"x"
        assert time.monotonic() - started >= 0.6
        assert [path for path, _ in other.asked] == ["/robots.txt", "/a", "/a"]


def test_what_has_not_changed_is_not_sent_again(foreign):
    foreign.pages["/a"] = (304, {"ETag": '"v1"'}, b"")
    assert refused(f"{foreign.home}/a", inside=True) == "answers 304"  # without being asked that
    foreign.asked.clear()
    page = fetch(f"{foreign.home}/a", '"v1"', "Mon, 01 Jan 2024 00:00:00 GMT", inside=True)
    assert page.data is None and page.etag == '"v1"'
    [(_, headers)] = foreign.asked
    assert headers["If-None-Match"] == '"v1"' and "If-Modified-Since" in headers


def test_a_page_becomes_an_article_and_stays_when_its_site_is_away(
    foreign, hurried, tmp_path, tiny_embedder, tiny_models
):
    (tmp_path / MODELS).symlink_to(tiny_models)
    url, lost, image = (f"{foreign.home}/{name}" for name in ("bridge", "lost", "image"))
    foreign.pages["/bridge"] = (200, {"Content-Type": "text/html; charset=utf-8"}, HTML)
    foreign.pages["/image"] = (200, {"Content-Type": "image/png"}, b"\x89PNG")

    def run(*urls) -> Report:
        visitor = Visitor(inside=True)
        return build([], tmp_path, str(tiny_embedder), urls=urls, visitor=visitor)

    report = run(url, lost, image)
    assert (report.added, report.failed) == (1, 2)
    assert [failure.reason for failure in report.failures] == [
        "answers 404",
        "is image/png, not a page, a PDF or plain text",
    ]
    assert run(url).unchanged == 1
    foreign.pages["/bridge"] = (500, {}, b"")
    report = run(url)
    assert (report.articles, report.removed, report.failed) == (1, 0, 1)
    library = Library(tmp_path)
    [article] = library.articles(0, 9)
    assert (article.title, article.url, article.origin) == ("The bridge", url, url)
    assert article.source == "127.0.0.1" and "Mary Stone built" in article.text
    library.close()
