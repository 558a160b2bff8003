"""Relative dates: seen from the article's day, and nothing where it is not sure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.dates import Told, told

WEDNESDAY = "2023-01-11"


@pytest.mark.parametrize(
    ("sentence", "published", "words", "time"),
    [
        ("They signed it on Wednesday.", WEDNESDAY, "Wednesday", "11 January 2023"),
        ("They signed it on Thursday.", WEDNESDAY, "Thursday", "5 January 2023"),
        ("It rained yesterday.", "2024-03-01", "yesterday", "29 February 2024"),
        ("Signed by both on Monday.", WEDNESDAY, "Monday", "9 January 2023"),
        (
            "Nine months after it began on 11 January.",
            "2023-10-16",
            "11 January",
            "11 January 2023",
        ),
        (
            "In force since Sunday, 15 October.",
            "2023-10-16",
            "Sunday, 15 October",
            "15 October 2023",
        ),
        ("It took off on 14 July.", "2023-08-23", "14 July", "14 July 2023"),
        ("It took off on 24 December.", WEDNESDAY, "24 December", "24 December 2022"),
        ("He signed with Australia a year ago.", WEDNESDAY, "a year ago", "about 2022"),
        ("It was two months ago.", WEDNESDAY, "two months ago", "about November 2022"),
        ("It was 3 days ago.", WEDNESDAY, "3 days ago", "8 January 2023"),
        ("Both came into force last year.", "2024-07-08", "last year", "2023"),
        ("Signed in January 2022, in force last year.", "2024-07-08", "last year", "2023"),
        ("It fell last month.", WEDNESDAY, "last month", "December 2022"),
        ("On Wednesday Japan and Britain met.", WEDNESDAY, "Wednesday", "11 January 2023"),
        ("They met on 11 May.", "2023-06-01", "11 May", "11 May 2023"),
        ("It was about two years ago.", WEDNESDAY, "two years ago", "about 2021"),
        ("It was off on Saturday due to rain.", WEDNESDAY, "Saturday", "7 January 2023"),
        ("She set a record on Sunday.", WEDNESDAY, "Sunday", "8 January 2023"),
        ("It fell by 5% on Monday.", WEDNESDAY, "Monday", "9 January 2023"),
        ("He won the US Open on Monday.", WEDNESDAY, "Monday", "9 January 2023"),
        ("It fell LAST\nmonth.", WEDNESDAY, "LAST\nmonth", "December 2022"),
    ],
)
def test_what_is_sure(sentence, published, words, time):
    assert told(sentence, published) == [Told(words, time)]


@pytest.mark.parametrize(
    ("sentence", "published"),
    [
        ("They signed it on Wednesday.", None),
        ("They signed it on Wednesday.", "soon"),
        ("They will sign it on Friday.", WEDNESDAY),
        ("It was signed on 11 January 2023.", WEDNESDAY),
        ("In 1902 it was signed on 30 January.", WEDNESDAY),
        ("They are to sign it on Friday.", WEDNESDAY),
        ("It must be signed by Friday.", WEDNESDAY),
        ("Britain today is an island.", WEDNESDAY),
        ("He sailed on 20 Augu\u017ft, a Thur\u017fday, or on FR\u0130DAY.", "1776-08-22"),
        ("He sailed \u017fix days ago.", "1776-08-22"),
        *(
            (f"It was built {number} years ago.", WEDNESDAY)
            for number in ("twenty-one", "1,200", "2.5", "a hundred and two", "two or three", "2–3")
        ),
        ("They left half a year ago.", WEDNESDAY),
        ("The Sunday Times reported it.", WEDNESDAY),
        ("It goes back to the Good Friday Agreement.", WEDNESDAY),
        ("They meet every Monday.", WEDNESDAY),
        ("The Saturday before, it had rained.", WEDNESDAY),
        ("It began on Monday, 15 October.", "2023-10-16"),
        ("It began on 20 January.", WEDNESDAY),
        ("It began on 30 February.", WEDNESDAY),
        ("It began in May.", WEDNESDAY),
        ("It was some years ago.", WEDNESDAY),
        ("Mondays are grey.", WEDNESDAY),
        *(
            (sentence, WEDNESDAY)
            for sentence in (
                *("It is expected to land on Thursday.", "It is set to open on Friday."),
                *("The strike is due on Friday.", "It is scheduled for Friday."),
                *("Polls open on Sunday.", "The trial starts Monday.", "Friday may be wet."),
                *("The final is on Sunday.", "The vote is Thursday.", "Talks resume on Monday."),
                *("It takes effect on 1 December.", "It comes into force on 1 December."),
                *("Friday's launch was delayed to Saturday.", "About 30 may have died."),
                *("All 12 may appeal.", "A friday like any other."),
                *("Sheffield Wednesday beat Leeds.", "Easter Monday was wet."),
                *("It was open Tuesday to Sunday.", "It was shut Monday–Friday."),
                *(
                    "Sunday Times readers knew.",
                    "A Sunday paper had it.",
                    "It rained last Wednesday.",
                ),
            )
        ),
        *(
            (f"It was {word} two years ago.".replace("\n ", "\n"), WEDNESDAY)
            for word in (
                "more than",
                "less than",
                "over",
                "nearly",
                "almost",
                "not",
                "at least",
                "nearly\n",
            )
        ),
        ("", WEDNESDAY),
    ],
)
def test_what_is_not_sure_is_left_out(sentence, published):
    assert told(sentence, published) == []


def test_each_of_several_is_told_once():
    assert told("Wednesday and yesterday, and Wednesday again.", WEDNESDAY) == [
        Told("Wednesday", "11 January 2023"),
        Told("yesterday", "10 January 2023"),
    ]


@given(st.text(), st.dates().map(str))
def test_no_text_and_no_day_break_it(sentence, published):
    told(sentence, published)


@given(st.integers(0, 999), st.sampled_from(["days", "months", "years"]), st.dates().map(str))
def test_no_number_breaks_it(number, unit, published):
    told(f"It was {number} {unit} ago.", published)
