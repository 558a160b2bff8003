"""The numbers that are fitted: what they promise holds on the questions they were fitted on."""

import json
from dataclasses import asdict
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
from labelled import ferries, squad

import qa.training.calibrate
from index import DEFAULT_EMBEDDER, Article, embedder_fingerprint, library_fingerprint
from qa import LabelError, Question, Span
from qa.ask import Reading
from qa.confidence import CALIBRATION, Confidence, load_confidence
from qa.errors import TrainingError
from qa.labels import Labelled, kept_out, load_labels
from qa.metrics import calibration_error, f1
from qa.rank import rank
from qa.reader import ABOUT
from qa.training.calibrate import Case, calibrate

LIBRARY = library_fingerprint(embedder_fingerprint(DEFAULT_EMBEDDER))
READER = "reader-1:0a"


def numbers(random, right):
    """What the reader says of a right span, or of a wrong one: score, support."""
    if right:
        return random.gauss(3, 2), random.uniform(0.4, 1)
    return random.gauss(-1, 2), random.uniform(0, 0.8)


class World:
    """Stands for a library and a reader: of each question it makes what is read."""

    knows = True

    def __init__(self, made):
        self.articles = {}
        self.built = []
        self.made = made

    def build(self, articles, folder, embedder):
        self.built = list(articles)

    def read(self, text):
        """A right span where the paragraph is in the library, and two wrong ones elsewhere."""
        day = int(text.split()[-1].rstrip("?"))
        there = {one.id: one for one in self.built}
        own = next(one for one in self.articles.values() if f"On day {day} " in one.text)
        others = [one for one in self.built if one.id != own.id]
        random = Random(day)
        spans = [self.span(random, one, "captain") for one in random.sample(others, 1)]
        spans += [self.span(random, one, "people") for one in random.sample(others, 1)]
        if own.id in there:
            words = own.text.split(" at ")[1].split(".")[0] if self.knows else "years"
            spans.append(self.span(random, own, words, right=True))
        return Reading(SimpleNamespace(), Question(text), text, [], there, spans, {})

    def span(self, random, article, words, right=False):
        start = article.text.index(words)
        return Span(article.id, start, start + len(words), *self.made(random, right))


@pytest.fixture
def world(monkeypatch):
    """Puts a made library and reader, in which spans have such numbers, under the fit."""

    def make(made=numbers):
        one = World(made)
        monkeypatch.setattr(qa.training.calibrate, "QA", lambda *_: one)
        monkeypatch.setattr(qa.training.calibrate, "build_articles", one.build)
        monkeypatch.setattr(
            qa.training.calibrate, "load_reader", lambda *_: SimpleNamespace(fingerprint=READER)
        )
        return one

    return make


@pytest.fixture
def fit(world, tmp_path):
    """Fits to so many days in such a world, beside a reader in a folder; what is written."""
    home = tmp_path / "reader"
    home.mkdir()
    (home / ABOUT).write_text("{}")

    def run(days=None, made=numbers, promise=0.95, limit=None, others=()):
        one = world(made)
        file = squad(tmp_path / "days.json", *(days or ferries(range(400))))
        for path in (file, *others):
            one.articles |= {article.id: article for article in load_labels(path)[0]}
        written = calibrate(
            [file], others, str(home), DEFAULT_EMBEDDER, tmp_path / "data", promise, limit, False
        )
        return SimpleNamespace(written=written, home=home, file=file, world=one)

    return run


def judged(fitted):
    """Of each question: how sure its best answer is, and is it right."""
    confidence = load_confidence(fitted.home, READER, LIBRARY)
    assert confidence.calibrated
    there = {one.id for one in fitted.world.built}
    rows = []
    for labelled in load_labels(fitted.file)[1]:
        reading = fitted.world.read(labelled.question)
        read = qa.training.calibrate._read(reading.spans, confidence)
        (best,) = rank(reading.asked, read, reading.texts, confidence, 1)
        span = best.spans[0]
        text = reading.texts[span.article_id][span.start : span.end]
        present = labelled.article_id in there
        rows.append((best.confidence, present and f1(text, labelled.answers or ("",)) >= 0.5))
    sure, right = (np.array(column) for column in zip(*rows, strict=True))
    return confidence, sure, right


@pytest.mark.parametrize("promise", [0.8, 0.9, 0.95])
def test_of_the_sure_answers_the_promised_share_is_right_and_no_more_can_be_sure(fit, promise):
    confidence, sure, right = judged(fit(promise=promise))
    assert (sure >= confidence.sure).sum() > 50
    assert right[sure >= confidence.sure].mean() >= promise
    for lower in set(sure[sure < confidence.sure]):
        assert right[sure >= lower].mean() < promise


def test_what_is_shown_is_likelier_right_than_wrong(fit):
    confidence, sure, right = judged(fit())
    assert confidence.threshold == 0.28
    assert right[sure >= confidence.threshold].mean() > 0.5
    assert (sure >= confidence.threshold).any()


