"""Files written whole or not at all, and their checksums."""

import os
from hashlib import file_digest as _digest
from pathlib import Path


def file_digest(path: Path) -> str:
    """SHA-256 of the file, in hex."""
    with path.open("rb") as file:
        return _digest(file, "sha256").hexdigest()


def sync_tree(folder: Path) -> None:
    """Bring every file of `folder`, and the folder's own entries, to the disk."""
    for path in [*folder.rglob("*"), folder, folder.parent]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
