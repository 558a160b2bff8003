"""The command: citespan index, ask, eval, stats, serve; the others have files of their own.

It must not decide anything: it reads arguments, calls, and prints.
"""

import json
import logging
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from index import build, open_library
from qa.ask import open_qa
from qa.evaluate import evaluate
from qa.keeping import backup, migrate, restore, verify
from qa.options import (
    FILE,
    FOLDER,
    PLACE,
    data_option,
    embedder_option,
    library_option,
    place,
    reader_option,
    told,
)
from qa.printing import print_report
from qa.records import Answer, Filters, Reply, reply_json
from qa.training.commands import calibrate, train
from qa.watching import watch

_SPACES = re.compile(r"\s+")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="citespan")
def main() -> None:
    """Answers from articles, in their exact words, with citations that can be checked."""
    logging.getLogger("transformers").setLevel(logging.ERROR)


main.add_command(train)
main.add_command(calibrate)
main.add_command(watch)
main.add_command(verify)
main.add_command(backup)
main.add_command(restore)
main.add_command(migrate)


@main.command()
@click.argument("paths", nargs=-1, required=True, type=PLACE)
@click.option("--only", is_flag=True, help="Forget articles that came from other paths.")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Embed in so many processes, each with a model of its own; one uses all cores as well.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@data_option
@library_option
@embedder_option
def index(
    paths: tuple[Path | str, ...],
    only: bool,
    workers: int,
    as_json: bool,
    data: Path,
    library: str | None,
    embedder: str,
) -> None:
    """Bring the library to what the files under PATHS hold now.

    Reads .txt, .md, .html, .pdf, .jsonl and .csv, folders recursively, and pages whose
    addresses, https://…, stand among the PATHS. Exit code 1 when something could not be read.
    """
    files = [one for one in paths if isinstance(one, Path)]
    urls = [one for one in paths if isinstance(one, str)]
    with told():
        where, progress = place(data, library), sys.stderr.isatty()
        report = build(
            files, where, embedder, only=only, progress=progress, urls=urls, workers=workers
        )
    if as_json:
        click.echo(json.dumps(report.as_json(), ensure_ascii=False, indent=2))
    else:
        print_report(report)
    sys.exit(1 if report.failures else 0)


@main.command()
@click.argument("question")
@click.option("-k", default=3, show_default=True, type=click.IntRange(1, 10), help="Answers.")
@click.option("--source", "sources", multiple=True, help="Only articles of this source.")
@click.option("--from", "published_from", metavar="DAY", help="Only articles from that day on.")
@click.option("--to", "published_to", metavar="DAY", help="Only articles until that day.")
@click.option("--article", "article_ids", multiple=True, metavar="ID", help="Only this article.")
@click.option("--json", "as_json", is_flag=True, help="Print the reply as JSON.")
@data_option
@library_option
@reader_option
@embedder_option
def ask(
    question: str,
    k: int,
    sources: tuple[str, ...],
    published_from: str | None,
    published_to: str | None,
    article_ids: tuple[str, ...],
    as_json: bool,
    data: Path,
    library: str | None,
    reader: str | None,
    embedder: str,
) -> None:
    """Answer QUESTION from the library, with citations.

    --source and --article can be given several times.
    """
    with told():
        kept = Filters(sources, published_from, published_to, article_ids)
        reply = open_qa(place(data, library), reader, embedder).ask(question, k, kept)
    if as_json:
        click.echo(json.dumps(reply_json(reply), ensure_ascii=False, indent=2))
    else:
        _print_reply(reply)


def _print_reply(reply: Reply) -> None:
    for number, answer in enumerate(reply.answers, 1):
        _print_answer(number, answer, reply.calibrated)
    if reply.reason is not None:
        click.secho("No answer. ", bold=True, nl=False)
        click.echo(reply.reason)
        for near in reply.passages[:3]:
            click.echo(f"\n  {_line(near.passage.text)}")
            click.secho(f"  {near.title}", dim=True)
    click.secho(f"\n{reply.took_ms:.0f} ms, revision {reply.revision}", dim=True)


