"""Files written whole or not at all, and their checksums."""

import json
import os
from hashlib import file_digest as _digest
from pathlib import Path
from typing import Any

_SETTINGS = 1_000_000  # bytes that settings have at most


def file_digest(path: Path) -> str:
    """SHA-256 of the file, in hex."""
    with path.open("rb") as file:
        return _digest(file, "sha256").hexdigest()


def read_settings(path: Path) -> Any:
    """What the JSON in a small file says. Raises `OSError`, or `ValueError` for anything else."""
    with path.open("rb") as file:
        data = file.read(_SETTINGS + 1)
    if len(data) > _SETTINGS:
        raise ValueError("settings are not as long as that")
    return json.loads(data)


def write_whole(path: Path, text: str) -> None:
    """The text as a file that is there, also after a loss of power, whole or not at all."""
    making = path.with_name(path.name + ".new")
    with making.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    making.replace(path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Bring every file of `folder`, and the folder's own entries, to the disk."""
    for path in [*folder.rglob("*"), folder, folder.parent]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
