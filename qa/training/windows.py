"""Labelled questions become what the reader trains on: a window of text, and where it answers.

What is drawn at random (how much text, the title, a question mark) comes from one generator,
so that a seed reproduces it. It must not know tokens.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from index import Article, Hit, Passage, sentences, split
from qa.borders import trim
from qa.labels import Labelled
from qa.metrics import holds
from qa.training.swaps import swapped
from qa.window import PARAGRAPH, Window, windows

# Share of the questions whose texts are shown as the service reads them, behind the article's title
# and lead, where an article has several passages: which of two like affairs it is about, they tell.
_SERVED = 0.6
_CROP = 0.5  # share of the paragraphs of which only some sentences are shown
_CROP_WORDS = (30, 150)
_STRUCK = 0.25  # share of the questions also shown with their answer's sentences taken out
_SWAPPED = 0.4  # share of the questions also asked of another name, where they name one
_TITLE = 0.5  # share of the windows that begin with their article's title
_NO_QUESTION_MARK = 0.2  # people type "who signed raa"
_WORD = re.compile(r"\w{3,}")


@dataclass(frozen=True, slots=True)
class Example:
    """A question and a text; `targets`: (start, end, weight) of its answers there, or none.

    The weights of an answerable example add up to 1.
    """

    question: str
    text: str
    targets: tuple[tuple[int, int, float], ...]


def examples(
    labelled: Labelled,
    articles: Mapping[str, Article],
    negatives: Sequence[Passage],
    random: Random,
) -> list[Example]:
    """The examples of one question: its own paragraph, which may hold no answer; perhaps what is
    left of that without the answer; then each of `negatives`.
    """
    question = _typed(labelled.question, random)
    article = articles[labelled.article_id]
    served = random.random() < _SERVED
    found = [_own(question, labelled, article, served, random)]
    words = len(found[0].text.split())
    if labelled.places and random.random() < _STRUCK:
        found += _struck(question, labelled, article, words, random)
    for passage in negatives:
        window = _window(articles[passage.article_id], passage) if served else None
        if window is not None and not holds(window.text, labelled.answers):
            found.append(Example(question, window.text, ()))
            continue
        # About as long as the answered text, so that length tells nothing and padding is rare.
        start, end = _crop(passage.text, _anywhere(passage.text, random), words, random)
        text = _titled(articles[passage.article_id], passage.text[start:end], random)[1]
        found.append(Example(question, text, ()))
    return found


def unanswered(
    labelled: Labelled,
    articles: Mapping[str, Article],
    others: Sequence[str],
    random: Random,
) -> list[Example]:
    """The question asked of another name than its paragraph answers it for, or no example.

    `others`: questions from which such a name is taken.
    """
    if not labelled.places or random.random() >= _SWAPPED:
        return []
    article = articles[labelled.article_id]
    telling = [article.text[start:end] for start, end, here in _told(labelled, article) if here]
    said = " ".join([*labelled.answers, *telling])
    question = swapped(labelled.question, article.text, said, others, random)
    if question is None:
        return []
    question = _typed(question, random)
    served = random.random() < _SERVED
    return [Example(question, _own(question, labelled, article, served, random).text, ())]


def _typed(question: str, random: Random) -> str:
    return question.rstrip(" ?") if random.random() < _NO_QUESTION_MARK else question


def _told(labelled: Labelled, article: Article) -> list[tuple[int, int, bool]]:
    """The article's sentences, and whether an answer stands in each."""
    return [
        (start, end, any(start < last and first < end for first, last in labelled.places))
        for start, end in sentences(article.text)
    ]


def _own(
    question: str, labelled: Labelled, article: Article, served: bool, random: Random
) -> Example:
    """The question's own paragraph, or some of it: around its answer, where it has one."""
    places = [trim(article.text, *place) for place in labelled.places]
    text, where = _shown(article, places, served, random)
    # Answers stand most agreed first; the second counts a quarter, the third a ninth of it.
    weights = {place: 1 / rank**2 for rank, place in reversed(list(enumerate(where, 1))) if place}
    total = sum(weights.values())
    targets = ((*place, weight / total) for place, weight in weights.items())
    return Example(question, text, tuple(targets))


def _shown(
    article: Article, places: Sequence[tuple[int, int]], served: bool, random: Random
) -> tuple[str, list[tuple[int, int] | None]]:
    """What is shown of the article, with its first place; and where in it each place stands."""
    around = [
        passage
        for passage in (split(article) if served else ())
        if not places or (passage.start <= places[0][0] and places[0][1] <= passage.end)
    ]
    window = _window(article, random.choice(around)) if around else None
    if window is not None:
        return window.text, [window.find(*place) for place in places]
    start, end = 0, len(article.text)
    if random.random() < _CROP:
        middle = places[0] if places else _anywhere(article.text, random)
        start, end = _crop(article.text, middle, random.randint(*_CROP_WORDS), random)
    shift, text = _titled(article, article.text[start:end], random)
    return text, [
        (first - start + shift, last - start + shift) if start <= first and last <= end else None
        for first, last in places
    ]


def _window(article: Article, passage: Passage) -> Window | None:
    """What the service reads for the passage; None when it is the whole article."""
    if passage.text == article.text:
        return None
    return windows(article, [Hit(passage, 1.0)])[0]


def _struck(
    question: str, labelled: Labelled, article: Article, words: int, random: Random
) -> list[Example]:
    """What stands around the answer, without any sentence that holds one, if that is anything.

    It speaks of the question's subject and does not answer, as a question that goes a step
    beyond an article finds it.
    """
    before: list[str] = []
    after: list[str] = []
    for start, end, here in _told(labelled, article):
        sentence = article.text[start:end]
        if not here and not holds(sentence, labelled.answers):
            (before if end <= labelled.places[0][0] else after).append(sentence)
    text = " ".join(before + after)
    if not text:
        return []
    middle = min(len(" ".join(before)), len(text) - 1)
    start, end = _crop(text, (middle, middle + 1), words, random)
    return [Example(question, _titled(article, text[start:end], random)[1], ())]


def _anywhere(text: str, random: Random) -> tuple[int, int]:
    middle = random.randrange(len(text))
    return middle, middle + 1


def _crop(text: str, place: tuple[int, int], words: int, random: Random) -> tuple[int, int]:
    """Whole sentences around the place, of about so many words, more before or after it."""
    spans = sentences(text)
    first = max((i for i, (start, _) in enumerate(spans) if start <= place[0]), default=0)
    last = min((i for i, (_, end) in enumerate(spans) if end >= place[1]), default=len(spans) - 1)
    while first > 0 or last < len(spans) - 1:
        if len(text[spans[first][0] : spans[last][1]].split()) >= words:
            break
        if last == len(spans) - 1 or (first > 0 and random.random() < 0.5):
            first -= 1
        else:
            last += 1
    return spans[first][0], max(spans[last][1], place[1])


def _titled(article: Article, text: str, random: Random) -> tuple[int, str]:
    """The text, perhaps behind its title, as the service shows it; and by how much it moved.

    A title none of whose words stands in the text ("Comments 17") says nothing about it.
    """
    telling = set(_WORD.findall(article.title.lower())) & set(_WORD.findall(text.lower()))
    if not telling or random.random() >= _TITLE:
        return 0, text
    return len(article.title) + len(PARAGRAPH), f"{article.title}{PARAGRAPH}{text}"
