"""How good the answers are: EM, F1, recall and latency on labelled questions."""

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, quantiles

from tqdm import tqdm

from index import Article, Hit, build_articles
from qa.ask import CORES, QA
from qa.confidence import Confidence, load_confidence
from qa.convert import reader_folder
from qa.labels import Labelled, load_labels
from qa.rank import normalise_answer, rank
from qa.reader import Reader, load_reader
from qa.window import whole

DEPTHS = (1, 5, 20)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was answered to one labelled question; "" for no answer.

    `found`: rank, from 1, of the first passage of the right paragraph that holds an accepted
    answer; 0 when it was not among those looked at, None when nothing was searched.
    """

    labelled: Labelled
    answer: str
    found: int | None
    took_ms: float


def exact_match(answer: str, accepted: Sequence[str]) -> float:
    """1 when the answer equals an accepted one after SQuAD's normalisation, else 0."""
    return max(float(normalise_answer(answer) == normalise_answer(one)) for one in accepted)


def f1(answer: str, accepted: Sequence[str]) -> float:
    """Best harmonic mean of precision and recall over normalised words, 0 to 1.

    As in SQuAD's official script (Rajpurkar et al. 2016, 2018): no words on either side
    counts only when both have none.
    """
    return max(_overlap(normalise_answer(answer), normalise_answer(one)) for one in accepted)


def _overlap(answer: str, accepted: str) -> float:
    given, wanted = answer.split(), accepted.split()
    if not given or not wanted:
        return float(given == wanted)
    common = sum((Counter(given) & Counter(wanted)).values())
    return 2 * common / (len(given) + len(wanted))


def evaluate(
    file: Path,
    mode: str,
    distractors: Sequence[Path],
    limit: int | None,
    reader: str | None,
    embedder: str,
    cache: Path,
    progress: bool,
) -> dict[str, float | int | None]:
    """The figures for the first `limit` questions of a SQuAD file.

    `mode` "reader": each question with its own paragraph; "open": with all paragraphs of
    `file` and of `distractors`, in a library made for it. A file without unanswerable
    questions is SQuAD 1.1, where the best span always counts; else silence may be right.
    `cache`: where a reader that must be converted is kept.
    """
    articles, questions = load_labels(file)
    home = reader_folder(reader, cache)
    model, confidence = load_reader(home, CORES), load_confidence(home)
    if all(one.answers for one in questions):
        confidence = replace(confidence, threshold=0.0)
    questions = questions[:limit]
    if mode == "reader":
        outcomes = _read_gold(questions, articles, model, confidence)
        return summary(_with_bar(outcomes, questions, progress))
    for other in distractors:
        articles.extend(load_labels(other)[0])
    with tempfile.TemporaryDirectory() as folder:
        bar = tqdm(articles, "indexing", disable=not progress)
        build_articles(bar, Path(folder), embedder)
        qa = QA(Path(folder), model, confidence, embedder)
        return summary(_with_bar(_ask_all(questions, qa), questions, progress))


def _with_bar(
    outcomes: Iterator[Outcome], questions: Sequence[Labelled], progress: bool
) -> list[Outcome]:
    return list(tqdm(outcomes, "asking", total=len(questions), disable=not progress))


def _read_gold(
    questions: Sequence[Labelled],
    articles: Sequence[Article],
    reader: Reader,
    confidence: Confidence,
) -> Iterator[Outcome]:
    texts = {article.id: article.text for article in articles}
    windows = {article.id: whole(article) for article in articles}
    for labelled in questions:
        started = time.perf_counter()
        spans = reader.read(labelled.question, [windows[labelled.article_id]])
        ranked = rank(labelled.question, spans, texts, confidence, 1)
        took_ms = (time.perf_counter() - started) * 1000
        sure = [one.spans[0] for one in ranked if one.confidence >= confidence.threshold]
        answer = texts[sure[0].article_id][sure[0].start : sure[0].end] if sure else ""
        yield Outcome(labelled, answer, None, took_ms)


def _ask_all(questions: Sequence[Labelled], qa: QA) -> Iterator[Outcome]:
    for labelled in questions:
        reply = qa.ask(labelled.question, k=1)
        answer = reply.answers[0].text if reply.answers else ""
        found = _rank(qa.search(labelled.question, max(DEPTHS)), labelled)
        yield Outcome(labelled, answer, found, reply.took_ms)


def _rank(hits: Sequence[Hit], labelled: Labelled) -> int:
    """Rank from 1 of the first passage of the right paragraph with an answer; 0 for none."""
    for number, hit in enumerate(hits, 1):
        if hit.passage.article_id == labelled.article_id and any(
            answer in hit.passage.text for answer in labelled.answers
        ):
            return number
    return 0


def summary(outcomes: Sequence[Outcome]) -> dict[str, float | int | None]:
    """The figures of a run: EM, F1 and accuracy in percent, recalls 0 to 1, milliseconds.

    A figure over no questions is None. For an unanswerable question, EM and F1 are 1 when
    nothing was answered, else 0 (SQuAD 2.0).
    """
    having = [one for one in outcomes if one.labelled.answers]
    lacking = [one for one in outcomes if not one.labelled.answers]
    times = [one.took_ms for one in outcomes]
    percentiles = quantiles(times, n=20) if len(times) > 1 else times * 19
    return {
        "questions": len(outcomes),
        "em": _percent(_score(exact_match, one) for one in outcomes),
        "f1": _percent(_score(f1, one) for one in outcomes),
        "has_answer_em": _percent(_score(exact_match, one) for one in having),
        "has_answer_f1": _percent(_score(f1, one) for one in having),
        "no_answer_accuracy": _percent(float(not one.answer) for one in lacking),
        **{f"recall_at_{depth}": _recall(having, depth) for depth in DEPTHS},
        "latency_ms_p50": round(percentiles[9], 1),
        "latency_ms_p95": round(percentiles[18], 1),
    }


def _score(measure: Callable[[str, Sequence[str]], float], one: Outcome) -> float:
    return measure(one.answer, one.labelled.answers or ("",))


def _percent(values: Iterable[float]) -> float | None:
    found = list(values)
    return round(100 * mean(found), 2) if found else None


def _recall(having: Sequence[Outcome], depth: int) -> float | None:
    ranks = [one.found for one in having if one.found is not None]
    return round(mean(0 < rank <= depth for rank in ranks), 4) if ranks else None
