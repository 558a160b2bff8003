"""What a round found goes into the library: here, or in a process of its own.

It must not know how anything was found.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from index.build import build_articles, lies_under
from index.errors import LibraryError, LibraryLocked
from index.place import Place, Remote, folder_of
from index.records import Article, Failure, Same
from index.report import Report
from index.sources import Sources
from index.watch.folders import Folders

Found = Sequence[Article | Failure | Same]


def store(found: Found, folders: Folders, place: Place, embedder: str) -> Report:
    """Bring what was found, and the files of the folders, to the library at `place`.

    Raises what building raises.
    """
    met = {one.origin for one in found}

    def everything(sources: Sources) -> Iterator[Article | Failure | Same]:
        yield from found
        for file in folders.files:
            yield from sources.read(file)

    def inside(origin: str) -> bool:
        return origin in met or lies_under(origin, folders.roots)

    with Sources() as sources:
        return build_articles(everything(sources), place, embedder, inside)


def store_apart(found: Found, folders: Folders, place: Place, embedder: str) -> Report:
    """The same in a child process, which takes the model, most of a gigabyte, away with it."""
    job = {
        "parent": os.getpid(),
        "data": str(folder_of(place)),
        "library": str(place) if isinstance(place, Remote) else None,
        "token": place.token if isinstance(place, Remote) else None,
        "embedder": embedder,
        "articles": [asdict(one) for one in found if isinstance(one, Article)],
        "failures": [asdict(one) for one in found if isinstance(one, Failure)],
        "same": [one.origin for one in found if isinstance(one, Same)],
        "roots": folders.roots,
        "files": [str(file) for file in folders.files],
    }
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "index.watch.job"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # an interrupt from the keyboard is for the parent alone
    ) as child:
        try:
            answer = child.communicate(json.dumps(job).encode() + b"\n")[0]
        except BaseException:
            child.kill()
            raise
    if child.returncode != 0:
        raise LibraryError("the process that indexes was ended: is there memory for the model?")
    told = json.loads(answer.splitlines()[-1])  # whatever libraries print before
    if "problem" in told:
        raise (LibraryLocked if told["locked"] else LibraryError)(told["problem"])
    report = Report(**told["report"])
    report.failures = [Failure(**one) for one in told["report"]["failures"]]
    report.duplicates = [(origin, twin) for origin, twin in report.duplicates]
    return report
