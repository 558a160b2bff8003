import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.records import Article, Failure
from index.sources import Sources
from index.sources.fields import iso_date, web_url
from index.sources.files import SIZE_LIMIT
from index.sources.markdown import strip_markdown
from index.sources.normalise import normalise

SEEDS = Path(__file__).parent.parent / "seeds"


def read(folder: Path, name: str, content: str | bytes) -> Article | Failure:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with Sources() as sources:
        (found,) = sources.read(file)
    return found


def article(folder: Path, name: str, content: str | bytes) -> Article:
    found = read(folder, name, content)
    assert isinstance(found, Article), found
    return found


def reason(folder: Path, name: str, content: str | bytes) -> str:
    found = read(folder, name, content)
    assert isinstance(found, Failure), found
    assert found.origin == str(folder / name)
    return found.reason


def test_front_matter_fills_the_fields(tmp_path: Path) -> None:
    found = article(
        tmp_path,
        "eclipse.md",
        "---\n"
        'Title: "Eclipse:  the\tday"\n'
        "url: https://example.org/eclipse\n"
        "source: Science desk\n"
        "published: 2024-04-08T12:00:00Z\n"
        "author: [Ann Lee, Bo Ek]\n"
        "tags: {any: [thing]}\n"
        "---\n"
        "\nThe Moon covered the Sun.\r\n\r\nIt got dark.\n",
    )
    origin = str(tmp_path / "eclipse.md")
    assert found == Article(
        id=hashlib.sha256(origin.encode()).hexdigest()[:16],
        origin=origin,
        title="Eclipse: the day",
        text="The Moon covered the Sun.\n\nIt got dark.",
        url="https://example.org/eclipse",
        source="Science desk",
        published="2024-04-08",
        author="Ann Lee, Bo Ek",
    )


@pytest.mark.parametrize("name", ["a.txt", "a.md", "A.TXT"])
def test_front_matter_is_read_in_every_kind_of_text(tmp_path: Path, name: str) -> None:
    found = article(tmp_path, name, "---\ntitle: No\ndate: 5 Jan 2024 10:00:00 +0000\n---\nText.")
    assert (found.title, found.published, found.text) == ("No", "2024-01-05", "Text.")


def test_blank_values_count_as_absent(tmp_path: Path) -> None:
    found = article(
        tmp_path, "a.md", "---\ntitle:\nurl: ~\nauthor: []\nsource: ''\n---\nSome text."
    )
    assert (found.title, found.url, found.author) == ("Some text.", None, None)
    assert found.source == "a.md"


def test_empty_front_matter_is_none(tmp_path: Path) -> None:
    assert article(tmp_path, "a.md", "---\n---\nText.").text == "Text."


@pytest.mark.parametrize(
    ("front_matter", "expected"),
    [
        ("a: b: c", "has front matter that is not YAML (mapping values are not allowed in this"),
        ("a: [1, 2", "has front matter that is not YAML (did not find expected ',' or ']', line"),
        ("a: *nothing", "has front matter that is not YAML (found undefined alias, line 2)"),
        ("a: \uffff", "has front matter that is not YAML"),
        ("a: " + "[" * 60_000, "has front matter that is nested too deeply"),
        ("a: " + "- " * 30_000, "has front matter that is"),
        ("a: " + "x" * 70_000, "has front matter of over 65,536 characters"),
        ("# b\n\n'a': b: c", "has front matter that is not YAML"),
    ],
)
def test_malformed_front_matter_is_told(tmp_path: Path, front_matter: str, expected: str) -> None:
    assert reason(tmp_path, "a.md", f"---\n{front_matter}\n---\nText.").startswith(expected)


def test_front_matter_that_never_ends_is_told(tmp_path: Path) -> None:
    assert reason(tmp_path, "a.md", "---\ntitle: T\n\nText.") == (
        'opens front matter with "---" and never closes it'
    )


