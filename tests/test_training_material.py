"""What is trained on: nothing that is judged by, and nothing of the tenth that is held out."""

import json

import pytest
from labelled import ferries, squad

from qa import LabelError
from qa.errors import TrainingError
from qa.labels import load_labels
from qa.training.material import load_material

MANY = ferries(range(300))
BRIDGE = "The old bridge was built by Mary Stone in the year 1907. It was opened by the mayor."


@pytest.fixture
def file(tmp_path):
    return squad(tmp_path / "days.json", *MANY)


def paragraphs(questions):
    return {one.article_id for one in questions}


def test_a_tenth_of_the_paragraphs_is_held_out_and_no_question_is_lost(file):
    material = load_material(file, [])
    assert material.name == "days"
    assert len(material.training) + len(material.held_out) == 300
    assert 15 <= len(material.held_out) <= 45
    assert paragraphs(material.training).isdisjoint(paragraphs(material.held_out))
    assert {one.id for one in material.articles} == paragraphs(
        material.training + material.held_out
    )
    assert {one.id for one in material.shown} == paragraphs(material.training)
    assert material.left_out == 0


def test_the_same_paragraphs_are_held_out_whatever_else_is_there(file, tmp_path):
    half = load_material(squad(tmp_path / "half.json", *MANY[:150]), [])
    whole = load_material(file, [])
    assert paragraphs(half.held_out) == paragraphs(whole.held_out) & {
        one.id for one in half.articles
    }


def test_what_the_evaluation_file_holds_is_left_out(file, tmp_path):
    judged = load_labels(squad(tmp_path / "judged.json", *MANY[::3]))[0]
    material = load_material(file, judged)
    ids = {one.id for one in judged}
    assert material.left_out == len(ids) == 100
    assert ids.isdisjoint(paragraphs(material.training + material.held_out))
    assert ids.isdisjoint(one.id for one in (*material.articles, *material.shown))
    assert len(material.training) + len(material.held_out) == 200


@pytest.mark.parametrize(
    "twin",
    [
        f"Much was written on it. {BRIDGE}",
        BRIDGE.upper(),
        "The old bridge was built by Mary Stone in the year 1907. Nobody remembers who came.",
    ],
)
def test_a_paragraph_that_shares_a_long_sentence_is_the_same_one(tmp_path, twin):
    file = squad(tmp_path / "new.json", (twin, [("Who?", None)]), *MANY[:20])
    judged = load_labels(squad(tmp_path / "judged.json", (BRIDGE, [("Who?", "Mary Stone")])))[0]
    assert load_material(file, judged).left_out == 1


def test_a_short_sentence_may_stand_in_two_paragraphs(tmp_path):
    other = "It was opened by the mayor. The harbour was painted by Peter Wood that year."
    file = squad(tmp_path / "new.json", (other, [("Who painted it?", "Peter Wood")]), *MANY[:20])
    judged = load_labels(squad(tmp_path / "judged.json", (BRIDGE, [("Who?", "Mary Stone")])))[0]
    assert load_material(file, judged).left_out == 0


def test_a_file_of_which_nothing_is_left_is_told(file):
    with pytest.raises(TrainingError, match=r"days\.json holds no question that can be trained"):
        load_material(file, load_labels(file)[0])


def test_one_wrong_row_keeps_the_whole_file_from_being_trained_on(file):
    data = json.loads(file.read_text())
    for number in (3, 5):
        data["data"][0]["paragraphs"][number]["qas"][0]["answers"][0]["answer_start"] += 1
    file.write_text(json.dumps(data))
    with pytest.raises(LabelError, match="2 of 300 questions can't be used") as caught:
        load_material(file, [])
    assert "3-0" in str(caught.value) and "5-0" in str(caught.value)
