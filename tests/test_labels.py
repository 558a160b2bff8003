"""Files of labelled questions: SQuAD 1.1 and 2.0, read and checked."""

import json
from codecs import BOM_UTF8

import pytest

from qa import LabelError
from qa.labels import kept_out, load_labels

TEXT = "The bridge was built by Mary Stone in 1907. 😀 Mary Stone died in 1921."


def answers(*texts, nth=0):
    found = []
    for text in texts:
        start = TEXT.index(text)
        for _ in range(nth):
            start = TEXT.index(text, start + 1)
        found.append({"text": text, "answer_start": start})
    return found


def row(id, question, found, **more):
    return {"id": id, "question": question, "answers": found, **more}


@pytest.fixture
def file(tmp_path):
    """Writes a file of one paragraph with these questions, or of these bytes."""

    def write(*rows, text=TEXT, raw=None):
        path = tmp_path / "labels.json"
        paragraphs = [{"context": text, "qas": list(rows)}]
        data = {"version": "v2.0", "data": [{"title": "Old_bridge", "paragraphs": paragraphs}]}
        path.write_bytes(json.dumps(data).encode() if raw is None else raw)
        return path

    return write


def test_a_file_of_squad_1_1_is_read(file):
    articles, questions = load_labels(file(row("q1", "Who built it?", answers("Mary Stone"))))
    (article,) = articles
    (labelled,) = questions
    assert (article.title, article.text) == ("Old bridge", TEXT)
    assert (labelled.question, labelled.answers) == ("Who built it?", ("Mary Stone",))
    assert labelled.article_id == article.id


def test_questions_of_squad_2_0_may_have_no_answer(file):
    plausible = answers("1907")
    _, questions = load_labels(
        file(
            row("q1", "Who built it?", answers("Mary Stone"), is_impossible=False),
            row("q2", "When did it fall?", [], is_impossible=True),
            row("q3", "Who paid?", [], is_impossible=True, plausible_answers=plausible),
            row("q4", "Who paid twice?", []),
        )
    )
    assert [labelled.answers for labelled in questions] == [("Mary Stone",), (), (), ()]


def test_several_answers_are_kept_once_each_in_order(file):
    given = answers("Mary Stone", "Stone", "Mary Stone") + answers("Mary Stone", nth=1)
    _, (labelled,) = load_labels(file(row("q1", "Who?", given)))
    assert labelled.answers == ("Mary Stone", "Stone")


def test_the_places_of_all_answers_are_kept_once_each_most_agreed_first(file):
    given = answers("Mary Stone", "Stone", "Mary Stone") + answers("Mary Stone", nth=1)
    _, (labelled,) = load_labels(file(row("q1", "Who?", given)))
    assert labelled.places == ((24, 34), (29, 34), (46, 56))
    assert [TEXT[start:end] for start, end in labelled.places][::2] == ["Mary Stone"] * 2


def test_offsets_count_code_points(file):
    _, (labelled,) = load_labels(file(row("q1", "When did she die?", answers("1921"))))
    assert labelled.answers == ("1921",)


def test_the_same_paragraph_twice_is_one_article(tmp_path):
    one = {"context": TEXT, "qas": [row("q1", "Who?", answers("Mary Stone"))]}
    other = {"context": TEXT, "qas": [row("q2", "When?", answers("1907"))]}
    path = tmp_path / "two.json"
    path.write_text(json.dumps({"data": [{"paragraphs": [one]}, {"paragraphs": [other]}]}))
    articles, questions = load_labels(path)
    assert len(articles) == 1
    assert articles[0].title == "two"
    assert {labelled.article_id for labelled in questions} == {articles[0].id}


def published(tmp_path, day):
    """The articles of a file that says so of its one article."""
    paragraphs = [{"context": TEXT, "qas": [row("q1", "Who?", answers("Mary Stone"))]}]
    entry = {"title": "Old_bridge", "published": day, "paragraphs": paragraphs}
    path = tmp_path / "day.json"
    path.write_text(json.dumps({"data": [entry]}))
    return load_labels(path)[0]


@pytest.mark.parametrize("day", ["2023-01-11", None])
def test_an_article_may_say_on_which_day_it_was_published(tmp_path, day):
    assert [one.published for one in published(tmp_path, day)] == [day]


@pytest.mark.parametrize("day", ["", "2023", "11 January 2023", "20230111", "2023-02-30", 2023])
def test_a_day_that_is_none_is_named(tmp_path, day):
    wanted = rf"“Old_bridge” was published “{day}”: give a day as YYYY-MM-DD$"
    with pytest.raises(LabelError, match=wanted):
        published(tmp_path, day)


@pytest.mark.parametrize("start", [0, 25, 10_000])
def test_a_wrong_offset_names_the_question(file, start):
    wrong = [{"text": "Mary Stone", "answer_start": start}]
    with pytest.raises(LabelError, match=rf"q7: the answer “Mary Stone” does not stand at {start}"):
        load_labels(file(row("q1", "When?", answers("1907")), row("q7", "Who?", wrong)))


