"""Copies of SQLite databases as they all were at one moment, while others go on using them."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from pipeline.store.database import LOCK_SECONDS, StoreUnusable


def copy_at_once(copies: Mapping[Path, Path], meanwhile: Callable[[], None]) -> None:
    """Copy databases of one moment, in which nobody writes to any of them.

    Writers wait while `meanwhile` works and while a database without a write-ahead log is copied;
    one with such a log is copied afterwards, as it was in that moment. Readers never wait.

    Parameters
    ----------
    copies
        Database -> its copy. A process that works in one and asks for another must do so in this
        order, so that none waits for the other.
    meanwhile
        Does what belongs to the same moment.

    Raises
    ------
    StoreUnusable
        A database cannot be read, or is damaged; the message names it.
    """
    with ExitStack() as readers:
        with ExitStack() as writers:
            for file in copies:
                writers.enter_context(_held(file))
            meanwhile()
            later = {}
            for file, target in copies.items():
                reader = readers.enter_context(_reading(file))
                if _value(reader, "PRAGMA journal_mode") == "wal":
                    later[target] = file, reader
                else:
                    _copy(file, reader, target)
        for target, (file, reader) in later.items():
            _copy(file, reader, target)
    for file, target in copies.items():
        _must_be_sound(file, target)


def revision_of(file: Path) -> str:
    """Return the revision of the tables of a copied database; empty where it has none."""
    return value_in(file, "alembic_version", "version_num")


def value_in(file: Path, table: str, column: str, where: Mapping[str, str] | None = None) -> str:
    """Return a value of the first row of a copied database; empty where there is none.

    Parameters
    ----------
    file
        A database that nobody uses; it is not changed.
    table, column
        Where the value is.
    where
        What other columns of its row hold.

    Raises
    ------
    StoreUnusable
        The database cannot be read.
    """
    conditions = "".join(f' AND "{name}" = ?' for name in where or {})
    with _explained(file), closing(_unchanging(file)) as connection:
        tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,))
        if tables.fetchone() is None:
            return ""
        query = f'SELECT "{column}" FROM "{table}" WHERE 1{conditions}'
        row = connection.execute(query, tuple((where or {}).values())).fetchone()
    return "" if row is None or row[0] is None else str(row[0])


def _copy(file: Path, reader: sqlite3.Connection, target: Path) -> None:
    with _explained(file), closing(sqlite3.connect(target)) as copy:
        reader.backup(copy)


def _must_be_sound(file: Path, target: Path) -> None:
    """Refuse a copy of a damaged database: it must not take the place of an older, whole one."""
    with _explained(file), closing(_unchanging(target)) as copy:
        found = _value(copy, "PRAGMA quick_check(1)")
    if found != "ok":
        raise StoreUnusable(
            f"the database {file} is damaged ({found}) and was not copied; restore it from a backup"
        )


@contextmanager
def _held(file: Path) -> Iterator[None]:
    """Keep all writers of a database waiting while the block runs."""
    with closing(_connected(file)) as connection:
        with _explained(file):
            connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.rollback()


@contextmanager
def _reading(file: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection that sees a database as it is now, whatever is written later."""
    with closing(_connected(file)) as connection:
        with _explained(file):
            connection.execute("BEGIN")
            # Only the first statement that reads fixes what is seen.
            _value(connection, "SELECT count(*) FROM sqlite_master")
        yield connection


def _connected(file: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(file.absolute()))}?mode=rw"
    with _explained(file):
        return sqlite3.connect(address, uri=True, timeout=LOCK_SECONDS, isolation_level=None)


def _unchanging(file: Path) -> sqlite3.Connection:
    """Open a database that nobody uses, without making the files of a write-ahead log."""
    address = f"file:{quote(str(file.absolute()))}?mode=ro&immutable=1"
    return sqlite3.connect(address, uri=True)


def _value(connection: sqlite3.Connection, query: str) -> object:
    row = connection.execute(query).fetchone()
    return row[0] if row else None


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnusable(
            f"the database {file} cannot be copied: {error}; it must be a readable and writable "
            "database of SQLite"
        ) from error
