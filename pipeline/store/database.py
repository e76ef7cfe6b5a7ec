"""The connection to the one database: opened, created and migrated safely on any engine."""

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    NullPool,
    StaticPool,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from pipeline.store import migrations, tables
from pipeline.store.damage import RESTORE, shows_damage
from pipeline.store.hold import Hold, held
from training.faults import AnchorholdError

LOCK_SECONDS = 60
"""How long a writer waits for another one before it gives up."""

_SILENT_SERVER = {
    "connect_timeout": 10,
    # A server that vanished is noticed after a minute.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""How PostgreSQL's own client notices it (libpq; seconds, the last in milliseconds)."""

_DRIVERS = {"psycopg": 'pip install "anchorhold[postgres]"', "psycopg2": "pip install psycopg2"}

_LONGEST_PATH = 500
"""SQLite takes 512 bytes, names of its files beside the database included."""


class StoreUnusable(AnchorholdError, RuntimeError):
    """The database cannot be opened, read or written; the message names its URL and the cause."""


class Database:
    """An open database with the tables of today; made by `Database.open`.

    SQLite works in write-ahead mode: readers never wait, and writers wait for one another up to
    `LOCK_SECONDS`. Other engines are used as they are.
    """

    def __init__(self, url: URL) -> None:
        self.shown = url.render_as_string(hide_password=True)
        """The URL as it may be shown, without its password."""
        self._engine = _engine(url)
        self._writer = self._engine.execution_options(begin="BEGIN IMMEDIATE")
        self._reader = self._engine
        if self._engine.dialect.name == "postgresql":
            # There each statement would otherwise see what was written since the one before.
            self._reader = self._engine.execution_options(isolation_level="REPEATABLE READ")
        self._shared: Connection | None = None
        self._hold: Hold | None = None

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the database, create it when it is new, and bring it up to today's tables.

        Any number of processes may do so at once; one that is killed leaves the database as it
        was before.

        Raises
        ------
        StoreUnusable
            The URL names no database, or one that cannot be read, written or understood.
        """
        shown = url.rpartition("@")[2]  # What precedes it may be a password.
        try:
            parsed = make_url(url)
            shown = parsed.render_as_string(hide_password=True)
            if _is_sqlite_file(parsed):
                _make_folder(Path(str(parsed.database)))
            database = cls(parsed)
        except (SQLAlchemyError, ImportError, OSError, ValueError) as error:
            why = _missing(error) or (
                f"{_cause(error)}; the URL must look like sqlite:///path/store.db or "
                "postgresql+driver://host/name"
            )
            raise StoreUnusable(f"the database {shown!r} cannot be opened: {why}") from error
        with explained(database.shown):
            database._migrate_patiently()
        return database

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection for reading: one consistent view of the database."""
        if self._shared is not None:
            yield self._shared
            return
        with explained(self.shown), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection whose changes are all kept at the end, or none after an error."""
        if self._shared is not None:
            with explained(self.shown), self._shared.begin_nested():
                yield self._shared
            return
        with explained(self.shown), self._writer.begin() as connection:
            self._confirm(connection)
            yield connection

    @contextmanager
    def rehearsing(self) -> Iterator[None]:
        """Let the block see what it changes, and undo all of it at the end; other writers wait."""
        with explained(self.shown), self._writer.connect() as connection:
            transaction = connection.begin()
            self._shared = connection
            try:
                yield
            finally:
                self._shared = None
                transaction.rollback()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Keep all that the block writes in one transaction; an exception undoes all of it."""
        if self._shared is not None:
            yield
            return
        with explained(self.shown), self._writer.begin() as connection:
            self._confirm(connection)
            self._shared = connection
            try:
                yield
            finally:
                self._shared = None

    @contextmanager
    def held(self, workspace: str, doing: str) -> Iterator[bool]:
        """Keep the runners of other machines out while the block runs; say whether that is so.

        It is so in PostgreSQL. What the block writes is refused once the hold is lost.
        """
        if self._engine.dialect.name != "postgresql":
            yield False
            return
        before = self._hold
        apart = create_engine(
            self._engine.url,
            # Closing a connection ends it, and the lock with it; nothing waits to be rolled back.
            poolclass=NullPool,
            pool_reset_on_return=None,
            isolation_level="AUTOCOMMIT",
            connect_args=_patience(self._engine.url),
        )
        with explained(self.shown), held(apart, workspace, doing) as self._hold:
            try:
                yield True
            finally:
                self._hold = before

    def confirm_hold(self) -> None:
        """Make sure that no other machine can be at work in what this process holds."""
        if self._hold is not None:
            with self.reading() as connection:
                self._confirm(connection)

    def _confirm(self, connection: Connection) -> None:
        if self._hold is not None:
            self._hold.confirm(connection)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _migrate_patiently(self) -> None:
        """Migrate; SQLite cannot wait while it switches its mode, so wait here and try again."""
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                self._migrate()
                return
            except OperationalError as error:
                if "locked" not in str(error.orig) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _migrate(self) -> None:
        with self._engine.begin() as connection:
            # Reading first: opening must not wait for a writer that works for minutes.
            if self._revision(connection) == migrations.REVISIONS[-1]:
                return
        if self._engine.dialect.name == "sqlite":
            # The mode cannot be changed inside a transaction, and it stays with the file.
            with self._engine.execution_options(begin="").connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        # All in one transaction, so that a killed process leaves the database as it was.
        with self._writer.begin() as connection:
            if self._engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(4710)"))
            revision = self._revision(connection)
            if revision is None:
                tables.create(connection)
                return
            if not revision:
                tables.adopt(connection)
            migrations.upgrade(connection)
            if missing := tables.lacking(connection):
                raise StoreUnusable(
                    f"the database {self.shown} says that it has revision {revision or 'none'}, "
                    f"but lacks {', '.join(missing)}: it was edited, or written by a version that "
                    "was never released; it stays as it was, restore it from a backup"
                )

    def _revision(self, connection: Connection) -> str | None:
        """Return the revision of the tables: None in a new database, "" before revisions."""
        present = set(inspect(connection).get_table_names())
        if tables.revision.name in present:
            found = str(connection.scalar(text("SELECT version_num FROM alembic_version")))
            if found not in migrations.REVISIONS:
                raise StoreUnusable(
                    f"the database {self.shown} has revision {found}, written by a newer "
                    f"anchorhold; this one reads revisions up to {migrations.REVISIONS[-1]}"
                )
            return found
        if tables.before_revisions.name in present:
            number = connection.scalar(select(func.max(tables.before_revisions.c.version)))
            if number != tables.LAST_BEFORE_REVISIONS:
                raise StoreUnusable(
                    f"the database {self.shown} has schema {number} of a version that was never "
                    f"released; this anchorhold reads schema {tables.LAST_BEFORE_REVISIONS}"
                )
            return ""
        foreign = sorted(present & set(tables.metadata.tables))
        if foreign:
            raise StoreUnusable(
                f"the database {self.shown} holds tables of another program "
                f"({', '.join(foreign)}); store.url must name a database of its own"
            )
        return None


def absent_file(url: str) -> Path | None:
    """Return the file of a SQLite database that is missing or empty; None for any other database.

    Examples
    --------
    >>> absent_file("sqlite:////nowhere/store.db"), absent_file("sqlite://")
    (PosixPath('/nowhere/store.db'), None)
    """
    try:
        parsed = make_url(url)
    except SQLAlchemyError:  # opening it tells what is wrong
        return None
    file = Path(str(parsed.database))
    there = file.is_dir() or (file.exists() and file.stat().st_size)
    return file if _is_sqlite_file(parsed) and not there else None


def _is_sqlite_file(url: URL) -> bool:
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return False
    return not str(url.database).startswith("file:")


def _make_folder(file: Path) -> None:
    """Make the folder of a SQLite file, unless SQLite cannot open so long a path."""
    length = len(os.fsencode(file.absolute()))
    if length > _LONGEST_PATH:
        raise ValueError(f"its path has {length} bytes, SQLite takes at most {_LONGEST_PATH}")
    file.parent.mkdir(parents=True, exist_ok=True)


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        # A pool would hand out connections that a restart of the server cut.
        return create_engine(url, pool_pre_ping=True, connect_args=_patience(url))
    options: dict[str, Any] = {"connect_args": {"timeout": LOCK_SECONDS}}
    if url.database in (None, "", ":memory:"):
        # A database in memory lives as long as its one connection.
        options["poolclass"] = StaticPool
        options["connect_args"]["check_same_thread"] = False
    engine = create_engine(url, **options)

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # Transactions begin where `begin` says, not by chance.
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes the lock at once: one that took it later could not wait, only fail.
        statement = connection.get_execution_options().get("begin", "BEGIN")
        if statement:
            connection.exec_driver_sql(statement)

    return engine


def _patience(url: URL) -> dict[str, Any]:
    """Return what lets the client give up on a server that does not answer."""
    if url.get_dialect().driver not in _DRIVERS:
        return {}
    return {name: value for name, value in _SILENT_SERVER.items() if name not in url.query}


def missing_driver(url: str) -> str:
    """Say which driver a database's URL needs that is not installed, and what installs it.

    Empty where nothing is missing.
    """
    try:
        make_url(url).get_dialect().import_dbapi()
    except ModuleNotFoundError as error:
        return _missing(error)
    except (SQLAlchemyError, ImportError):  # told better where it is opened
        pass
    return ""


def _missing(error: BaseException) -> str:
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return ""
    name = error.name.partition(".")[0]
    command = _DRIVERS.get(name, f"pip install {name}")
    return f"its driver {name} is not installed: {command}"


def _cause(error: BaseException) -> str:
    """Return the sentence of the driver, without the statement and the links around it."""
    origin = getattr(error, "orig", None) or error
    lines = str(origin).strip().splitlines()
    return lines[0] if lines else type(origin).__name__


@contextmanager
def explained(shown: str) -> Iterator[None]:
    """Turn the engine's exceptions into `StoreUnusable`, which names the database."""
    try:
        yield
    except json.JSONDecodeError as error:
        # Nothing else is decoded while the database is read.
        raise StoreUnusable(
            f"the database {shown} is damaged: a row holds what is no JSON ({error}); restore it "
            "from a backup"
        ) from error
    except SQLAlchemyError as error:
        way_out = "it must be a database of anchorhold, readable, writable and with free space"
        if shown.startswith("sqlite") and shows_damage(_cause(error)):
            way_out = RESTORE
        if isinstance(error, OperationalError) and not shown.startswith("sqlite"):
            way_out = (
                "nothing that was stored is lost: once the server runs and lets this user in, run "
                "the same command again"
            )
        raise StoreUnusable(
            f"the database {shown} cannot be used: {_cause(error)}; {way_out}"
        ) from error