def test_every_row_that_can_t_be_used_is_named(file):
    wrong = [{"text": "Mary Stone", "answer_start": 3}]
    rows = [row(f"bad{number}", "Who?", wrong) for number in range(12)]
    with pytest.raises(LabelError) as caught:
        load_labels(file(row("q1", "When?", answers("1907")), *rows, {"id": "torn"}))
    first, *sentences = str(caught.value).splitlines()
    assert first.endswith("labels.json: 13 of 14 questions can't be used:")
    assert all(f"bad{number}:" in line for number, line in enumerate(sentences[:-1]))
    assert len(sentences) == 13
    assert "torn" in sentences[-1]


@pytest.mark.parametrize("text", ["", None])
def test_an_answer_of_no_words_is_named(file, text):
    with pytest.raises(LabelError, match=r"q1|is not a SQuAD row"):
        load_labels(file(row("q1", "Who?", [{"text": text, "answer_start": 3}])))


def test_half_of_the_paragraphs_are_kept_out_and_always_the_same(article):
    ids = [article("text", name=f"paragraph {number}").id for number in range(1000)]
    lost = [id for id in ids if kept_out(id)]
    assert 400 < len(lost) < 600
    assert lost == [id for id in ids if kept_out(id)]
    held = [id for id in ids if int(id, 16) % 10 == 0]
    assert 0 < sum(map(kept_out, held)) < len(held), "a tenth drawn by id has both halves"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[]",
        b"null",
        b"7",
        b"{}",
        b'{"data": 5}',
        b'{"data": [5]}',
        b'{"data": [{"title": "no paragraphs"}]}',
        b'{"data": [{"paragraphs": [{"context": "no questions"}]}]}',
        b'{"data": [{"paragraphs": [{"context": "half a \\ud83d", "qas": []}]}]}',
        b'{"data": ' + b"[" * 99_999,
    ],
)
def test_what_is_not_squad_is_refused(file, raw):
    with pytest.raises(LabelError, match=r"is not SQuAD 1\.1 or 2\.0 JSON"):
        load_labels(file(raw=raw))


@pytest.mark.parametrize("paragraph", [{"context": 5, "qas": []}, {"context": " \n", "qas": []}])
def test_a_paragraph_without_text_is_refused(file, paragraph):
    raw = json.dumps({"data": [{"title": "Bare", "paragraphs": [paragraph]}]}).encode()
    with pytest.raises(LabelError, match="a paragraph of “Bare” has no text or questions"):
        load_labels(file(raw=raw))


@pytest.mark.parametrize(
    "broken",
    [
        5,
        {"id": "q1"},
        {"id": "q1", "question": "Who?"},
        {"id": "q1", "question": "Who?", "answers": [{"text": "Mary"}]},
        {"id": "q1", "question": "Who?", "answers": [{"answer_start": 3}]},
        {"id": "q1", "question": "Who?", "answers": [{"text": "Mary", "answer_start": "24"}]},
        {"id": "q1", "question": "Who?", "answers": [{"text": 1907, "answer_start": 38}]},
    ],
)
def test_a_row_that_is_no_question_is_shown(file, broken):
    with pytest.raises(LabelError, match="is not a SQuAD row"):
        load_labels(file(broken))


def test_a_file_without_questions_is_refused(file):
    with pytest.raises(LabelError, match="holds no question"):
        load_labels(file())


def test_a_file_that_cannot_be_read_says_why(tmp_path):
    with pytest.raises(LabelError, match="No such file"):
        load_labels(tmp_path / "nowhere.json")
    with pytest.raises(LabelError, match="can't be read"):
        load_labels(tmp_path)


def test_a_byte_order_mark_is_passed_over(file):
    path = file(row("q1", "Who built it?", answers("Mary Stone")))
    path.write_bytes(BOM_UTF8 + path.read_bytes())
    assert len(load_labels(path)[1]) == 1


def test_a_question_is_read_as_the_service_reads_it(file):
    padded = " Who\n built " + " " * 900 + "\ud83dit? "
    _, (labelled,) = load_labels(file(row("q1", padded, answers("Mary Stone"))))
    assert labelled.question == "Who built it?"


def test_a_question_that_can_t_be_asked_is_named(file):
    rows = [row("q1", "?", []), row("q2", "Who? " * 200, []), row("q3", "Who?", [])]
    with pytest.raises(LabelError) as told:
        load_labels(file(*rows))
    assert str(told.value).split("\n", 1)[0].endswith("2 of 3 questions can't be used:")
    assert "question q1: the question is empty" in str(told.value)
    assert "question q2: the question has 999 characters" in str(told.value)


def test_half_a_character_in_a_title_is_refused(tmp_path):
    path = tmp_path / "half.json"
    paragraphs = [{"context": TEXT, "qas": [row("q1", "Who?", answers("Mary Stone"))]}]
    path.write_text(json.dumps({"data": [{"title": "\ud83d", "paragraphs": paragraphs}]}))
    with pytest.raises(LabelError, match="is not SQuAD"):
        load_labels(path)
