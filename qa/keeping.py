"""The commands citespan verify, backup, restore and migrate: a library is kept sound, or moved.

It must not decide anything: it reads arguments, calls, and prints.
"""

import sys
from pathlib import Path

import click

from index import SCHEME, Place, place_of, repair
from index import backup as pack
from index import migrate as move
from index import restore as unpack
from index import verify as find_problems
from qa.options import data_option, embedder_option, in_folder, library_option, told
from qa.printing import many, print_report


@click.command("verify")
@click.option("--repair", "mend", is_flag=True, help="Make what is derived anew, and check again.")
@data_option
@library_option
@embedder_option
def verify(mend: bool, data: Path, library: str | None, embedder: str) -> None:
    """Check everything stored against itself; exit code 1 when something is wrong.

    --repair mends the search indexes. A damaged article is mended by indexing its file again,
    or by citespan restore.
    """
    with told():
        folder = in_folder(data, library)
        problems = find_problems(folder)
        if problems and mend:
            repair(folder, embedder)
            click.echo(f"{many(len(problems), 'problem')} found, the search indexes made anew")
            problems = find_problems(folder)
    for problem in problems:
        click.secho(problem, fg="red")
    click.echo(
        f"{many(len(problems), 'problem')} found" if problems else "everything is as it should be"
    )
    sys.exit(1 if problems else 0)


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@data_option
@library_option
def backup(file: Path, data: Path, library: str | None) -> None:
    """Write the library to FILE, whole or not at all, also while it is served or written."""
    with told():
        revision = pack(in_folder(data, library), file)
    click.echo(f"{file}: revision {revision}, {file.stat().st_size / 1e6:,.1f} MB")


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@data_option
@library_option
@embedder_option
def restore(file: Path, data: Path, library: str | None, embedder: str) -> None:
    """Put the library in FILE in the place of the one that is there, also while it is served."""
    with told():
        report = unpack(file, in_folder(data, library), embedder)
    print_report(report)


@click.command("migrate")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@data_option
@embedder_option
def migrate(source: str, target: str, data: Path, embedder: str) -> None:
    """Add all articles of the library FROM to the library TO, and compare them there.

    Each is a folder or milvus://HOST:PORT/NAME, whose models lie in --data. Stopped, it goes on
    where it was when it is run again.
    """
    with told():
        report = move(_place(source, data), _place(target, data), embedder)
    print_report(report)
    arrived = report.read - report.duplicate
    click.echo(f"{many(arrived, 'article')} compared: as they were")


def _place(named: str, data: Path) -> Place:
    return place_of(data, named) if named.startswith(SCHEME) else Path(named)
