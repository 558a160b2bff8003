"""The child process that stores what a round found; it ends with the process that watches.

One line of JSON in, as `store_apart` writes it; one out, a `report` or a `problem`.
"""

import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from index.errors import LibraryError, LibraryLocked
from index.place import place_of
from index.records import Article, Failure, Same
from index.report import Report
from index.watch.folders import Folders
from index.watch.storing import store

_PR_SET_PDEATHSIG = 1  # of <sys/prctl.h>
_NICE = 5  # questions come first


def main() -> None:
    """Do the job on standard input."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.nice(_NICE)
    given = sys.stdin.readline()
    if not given.endswith("\n") or os.getppid() != (job := json.loads(given))["parent"]:
        sys.exit(1)  # the other was killed before this one could ask to be told of it
    try:
        _say({"report": _stored(job).as_json()})
    except LibraryError as error:
        _say({"problem": str(error), "locked": isinstance(error, LibraryLocked)})


def _stored(job: dict[str, Any]) -> Report:
    found: list[Article | Failure | Same] = [
        *(Same(origin) for origin in job["same"]),
        *(Article(**one | {"page_starts": tuple(one["page_starts"])}) for one in job["articles"]),
        *(Failure(**one) for one in job["failures"]),
    ]
    folders = Folders(job["roots"], [Path(file) for file in job["files"]])
    place = place_of(Path(job["data"]), job["library"], job["token"])
    return store(found, folders, place, job["embedder"])


def _say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