def _print_answer(number: int, answer: Answer, calibrated: bool) -> None:
    click.secho(f"{number}. {_line(answer.text)}", bold=True, fg="green", nl=False)
    standing = ("sure" if answer.sure else "") if calibrated else "uncalibrated"
    click.secho(f"   {answer.confidence:.0%} {standing}".rstrip(), dim=True)
    for citation in answer.citations:
        click.echo(f"   {_line(citation.before).lstrip()}", nl=False)
        click.secho(_line(citation.quote), bold=True, underline=True, nl=False)
        click.echo(_line(citation.after).rstrip())
        page = None if citation.page is None else f"page {citation.page}"
        where = [citation.title, citation.source, citation.published, page, citation.url]
        click.secho(f"   {' · '.join(part for part in where if part)}", dim=True)


def _line(text: str) -> str:
    """Text on one line, for the eye; what is cited keeps its line breaks."""
    return _SPACES.sub(" ", text)


@main.command("eval")
@click.argument("files", nargs=-1, required=True, type=FILE, metavar="FILE...")
@click.option("--mode", type=click.Choice(["reader", "open"]), default="reader", show_default=True)
@click.option("--with", "others", type=FILE, multiple=True, help="Paragraphs as distractors.")
@click.option(
    "--without-half",
    is_flag=True,
    help="Keep half the paragraphs out of the library: silence is right there.",
)
@click.option("--limit", type=click.IntRange(1), help="Ask only the first questions of a FILE.")
@click.option("--plots", type=FOLDER, help="Draw risk over coverage, and reliability, there.")
@click.option(
    "--errors",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write every miss there, one JSON object a line.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@data_option
@library_option
@reader_option
@embedder_option
def evaluate_command(
    files: tuple[Path, ...],
    mode: str,
    others: tuple[Path, ...],
    without_half: bool,
    limit: int | None,
    plots: Path | None,
    errors: Path | None,
    as_json: bool,
    data: Path,
    library: str | None,
    reader: str | None,
    embedder: str,
) -> None:
    """Measure the answers on labelled questions in FILE..., SQuAD 1.1 or 2.0 JSON.

    In mode "reader" each question is asked of its own paragraph, in mode "open" of all of
    them: the library made for that is kept for the next time, in eval/ under the data folder,
    or on the server of --library under a name of its own. Your own library is never changed.
    """
    with told():
        figures = evaluate(
            files,
            mode,
            others,
            limit,
            reader,
            embedder,
            place(data, library),
            sys.stderr.isatty(),
            without_half=without_half,
            plots=plots,
            errors=errors,
        )
    if as_json:
        click.echo(json.dumps(figures, ensure_ascii=False, indent=2))
    else:
        _print_figures(figures)


def _print_figures(figures: dict[str, Any]) -> None:
    for name, value in figures.items():
        if not isinstance(value, dict):
            click.echo(f"{name:20} {'–' if value is None else value}")
    for heading in ("by_question_word", "by_file"):
        groups = figures[heading]
        width = max(map(len, [heading, *groups]))
        click.echo(f"\n{heading:{width}}  questions      em      f1")
        for name, row in groups.items():
            click.echo(f"{name:{width}} {row['questions']:10,} {row['em']:7.2f} {row['f1']:7.2f}")


@main.command()
@data_option
@library_option
def stats(data: Path, library: str | None) -> None:
    """Show what the library holds."""
    with told():
        opened = open_library(place(data, library))
        counts, recall, failures = opened.counts(), opened.recall(), opened.failures()
    click.echo(f"articles    {counts.articles:,}")
    click.echo(f"passages    {counts.passages:,}")
    click.echo(f"revision    {opened.revision}")
    if recall is not None:
        click.echo(f"recall      {recall:.3f} of the 20 nearest vectors by exact search")
    click.echo(f"built with  {opened.fingerprint}")
    for note in opened.notes:
        click.secho(f"note        {note}", fg="yellow")
    for failure in failures:
        click.secho(f"failed      {failure.origin}: {failure.reason}", fg="red")


@main.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on.")
@click.option("--data", type=FOLDER, help="The library's folder.")
@library_option
def serve(host: str | None, port: int | None, data: Path | None, library: str | None) -> None:
    """Serve the search page and the JSON API; settings come from CITESPAN_… variables."""
    # By import string, so that this package does not import the one above it.
    import_module("web.serve").run(data, host, port, library)
