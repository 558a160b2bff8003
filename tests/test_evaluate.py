"""The figures: EM and F1 as SQuAD counts them, recall, and both ways to measure."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qa.evaluate
from index import DEFAULT_EMBEDDER, build_articles
from qa import LabelError
from qa.confidence import Confidence
from qa.evaluate import Outcome, evaluate, exact_match, f1, summary
from qa.labels import Labelled

SHARED = Path(__file__).parent.parent.parent / "shared" / "data"
KEYS = [
    "questions",
    "em",
    "f1",
    "has_answer_em",
    "has_answer_f1",
    "no_answer_accuracy",
    "recall_at_1",
    "recall_at_5",
    "recall_at_20",
    "latency_ms_p50",
    "latency_ms_p95",
]
PAIRS = [
    ("The Tower of London", ["tower of london"]),
    ("a pact", ["the pact", "an agreement"]),
    ("Sunak, Rishi", ["Rishi Sunak"]),
    ("RISHI SUNAK!", ["Rishi Sunak"]),
    ("11 January 2023", ["January 2023", "2023"]),
    ("the the the", ["a"]),
    ("the", ["pact"]),
    ("pact", ["the"]),
    ("", ["pact"]),
    ("Kōmeitō", ["komeito"]),
    ("ÉTÉ 2023", ["été 2023"]),
    ("£1.8 billion", ["1.8 billion"]),
    ("$1,000", ["1000"]),
    ("U.S.", ["US"]),
    ("well-known man", ["wellknown man"]),
    ("“hugely significant”", ['"hugely significant"', "significant"]),
    ("東京 で", ["東京"]),
    ("one one two", ["one two two"]),
    ("anthem of a theory", ["them of the ory"]),
    ("tab\tand\nline", ["tab and line"]),
    ("😀", ["😀", ""]),
]


@pytest.fixture(scope="module")
def official():
    """EM and F1 of one answer, 0 to 1, by another's implementation of the official script."""
    from torchmetrics.functional.text import squad

    def measure(answer, accepted):
        found = squad(
            [{"prediction_text": answer, "id": "q"}],
            [{"answers": {"answer_start": [0] * len(accepted), "text": accepted}, "id": "q"}],
        )
        return float(found["exact_match"]) / 100, float(found["f1"]) / 100

    return measure


@pytest.mark.model
@pytest.mark.parametrize(("answer", "accepted"), PAIRS)
def test_em_and_f1_are_those_of_the_official_script(official, answer, accepted):
    em, overlap = official(answer, accepted)
    assert exact_match(answer, accepted) == em
    assert f1(answer, accepted) == pytest.approx(overlap)


@settings(deadline=None)
@given(st.text(max_size=20), st.lists(st.text(max_size=20), min_size=1, max_size=3))
def test_both_are_from_0_to_1_and_an_exact_match_is_a_full_overlap(answer, accepted):
    em, overlap = exact_match(answer, accepted), f1(answer, accepted)
    assert em in (0.0, 1.0)
    assert 0 <= overlap <= 1
    assert em <= overlap
    assert exact_match(answer, [*accepted, answer]) == f1(answer, [*accepted, answer]) == 1


def outcome(answer, accepted, found=None, took_ms=10.0):
    return Outcome(Labelled("?", tuple(accepted), "p"), answer, found, took_ms)


def test_silence_is_right_only_where_there_is_no_answer():
    figures = summary(
        [
            outcome("", ["London"]),
            outcome("London", []),
            outcome("", []),
            outcome("", []),
        ]
    )
    assert figures["em"] == figures["f1"] == 50.0
    assert figures["has_answer_em"] == figures["has_answer_f1"] == 0.0
    assert figures["no_answer_accuracy"] == 66.67


def test_the_figures_of_a_list_counted_by_hand():
    figures = summary(
        [
            outcome("the Tower of London", ["Tower of London"], 1, 10.0),
            outcome("Sunak", ["Rishi Sunak"], 4, 20.0),
            outcome("Paris", ["London", "Oslo"], 20, 30.0),
            outcome("", ["London"], 0, 40.0),
            outcome("", [], 0, 1000.0),
        ]
    )
    assert list(figures) == KEYS
    assert figures["questions"] == 5
    assert figures["em"] == 40.0
    assert figures["f1"] == pytest.approx(100 * (1 + 2 / 3 + 0 + 0 + 1) / 5, abs=0.01)
    assert figures["has_answer_em"] == 25.0
    assert figures["has_answer_f1"] == pytest.approx(100 * (1 + 2 / 3) / 4, abs=0.01)
    assert figures["no_answer_accuracy"] == 100.0
    assert figures["recall_at_1"] == 0.25
    assert figures["recall_at_5"] == 0.5
    assert figures["recall_at_20"] == 0.75
    assert figures["latency_ms_p50"] == 30.0
    assert figures["latency_ms_p95"] > 40.0


