"""One change of the library in a process of its own: its asker need not hold the model.

One JSON object in: `data`, `library`, `token`, `embedder`, and `folder`, or `put` with `fields`, or
`remove`.
Lines of JSON out: `done` and `total` files on the way, then a `report` or a `problem`.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from index.build import build
from index.errors import LibraryError
from index.place import place_of
from index.put import put, remove
from index.report import Report

_NICE = 5  # questions come first


def main() -> None:
    """Do the job on standard input; exit code 1 when it can't be done."""
    os.nice(_NICE)
    try:
        report = _do(json.load(sys.stdin))
    except LibraryError as error:
        _say({"problem": str(error)})
        sys.exit(1)
    _say({"report": report.as_json()})


def _do(job: dict[str, Any]) -> Report:
    place = place_of(Path(job["data"]), job["library"], job["token"])
    embedder = job["embedder"]
    if "put" in job:
        return put(job["put"], job["fields"], place, embedder)
    if "remove" in job:
        return remove(job["remove"], place, embedder)

    def told(done: int, total: int) -> None:
        _say({"done": done, "total": total})

    return build([Path(job["folder"])], place, embedder, told=told)


def _say(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