@pytest.mark.parametrize(
    "text",
    [
        "---\nOnce upon a time",
        "---\nOnce upon a time: so: it goes.\n---\nThe end.",
        "---\n- one\n- two\n---\nThe end.",
        "---\n\nOnce upon a time.\n\n---\n\nThe end.",
        "---\n*Once* upon a time.\n---",
        "---\n" + "Once." * 20_000 + "\n---",
    ],
)
def test_a_text_that_begins_with_a_line_is_no_front_matter(tmp_path: Path, text: str) -> None:
    assert article(tmp_path, "a.txt", text).text == text.strip()


def test_aliases_that_multiply_stay_small(tmp_path: Path) -> None:
    lines = ["a0: &a0 [lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 15)]
    bomb = "\n".join(["---", *lines, "author: *a14", "title: T", "---", "Text."])
    assert article(tmp_path, "a.md", bomb).author is None


@pytest.mark.parametrize(
    ("name", "content", "title", "text"),
    [
        ("a.md", "# The *Title*\n\nFirst words. More.", "The Title", "First words. More."),
        ("a.md", "<!--\n# Old Title\n-->\n# New\nWords.", "New", "Words."),
        ("a.md", "The Title\n=====\nFirst words.", "The Title", "First words."),
        ("a.md", "Intro.\n\n## Later\nWords.", "Later", "Intro.\n\nLater\n\nWords."),
        ("a.md", "---\ntitle: T\n---\n# T\nWords.", "T", "Words."),
        ("a.md", "---\ntitle: T\n---\n# Other\nWords.", "T", "Other\n\nWords."),
        ("a.txt", "# No heading here. More.", "# No heading here.", "# No heading here. More."),
        ("a.txt", "Mr. Smith came home. He slept.", "Mr. Smith came home.", None),
        ("a.txt", "No stop\nin\n\nthese lines", "No stop in", None),
        ("the_long-road.txt", "*** 🏆 ***", "the long road", None),
        ("---.txt", "***", "---.txt", None),
    ],
)
def test_the_title_falls_back(
    tmp_path: Path, name: str, content: str, title: str, text: str | None
) -> None:
    found = article(tmp_path, name, content)
    assert found.text == (content if text is None else text)
    assert found.title == title


def test_a_heading_stays_under_a_title_that_was_given(tmp_path: Path) -> None:
    given = {"title": "Of the feed"}
    with Sources() as sources:
        found = sources.read_page("https://a.b/c", b"# Own\nWords.", "text/markdown", given)
    assert isinstance(found, Article)
    assert (found.title, found.text) == ("Of the feed", "Own\n\nWords.")


def test_a_long_first_sentence_is_cut_at_a_word(tmp_path: Path) -> None:
    title = article(tmp_path, "a.txt", "word " * 60 + "end.").title
    assert title.endswith("word…")
    assert 110 < len(title) <= 121


def test_long_titles_are_cut(tmp_path: Path) -> None:
    found = article(tmp_path, "a.md", f"---\ntitle: {'word ' * 1000}\n---\nText.")
    assert len(found.title) <= 301


MARKDOWN = [
    ("plain (1) text [sic], 5 * 3 * 2, snake_case_name, a*b*c, #1, ~5 and 3 > 2!", None),
    ("**bold** *it* __strong__ _em_ ***both*** ~~gone~~", "bold it strong em both gone"),
    ("**bold *it* more** and *it **bold** more*", "bold it more and it bold more"),
    ("**over\nlines** but *not\n\nparagraphs*", "over\nlines but *not\n\nparagraphs*"),
    ("un**believ**able", "unbelievable"),
    ('[text](http://a.b/c_(d) "t") and [no](link here)', "text and [no](link here)"),
    ("[x][1] and [1] and [sic][2]\n\n[1]: http://a.b/", "x and 1 and [sic][2]"),
    ("[Editor]: He said so.", None),
    ("![alt](a.png) [![in](b.png)](http://c.d) <https://e.f/g_h_i>", "alt in https://e.f/g_h_i"),
    ("`*code*` and ``a_b_``", "*code* and a_b_"),
    ("\\*kept\\* and 1\\. C:\\dir", "*kept* and 1. C:\\dir"),
    ("> quoted\n> > twice", "quoted\ntwice"),
    ("- one\n* two\n  + three\n1. four", "one\ntwo\nthree\n1. four"),
    ("a\n\n* * *\n\nb\n\n---\n\nc\n\n___", "a\n\nb\n\nc"),
    ("## Sub ##\nText\n\nUnder\n---\nMore", "Text\n\nUnder\n\nMore"),
    ("```python\nx = a*b*c  # note\n```\n~~~\n- kept\n~~~", "x = a*b*c  # note\n- kept"),
    ("```npm i``` sets *it* up.\n\n~~~ `a`\n*b*\n~~~", "npm i sets it up.\n\n*b*"),
    ("| a | b |\n|---|:-:|\n| *1* | 2 |", "| a | b |\n| 1 | 2 |"),
    ("Fact[^1] told.\n\n[^1]: A note.", "Fact told.\n\nA note."),
    ("<b>tags</b> & &amp; stay <!-- so -->", None),
    ("1. one\n\n    ```\n    *a*\n    ```\n2. *two*", "1. one\n\n    *a*\n2. two"),
    ("> *a*\n> ```\n> *b* > c\n>   *d*\n> ```\n> *e*", "a\n*b* > c\n  *d*\ne"),
    ("> ```\n> *b*\n\n*e*", "*b*\n\ne"),
    ("> > ```\n> a > *x*\n> > ```", "a > *x*"),
    ("```\na\n    ```\n*b*\n```\n*c*", "a\n    ```\n*b*\nc"),
    ("<!-- a --> <!-- b\nhidden -->*c*", "c"),
    (
        "Code:\n\n    def __init__(self): return 2 *x* 3\n\n    # *b*\n*c*",
        "Code:\n\n    def __init__(self): return 2 *x* 3\n\n    # *b*\nc",
    ),
    ("- one\n\n    *two*\n\nthree\n    *four*", "one\n\n    two\n\nthree\n    four"),
    ("[^1]: *One.*\n\n    *Two.*", "One.\n\n    Two."),
    ("one\n<!--\n# Old\n\nWords.\n--> *two*\n\n<!-- three -->\nfour", "one\ntwo\n\nfour"),
    ("<!-- *open*\n\ntwo", "<!-- open\n\ntwo"),
    ("```\n<!--\n```\none -->", "<!--\none -->"),
    ("one\\\ntwo\\\\\nthree\\\n\nfour", "one\ntwo\\\nthree\\\n\nfour"),
]


@pytest.mark.parametrize(("markdown", "text"), MARKDOWN)
def test_markdown_reads_like_prose(markdown: str, text: str | None) -> None:
    assert normalise(strip_markdown(markdown).text) == (markdown if text is None else text)


@given(st.lists(st.text(st.sampled_from("*_`~[]()!<>#\\|-+=: \nab1.'\"^"), max_size=60)))
def test_any_marks_at_all_are_survived(lines: list[str]) -> None:
    prose = strip_markdown(normalise("\n".join(lines)))
    assert not any(ord(char) < 32 and char != "\n" for char in prose.text)


WORDS = st.text(st.characters(categories=("L", "Nd", "Po", "Zs")), max_size=60).filter(
    lambda line: not set("*_`\\#!~<>@&") & set(line)
)


@given(st.lists(WORDS, max_size=8))
def test_plain_paragraphs_come_out_as_they_are(paragraphs: list[str]) -> None:
    text = normalise("\n\n".join(paragraphs))
    assert strip_markdown(text).text == text


@pytest.mark.parametrize(
    "unit",
    [
        "**a ",
        "*a\n",
        "_",
        "`a",
        "[",
        "[a](b(",
        '[a](b "',
        "[a][",
        "> ",
        "```",
        "````a`",
        "- ",
        "a\n---\n\n",
        "<!--",
        "<!--\n",
        "<!-- -->",
        "\n    a",
        "> ```\n",
    ],
)
def test_a_million_marks_come_to_an_end(unit: str) -> None:
    strip_markdown((unit * 1_000_000)[:1_000_000])  # quadratic time would be hours


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024-01-05", "2024-01-05"),
        (" 2024-01-05T23:59:59+14:00 ", "2024-01-05"),
        ("2024-01-05 10:00 -5", "2024-01-05"),
        ("20240105", "2024-01-05"),
        ("Fri, 05 Jan 2024 10:00:00 GMT", "2024-01-05"),
        ("Fri, 05 Jan 2024", "2024-01-05"),
        ("05 Jan 2024", "2024-01-05"),
        ("5 January 2024", "2024-01-05"),
        ("January 5, 2024", "2024-01-05"),
        ("2024", None),
        ("May 5", None),
        ("01/02/2024", None),
        ("2024-02-30", None),
        ("2024-13", None),
        ("last year", None),
        ("", None),
        (2024, None),
        (True, None),
        (["2024-01-05"], None),
    ],
)
def test_dates_become_iso_or_nothing(written: object, expected: str | None) -> None:
    assert iso_date(written) == expected


