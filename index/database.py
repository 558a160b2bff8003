"""The library's SQLite file: opened, checked, locked into a moment. The only file that imports
the SQLite binding; it must not know what the tables hold.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import apsw

from index.errors import LibraryCorrupt, LibraryError, LibraryMismatch, LibraryMissing
from index.lock import no_writer

FORMAT = "3"
_SCHEMA = Path(__file__).with_name("schema.sql")
_BUSY_MS = 10_000
_LONGEST = 256_000_000  # bytes of one value; what claims more is not read into memory
_WAYS_OUT = "run citespan restore, or move it away and run citespan index again"


class Database:
    """One connection to the library's SQLite file, usable from several threads in turn.

    Raises `LibraryMissing` when a reader finds no file, `LibraryCorrupt` when it is not a
    library, `LibraryMismatch` when its format is another.
    """

    def __init__(self, path: Path, *, write: bool = False) -> None:
        if not write and not path.is_file():
            raise missing(path.parent)
        self._path = path
        self._turn = threading.RLock()
        self._as_it_lies: ExitStack | None = None  # keeps writers out while it is read so
        with _translated(path):
            self._db = _with_functions(self._connect(write))
            self._db.set_busy_timeout(_BUSY_MS)
            self._db.limit(apsw.SQLITE_LIMIT_LENGTH, _LONGEST)
            self._db.execute("PRAGMA foreign_keys = ON")
            if write:
                self._prepare()
        self._check_format()

    def _connect(self, write: bool) -> apsw.Connection:
        flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if write else 0)
        connection = apsw.Connection(str(self._path), flags=flags)
        if not write:
            try:
                connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
            except (apsw.IOError, apsw.FullError, apsw.CantOpenError, apsw.ReadOnlyError):
                # Readers write, too, into a small file beside it: on a full disk, or where they
                # may not, the file is read as it lies, which is safe while nobody writes.
                connection.close()
                if self.log_bytes():
                    raise
                self._as_it_lies = ExitStack()
                self._as_it_lies.enter_context(no_writer(self._path.parent))
                flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
                connection = apsw.Connection(f"{self._path.absolute().as_uri()}?immutable=1", flags)
        return connection

    def _prepare(self) -> None:
        self._db.execute("PRAGMA synchronous = FULL")
        if self._is_blank():
            self._db.execute("PRAGMA journal_mode = WAL")
            with self._db:
                for _ in self._db.execute(_SCHEMA.read_text(encoding="utf-8")):
                    pass
                self.set_meta("format", FORMAT)

    def _is_blank(self) -> bool:
        return not self._rows("SELECT 1 FROM sqlite_schema LIMIT 1")

    def _check_format(self) -> None:
        if self._is_blank():
            raise missing(self._path.parent)  # the first indexing run has only just begun
        [(page,)] = self._rows("PRAGMA page_size")
        if self._path.stat().st_size % page:  # SQLite would read zeros where the end was
            raise LibraryCorrupt(f"{self._path} is damaged: {_WAYS_OUT}")
        try:
            found = self.meta("format")
        except LibraryCorrupt:
            raise
        except LibraryError as error:  # no table "meta": SQLite, but not ours
            raise LibraryCorrupt(f"{self._path} is not a library of this program") from error
        if found != FORMAT:
            raise LibraryMismatch(
                f"{self._path} has format {found}, this program writes {FORMAT}:"
                " move it away and run citespan index again"
            )

    def close(self) -> None:
        """End the connection and any transaction on it."""
        with self._turn:
            self._db.close()
            if self._as_it_lies is not None:
                self._as_it_lies.close()

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._turn, _translated(self._path):
            return list(self._db.execute(sql, tuple(values)))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing; nested ones join the outer one."""
        with self._turn, _translated(self._path), self._db:
            yield

    def freeze(self) -> None:
        """From now on this connection sees the file as it is at this moment."""
        if self._as_it_lies is not None:
            self._take_into_memory()
        self._rows("BEGIN")
        self._rows("SELECT 1 FROM meta LIMIT 1")

    def _take_into_memory(self) -> None:
        with self._turn, _translated(self._path):
            memory = _with_functions(apsw.Connection(":memory:"))
            _copy(self._db, memory)
            self.close()
            self._db, self._as_it_lies = memory, None

    def log_bytes(self) -> int:
        """Length of the write-ahead log beside the file."""
        log = self._path.with_name(self._path.name + "-wal")
        return log.stat().st_size if log.exists() else 0

    def checkpoint(self) -> None:
        """Move what the write-ahead log holds into the file, as far as no reader is in the way."""
        self._rows("PRAGMA wal_checkpoint(PASSIVE)")

    def _many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        with self._turn, _translated(self._path):
            self._db.executemany(sql, rows)

    def damage(self) -> list[str]:
        """What SQLite itself finds wrong with the file; empty when it is sound.

        Raises `LibraryCorrupt` when it can't even look.
        """
        return [str(row[0]) for row in self._rows("PRAGMA integrity_check(20)") if row[0] != "ok"]

    def meta(self, key: str) -> str | None:
        """A stored fact, or None."""
        rows = self._rows("SELECT value FROM meta WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else None

    def set_meta(self, key: str, value: str) -> None:
        """Store a fact."""
        self._rows("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def _with_functions(connection: apsw.Connection) -> apsw.Connection:
    """The connection, on which SQL has `has_words`: SQLite's own takes no case but ASCII's."""
    connection.create_scalar_function("has_words", _has_words, 2, deterministic=True)
    return connection


def _has_words(*given: Any) -> bool:
    """Whether a title holds all words, which are given in the case that is compared."""
    title, words = given
    folded = str(title).casefold()  # a damaged row may hold anything
    return all(word in folded for word in words.split())


def copy_database(source: Path, target: Path) -> None:
    """Put one library file's rows in the place of another's, in one transaction.

    Readers of either go on; those of `target` see the old rows until they look again. Raises
    what `Database` raises.
    """
    one, other = Database(source), Database(target, write=True)
    try:
        with _translated(target):
            _copy(one._db, other._db)
    finally:
        one.close()
        other.close()


def _copy(source: apsw.Connection, target: apsw.Connection) -> None:
    with target.backup("main", source, "main") as copying:
        while not copying.done:
            copying.step(-1)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """SQLite's errors as ours."""
    try:
        yield
    except (apsw.NotADBError, apsw.CorruptError, apsw.TooBigError, UnicodeDecodeError) as error:
        raise LibraryCorrupt(f"{path} is damaged: {_WAYS_OUT}") from error
    except apsw.FullError as error:
        raise LibraryError(f"the disk is full: free room for {path.parent}") from error
    except (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError) as error:
        raise LibraryError(f"{path} can't be opened: check its permissions") from error
    except apsw.BusyError as error:
        raise LibraryError(f"{path} is in use by another process: try again") from error
    except apsw.Error as error:
        raise LibraryError(f"{path} can't be used: {error}") from error


def missing(folder: Path) -> LibraryMissing:
    return LibraryMissing(
        f"there is no library in {folder} yet: run citespan index FOLDER"
        " (or make index ARTICLES=FOLDER)"
    )
