from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from index.records import Article, Failure
from index.sources import Sources

Read = Callable[[str, str | bytes], Article | Failure]

PAGE = """<!DOCTYPE html>
<html lang="en"><head>
<title>The bridges of Lyon - The Daily</title>
<meta name="author" content="Ann Lee"><meta name="author" content="Bo Ek">
<meta property="article:published_time" content="2023-04-05T10:00:00+02:00">
<meta property="og:site_name" content="The Daily">
<link rel="canonical" href="https://example.org/bridges">
<script>document.write("never shown")</script>
</head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/news">News</a></li></ul></nav>
<article><h1>The bridges of Lyon</h1>
<p>The first bridge was built in 1183 by the <b>brothers</b>. It stood for a long&nbsp;time.</p>
<h2>Later bridges</h2>
<p>A second bridge followed in 1560 and <a href="x">was lost</a> in a flood. Few minded it.</p>
<ul><li>It was made of wood.</li><li>It had eight arches.</li></ul>
</article>
<footer>All rights reserved.</footer></body></html>"""


@pytest.fixture(scope="module")
def sources() -> Iterator[Sources]:
    with Sources() as sources:
        yield sources


@pytest.fixture
def read(sources: Sources, tmp_path: Path) -> Read:
    def read(name: str, content: str | bytes) -> Article | Failure:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        (found,) = sources.read(tmp_path / name)
        return found

    return read


def paragraph(text: str) -> str:
    return f"<html><body><article><p>{text}</p></article></body></html>"


@pytest.mark.parametrize("name", ["page.html", "page.HTM"])
def test_a_page_becomes_an_article(read: Read, tmp_path: Path, name: str) -> None:
    article = read(name, PAGE)
    assert isinstance(article, Article)
    assert article.text == (
        "The first bridge was built in 1183 by the brothers. It stood for a long time.\n\n"
        "Later bridges\n\n"
        "A second bridge followed in 1560 and was lost in a flood. Few minded it.\n\n"
        "It was made of wood.\nIt had eight arches."
    )
    assert article.origin == str(tmp_path / name)
    assert article.title == "The bridges of Lyon"
    assert (article.url, article.source) == ("https://example.org/bridges", "The Daily")
    assert (article.published, article.author) == ("2023-04-05", "Ann Lee, Bo Ek")


@pytest.mark.parametrize(
    ("head", "body", "title"),
    [
        ("", "<h1>The heading</h1>", "The heading"),
        ("", "", "The first bridge was built in 1183."),
    ],
)
def test_the_title_falls_back(read: Read, head: str, body: str, title: str) -> None:
    text = "The first bridge was built in 1183. It stood for a long time."
    page = f"<html><head>{head}</head><body><article>{body}<p>{text}</p></article></body></html>"
    article = read("some-page.html", page)
    assert isinstance(article, Article)
    assert article.title == title
    assert article.text == text
    assert (article.source, article.published, article.url) == ("some-page.html", None, None)


def test_a_date_in_the_text_is_not_taken_for_the_date_of_the_page(read: Read) -> None:
    article = read("a.html", paragraph("On 5 January 2019 the bridge fell. It was 2019-01-05."))
    assert isinstance(article, Article)
    assert article.published is None


def test_a_date_in_the_text_may_be_the_date_of_the_page(read: Read) -> None:
    article = read("a.html", PAGE.replace("in 1560", "on 2023-04-05"))
    assert isinstance(article, Article)
    assert "2023-04-05" in article.text
    assert article.published == "2023-04-05"


def test_an_address_that_is_no_web_address_is_dropped(read: Read) -> None:
    page = PAGE.replace("https://example.org/bridges", "javascript:alert(1)")
    article = read("a.html", page)
    assert isinstance(article, Article)
    assert article.url is None


def test_marked_up_text_stays_text(read: Read) -> None:
    article = read(
        "a.html", paragraph("Write &lt;script&gt;alert(1)&lt;/script&gt; to be naughty.")
    )
    assert isinstance(article, Article)
    assert article.text == "Write <script>alert(1)</script> to be naughty."


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("In 1950<sup>3</sup> it fell.", "In 1950³ it fell."),
        ('It cost 5,000<sup id="r"><a href="#f1">2</a></sup> then.', "It cost 5,000 then."),
        ('It cost 5,000<a href="#f1"><sup>2</sup></a> then.', "It cost 5,000 then."),
        (
            'It fell<sup><a href="#a">[1]</a>, <a href="#b">[2]</a></sup> in 1950.',
            "It fell in 1950.",
        ),
        ('<a href="#x">All 10<sup>6</sup></a> at x<sup>-1</sup>.', "All 10⁶ at x⁻¹."),
        ("CO<sub><i>2</i></sub> on the 1<sup>st</sup>.", "CO₂ on the 1st."),
    ],
)
def test_raised_figures_do_not_join_others(read: Read, html: str, text: str) -> None:
    article = read("a.html", paragraph(html))
    assert isinstance(article, Article)
    assert article.text == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            "<table><tr><th>Name</th><th>Age</th></tr><tr><td>Ann</td><td>---</td></tr></table>",
            "Name | Age\nAnn | ---",
        ),
        (
            "<ul><li>outer<ul><li>inner<ul><li>deep</li></ul></li></ul></li><li>next</li></ul>",
            "outer\ninner\ndeep\nnext",
        ),
    ],
)
def test_tables_and_lists_leave_no_marks(read: Read, html: str, text: str) -> None:
    article = read("a.html", PAGE.replace("<ul><li>It was made of wood.</li>", html + "<ul>"))
    assert isinstance(article, Article)
    assert article.text.split("\n\n")[-1].startswith(text)


