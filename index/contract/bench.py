"""Libraries to check, made of a few articles and thrown away; and how a check fails.

It must not know what is checked.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.build import build_articles
from index.embed import OnnxEmbedder, embedder_fingerprint, load_question_embedder
from index.errors import ContractBroken, LibraryError
from index.library import MODELS, library_fingerprint, model_name
from index.milvus import Milvus
from index.opened import AnyLibrary, open_library
from index.place import Place, Remote
from index.records import Article, Failure, Hit, Version
from index.report import Report
from index.split import split

ISLANDS = ("Aland", "Bornholm", "Corfu", "Delos", "Elba")
SOURCE = "Baltic 'News' \"now\""
BROKEN = Failure("broken.pdf", "is no PDF")
_ALL = 10_000  # passages, more than any of these libraries has
_SETTLED = 15.0  # seconds until every replica has heard of what is published
_SHOWN = 120  # characters of what was found


class Bench:
    """Libraries by name; each is made where it is first asked for.

    `home`: an empty folder. `models`: a folder of ONNX forms, filled when the `embedder`'s is not
    there. `server`: where they are made; its name begins theirs; in folders for None.
    """

    def __init__(self, home: Path, models: Path, embedder: str, server: Remote | None) -> None:
        self.embedder, self.server = embedder, server
        self._home, self._models = home, models
        self._opened: list[AnyLibrary] = []
        self._names: set[str] = set()

    def folder(self, name: str) -> Path:
        """A folder for a library, with the models in it."""
        made = self._home / name
        if not made.exists():
            made.mkdir()
            (made / MODELS).symlink_to(self._models)
        return made

    def place(self, name: str) -> Place:
        """The place of a library with this name."""
        folder, server = self.folder(name), self.server
        if server is None:
            return folder
        self._names.add(name)
        return replace(server, name=f"{server.name}_{name}", folder=folder)

    @cached_property
    def articles(self) -> list[Article]:
        """Five islands, one of them told at length, in letters of one to four bytes."""
        made = [
            article(f"{name} is an island. The ferry to {name} leaves at {hour}.", name)
            for hour, name in enumerate(ISLANDS, 6)
        ]
        long = "".join(f"Häfen №{n} 😀 liegt im Norden. " for n in range(4000)).strip()
        made[0] = replace(made[0], source=SOURCE, published="2023-01-01")
        made[1] = replace(made[1], source=SOURCE, published="2023-02-01")
        made[2] = replace(made[2], text=long, page_starts=(0, 30, 1000))
        text = f"{made[3].text} The EU (European Union)."
        made[3] = replace(made[3], published="2022-12-31", text=text)
        return made

    @cached_property
    def islands(self) -> AnyLibrary:
        """A library of all of them; nobody writes into it."""
        place = self.place("islands")
        build_articles([*self.articles, BROKEN], place, self.embedder)
        library = open_library(place)
        self._await(library)
        return library

    def bring(self, *articles: Article | Failure) -> tuple[Report, AnyLibrary]:
        """Bring the library that changes to these articles, and open it."""
        report = build_articles(articles, self.place("changing"), self.embedder)
        library = self.reopened()
        self._await(library)
        return report, library

    def reopened(self) -> AnyLibrary:
        """The library that changes, as it is now; closed when the check is over."""
        self._opened.append(open_library(self.place("changing")))
        return self._opened[-1]

    def clear(self) -> None:
        """Close what was opened for a check, and empty the library that changes."""
        opened, self._opened = self._opened, []
        for library in opened:
            library.close()
        if opened:
            build_articles([], self.place("changing"), self.embedder)

    def close(self) -> None:
        """Close everything; on a server, delete everything."""
        for library in [*self._opened, *([self.islands] if "islands" in vars(self) else [])]:
            library.close()
        for name in self._names:
            place = self.place(name)
            assert isinstance(place, Remote)
            milvus = Milvus(place)
            milvus.drop()
            milvus.close()

    def _await(self, library: AnyLibrary) -> None:
        """Until every replica of a server has heard of what was published."""
        wanted = library.counts().passages
        soon(lambda: len(library.nearest(self.unit, _ALL)), wanted, "passages found")

    def encode(self, text: str) -> NDArray[np.float32]:
        """The text's vector, as it is for a question."""
        vector: NDArray[np.float32] = self._questions.encode([text])[0]
        return vector

    def version(self, article: Article, acronyms: dict[str, str]) -> Version:
        """A version of an article whose passages all have the vector of no text."""
        passages = split(article)
        return Version(article, passages, np.tile(self.unit, (len(passages), 1)), acronyms)

    @cached_property
    def unit(self) -> NDArray[np.float32]:
        """A vector of no text."""
        length = len(self.encode("how long?"))
        return np.full(length, length**-0.5, np.float32)

    @cached_property
    def _questions(self) -> OnnxEmbedder:
        fingerprint = library_fingerprint(embedder_fingerprint(self.embedder))
        return load_question_embedder(self._models / model_name(fingerprint), fingerprint)

    def ask(self, library: AnyLibrary, text: str, k: int = _ALL) -> list[Hit]:
        """The passages nearest to a text."""
        return library.hits(library.nearest(self.encode(text), k))

    def texts(self, library: AnyLibrary) -> list[str]:
        """The texts of all passages, each as often as it is found, in order."""
        return sorted(hit.passage.text for hit in self.ask(library, "ferry"))


Check = Callable[[Bench], None]


def article(text: str, title: str = "A title", name: str | None = None) -> Article:
    """An article of this text; the name, the title if it has none, stands for its origin."""
    origin = f"{title if name is None else name}.txt"
    return Article(sha256(origin.encode()).hexdigest()[:16], origin, title, text)


def same(found: object, wanted: object, what: str) -> None:
    """Raises `ContractBroken` where something else was found than was wanted."""
    if found != wanted:
        raise ContractBroken(f"{what}: {_shown(wanted)} is right, found was {_shown(found)}")


def soon(look: Callable[[], Any], wanted: object, what: str) -> None:
    """The same where a server may take a while."""
    until = time.monotonic() + _SETTLED
    while (found := look()) != wanted and time.monotonic() < until:
        time.sleep(0.2)
    same(found, wanted, what)


@contextmanager
def refused(kind: type[LibraryError], *words: str) -> Iterator[None]:
    """Raises `ContractBroken` unless just this error comes, with all the words in it."""
    try:
        yield
    except kind as error:
        for word in words:
            same(word in str(error), True, f"“{word}” in “{error}”")
    else:
        raise ContractBroken(f"it is not refused by {kind.__name__}")


def _shown(value: object) -> str:
    told = repr(value)
    return told if len(told) <= _SHOWN else f"{told[:_SHOWN]}…"
