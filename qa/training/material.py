"""Which labelled questions are trained on, and which are held out for calibration."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from index import Article, sentences
from qa.errors import TrainingError
from qa.labels import Labelled, load_labels

_HELD_OUT = 10  # one paragraph in so many
_TELLING = 8  # words of a sentence that can't stand in two paragraphs by chance


@dataclass(frozen=True, slots=True)
class Material:
    """The questions of one file, in two parts that share no paragraph, and its paragraphs.

    `shown`: the paragraphs that are not held out; only they are hard negatives. `left_out`: number
    of questions whose paragraph stands in the evaluation file.
    """

    name: str
    articles: tuple[Article, ...]
    shown: tuple[Article, ...]
    training: tuple[Labelled, ...]
    held_out: tuple[Labelled, ...]
    left_out: int


def load_material(path: Path, evaluation: Sequence[Article]) -> Material:
    """The questions of the file, less those about a paragraph that `evaluation` also holds.

    Raises `LabelError` for a file that can't be used, `TrainingError` when nothing is left.
    """
    articles, questions = load_labels(path)
    known = {sentence for article in evaluation for sentence in _sentences(article)}
    seen = {one.id for one in articles if not known.isdisjoint(_sentences(one))}
    # Ids are digests, so this draws evenly, and the same paragraphs whatever else is there.
    held = {one.id for one in articles if int(one.id, 16) % _HELD_OUT == 0} - seen
    training = tuple(one for one in questions if one.article_id not in held | seen)
    if not training:
        raise TrainingError(f"{path} holds no question that can be trained on")
    return Material(
        name=path.stem,
        articles=tuple(one for one in articles if one.id not in seen),
        shown=tuple(one for one in articles if one.id not in held | seen),
        training=training,
        held_out=tuple(one for one in questions if one.article_id in held),
        left_out=sum(one.article_id in seen for one in questions),
    )


def _sentences(article: Article) -> set[str]:
    """The article's sentences that are long enough to tell it from others."""
    found = (article.text[start:end].lower().split() for start, end in sentences(article.text))
    return {" ".join(words) for words in found if len(words) >= _TELLING}
