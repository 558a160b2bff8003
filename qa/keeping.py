"""The commands citespan verify, backup, restore and migrate: a library is kept sound, or moved.

It must not decide anything: it reads arguments, calls, and prints.
"""

import signal
import sys
from pathlib import Path

import click

from index import SCHEMES, Place, contract_of, repair
from index import backup as pack
from index import migrate as move
from index import restore as unpack
from index import verify as find_problems
from qa.options import data_option, embedder_option, library_option, place, server_token, told
from qa.printing import many, print_report


@click.command("verify")
@click.option("--repair", "mend", is_flag=True, help="Make what is derived anew, and check again.")
@click.option(
    "--contract",
    metavar="SERVER",
    help="Check a Milvus server, milvus://HOST:PORT, in libraries that are deleted again.",
)
@data_option
@library_option
@embedder_option
def verify(
    mend: bool, contract: str | None, data: Path, library: str | None, embedder: str
) -> None:
    """Check everything stored against itself; exit code 1 when something is wrong.

    --repair makes the search indexes anew; on Milvus it writes damaged articles anew from their
    texts. An article whose text is damaged is mended by indexing its file again, or by citespan
    restore. --contract checks no library of yours, but whether a server does what
    Citespan needs of it.
    """
    if contract is not None:
        sys.exit(1 if _print_contract(contract, data, embedder) else 0)
    with told():
        where, failures = place(data, library), []
        problems = find_problems(where)
        if problems and mend:
            report = repair(where, embedder)
            done = "; ".join(report.notes) or "nothing of it could be mended"
            click.echo(f"{many(len(problems), 'problem')} found; {done}")
            problems, failures = find_problems(where), report.failures
    for failure in failures:
        click.secho(f"failed     {failure.origin}: {failure.reason}", fg="red")
    for problem in problems:
        click.secho(problem, fg="red")
    click.echo(
        f"{many(len(problems), 'problem')} found" if problems else "everything is as it should be"
    )
    sys.exit(1 if problems or failures else 0)


def _print_contract(server: str, data: Path, embedder: str) -> int:
    """A line for each check as it is made; gives how many do not hold."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was made is deleted then
    broken = total = 0
    with told():
        for one in contract_of(server, data, embedder, server_token()):
            total += 1
            if one.problem is None:
                click.echo(f"holds   {one.check} ({one.seconds:.1f} s)")
            else:
                broken += 1
                click.secho(f"broken  {one.check}: {one.problem}", fg="red")
    click.echo(f"{broken} of {many(total, 'check')} broken" if broken else f"all {total} hold")
    return broken


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@data_option
@library_option
def backup(file: Path, data: Path, library: str | None) -> None:
    """Write the library to FILE, whole or not at all, also while it is served or written."""
    with told():
        revision = pack(place(data, library), file, sys.stderr.isatty())
    click.echo(f"{file}: revision {revision}, {file.stat().st_size / 1e6:,.1f} MB")


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@data_option
@library_option
@embedder_option
def restore(file: Path, data: Path, library: str | None, embedder: str) -> None:
    """Put the library in FILE in the place of the one that is there, also while it is served."""
    with told():
        report = unpack(file, place(data, library), embedder, sys.stderr.isatty())
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
    return place(data, named) if named.startswith(SCHEMES) else Path(named)
