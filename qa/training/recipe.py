"""From files of labelled questions to a reader folder: the whole of `citespan train`.

It composes the steps and decides only whether the result may be used.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from index import (
    DEFAULT_EMBEDDER,
    Article,
    Passage,
    embedder_folder,
    read_settings,
    write_whole,
)
from qa.errors import TrainingError
from qa.evaluate import evaluate
from qa.labels import Labelled, load_labels
from qa.reader import ABOUT, DEFAULT_READER, TOKENIZER, load_tokenizer
from qa.training.export import export
from qa.training.lessons import Lesson, Settings
from qa.training.material import Material, load_material
from qa.training.negatives import mine
from qa.training.network import new_network
from qa.training.tokens import is_translated, save_translated
from qa.training.train import train

MOST_LOST = 0.4  # F1 that int8 may cost
_MEMINFO = Path("/proc/meminfo")
_MEMORY = 4_000_000_000  # bytes a run takes with its library and its network
_MEMORY_LARGER = 9_000_000_000  # with a larger model as its network


@dataclass(frozen=True, slots=True)
class Trained:
    """What a run came to: F1 in percent on the evaluation file, and how much it was fed.

    `f1`: of the int8 form; None for a larger model, which is written as it is, to teach.
    """

    questions: int
    left_out: int
    held_out: tuple[Path, ...]
    f1: float | None
    f1_float: float


def train_reader(
    files: Sequence[tuple[Path, float]],
    evaluation: Path,
    out: Path,
    start: Path | None,
    teacher: Path | None,
    settings: Settings,
    progress: bool,
) -> Trained:
    """Train a reader on `files`, each with its share, and write it to the folder `out`.

    `start`: a reader or model folder to go on from; the shipped reader for None. `teacher`: the
    like, from whose scores the reader learns beside the labels. What a run needs to go on later
    lies in `out`/work. A tenth of the paragraphs is held out and written to `out`/held-out, for
    `citespan calibrate`.
    Raises `LabelError`, `ReaderError`, or `TrainingError`, also when int8 costs too much.
    """
    _check_memory(_MEMORY)
    judged = load_labels(evaluation)[0]
    material = [(load_material(file, judged), share) for file, share in files]
    work = out / "work"
    origin = DEFAULT_READER if start is None else start
    embedder = embedder_folder(DEFAULT_EMBEDDER)
    network = new_network(origin, embedder, settings.seed)
    if is_translated(network):
        _check_memory(_MEMORY_LARGER)
    tokenizer = (embedder if is_translated(network) else origin) / TOKENIZER
    if not tokenizer.is_file():
        raise TrainingError(f"{origin} has no {TOKENIZER}: it can't be a start")
    tokens = load_tokenizer(tokenizer)
    taught_by = None if teacher is None else _teacher(teacher, embedder, tokens)
    teaching = "" if taught_by is None else _digest(taught_by)
    settings = replace(settings, start=_digest(network), teacher=teaching)
    held_out = _write_held_out([one for one, _ in material], out / "held-out")
    lessons = _lessons(material, work, progress)
    articles = {one.id: one for part, _ in material for one in part.articles}
    train(network, tokens, lessons, articles, settings, work, progress, taught_by)
    f1_float, f1 = _write(network, origin, tokenizer, evaluation, out)
    return Trained(
        questions=len(lessons),
        left_out=sum(part.left_out for part, _ in material),
        held_out=held_out,
        f1=f1,
        f1_float=f1_float,
    )


def _write(
    network: Any, origin: Path, tokenizer: Path, evaluation: Path, out: Path
) -> tuple[float, float | None]:
    """Write the reader to `out`, in int8; F1 in float32 and in int8.

    A larger model that was shown the reader's tokens is written as a model folder, and not in
    int8: it is there to teach. Raises `TrainingError`, and leaves both forms in `out`/work, when
    int8 costs too much.
    """
    work = out / "work"
    f1_float = _exported(network, tokenizer, evaluation, out, int8=False)
    if is_translated(network):
        save_translated(network, origin, out)
        return f1_float, None
    f1 = _exported(network, tokenizer, evaluation, out, int8=True)
    if f1_float - f1 > MOST_LOST:
        raise TrainingError(
            f"int8 costs {f1_float - f1:.2f} F1, more than {MOST_LOST}: the reader is not"
            f" written; both forms lie in {work}"
        )
    for file in sorted((work / "int8").iterdir()):
        file.replace(out / file.name)
    return f1_float, f1


def _exported(network: Any, tokenizer: Path, evaluation: Path, out: Path, *, int8: bool) -> float:
    """F1 of one form of the network, which is written to a folder of `out`/work."""
    folder = out / "work" / ("int8" if int8 else "float")
    export(network, tokenizer, out.name, folder, int8=int8)
    return _f1(evaluation, folder, out / "work")


def _teacher(folder: Path, embedder: Path, tokens: Any) -> Any:
    """The network of a reader, or of a model that was trained to extract answers.

    Raises `ReaderError`, or `TrainingError` when it would teach nothing.
    """
    if not (folder / ABOUT).is_file() and not _extracts(folder / "config.json"):
        raise TrainingError(f"{folder} was not trained to extract answers: it can't teach")
    network = new_network(folder, embedder, 0)
    own = (embedder if is_translated(network) else folder) / TOKENIZER
    if not own.is_file() or load_tokenizer(own).get_vocab() != tokens.get_vocab():
        raise TrainingError(f"{folder} does not read in the reader's tokens: it can't teach it")
    return network


def _extracts(config: Path) -> bool:
    try:
        kinds = read_settings(config)["architectures"]
        return any(kind.endswith("ForQuestionAnswering") for kind in kinds)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _digest(network: Any) -> str:
    """16 hexadecimal digits, the same for the same weights."""
    total = sha256()
    for name, weight in network.state_dict().items():
        total.update(name.encode() + weight.numpy().tobytes())
    return total.hexdigest()[:16]


def _check_memory(needed: int) -> None:
    # What the system could give up counts too; where it does not say, the run is let begin.
    told = _MEMINFO.read_text() if _MEMINFO.is_file() else ""
    found = re.search(r"MemAvailable:\s+(\d+) kB", told)
    free = needed if found is None else int(found[1]) * 1024
    if free < needed:
        raise TrainingError(
            f"training needs {needed / 1e9:.0f} GB of free memory, and {free / 1e9:.1f} are"
            " free: close other programs"
        )


def _write_held_out(material: Sequence[Material], folder: Path) -> tuple[Path, ...]:
    """The held-out questions of every file that has some, as a file like it."""
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[tuple[Labelled, ...], Path] = {}
    for one in material:
        if one.held_out and one.held_out not in written:
            taken = any(path.stem == one.name for path in written.values())
            name = f"{one.name}-{len(written) + 1}" if taken else one.name
            written[one.held_out] = folder / f"{name}.json"
            written[one.held_out].write_text(_squad(one), encoding="utf-8")
    return tuple(written.values())


def _squad(material: Material) -> str:
    """The held-out questions as SQuAD JSON."""
    data = []
    for article in material.articles:
        asked = [one for one in material.held_out if one.article_id == article.id]
        if asked:
            rows = [_row(one, article) for one in asked]
            paragraph = {"context": article.text, "qas": rows}
            about = {"title": article.title, "published": article.published}
            data.append({**about, "paragraphs": [paragraph]})
    return json.dumps({"data": data}, ensure_ascii=False)


def _row(labelled: Labelled, article: Article) -> dict[str, object]:
    answers = [
        {"text": article.text[start:end], "answer_start": start} for start, end in labelled.places
    ]
    return {
        "id": sha256(f"{article.id} {labelled.question}".encode()).hexdigest()[:16],
        "question": labelled.question,
        "answers": answers,
        "is_impossible": not answers,
    }


def _lessons(
    material: Sequence[tuple[Material, float]], work: Path, progress: bool
) -> list[Lesson]:
    """Every question with its hard negatives, mined once and kept for a run that goes on."""
    articles = [one for part, _ in material for one in part.shown]
    questions = [(one, share) for part, share in material for one in part.training]
    asked = [one for one, _ in questions]
    told = (
        [one.id for one in articles],
        [(one.question, one.article_id, one.answers) for one in asked],
    )
    key = sha256(repr(told).encode())
    kept = work / f"negatives-{key.hexdigest()[:16]}.json"
    if not kept.is_file():
        found = mine(articles, asked, work / "library", DEFAULT_EMBEDDER, progress)
        places = [[(one.article_id, one.start, one.end) for one in row] for row in found]
        write_whole(kept, json.dumps(places))
    texts = {one.id: one.text for one in articles}
    return [
        Lesson(
            one, [Passage(id, start, end, texts[id][start:end]) for id, start, end in row], share
        )
        for (one, share), row in zip(questions, json.loads(kept.read_text()), strict=True)
    ]


def _f1(evaluation: Path, folder: Path, work: Path) -> float:
    figures = evaluate([evaluation], "reader", [], None, str(folder), DEFAULT_EMBEDDER, work, False)
    return float(figures["f1"])
