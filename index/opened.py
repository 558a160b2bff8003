"""A library as those who ask see it, wherever it lies: opened, and compared with its embedder."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from index.errors import LibraryMismatch
from index.library import Library, Numbers, library_fingerprint
from index.place import Place, Remote
from index.records import Article, Counts, Failure, Hit
from index.remote import RemoteLibrary


class AnyLibrary(Protocol):
    """One revision of a library, whole; what each method does stands in `Library`."""

    @property
    def revision(self) -> int: ...

    @property
    def published(self) -> tuple[int, str]: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def models(self) -> Path: ...

    @property
    def notes(self) -> tuple[str, ...]: ...

    def latest(self) -> tuple[int, str]: ...

    def renew(self) -> None: ...

    def reach(self) -> None: ...

    def close(self) -> None: ...

    def nearest(
        self, vector: NDArray[np.float32], k: int, among: Numbers | None = None
    ) -> list[tuple[int, float]]: ...

    def matching(
        self, text: str, k: int, among: Numbers | None = None
    ) -> list[tuple[int, float]]: ...

    def rankings(
        self, text: str, vector: NDArray[np.float32], k: int, among: Numbers | None
    ) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]: ...

    def numbers(
        self,
        sources: Sequence[str] = (),
        published_from: str | None = None,
        published_to: str | None = None,
        ids: Sequence[str] = (),
    ) -> Numbers: ...

    def known(self, word: str) -> bool: ...

    def nearest_word(self, word: str) -> str | None: ...

    def hits(self, scored: Sequence[tuple[int, float]]) -> list[Hit]: ...

    def expansions(self, short: str) -> list[str]: ...

    def article(self, id: str) -> Article | None: ...

    def check(self, articles: Iterable[Article]) -> None: ...

    def articles(self, offset: int, limit: int, words: str = "") -> list[Article]: ...

    def count_articles(self, words: str) -> int: ...

    def recall(self) -> float | None: ...

    def sources(self) -> list[tuple[str, int]]: ...

    def counts(self) -> Counts: ...

    def failures(self) -> list[Failure]: ...


def open_library(place: Place) -> AnyLibrary:
    """The library at `place` as it is now. Raises what opening either kind raises."""
    return RemoteLibrary(place) if isinstance(place, Remote) else Library(place)


def check_fingerprint(library: AnyLibrary, embedder: str) -> None:
    """Raises `LibraryMismatch` when the library was built with something else."""
    running = library_fingerprint(embedder)
    if library.fingerprint != running:
        raise LibraryMismatch(
            f"the library was built with {library.fingerprint}, running {running}:"
            " run citespan index to rebuild it, or set the embedder it was built with"
        )
