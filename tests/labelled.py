"""Files of labelled questions, made by hand: what tests of evaluation and training stand on."""

import json
from pathlib import Path

Asked = list[tuple[str, str | None]]  # questions with their answers, None for none


def squad(path: Path, *paragraphs: tuple[str, Asked]) -> Path:
    """Write a SQuAD 2.0 file; each answer stands where its words are first in the paragraph."""
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
    entry = {"title": path.stem, "published": "1907-05-01", "paragraphs": rows}
    path.write_text(json.dumps({"data": [entry]}))
    return path


def ferries(days: range, place: str = "harbour") -> list[tuple[str, Asked]]:
    """A paragraph for each day, hardly two of them alike, with a question about each."""
    hours = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    found = []
    for day in days:
        hour = hours[day % 10]
        text = (
            f"On day {day} the ferry left the {place} at {hour}. The captain, a man of {day + 20}"
            f" years, waved to the people who stood on the quay {day}."
        )
        found.append((text, [(f"When did the ferry leave on day {day}?", hour)]))
    return found
