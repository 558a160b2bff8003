"""What commands print of an indexing run.

It must not decide anything.
"""

import click

from index import Report


def print_report(report: Report) -> None:
    """What the run found and did."""
    for failure in report.failures:
        click.secho(f"failed     {failure.origin}: {failure.reason}", fg="red")
    for origin, twin in report.duplicates:
        click.secho(f"duplicate  {origin} has the text of {twin}", fg="yellow")
    for note in report.notes:
        click.secho(f"note       {note}", fg="yellow")
    click.echo(
        f"read {many(report.read, 'article')}: {report.added} added, {report.changed} changed,"
        f" {report.unchanged} unchanged, {report.duplicate} duplicate;"
        f" {report.removed} removed, {report.failed} failed"
    )
    click.echo(
        f"embedded {many(report.embedded, 'passage')} in {report.seconds:.1f} s"
        f" ({report.passages_per_second:.0f} passages/s)"
    )
    click.secho(
        f"library: {many(report.articles, 'article')}, {many(report.passages, 'passage')},"
        f" revision {report.revision}",
        bold=True,
    )


def many(count: int, noun: str) -> str:
    """A number with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
