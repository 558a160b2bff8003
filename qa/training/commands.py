"""The commands citespan train and citespan calibrate.

They must not decide anything: they read arguments, call, and print.
"""

import json
import sys
from pathlib import Path

import click

from qa.options import (
    FILE,
    FOLDER,
    Number,
    data_option,
    embedder_option,
    reader_option,
    told,
)
from qa.training.calibrate import calibrate as fit
from qa.training.lessons import Settings
from qa.training.recipe import train_reader


class _Share(click.ParamType[tuple[Path, float]]):
    """FILE or FILE=SHARE."""

    name = "file"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Path, float]:
        name, mark, share = value.rpartition("=")
        try:
            path, times = (Path(name), float(share)) if mark else (Path(value), 1.0)
        except ValueError:
            path, times = Path(value), 1.0
        if not path.is_file():
            self.fail(f"{path} is not a file", param, ctx)
        if not 0 < times <= 100:
            self.fail(f"{value}: a share is above 0 and at most 100", param, ctx)
        return path, times


@click.command()
@click.argument("data", nargs=-1, required=True, type=_Share(), metavar="DATA[=SHARE]...")
@click.option("--eval", "evaluation", type=FILE, required=True, help="Labelled file to judge by.")
@click.option("--out", type=FOLDER, required=True, help="Folder for the reader.")
@click.option("--start", type=FOLDER, help="Reader or model folder to go on from.")
@click.option("--teacher", type=FOLDER, help="Reader or model folder to learn from beside DATA.")
@click.option("--epochs", default=Settings().epochs, show_default=True, type=Number(0.01, 1000))
@click.option(
    "--learning-rate",
    default=Settings().learning_rate,
    show_default=True,
    type=Number(0, 0.01, min_open=True),
    help="The highest; it falls to 0 in a line.",
)
@click.option(
    "--keep",
    default=Settings().keep,
    show_default=True,
    type=Number(0, 0.9),
    help="Share of the weights begun with in the result; 0.5 is best for more of the same.",
)
@click.option(
    "--seed", default=Settings().seed, show_default=True, type=click.IntRange(0, 2**63 - 1)
)
def train(
    data: tuple[tuple[Path, float], ...],
    evaluation: Path,
    out: Path,
    start: Path | None,
    teacher: Path | None,
    epochs: float,
    learning_rate: float,
    keep: float,
    seed: int,
) -> None:
    """Train a reader on labelled questions in DATA, SQuAD 1.1 or 2.0 JSON.

    SHARE is how often an epoch shows each question of the file: 0.5 every second time, 2 twice.
    Goes on from the shipped reader unless --start names another. A run that was cut off goes on
    where it was when the same command is given again. Paragraphs that the --eval file holds too
    are left out; a tenth of the others is held out in OUT/held-out, for citespan calibrate.
    """
    settings = Settings(epochs=epochs, learning_rate=learning_rate, seed=seed, keep=keep)
    with told():
        done = train_reader(data, evaluation, out, start, teacher, settings, sys.stderr.isatty())
    click.echo(f"trained on {done.questions:,} questions, {done.left_out:,} left out")
    if done.f1 is None:
        click.echo(f"F1 {done.f1_float:.2f} in float32")
        click.secho(f"model: {out}", bold=True)
        click.echo(f"next: citespan train … --teacher {out}")
        return
    click.echo(f"F1 {done.f1:.2f} as written (int8), {done.f1_float:.2f} in float32")
    click.secho(f"reader: {out}", bold=True)
    if done.held_out:
        click.echo(f"next: citespan calibrate {' '.join(map(str, done.held_out))} --reader {out}")


@click.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--with", "others", type=FILE, multiple=True, help="Paragraphs as distractors.")
@click.option(
    "--promise",
    default=0.95,
    show_default=True,
    type=Number(0.5, 0.999),
    help="Share of the sure answers that shall be right.",
)
@click.option("--limit", type=click.IntRange(1), help="Ask only the first questions of a FILE.")
@data_option
@reader_option
@embedder_option
def calibrate(
    files: tuple[Path, ...],
    others: tuple[Path, ...],
    promise: float,
    limit: int | None,
    data: Path,
    reader: str | None,
    embedder: str,
) -> None:
    """Fit how sure the answers are on labelled questions in FILES that no training saw.

    Half of the questions are asked of a library without their paragraph. The numbers are
    written beside the reader, with the fingerprint of reader, embedder and splitter.
    """
    with told():
        written = fit(
            files,
            others,
            reader,
            embedder,
            data,
            promise,
            limit,
            sys.stderr.isatty(),
        )
    click.echo(json.dumps(written, indent=2))
