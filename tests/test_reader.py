"""The shipped reader: every span is a slice of its article, and only the pinned files load."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import pairwise

import onnx
import pytest
from onnx import TensorProto, helper

import qa.reader
from index import Hit, Passage, sentences
from qa import ReaderError
from qa.reader import ABOUT, DEFAULT_READER, MODEL, TOKENIZER, load_reader, load_tokenizer
from qa.window import whole, windows

pytestmark = pytest.mark.model
PACT = (
    "Japan and Britain signed a pact in London on Wednesday. Fumio Kishida, the prime minister of"
    " Japan, put his name under it at the Tower of London, beside Rishi Sunak.\n\nKishida had"
    " come from Rome the day before. The pact was signed after two years of talks."
)


@pytest.fixture(scope="module")
def reader():
    return load_reader(DEFAULT_READER, 2)


@pytest.fixture
def copy(tmp_path):
    """A folder with the shipped reader's files in it."""
    return shutil.copytree(DEFAULT_READER, tmp_path / "reader")


def repin(folder):
    """Make reader.json name the files as they are now."""
    about = json.loads((folder / ABOUT).read_text())
    about["sha256"] = {
        name: sha256((folder / name).read_bytes()).hexdigest() for name in (MODEL, TOKENIZER)
    }
    (folder / ABOUT).write_text(json.dumps(about))


def passages(one):
    """A window for every other sentence."""
    hits = [
        Hit(Passage(one.id, start, end, one.text[start:end]), 0.5)
        for start, end in sentences(one.text)[::2]
    ]
    return windows(one, hits)


def best(spans):
    return max(spans, key=lambda span: span.score)


def test_it_answers(reader, article):
    span = best(reader.read("Where was the pact signed?", [whole(article(PACT))]))
    assert "London" in PACT[span.start : span.end]


def test_each_span_tells_how_many_of_the_questions_words_its_sentence_holds(reader, article):
    one = article("Ann Lee signed the pact. The weather in Oslo was fine. Bo Ek signed nothing.")
    found = reader.read("Who was signing the pacts?", [whole(one)])  # who, sign, pact
    places = [one.text[: span.start].count(".") for span in found]
    assert 0 in places
    assert [span.shared for span in found] == [pytest.approx([2 / 3, 0, 1 / 3][n]) for n in places]


def test_a_question_of_words_that_stand_nowhere_shares_none(reader, article):
    found = reader.read("Why?", [whole(article(PACT))])
    assert found and {span.shared for span in found} == {0.0}


def test_a_long_text_is_given_in_parts_that_overlap():
    tokenizer = load_tokenizer(DEFAULT_READER / TOKENIZER)
    text = " ".join(f"word{number}" for number in range(400))
    encoding = tokenizer.encode("Who?", text)
    parts = [encoding, *encoding.overflowing]
    assert len(parts) > 2
    ranges = []
    for part in parts:
        assert len(part.ids) <= 384
        inside = [at for at, one in enumerate(part.sequence_ids) if one == 1]
        ranges.append((part.offsets[inside[0]][0], part.offsets[inside[-1]][1]))
    assert ranges[0][0] == 0 and ranges[-1][1] == len(text)
    assert all(other[0] < one[1] < other[1] for one, other in pairwise(ranges))


def test_it_is_named_to_the_byte(reader):
    about = json.loads((DEFAULT_READER / ABOUT).read_text())
    assert reader.fingerprint == f"{about['name']}:{about['sha256'][MODEL][:16]}"


@pytest.mark.parametrize(
    "text",
    [
        PACT,
        "😀 Zoë 👩‍🚀 met Chloé 😀 in the café 🇯🇵 on Monday. She said “ça va” 😀😀 to Kōmeitō.",
        "The x\u0302 and y\u0303 of Itō\u0301 met q\u0323\u0307 in Rome. e\u0301 was there.",
        "東京で岸田首相が協定に署名した。ロンドンで、スナク首相が署名した。",
        "تم توقيع الاتفاق في لندن. הסכם נחתם בלונדון.",
        "한국과 일본이 서명했다. \u1112\u1161\u11ab met Bob.",
        "ﬁrst İstanbul, then straße, ǅ and ŉ: all in 1,000.50 £ (U.S.)…",
        "supercalifragilistic" * 40,
        "?" * 600,
        "a\u0301" * 300,
    ],
)
def test_every_span_is_words_of_the_article(reader, article, text):
    one = article(text, "Who met whom 😀")
    for question in ("Who met whom 😀?", "署名したのは誰?"):
        for window in [whole(one), *passages(one)]:
            for span in reader.read(question, [window]):
                assert 0 <= span.start < span.end <= len(text)
                assert span.article_id == one.id
                assert not text[span.start : span.end].isspace()
                assert window.locate(*_in_window(window, span)) == (span.start, span.end)


def _in_window(window, span):
    for piece in window.pieces:
        if piece.start <= span.start and span.end <= piece.start + piece.length:
            shift = piece.at - piece.start
            return span.start + shift, span.end + shift
    raise AssertionError("the span is in no piece of its window")


def test_a_title_is_never_the_answer(reader, article):
    one = article("The two met on Monday. It rained.", "Fumio Kishida and Rishi Sunak sign pact")
    (window,) = windows(one, [Hit(Passage(one.id, 0, 22, one.text[:22]), 0.5)])
    found = reader.read("Which prime ministers signed the pact?", [window])
    assert found
    assert all(0 <= span.start < span.end <= len(one.text) for span in found)