def test_a_figure_over_nothing_is_none():
    figures = summary([outcome("", [])])
    assert figures["has_answer_em"] is figures["has_answer_f1"] is None
    assert figures["recall_at_1"] is None
    answered = summary([outcome("London", ["London"])])
    assert answered["no_answer_accuracy"] is None
    assert answered["recall_at_20"] is None
    assert answered["latency_ms_p50"] == answered["latency_ms_p95"] == 10.0


BRIDGE = "The old bridge was built by Mary Stone. It was opened in 1907 by the mayor."
HARBOUR = "The harbour was painted by Peter Wood. Its lamps were lit by hand until 1950."


def squad(path, *paragraphs):
    rows = [
        {
            "context": text,
            "qas": [
                {
                    "id": f"{number}-{at}",
                    "question": question,
                    "is_impossible": answer is None,
                    "answers": []
                    if answer is None
                    else [{"text": answer, "answer_start": text.index(answer)}],
                }
                for at, (question, answer) in enumerate(asked)
            ],
        }
        for number, (text, asked) in enumerate(paragraphs)
    ]
    path.write_text(json.dumps({"data": [{"title": path.stem, "paragraphs": rows}]}))
    return path


@pytest.fixture
def exported(embedder_models, monkeypatch):
    """Spares the library that is made for a run the export of its embedder."""

    def build(articles, folder, embedder):
        (folder / "models").symlink_to(embedder_models)
        return build_articles(articles, folder, embedder)

    monkeypatch.setattr(qa.evaluate, "build_articles", build)


@pytest.fixture
def tiny(tmp_path):
    return squad(
        tmp_path / "tiny.json",
        (BRIDGE, [("Who built the old bridge?", "Mary Stone"), ("Who sold the bridge?", None)]),
        (HARBOUR, [("Who painted the harbour?", "Peter Wood")]),
    )


def measure(file, mode, cache, others=(), limit=None):
    return evaluate(file, mode, others, limit, None, DEFAULT_EMBEDDER, cache, False)


@pytest.mark.model
def test_with_its_own_paragraph_each_question_is_only_read(tiny, tmp_path):
    figures = measure(tiny, "reader", tmp_path / "models")
    assert list(figures) == KEYS
    assert figures["questions"] == 3
    assert figures["has_answer_em"] == 100.0
    assert figures["recall_at_1"] is figures["recall_at_5"] is figures["recall_at_20"] is None
    assert 0 < figures["latency_ms_p50"] <= figures["latency_ms_p95"]
    json.dumps(figures, allow_nan=False)


@pytest.mark.model
def test_in_the_open_each_question_is_asked_of_all_paragraphs(tiny, tmp_path, exported):
    more = squad(
        tmp_path / "more.json",
        *((f"On day {day} the ferry sailed at noon.", [("When?", "noon")]) for day in range(30)),
    )
    figures = measure(tiny, "open", tmp_path / "models", [more])
    assert list(figures) == KEYS
    assert figures["questions"] == 3
    assert figures["recall_at_1"] == figures["recall_at_5"] == figures["recall_at_20"] == 1.0
    assert figures["has_answer_em"] == 100.0
    json.dumps(figures, allow_nan=False)


@pytest.mark.model
def test_without_unanswerable_questions_the_best_span_always_counts(tiny, tmp_path, monkeypatch):
    never_sure = Confidence(0.0, 1.0, 0.0, 2.0)
    monkeypatch.setattr(qa.evaluate, "load_confidence", lambda folder: never_sure)
    with_silence = measure(tiny, "reader", tmp_path)
    assert with_silence["has_answer_em"] == 0.0
    assert with_silence["no_answer_accuracy"] == 100.0
    one = squad(tmp_path / "one.json", (BRIDGE, [("Who built the old bridge?", "Mary Stone")]))
    assert measure(one, "reader", tmp_path)["em"] == 100.0


@pytest.mark.model
def test_only_the_first_questions_are_asked_up_to_a_limit(tiny, tmp_path):
    figures = measure(tiny, "reader", tmp_path, limit=1)
    assert figures["questions"] == 1
    assert figures["no_answer_accuracy"] is None


def test_a_file_that_is_no_labels_is_refused(tmp_path):
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(LabelError):
        measure(tmp_path / "x.json", "reader", tmp_path)


@pytest.mark.model
def test_the_shipped_reader_is_no_worse_on_real_paragraphs(tmp_path):
    file = SHARED / "xquad-en.json"
    if not file.is_file():
        pytest.skip(f"there are no labelled paragraphs at {file}")
    figures = measure(file, "reader", tmp_path, limit=100)
    assert figures["f1"] > 60
