"""A question asked of another name or number: one that its text does not answer."""

from random import Random

import pytest

from qa.training.swaps import swapped

TEXT = (
    "The Treaty of Oslo was signed by Mary Stone for Norway on 5 May 1907. In 1903 Sweden had"
    " asked Peter Wood to sign it. Karlsson wrote 12 letters about Ann Lee's part in it."
)
SAID = "Mary Stone The Treaty of Oslo was signed by Mary Stone for Norway on 5 May 1907."
OTHERS = ("Who paid Bo Ek?", "When did Cy Fox sail to Peru?", "Where were 77 boats built?")


def drawn(question, text=TEXT, said=SAID, others=OTHERS):
    return {swapped(question, text, said, others, Random(seed)) for seed in range(300)}


def put(question, before, after):
    """What stands in the question's gap in each of its swaps."""
    found = drawn(question)
    assert all(one.startswith(before) and one.endswith(after) for one in found)
    return {one[len(before) : -len(after)] for one in found}


def test_a_name_becomes_another_of_the_text_or_one_it_does_not_mention():
    found = put("Who signed the treaty for Norway?", "Who signed the treaty for ", "?")
    # "Sweden" is as short; of elsewhere whatever the question that was drawn names.
    assert found == {"Sweden", "Peru", "Bo Ek"}


def test_a_name_of_several_words_becomes_one_like_it():
    found = put("What did Ann Lee have a part in?", "What did ", " have a part in?")
    assert found == {"Peter Wood", "Bo Ek", "Cy Fox"}


def test_a_year_becomes_one_nearby_or_another_number():
    found = put("Who was asked in 1903 to sign?", "Who was asked in ", " to sign?")
    near = {str(year) for year in range(1891, 1916)} - {"1903", "1907"}
    assert near <= found
    assert found <= near | {"77", "12"}


def test_a_number_becomes_a_number():
    found = put("Who wrote 12 letters?", "Who wrote ", " letters?")
    assert found == {"77", "1903"}


def test_the_letters_after_a_name_stay():
    assert put("What was Ann Lee's part?", "What was ", "'s part?") == {
        "Peter Wood",
        "Bo Ek",
        "Cy Fox",
    }


def test_only_the_name_itself_gives_way():
    found = drawn("Did D win?", text="It was D who won, not E.", said="")
    assert found == {"Did E win?", "Did Bo Ek win?", "Did Cy Fox win?", "Did Peru win?"}


@pytest.mark.parametrize(
    "question",
    [
        "Who signed it?",
        "Norway was what?",
        "who signed it for norway",
        "Who signed it for Chile?",
        "",
        "?",
    ],
    ids=repr,
)
def test_a_question_that_names_nothing_of_the_text_is_left(question):
    assert drawn(question) == {None}


def test_nothing_is_put_there_when_there_is_nothing_of_the_kind():
    text = "Norway is a country of 385,207 square kilometres."
    assert drawn("How large is Norway?", text=text, others=("How old is 7?",)) == {None}


def test_a_seed_draws_the_same():
    asked = "Who signed the treaty for Norway?", TEXT, SAID, OTHERS
    for seed in range(20):
        assert swapped(*asked, Random(seed)) == swapped(*asked, Random(seed))