def test_a_very_long_article_is_read_to_its_end(reader, article):
    filler = " ".join(f"On day {day} the weather in the valley was calm." for day in range(220))
    text = f"{filler} The old bridge was built by Mary Stone. It rained again."
    assert len(text.split()) > 2_000
    span = best(reader.read("Who built the old bridge?", [whole(article(text))]))
    assert text[span.start : span.end] == "Mary Stone"
    assert span.start == text.index("Mary Stone")


@pytest.mark.parametrize(
    "question",
    ["who " * 400, "who built the old bridge " * 80, "東" * 400, "?!" * 250 + " who", "w" * 500],
)
def test_a_question_of_many_tokens_is_cut(reader, article, question):
    found = reader.read(question, [whole(article(PACT))])
    assert all(0 <= span.start < span.end <= len(PACT) for span in found)
    assert found


@pytest.mark.parametrize("text", ["", " ", "\n\n"])
def test_a_window_without_words_holds_no_answer(reader, article, text):
    assert reader.read("who?", [whole(article(text))]) == []


def test_no_windows_give_no_spans(reader):
    assert reader.read("who?", []) == []


@pytest.mark.parametrize("text", ["x", "東", "7", "."])
def test_a_passage_of_one_token_is_read(reader, article, text):
    (span,) = reader.read("who?", [whole(article(text))])
    assert (span.start, span.end) == (0, 1)


def test_each_place_is_given_once_with_its_articles_support(reader, article):
    one = article(PACT)
    hits = [Hit(Passage(one.id, 0, 54, PACT[:54]), support) for support in (0.25, 0.5)]
    found = reader.read("Where was it signed?", windows(one, hits))
    places = [(span.article_id, span.start, span.end) for span in found]
    assert len(places) == len(set(places))
    assert {span.support for span in found} == {0.5}


def test_many_windows_at_once_give_what_each_gives_alone(reader, article):
    texts = [PACT, PACT[:54], PACT[56:160], "The pact? Nobody knows who signed it.", PACT * 2]
    texts.append("The old bridge was built by Mary Stone in 1907, long before the war. " * 12)
    read = [whole(article(text, name=f"{at}.txt")) for at, text in enumerate(texts)]
    question = "Who signed the pact?"
    together = reader.read(question, read)
    alone = [span for window in read for span in reader.read(question, [window])]

    def in_order(spans):
        return sorted((span.article_id, span.start, span.end) for span in spans)

    assert in_order(together) == in_order(alone)
    scores = {(span.article_id, span.start, span.end): span.score for span in alone}
    for span in together:
        assert span.score == pytest.approx(scores[span.article_id, span.start, span.end], abs=1e-4)


def test_threads_do_not_disturb_each_other(reader, article):
    read = passages(article(PACT * 3))
    questions = [
        "Who signed the pact?",
        "Where was it signed?",
        "When?",
        "How long were the talks?",
    ]
    expected = [reader.read(question, read) for question in questions]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda question: reader.read(question, read), questions * 4))
    assert found == expected * 4


@pytest.mark.parametrize("name", [MODEL, TOKENIZER])
@pytest.mark.parametrize("at", [0, 1_000, -1])
def test_a_changed_byte_is_refused_before_anything_parses_it(copy, monkeypatch, name, at):
    def never(*_):
        raise AssertionError("the file was opened as a model")

    monkeypatch.setattr(qa.reader, "open_session", never)
    data = bytearray((copy / name).read_bytes())
    data[at] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(ReaderError, match=f"{name} is not the file that {ABOUT} names"):
        load_reader(copy, 1)


@pytest.mark.parametrize("name", [MODEL, TOKENIZER])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(ReaderError, match=f"{name} is missing"):
        load_reader(copy, 1)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (None, f"{ABOUT} can't be read"),
        ("", f"{ABOUT} can't be read"),
        ('{"name": ', f"{ABOUT} can't be read"),
        ("[" * 99_999, f"{ABOUT} can't be read"),
        ("[]", "names no checksums"),
        ("{}", "names no checksums"),
        ('{"name": "x", "sha256": "0"}', "names no checksums"),
        ('{"sha256": {}}', "names no checksums"),
        ('{"name": "x", "sha256": {}}', f"{MODEL} is not the file"),
        ('{"name": "x", "sha256": {"reader.onnx": null}}', f"{MODEL} is not the file"),
    ],
)
def test_a_broken_description_is_refused(tmp_path, written, reason):
    (tmp_path / MODEL).write_bytes(b"")
    (tmp_path / TOKENIZER).write_bytes(b"")
    if written is not None:
        (tmp_path / ABOUT).write_text(written)
    with pytest.raises(ReaderError, match=reason):
        load_reader(tmp_path, 1)


def test_no_folder_is_no_reader(tmp_path):
    with pytest.raises(ReaderError, match="is no reader"):
        load_reader(tmp_path / "nowhere", 1)


@pytest.mark.parametrize("name", [MODEL, TOKENIZER])
def test_a_pinned_file_that_is_no_model_is_our_error(copy, name):
    (copy / name).write_bytes(b"not a model")
    repin(copy)
    with pytest.raises(ReaderError, match="can't be loaded as a reader"):
        load_reader(copy, 1)


def test_a_model_that_gives_other_scores_is_refused(copy):
    given = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["a", "b"])
    made = helper.make_tensor_value_info("logits", TensorProto.INT64, ["a", "b"])
    node = helper.make_node("Identity", ["input_ids"], ["logits"])
    model = helper.make_model(
        helper.make_graph([node], "other", [given], [made]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    onnx.save(model, copy / MODEL)
    repin(copy)
    with pytest.raises(ReaderError, match="does not give start_logits and end_logits"):
        load_reader(copy, 1)
