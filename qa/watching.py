"""The command citespan watch: feeds, sitemaps, pages and folders are followed.

It must not decide anything: it reads arguments, calls, and prints.
"""

import signal
import sys
from datetime import datetime
from pathlib import Path

import click

from index import LibraryError, Round
from index import watch as rounds
from qa.options import FILE, data_option, embedder_option, library_option, place, told


@click.command()
@click.argument("file", type=FILE)
@click.option("--once", is_flag=True, help="Look at all of it once and end.")
@data_option
@library_option
@embedder_option
def watch(file: Path, once: bool, data: Path, library: str | None, embedder: str) -> None:
    """Keep the library at what the feeds, sitemaps, pages and folders in FILE hold.

    Goes on until Ctrl+C or SIGTERM. With --once the exit code is 1 while something can't be
    read.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    failing = 0
    with told():
        try:
            progress = sys.stderr.isatty()
            where = place(data, library)
            going = rounds(file, where, embedder, once=once, progress=progress)
            for number, done in enumerate(going):
                _print_round(done, number == 0 or once)
                failing = done.failing if isinstance(done, Round) else failing
        except KeyboardInterrupt:
            return
    sys.exit(1 if failing else 0)


def _print_round(done: Round | LibraryError, always: bool) -> None:
    now = f"{datetime.now().astimezone():%H:%M:%S} "
    if isinstance(done, LibraryError):
        click.secho(f"{now} not now: {done}", fg="yellow")
        return
    report = done.report
    for failure in report.failures:
        click.secho(f"failed     {failure.origin}: {failure.reason}", fg="red")
    for note in report.notes:
        click.secho(f"note       {note}", fg="yellow")
    if always or report.failures or report.added or report.changed or report.removed:
        click.echo(
            f"{now} looked at {done.asked}: {report.added} added, {report.changed} changed,"
            f" {report.unchanged} unchanged, {report.duplicate} duplicate,"
            f" {report.removed} removed, {report.failed} failed"
            + (f"; {done.failing} in all can't be read" if done.failing else "")
            + (f"; revision {report.revision}" if report.revision else "")
        )
