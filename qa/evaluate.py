"""How good the answers are: labelled questions are asked, and what came out is kept.

It answers with the functions that `QA.ask` is made of, never in a way of its own.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from tqdm import tqdm

from index import (
    MODELS,
    Article,
    Hit,
    Place,
    Remote,
    build_articles,
    embedder_fingerprint,
    folder_of,
    library_fingerprint,
)
from qa.ask import CORES, QA
from qa.cite import cite
from qa.confidence import Confidence, load_confidence
from qa.convert import reader_folder
from qa.errors import QAError
from qa.labels import Labelled, kept_out, load_labels
from qa.metrics import (
    DEPTHS,
    Outcome,
    by_file,
    by_question_word,
    exact_match,
    f1,
    holds,
    score,
    summary,
)
from qa.plots import plot
from qa.rank import Ranked, rank
from qa.reader import Reader, load_reader
from qa.window import Piece, Window, whole

LIBRARIES = "eval"  # of what is measured, beside the user's own: one for each set of paragraphs


@dataclass(frozen=True, slots=True)
class Asked:
    """A labelled question, the file it comes from and its paragraph.

    `always`: the best answer counts, however unsure, as in SQuAD 1.1.
    """

    file: str
    labelled: Labelled
    paragraph: Article
    always: bool


def evaluate(
    files: Sequence[Path],
    mode: str,
    distractors: Sequence[Path],
    limit: int | None,
    reader: str | None,
    embedder: str,
    place: Place,
    progress: bool,
    *,
    without_half: bool = False,
    plots: Path | None = None,
    errors: Path | None = None,
) -> dict[str, Any]:
    """The figures for the first `limit` questions of each SQuAD file, as plain JSON types.

    `mode` "reader": each question with its own paragraph; "open": with all paragraphs of
    `files` and of `distractors`, in a library that is kept beside the one at `place`, and never
    in that itself. `without_half`: half the paragraphs of `files` are kept out of it, and nothing
    answers the questions about them.
    A file without unanswerable questions is SQuAD 1.1, where the best answer always counts.
    `plots`: a folder for pictures. `errors`: a file for the misses, one JSON object a line.
    Raises `QAError` when either can't be written, before any work.
    """
    if without_half and mode != "open":
        raise QAError("only in open mode can half the paragraphs be left out: add --mode open")
    _check_places(plots, errors)
    questions, articles = _load(files, distractors, limit, without_half)
    beside = _beside(place, _name(articles, without_half)) if mode == "open" else None
    outcomes, calibrated = _outcomes(questions, articles, reader, embedder, place, beside, progress)
    if plots is not None:
        plot(outcomes, plots)
    if errors is not None:
        _write_errors(outcomes, errors)
    return {
        **summary(outcomes),
        "calibrated": calibrated,
        "by_question_word": by_question_word(outcomes),
        "by_file": by_file(outcomes),
    }


def _outcomes(
    questions: Sequence[Asked],
    articles: Sequence[Article],
    reader: str | None,
    embedder: str,
    place: Place,
    beside: Place | None,
    progress: bool,
) -> tuple[list[Outcome], bool]:
    """How every question is answered, from its own paragraph or from a library of the articles
    at `beside`; and whether the confidence is calibrated.
    """
    home = reader_folder(reader, folder_of(place) / MODELS)
    model = load_reader(home, CORES)
    library = library_fingerprint(embedder_fingerprint(embedder))
    confidence = load_confidence(home, model.fingerprint, library)
    if beside is None:
        answering = _read_own(questions, model, confidence)
    else:
        build_articles(tqdm(articles, "indexing", disable=not progress), beside, embedder)
        qa = QA(beside, model, confidence, embedder)
        answering = _ask_all(questions, qa, model, confidence)
    bar = tqdm(answering, "asking", total=len(questions), disable=not progress)
    return list(bar), confidence.calibrated


def _check_places(plots: Path | None, errors: Path | None) -> None:
    try:
        if plots is not None:
            plots.mkdir(parents=True, exist_ok=True)
            TemporaryFile(dir=plots).close()
        if errors is not None:
            errors.open("a").close()
    except OSError as error:
        raise QAError(f"{error.filename} can't be written: {error.strerror}") from error


def _load(
    files: Sequence[Path], distractors: Sequence[Path], limit: int | None, without_half: bool
) -> tuple[list[Asked], list[Article]]:
    """The questions, and the paragraphs to search for answers."""
    asked: list[Asked] = []
    paragraphs: dict[str, Article] = {}
    left_out: set[str] = set()
    for file in dict.fromkeys(files):
        articles, questions = load_labels(file)
        own = {article.id: article for article in articles}
        if without_half:
            left_out |= set(filter(kept_out, own))
        always = not without_half and all(one.answers for one in questions)
        for one in questions[:limit]:
            lost = one.article_id in left_out
            labelled = replace(one, answers=(), places=()) if lost else one
            asked.append(Asked(str(file), labelled, own[one.article_id], always))
        paragraphs = own | paragraphs
    for file in distractors:
        paragraphs = {article.id: article for article in load_labels(file)[0]} | paragraphs
    kept = [paragraphs[id] for id in sorted(paragraphs) if id not in left_out]
    if not kept:
        raise QAError("without half of them no paragraph is left: add some with --with FILE")
    return asked, kept


def _name(articles: Sequence[Article], without_half: bool) -> str:
    """A folder name of 16 hexadecimal digits, the same for the same paragraphs."""
    ids = "\n".join(sorted(article.id for article in articles))
    return sha256(f"{ids}\n{without_half}".encode()).hexdigest()[:16]


def _beside(place: Place, name: str) -> Place:
    if isinstance(place, Remote):
        return replace(place, name=f"{place.name}_{LIBRARIES}_{name}")
    return place / LIBRARIES / name


def _read_own(
    questions: Sequence[Asked], reader: Reader, confidence: Confidence
) -> Iterator[Outcome]:
    for asked in questions:
        article, question = asked.paragraph, asked.labelled.question
        started = time.perf_counter()
        spans = reader.read(question, [whole(article)])
        ranked = rank(question, spans, {article.id: article.text}, confidence, 1)
        took_ms = (time.perf_counter() - started) * 1000
        yield _outcome(asked, ranked, {article.id: article}, confidence, None, took_ms, None)


def _ask_all(
    questions: Sequence[Asked], qa: QA, reader: Reader, confidence: Confidence
) -> Iterator[Outcome]:
    for asked in questions:
        started = time.perf_counter()
        reading = qa.read(asked.labelled.question)
        ranked = rank(reading.asked, reading.spans, reading.texts, confidence, 1)
        took_ms = (time.perf_counter() - started) * 1000
        hits = qa.search(asked.labelled.question, max(DEPTHS))
        pair = _pair(asked, hits, reader)
        found = _rank(hits, asked.labelled)
        yield _outcome(asked, ranked, reading.articles, confidence, found, took_ms, pair)


def _outcome(
    asked: Asked,
    ranked: Sequence[Ranked],
    articles: dict[str, Article],
    confidence: Confidence,
    found: int | None,
    took_ms: float,
    pair: tuple[float, float] | None,
) -> Outcome:
    best = next(iter(cite(ranked, articles, confidence.sure)), None)
    shown = best is not None and best.confidence >= confidence.threshold
    place = None if best is None else best.citations[0]
    return Outcome(
        file=asked.file,
        labelled=asked.labelled,
        paragraph=asked.paragraph.text,
        answer="" if best is None else best.text,
        confidence=0.0 if best is None else best.confidence,
        shown=shown,
        sure=best is not None and best.sure,
        counts=shown or asked.always,
        found=found,
        took_ms=took_ms,
        title="" if place is None else place.title,
        sentence="" if place is None else f"{place.before}{place.quote}{place.after}",
        pair=pair,
    )


def _rank(hits: Sequence[Hit], labelled: Labelled) -> int:
    """Rank from 1 of the first passage of the right paragraph with an answer; 0 for none."""
    for number, hit in enumerate(hits, 1):
        passage = hit.passage
        if passage.article_id == labelled.article_id and any(
            passage.start <= start and end <= passage.end for start, end in labelled.places
        ):
            return number
    return 0


def _pair(asked: Asked, hits: Sequence[Hit], reader: Reader) -> tuple[float, float] | None:
    """The reader's best scores on the question's paragraph and on its hard negative.

    That is the highest ranked passage without an accepted answer. None when there is none, no
    answer is accepted, or nothing was read in either.
    """
    labelled = asked.labelled
    wrong = next((hit for hit in hits if not holds(hit.passage.text, labelled.answers)), None)
    if wrong is None or not labelled.answers:
        return None
    passage = wrong.passage
    piece = Piece(0, passage.start, len(passage.text))
    alone = Window(passage.article_id, passage.text, (piece,), wrong.score)
    own = reader.read(labelled.question, [whole(asked.paragraph)])
    other = reader.read(labelled.question, [alone])
    if not own or not other:
        return None
    return max(span.score for span in own), max(span.score for span in other)


def _write_errors(outcomes: Sequence[Outcome], path: Path) -> None:
    """Every miss: what counts against EM, by a wrong answer, a needless one, or silence."""
    with path.open("w", encoding="utf-8") as file:
        for one in outcomes:
            if score(exact_match, one) == 0:
                file.write(json.dumps(_miss(one), ensure_ascii=False) + "\n")


def _miss(one: Outcome) -> dict[str, Any]:
    """One line; `em` and `f1`, 0 to 1, are those of the best answer even when it was not shown."""
    accepted = one.labelled.answers or ("",)
    return {
        "file": one.file,
        "question": one.labelled.question,
        "accepted": list(one.labelled.answers),
        "answer": one.answer,
        "confidence": round(one.confidence, 4),
        "shown": one.shown,
        "em": exact_match(one.answer, accepted),
        "f1": round(f1(one.answer, accepted), 4),
        "found": one.found,
        "title": one.title,
        "sentence": one.sentence,
        "paragraph": one.paragraph,
    }