def test_the_probabilities_are_those_of_being_right(fit):
    confidence, sure, right = judged(fit())
    assert calibration_error(sure, right) < 0.08
    assert confidence.score > 0 and confidence.slope > 0
    assert sure[right].mean() > sure[~right].mean() + 0.3


def test_what_was_fitted_lies_beside_the_reader_with_its_fingerprint(fit):
    fitted = fit()
    found = json.loads((fitted.home / CALIBRATION).read_text())
    assert found == fitted.written
    assert found["fingerprint"] == {"reader": READER, "library": LIBRARY}
    assert (found["promise"], found["questions"]) == (0.95, 400)
    loaded = load_confidence(fitted.home, READER, LIBRARY)
    assert asdict(loaded) == found["numbers"] | {"calibrated": True}
    assert load_confidence(fitted.home, "reader-1:0b", LIBRARY) == Confidence()


def test_half_of_the_paragraphs_are_not_in_the_library_even_as_distractors(fit, tmp_path):
    island = ferries(range(500, 520), "island")
    others = squad(tmp_path / "others.json", *island, *ferries(range(50)))
    fitted = fit(others=[others])
    ids = [one.id for one in fitted.world.built]
    own = {one.id for one in load_labels(fitted.file)[0]}
    assert len(ids) == len(set(ids))
    assert set(ids) & own == {id for id in own if not kept_out(id)}
    assert sum("island" in one.text for one in fitted.world.built) == 20


def test_the_same_questions_give_the_same_numbers(fit):
    assert fit().written == fit().written


def test_answers_that_are_equally_sure_are_all_sure_or_none_is(fit):
    """Else the promise would depend on the order in which the questions come."""
    confidence, sure, right = judged(fit(made=lambda *_: (1.0, 0.5, -1.0)))
    assert 0.1 < right.mean() < 0.9
    assert len(set(sure)) == 1
    assert confidence.sure == 2.0


def test_nothing_is_sure_when_nothing_is_right_so_often(fit):
    """Right and wrong spans look alike, so that most of the best answers are wrong."""
    confidence, sure, *_ = judged(fit(made=lambda random, _: numbers(random, False), promise=0.999))
    assert confidence.sure > sure.max()


def test_a_limit_takes_the_first_questions_and_leaves_the_library_whole(fit):
    few, whole = fit(limit=150), fit()
    assert few.written["questions"] == 150
    assert few.world.built == whole.world.built


def test_too_few_questions_are_told(fit):
    with pytest.raises(TrainingError, match="99 questions are too few to calibrate with: give 100"):
        fit(days=ferries(range(99)))


def test_no_answer_is_right_to_a_question_that_has_none(fit, tmp_path):
    """With every second one unanswerable, and answered all the same, less is believed."""

    def mean(days):
        fitted = fit(days=days)
        return judged(fitted)[1].mean(), fitted.written["questions"]

    asked = ferries(range(400))
    none = [(text, [(question, None)]) for text, [(question, _)] in asked[::2]]
    few, count = mean([*none, *asked[1::2]])
    assert count == 400
    assert few < mean(asked)[0] - 0.1


def test_a_reader_that_is_never_right_cannot_be_calibrated(fit, tmp_path, monkeypatch):
    kept = tmp_path / "reader" / CALIBRATION
    kept.write_text("from before")
    monkeypatch.setattr(World, "knows", False)
    with pytest.raises(TrainingError, match="all answered alike: nothing can be fitted"):
        fit()
    assert kept.read_text() == "from before"


def test_a_folder_that_cannot_be_written_is_told(fit, tmp_path):
    (tmp_path / "reader" / CALIBRATION).mkdir()
    with pytest.raises(TrainingError, match=r"calibration\.json can't be written: Is a directory"):
        fit()


def test_a_file_that_is_none_is_told(world, tmp_path):
    world()
    (tmp_path / "torn.json").write_text("{")
    with pytest.raises(LabelError, match="is not SQuAD"):
        calibrate([tmp_path / "torn.json"], [], None, DEFAULT_EMBEDDER, tmp_path, 0.95, None, False)


def test_only_what_would_have_been_read_is_weighed():
    one = Article(id="a", origin="a", title="", text="Anna came.")
    other = Article(id="b", origin="b", title="", text="Bert left.")
    spans = [Span("b", 0, 4, 1.0, 0.3, 0.0), Span("a", 0, 4, 30.0, 0.9, 0.0)]
    articles = {"a": one, "b": other}
    reading = Reading(SimpleNamespace(), Question("who?"), "who?", [], articles, spans, {})
    case = Case(Labelled("who?", ("Bert",), "b"), True, reading)
    quick, thorough = Confidence(score=0.3, support=2.0), Confidence(score=0.01, support=2.0)
    assert [group[0].article_id for group in case.candidates(quick)] == ["a"]
    assert [group[0].article_id for group in case.candidates(thorough)] == ["a", "b"]
