"""Which files there are to read, and their bytes.

This file must not know what the bytes mean.
"""

import os
import stat
from pathlib import Path

from index.errors import SourceError

KINDS = (".txt", ".md", ".html", ".htm", ".pdf", ".jsonl", ".csv")
SIZE_LIMIT = 50_000_000  # bytes of a file that holds one article


def find_files(path: Path) -> list[Path]:
    """The files of the readable kinds at or under `path`: absolute, resolved, sorted.

    Hidden files and folders are passed over, and so is every link that leads out of the
    folder. Raises `SourceError` when there is nothing at `path`, when a file named by itself
    is of no kind in `KINDS`, or when a folder can't be listed.
    """
    try:
        root = path.resolve(strict=True)
    except FileNotFoundError as error:
        raise SourceError(f"There is no file or folder at {shown(path)}.") from error
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise SourceError(f"{shown(path)} can't be read: {why(error)}.") from error
    if root.is_dir():
        return sorted(_walk(root))
    if not _is_readable_kind(root):
        raise SourceError(f"{shown(path)} is not a file of the kinds {', '.join(KINDS)}.")
    return [root]


def open_file(path: Path) -> int:
    """A descriptor to read a regular file from. Raises `OSError`, `SourceError`."""
    # Without O_NONBLOCK, opening a named pipe waits for someone to write into it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SourceError("is not a regular file")
    return descriptor


def read_bytes(path: Path, limit: int = SIZE_LIMIT) -> bytes:
    """All bytes of a file of at most `limit` bytes. Raises `SourceError`."""
    try:
        with os.fdopen(open_file(path), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read(min(size, limit) + 1)  # room for all of it is taken at once
    except OSError as error:
        raise SourceError(f"can't be read: {why(error)}") from error
    if len(data) > limit:
        raise SourceError(f"is larger than {limit / 1e6:g} MB, the limit for an article")
    return data


def why(error: OSError | RuntimeError) -> str:
    """The operating system's reason, fit for the middle of a sentence."""
    number = error.errno if isinstance(error, OSError) else None
    reason = os.strerror(number) if number is not None else "too many links"
    return reason[0].lower() + reason[1:]


def shown(path: Path) -> str:
    r"""The path as text fit to be stored and shown: what can't be printed stands as \xNN."""
    text = os.fsencode(path).decode(errors="backslashreplace")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _walk(root: Path) -> set[Path]:
    found = set()
    for folder, folders, names in os.walk(root, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.startswith(".") or not name.lower().endswith(KINDS):
                continue
            file = Path(folder, name)
            try:
                if file.is_symlink():
                    # Unlike resolve(), this raises nothing for links in a circle: these lead
                    # nowhere.
                    file = Path(os.path.realpath(file))
                if file.is_relative_to(root) and _is_readable_kind(file):
                    found.add(file)
            except OSError as error:  # the folder may be listed, and nothing in it looked at
                error.filename = folder
                _refuse(error)
    return found


def _is_readable_kind(file: Path) -> bool:
    return file.suffix.lower() in KINDS and file.is_file()


def _refuse(error: OSError) -> None:
    # A folder passed over in silence would look like one whose articles were deleted.
    folder = shown(Path(error.filename))
    raise SourceError(f"The folder {folder} can't be read: {why(error)}.") from error