TEXT = "Señor Núñez built “the bridge” in Lyon."


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        (None, "utf-8"),
        (None, "utf-8-sig"),
        (None, "utf-16"),
        ("iso-8859-1", "utf-8"),
        ("ISO-8859-1", "windows-1252"),
        ("windows-1252", "windows-1252"),
        ("gb18030", "gb18030"),
    ],
)
def test_the_declared_encoding_is_used(read: Read, declared: str | None, encoding: str) -> None:
    meta = "" if declared is None else f'<meta charset="{declared}">'
    page = f"<html><head>{meta}</head><body><p>{TEXT}</p></body></html>".encode(encoding)
    article = read("a.html", page)
    assert isinstance(article, Article)
    assert article.text == TEXT


def test_the_encoding_may_stand_in_the_first_line_or_be_told_by_the_site(
    read: Read, sources: Sources
) -> None:
    page = f"<html><body><p>{TEXT}</p></body></html>"
    first = read("a.html", f'<?xml version="1.0" encoding="iso-8859-1"?>{page}'.encode("cp1252"))
    assert isinstance(first, Article) and first.text == TEXT
    page_s_own = f'<?xml version="1.0" encoding="UTF-8"?><meta charset="iso-8859-1">{page}'
    believed = read("a.html", page_s_own.encode("cp1252"))
    assert isinstance(believed, Article) and believed.text == TEXT
    for kind, data in (
        ('text/html; charset="iso-8859-1"', page.encode("cp1252")),
        ("text/html;charset=iso-8859-1", page.encode()),
        ("text/html; charset=utf-8", b'<meta charset="iso-8859-1">' + page.encode("cp1252")),
        ("text/plain; charset=windows-1252", TEXT.encode("cp1252")),
    ):
        told = sources.read_page("https://a.b/c", data, kind)
        assert isinstance(told, Article) and told.text == TEXT


@pytest.mark.parametrize("name", ["ISO-2022-JP", "utf-7", "hz-gb-2312"])
def test_an_encoding_that_passes_for_utf_8_is_refused(
    read: Read, sources: Sources, name: str
) -> None:
    page = paragraph("The bridge \x1b$B%A%c\x1b(B stood for long.")
    reason = f"is {name.lower()} text, which is not read: save it as UTF-8"
    declared = read("a.html", page.replace("<body>", f'<meta charset="{name}"><body>'))
    told = sources.read_page("https://a.b/c", page.encode(), f"text/html; charset={name.lower()}")
    for failure in (declared, told):
        assert isinstance(failure, Failure) and failure.reason == reason
    plain = sources.read_page("https://a.b/c", b"It stood for long.", f"text/plain; charset={name}")
    assert isinstance(plain, Article) and plain.text == "It stood for long."


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        (None, "is not UTF-8 text (byte 0xf1 at"),
        ("utf-8", "is not UTF-8 text (byte 0xf1 at"),
        ("utf-7", "is not UTF-8 text (byte 0xf1 at"),
        ("unicode_escape", "is not UTF-8 text (byte 0xf1 at"),
        ("iso-8859-99", "is neither UTF-8 nor iso-8859-99, which it declares"),
        ("shift_jis", "is neither UTF-8 nor shift_jis, which it declares"),
    ],
)
def test_an_encoding_is_never_guessed(read: Read, declared: str | None, reason: str) -> None:
    meta = (
        "" if declared is None else f'<meta http-equiv=x content="text/html; charset={declared}">'
    )
    failure = read("a.html", f"<html><head>{meta}</head>".encode() + b"<p>Se\xf1or N\xfa\xf1</p>")
    assert isinstance(failure, Failure)
    assert failure.reason.startswith(reason)


def test_pages_of_one_session_do_not_change_each_other(read: Read) -> None:
    first = read("a.html", PAGE)
    for _ in range(5):
        assert read("a.html", PAGE) == first


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "holds no text of an article"),
        ("<html><body></body></html>", "holds no text of an article"),
        ("<html><body><script>x</script></body></html>", "holds no text of an article"),
        ("%PDF-1.7\n", "is named .html but holds a PDF"),
        ("<html>" + " " * 20_000_000, "is larger than 20 MB, the limit for an article"),
        (PAGE.encode() + b"\xff", "is not UTF-8 text (byte 0xff at"),
    ],
)
def test_what_is_no_page_is_a_failure(
    read: Read, tmp_path: Path, content: str | bytes, reason: str
) -> None:
    failure = read("a.html", content)
    assert isinstance(failure, Failure)
    assert failure.origin == str(tmp_path / "a.html")
    assert failure.reason.startswith(reason)


def test_entities_reach_no_file(read: Read, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary")
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 20))
    article = read(
        "a.html",
        '<?xml version="1.0"?><!DOCTYPE html ['
        f'<!ENTITY file SYSTEM "file://{secret}"><!ENTITY l0 "laugh">{laughs}]>'
        "<html><body><p>The bridge &file; was built &l19; in 1183.</p>"
        f'<iframe src="file://{secret}"></iframe></body></html>',
    )
    assert isinstance(article, Article)
    assert "canary" not in article.text
    assert len(article.text) < 1000
