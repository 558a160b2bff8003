import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.records import Article, Failure
from index.sources import Sources


def read(folder: Path, name: str, content: str | bytes) -> list[Article | Failure]:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with Sources() as sources:
        return list(sources.read(file))


def short(found: list[Article | Failure]) -> list[str]:
    """What stands after "#" in each origin, and the text or reason."""
    return [
        found.origin.partition("#")[2]
        + ": "
        + (found.text if isinstance(found, Article) else found.reason)
        for found in found
    ]


def test_a_json_row_fills_the_fields(tmp_path: Path) -> None:
    row = {
        "id": 7,
        "Text": "The Moon covered\r\nthe Sun.",
        "title": "Eclipse",
        "url": "https://example.org/e",
        "source": "Desk",
        "date": "Mon, 08 Apr 2024 12:00:00 +0000",
        "author": ["Ann Lee", "Bo Ek"],
        "more": {"any": "thing"},
    }
    (article,) = read(tmp_path, "a.jsonl", json.dumps(row))
    assert isinstance(article, Article)
    assert article.origin == f"{tmp_path}/a.jsonl#7"
    assert article.text == "The Moon covered\nthe Sun."
    assert (article.title, article.url) == ("Eclipse", "https://example.org/e")
    assert (article.source, article.published) == ("Desk", "2024-04-08")
    assert article.author == "Ann Lee, Bo Ek"


def test_a_csv_row_fills_the_fields(tmp_path: Path) -> None:
    content = (
        " ID ,Title,body,url,published\r\n"
        'a1,Eclipse,"The Moon, ""our"" Moon,\r\ncovered the Sun.",https://example.org/e,2024-04-08\r\n'
        ",,Second row. More.,,\r\n"
    )
    first, second = read(tmp_path, "a.csv", content.encode("utf-8-sig"))
    assert isinstance(first, Article)
    assert isinstance(second, Article)
    assert first.origin == f"{tmp_path}/a.csv#a1"
    assert first.text == 'The Moon, "our" Moon,\ncovered the Sun.'
    assert (first.url, first.published) == ("https://example.org/e", "2024-04-08")
    assert second.origin == f"{tmp_path}/a.csv#2"
    assert (second.title, second.source) == ("Second row.", "a.csv")


TWICE = [(6, 2, 3), (7, 3, 1)]


def test_the_number_of_a_row_may_be_the_id_of_another(tmp_path: Path) -> None:
    rows = [("a", 3), ("b", None), ("c", 2), ("d", None), ("e", None), ("f", 2), ("g", 3), ("h", 5)]
    lines = [json.dumps({"text": text, "id": id}) for text, id in rows]
    assert short(read(tmp_path, "a.jsonl", "\n".join(lines))) == [
        *("3: a", "2: b", "2 in row 3: c", "4: d", "5: e"),
        *(f"row {n}: has the id {id}, which stands in row {m} already" for n, id, m in TWICE),
        "5 in row 8: h",
    ]


def test_bad_json_rows_are_told_and_the_rest_go_on(tmp_path: Path) -> None:
    rows = [
        b'\xef\xbb\xbf{"text": "first"}',
        b"",
        b'{"text": "cut',
        b"[1]",
        b'{"title": "no text"}',
        b'{"text": 5}',
        b'{"text": "caf\xe9"}',
        b'{"text": ' + b"[" * 100_000,
        b'{"text": "x", "n": ' + b"9" * 5000 + b"}",
        b'{"text": " \\u0000 "}',
        b'{"text": "l\\ud800ast", "id": true}',
    ]
    assert short(read(tmp_path, "a.jsonl", b"\n".join(rows))) == [
        "1: first",
        "row 2: is not JSON (Unterminated string starting at, column 10)",
        "row 3: is not a JSON object",
        "row 4: holds no text",
        "row 5: has a text that is not a string",
        "row 6: is not UTF-8 text (byte 0xe9 at 13)",
        "row 7: is JSON with a number or a nesting beyond all measure",
        "row 8: is JSON with a number or a nesting beyond all measure",
        "row 9: holds no text",
        "10: last",
    ]


def test_bad_csv_rows_are_told_and_the_rest_go_on(tmp_path: Path) -> None:
    rows = [
        b"text,title",
        b"first,t",
        b"",
        b"one,two,three",
        b'"quoted"badly,t',
        b",no text",
        b"caf\xe9,t",
        b"short",
        b'"never closed,t',
        b"swallowed,t",
    ]
    assert short(read(tmp_path, "a.csv", b"\n".join(rows))) == [
        "1: first",
        "row 2: has 3 cells for 2 columns",
        "row 3: is not CSV (',' expected after '\"')",
        "row 4: holds no text",
        "row 5: is not UTF-8 text (byte 0xe9 at 3)",
        "6: short",
        "row 7: is not CSV (unexpected end of data)",
    ]