@given(
    st.one_of(
        st.text(),
        st.dates().map(str),
        st.from_regex(r"\A[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ [\d:]+"),
    )
)
def test_any_string_is_an_iso_date_or_none(written: str) -> None:
    day = iso_date(written)
    assert day is None or (len(day) == 10 and iso_date(day) == day)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (" https://example.org/a?b=c#d ", True),
        ("HTTP://EXAMPLE.ORG", True),
        ("javascript:alert(1)", False),
        ("java\nscript:alert(1)", False),
        ("data:text/html,x", False),
        ("ftp://example.org/", False),
        ("//example.org/", False),
        ("example.org", False),
        ("https://", False),
        ("https://[::1", False),
        ("https://a.b/c d", False),
        ("https://a.b/" + "c" * 2000, False),
        (5, False),
    ],
)
def test_only_web_addresses_are_kept(written: object, kept: bool) -> None:
    assert web_url(written) == (str(written).strip() if kept else None)


@pytest.mark.parametrize("content", ["", " \n\t\r\n", "\ufeff", "\0", "# Title only\n"])
def test_a_file_without_text_is_a_failure(tmp_path: Path, content: str) -> None:
    assert reason(tmp_path, "a.md", content) == "holds no text"


def test_wrong_bytes_are_a_failure(tmp_path: Path) -> None:
    latin = "Año".encode("latin-1")
    assert reason(tmp_path, "a.txt", latin) == "is not UTF-8 text (byte 0xf1 at 1)"


