"""The connection to the one database: opened, created and migrated safely on any engine."""

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
    StaticPool,
    create_engine,
    event,
    inspect,
    make_url,
    text,
)
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from pipeline.store.migrations import _MIGRATIONS
from pipeline.store.tables import (
    _tables,
)
from training.faults import AnchorholdError

LOCK_SECONDS = 60
"""How long a writer waits for another one before it gives up."""


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
        self._rehearsal: Connection | None = None

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the database, create it when it is new, and bring it up to today's tables.

        Any number of processes may do so at once; one that is killed meanwhile leaves the
        database as it was before.

        Raises
        ------
        StoreUnusable
            The URL names no database, or one that cannot be read, written or understood.
        """
        shown = url.rpartition("@")[2]  # What stands before may be a password.
        try:
            parsed = make_url(url)
            shown = parsed.render_as_string(hide_password=True)
            if _is_sqlite_file(parsed):
                Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
            database = cls(parsed)
        except (SQLAlchemyError, ImportError, OSError, ValueError) as error:
            raise StoreUnusable(
                f"the database {shown!r} cannot be opened: {_cause(error)}; "
                "the URL must look like sqlite:///path/store.db or postgresql+driver://host/name"
            ) from error
        with explained(database.shown):
            database._migrate_patiently()
        return database

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection for reading: one consistent view of the database."""
        if self._rehearsal is not None:
            yield self._rehearsal
            return
        with explained(self.shown), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection whose changes are kept together at the end, or none on an error."""
        if self._rehearsal is not None:
            with explained(self.shown), self._rehearsal.begin_nested():
                yield self._rehearsal
            return
        with explained(self.shown), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def rehearsing(self) -> Iterator[None]:
        """Let the block see what it changes, and undo all of it at the end; other writers wait."""
        with explained(self.shown), self._writer.connect() as connection:
            transaction = connection.begin()
            self._rehearsal = connection
            try:
                yield
            finally:
                self._rehearsal = None
                transaction.rollback()

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _migrate_patiently(self) -> None:
        """Migrate; where SQLite cannot wait by itself (switching its mode), wait and try again."""
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
            if self._schema(connection) == max(_MIGRATIONS):
                return
        if self._engine.dialect.name == "sqlite":
            # The mode cannot be changed inside a transaction, and it stays with the file.
            with self._engine.execution_options(begin="").connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        with self._writer.begin() as connection:
            if self._engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(4710)"))
            integer = "INTEGER" if self._engine.dialect.name == "sqlite" else "BIGINT"
            for step in range(self._schema(connection) + 1, max(_MIGRATIONS) + 1):
                for statement in _MIGRATIONS[step]:
                    connection.execute(text(statement.format(integer=integer)))
                connection.execute(
                    text("INSERT INTO anchorhold_schema VALUES (:step)"), {"step": step}
                )

    def _schema(self, connection: Connection) -> int:
        """Return the number of the last step done, 0 for a new database."""
        present = set(inspect(connection).get_table_names())
        if "anchorhold_schema" not in present:
            foreign = sorted(present & set(_tables.tables))
            if foreign:
                raise StoreUnusable(
                    f"the database {self.shown} holds tables of something else "
                    f"({', '.join(foreign)}); store.url must name a database of its own"
                )
            return 0
        done = int(connection.scalar(text("SELECT max(version) FROM anchorhold_schema")) or 0)
        if done > max(_MIGRATIONS):
            raise StoreUnusable(
                f"the database {self.shown} has schema {done}, written by a newer anchorhold; "
                f"this one understands schemas up to {max(_MIGRATIONS)}"
            )
        return done


def _is_sqlite_file(url: URL) -> bool:
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return False
    return not str(url.database).startswith("file:")


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url)
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
    except SQLAlchemyError as error:
        raise StoreUnusable(
            f"the database {shown} cannot be used: {_cause(error)}; "
            "it must be a readable and writable database of anchorhold with free space"
        ) from error
