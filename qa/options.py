"""Options that several commands share, and how our errors are told on the command line."""

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from index import DEFAULT_EMBEDDER, LibraryError, Place, place_of
from qa.errors import QAError


class HomePath(click.Path):
    """A path in which "~" is the home, also where no shell has said so: in make, in a setting."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and value.startswith("~"):
            with suppress(RuntimeError):  # nobody has that home: it is a name like any other
                value = str(Path(value).expanduser())
        return super().convert(value, param, ctx)


class PathOrAddress(HomePath):
    """A path, or as it stands an address of the web."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and value.startswith(("http://", "https://")):
            return value
        return super().convert(value, param, ctx)


FOLDER = HomePath(path_type=Path, file_okay=False)
FILE = HomePath(path_type=Path, exists=True, dir_okay=False)
PLACE = PathOrAddress(path_type=Path)
# Never an argument: those are shown to everybody on the machine.
_TOKEN = click.Option(["--token"], envvar="CITESPAN_MILVUS_TOKEN")


def data_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--data",
        type=FOLDER,
        default=Path("var"),
        show_default=True,
        envvar="CITESPAN_DATA",
        help="The library's folder.",
    )(command)


def library_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--library",
        metavar="ADDRESS",
        envvar="CITESPAN_LIBRARY",
        help="A library on Milvus, milvus://HOST:PORT/NAME, in place of the folder's.",
    )(command)


def place(data: Path, library: str | None) -> Place:
    """Where the library is, with what its server takes. Raises `LibraryError`."""
    return place_of(data, library, server_token())


def server_token() -> str | None:
    """What the server of a library takes, if it takes anything."""
    token: str | None = _TOKEN.value_from_envvar(click.get_current_context())
    return token


def embedder_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--embedder",
        default=DEFAULT_EMBEDDER,
        show_default=True,
        envvar="CITESPAN_EMBEDDER",
        help="A sentence-transformers model: a folder or a name.",
    )(command)


def reader_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--reader",
        default=None,
        envvar="CITESPAN_READER",
        help="A reader: a folder or a Hugging Face name; the shipped one by default.",
    )(command)


class Number(click.FloatRange):
    """A number within limits; unlike click's own, "nan" is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is not a number", param, ctx)
        return number


@contextmanager
def told() -> Iterator[None]:
    """Our errors, and too little memory, as one sentence and exit code 2; Ctrl+C as 130."""
    try:
        yield
    except (LibraryError, QAError) as error:
        click.secho(f"citespan: {error}", fg="red", err=True)
        sys.exit(2)
    except OSError as error:
        click.secho(f"citespan: {error.filename or 'a file'}: {error.strerror}", fg="red", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        click.echo("\ncitespan: stopped", err=True)
        sys.exit(130)
    except Exception as error:
        if not _is_out_of_memory(error):
            raise
        click.secho(
            "citespan: there is too little memory; nothing was changed: close other programs and"
            " try again",
            fg="red",
            err=True,
        )
        sys.exit(2)


def _is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out; the libraries of models say it each in its own way."""
    words = ("bad_alloc", "allocate memory", "failed to map segment", "create a primitive")
    return isinstance(error, MemoryError) or any(one in str(error) for one in words)