def test_utf_16_with_its_mark_is_read(tmp_path: Path) -> None:
    assert article(tmp_path, "a.txt", "Año nuevo.".encode("utf-16")).text == "Año nuevo."


def test_a_file_over_the_limit_is_a_failure_that_names_it(tmp_path: Path) -> None:
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(SIZE_LIMIT + 1)
    with Sources() as sources:
        (failure,) = sources.read(tmp_path / "a.txt")
    assert failure == Failure(
        str(tmp_path / "a.txt"), "is larger than 50 MB, the limit for an article"
    )


YAML = st.text(st.sampled_from("---\n:{}[]!&*?|>'\"%@`#,~ \ttitledaurlhornb:-0123<=\\\0\ufffe"))


@given(front_matter=st.one_of(YAML, st.text()), body=st.text())
def test_any_front_matter_is_an_article_or_a_failure(
    tmp_path_factory: pytest.TempPathFactory, front_matter: str, body: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.md"
    file.write_bytes(f"---\n{front_matter}\n---\n{body}".encode(errors="surrogatepass"))
    with Sources() as sources:
        (found,) = sources.read(file)
    if isinstance(found, Article):
        assert found.text == normalise(found.text) != ""
        assert found.title
    else:
        assert found.reason


def test_the_seeds_are_read_and_plain_ones_exactly() -> None:
    files = sorted(SEEDS.glob("*.md"))
    assert files
    with Sources() as sources:
        for file in files:
            (found,) = sources.read(file)
            assert isinstance(found, Article), found
            body = file.read_text(encoding="utf-8").split("\n---\n", 1)[1].strip()
            if "\n#" not in body and "*" not in body:
                assert found.text == body
