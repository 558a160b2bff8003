"""All checks on somebody's server, one after the other, in libraries that are deleted again."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from index.contract.bench import Bench, Check
from index.contract.reading import READING
from index.contract.server import ON_A_SERVER
from index.contract.writing import WRITING
from index.embed import DEFAULT_EMBEDDER
from index.errors import LibraryError
from index.library import MODELS
from index.milvus import Milvus
from index.place import server_of

CHECKS: tuple[Check, ...] = (*READING, *WRITING)  # of a library anywhere


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a check; `problem`: a sentence, None when it holds."""

    check: str
    problem: str | None
    seconds: float


def contract_of(
    address: str, data: Path, embedder: str = DEFAULT_EMBEDDER, token: str | None = None
) -> Iterator[Outcome]:
    """What comes of each check on the server at `address`, milvus://HOST:PORT.

    The libraries that it needs get names of their own, and are deleted in the end. `data`: the
    folder whose models are used. `token`: what the server takes. Raises `LibraryError` when the
    server can't be used at all.
    """
    models = (data / MODELS).absolute()
    with TemporaryDirectory() as made:
        name = f"citespan_contract_{uuid4().hex[:8]}"
        server = server_of(address, name, Path(made), token)
        Milvus(server).close()
        models.mkdir(parents=True, exist_ok=True)
        bench = Bench(Path(made), models, embedder, server)
        try:
            for check in (*CHECKS, *ON_A_SERVER):
                yield _outcome(check, bench)
        finally:
            bench.close()


def _outcome(check: Check, bench: Bench) -> Outcome:
    started, problem = time.perf_counter(), None
    try:
        try:
            check(bench)
        finally:
            bench.clear()
    except LibraryError as error:
        problem = str(error)
    return Outcome(said(check), problem, time.perf_counter() - started)


def said(check: Check) -> str:
    """What a check says that it is so."""
    return check.__name__.replace("_", " ")