def test_of_a_row_that_is_not_csv_no_line_becomes_a_row_where_its_end_is_told(
    tmp_path: Path,
) -> None:
    rows = [
        'Two,"He said "hi" to us.',
        "And more.",
        'Second half, of two",x',
        "Three,fine",
        'Four,"5" wide',
        "Five,fine",
        'Six,"first',
        'half"',
    ]
    assert short(read(tmp_path, "a.csv", "\n".join(["title,text,x", *rows]))) == [
        "row 1: is not CSV (',' expected after '\"')",
        "2: fine",
        "row 3: is not CSV (',' expected after '\"')",
        "4: fine",
        "5: first\nhalf",
    ]


@pytest.mark.parametrize("key", ["text", "body", "content", "Content"])
def test_the_text_has_three_names(tmp_path: Path, key: str) -> None:
    assert short(read(tmp_path, "a.csv", f"{key}\nwords")) == ["1: words"]
    assert short(read(tmp_path, "a.jsonl", json.dumps({key: "words"}))) == ["1: words"]


def test_rows_are_named_by_id_then_address_then_number(tmp_path: Path) -> None:
    rows = [
        {"text": "a", "id": "x y", "url": "https://e.org/1"},
        {"text": "b", "id": "", "url": "https://e.org/2"},
        {"text": "c", "url": "javascript:x"},
        {"text": "d", "id": 0},
    ]
    content = "\n".join(map(json.dumps, rows))
    assert short(read(tmp_path, "a.jsonl", content)) == [
        "x y: a",
        "https://e.org/2: b",
        "3: c",
        "0: d",
    ]


def test_a_second_row_of_the_same_name_is_a_failure(tmp_path: Path) -> None:
    rows = [
        {"text": "a", "id": "x"},
        {"id": "y"},
        {"text": "b", "id": "x"},
        {"text": "c", "id": "y"},
    ]
    content = "\n".join(map(json.dumps, rows))
    assert short(read(tmp_path, "a.jsonl", content)) == [
        "x: a",
        "row 2: holds no text",
        "row 3: has the id x, which stands in row 1 already",
        "y: c",
    ]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", b"title,url\nx,y\n", "has no column called text, body or content"),
        ("a.csv", b"", "has no column called text, body or content"),
        ("a.csv", b'"text\n', "has a header that is not CSV (unexpected end of data)"),
        ("a.csv", b"text,caf\xe9\n", "is not UTF-8 text (byte 0xe9 at 8)"),
        ("a.csv", "text\nx".encode("utf-16"), "is UTF-16 text, but rows are read as UTF-8 only"),
        ("a.jsonl", "{}".encode("utf-16"), "is UTF-16 text, but rows are read as UTF-8 only"),
    ],
)
def test_a_table_without_rows_to_read_is_one_failure(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    assert read(tmp_path, name, content) == [Failure(str(tmp_path / name), reason)]


@pytest.mark.parametrize("large", ["x" * 10_000_001, "line\n" * 2_000_001, 'a ""b""\n' * 1_300_000])
def test_a_row_over_the_limit_is_told_and_the_rest_go_on(tmp_path: Path, large: str) -> None:
    expected = ["1: first", "row 2: is larger than 10 MB, the limit for a row", "3: last"]
    content = f'text\nfirst\n"{large}",t\nlast\n'
    assert short(read(tmp_path, "a.csv", content)) == expected
    content = "\n".join(json.dumps({"text": text}) for text in ("first", large, "last"))
    assert short(read(tmp_path, "a.jsonl", content)) == expected


def test_rows_are_read_one_at_a_time(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    with file.open("w", encoding="utf-8") as out:
        out.writelines(f'{{"text": "row {number}"}}\n' for number in range(100_000))
    with Sources() as sources:
        rows = sources.read(file)
        assert isinstance(next(rows), Article)
        # Rows beyond what is buffered are read from the disk as it is now.
        with file.open("r+b") as out:
            out.truncate(1_000_000)
        assert 1000 < sum(1 for _ in rows) < 60_000


def test_large_cells_are_read(tmp_path: Path) -> None:
    (article,) = read(tmp_path, "a.csv", "text\n" + "word " * 200_000)
    assert isinstance(article, Article)
    assert len(article.text) == 999_999


CELLS = st.text(st.characters(categories=("L", "P", "Zs"), include_characters='",\n'), max_size=30)


@given(rows=st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_every_row_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    out = io.StringIO()
    csv.writer(out).writerows([("text", "title"), *rows])
    found = read(folder, "any.csv", out.getvalue())
    content = "\n".join(json.dumps({"text": text, "title": title}) for text, title in rows)
    same = read(folder, "any.jsonl", content)
    assert len(found) == len(same) == len(rows)
    assert short(found) == short(same)


@given(content=st.binary() | st.text(st.sampled_from('{}[]":,textbody1 \n\r\0')).map(str.encode))
@pytest.mark.parametrize("name", ["any.csv", "any.jsonl"])
def test_any_bytes_give_articles_and_failures(
    tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes
) -> None:
    for found in read(tmp_path_factory.getbasetemp(), name, b"text,title\n" + content):
        assert found.text if isinstance(found, Article) else found.reason
