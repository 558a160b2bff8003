"""A library that is brought from one state to the other, and what it must say in each."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from indexer import Run, Trouble, start

from index import MODELS, Library, build, verify
from qa import QA, Reply, reply_json
from qa.confidence import Confidence
from qa.reader import DEFAULT_READER, Reader, load_reader

QUESTIONS = ("Who built the bridge in Alder?", "When was the mill of Birch sold?", "Who is Zog?")
STATES = ("old", "new")
BUILDERS = {"old": "Mary Stone", "new": "Peter Wood"}
_FACTS = {"old": ("1911", 10), "new": ("1954", 12)}  # a year, and how many articles


@dataclass
class Shelf:
    """Articles in two states, and libraries of them under `folder`.

    Indexed with a small embedder, read by the reader that is shipped.
    """

    folder: Path
    embedder: str
    models: Path

    @property
    def texts(self) -> dict[str, dict[str, str]]:
        """The text of each file's article by state and name; some are in one state alone."""
        return {
            state: {
                f"{number}.txt": f"Walk {number}\n\nThe walk begins at a well 😀 and ends at hut"
                f" {number}.\n\n{BUILDERS[state]} built the bridge in Alder, where walk {number}"
                f" crosses the water. The mill of Birch was sold in {year} to the owners of hut"
                f" {number}.\n\n{' '.join(['Sheep graze there in summer.'] * 20)}"
                for number in range(count)
            }
            for state, (year, count) in _FACTS.items()
        }

    def write_articles(self) -> None:
        """Both states of the articles as folders of files."""
        for state, texts in self.texts.items():
            (self.folder / state).mkdir()
            for name, text in texts.items():
                (self.folder / state / name).write_text(text, encoding="utf-8")

    def new(self, name: str, state: str = "old", home: Path | None = None) -> Path:
        """A library in this state, under `home`."""
        library = (home or self.folder) / name
        library.mkdir()
        (library / MODELS).symlink_to(self.models)
        build([self.folder / state], library, self.embedder, only=True)
        return library

    @cached_property
    def _reader(self) -> Reader:
        return load_reader(DEFAULT_READER, 1)

    @cached_property
    def _expected(self) -> dict[str, str]:
        return {self.replies(self.new(f"expected-{state}", state)): state for state in STATES}

    def ask(self, library: Path) -> list[Reply]:
        """What the library answers. Raises what opening it raises."""
        qa = QA(library, self._reader, Confidence(threshold=0.0), self.embedder)
        try:
            return [qa.ask(question) for question in QUESTIONS]
        finally:
            qa.library.close()

    def replies(self, library: Path) -> str:
        """A digest of what the library answers. Raises what opening it raises."""
        replies = [reply_json(reply) for reply in self.ask(library)]
        for reply in replies:
            reply |= {"revision": 0, "took_ms": 0, "timings": {}}
        return sha256(json.dumps(replies, sort_keys=True).encode()).hexdigest()

    def state(self, library: Path) -> str:
        """Which state the library is in, whole; fails for a mixture and for damage."""
        assert verify(library) == []
        opened = Library(library)
        assert opened.notes == ()
        opened.close()
        return self.answering(library)

    def answering(self, library: Path) -> str:
        """The state whose answers the library gives, to the byte."""
        return self._expected[self.replies(library)]

    def start(self, library: Path, state: str, trouble: Trouble | None = None) -> Run:
        """A run that will bring the library to the state."""
        arguments = ["index", self.folder / state, "--only", "--data", library]
        log = self.folder / "log"
        return start(log, [*arguments, "--embedder", self.embedder], trouble)

    def index(self, library: Path, state: str, trouble: Trouble | None = None) -> tuple[int, str]:
        """Exit code and output of a run that brings the library to the state, or tries to."""
        run = self.start(library, state, trouble)
        run.go()
        return run.end(), run.said

    def run(self, arguments: Sequence[str | Path], trouble: Trouble) -> tuple[int, str]:
        """Exit code and output of any command."""
        run = start(self.folder / "log", arguments, trouble)
        run.go()
        return run.end(), run.said


def files_of(library: Path) -> list[str]:
    """What lies in a library's folder but for its models, the log of its database aside."""
    return sorted(
        path.relative_to(library).as_posix()
        for path in library.rglob("*")
        if MODELS not in path.parts and not path.name.endswith(("-wal", "-shm", ".lock"))
    )
