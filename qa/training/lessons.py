"""What a run shows: its questions, its numbers, and the batches of its epochs in their order.

It must not know of a network.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Any

from index import Article, Passage
from qa.labels import Labelled
from qa.training.batches import Batch, Row, batches, rows
from qa.training.windows import examples, unanswered


@dataclass(frozen=True, slots=True)
class Lesson:
    """A question to train on, its hard negatives, and how often an epoch shows it.

    `share`: 0.5 shows it in every second epoch, drawn at random; 2 twice in each.
    """

    labelled: Labelled
    negatives: Sequence[Passage]
    share: float


@dataclass(frozen=True, slots=True)
class Settings:
    """The numbers of a run; two runs with equal ones, on one machine, give one result.

    `negative_share`: of the questions that are shown with a hard negative beside them.
    `keep`: the share that the weights begun with have in the result (Wortsman et al. 2022).
    `start`, `teacher`: digests of the weights begun with, and of the teacher's.
    """

    epochs: float = 2.0
    learning_rate: float = 1e-4
    tokens: int = 4096  # of a batch, with padding
    negative_share: float = 0.35
    seed: int = 1
    keep: float = 0.0
    start: str = ""
    teacher: str = ""


def lessons_digest(lessons: Sequence[Lesson]) -> str:
    """16 hexadecimal digits, the same for the same lessons in the same order."""
    total = sha256()
    for one in lessons:
        total.update(repr(one).encode())
    return total.hexdigest()[:16]


def steps(
    tokenizer: Any,
    lessons: Sequence[Lesson],
    articles: dict[str, Article],
    settings: Settings,
) -> Iterator[tuple[float, Batch]]:
    """The batches of all epochs, each with the share of the run that is over before it."""
    for epoch in range(-int(-settings.epochs // 1)):
        random = Random(f"{settings.seed} {epoch}")
        plan = list(
            batches(_drawn(tokenizer, lessons, articles, settings, random), settings.tokens, random)
        )
        for number, batch in enumerate(plan):
            at = (epoch + number / len(plan)) / settings.epochs
            if at >= 1:
                return
            yield at, batch


def _drawn(
    tokenizer: Any,
    lessons: Sequence[Lesson],
    articles: dict[str, Article],
    settings: Settings,
    random: Random,
) -> list[list[Row]]:
    """The rows of one epoch, by question."""
    found = []
    others = [one.labelled.question for one in lessons]
    for one in lessons:
        for _ in range(int(one.share + random.random())):
            negatives = list(one.negatives)
            random.shuffle(negatives)
            kept = negatives[: int(random.random() < settings.negative_share)]
            # In a group of its own: it is another question, though it looks like the first.
            for shown in (
                examples(one.labelled, articles, kept, random),
                unanswered(one.labelled, articles, others, random),
            ):
                if group := rows(tokenizer, shown, random):
                    found.append(group)
    return found
