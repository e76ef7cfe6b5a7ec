"""A PostgreSQL database with pgvector: its connections, and the schema of one model in it."""

import hashlib
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from pipeline.search.settings import shown_uri
from pipeline.search.stamp import IndexUnusable
from training.faults import DataFault

_IDLE = 4  # connections that are kept for the next call
_LONGEST_NAME = 63  # bytes of a name in PostgreSQL; longer ones are cut without a word

Connection = psycopg.Connection[tuple[Any, ...]]


class PostgresSchema:
    """The schema of one model.

    Parameters
    ----------
    uri
        ``postgresql://…`` or ``postgresql+psycopg://…``.
    model
        Name of the model; the schema is named after it.

    Attributes
    ----------
    uri
        As it may be shown: without user and password.
    """

    def __init__(self, uri: str, model: str) -> None:
        try:
            given = conninfo_to_dict(f"postgresql://{uri.partition('://')[2]}")
        except psycopg.Error:
            given = {}
        if not given or "@" in str(given.get("dbname")):  # A sign of a password was taken as one.
            raise DataFault(
                "the URI of the index cannot be read; it must look like postgresql://HOST/NAME, "
                "with signs such as @ and / in a password as %40 and %2F"
            )
        self._given: dict[str, Any] = {"connect_timeout": 10, "application_name": "anchorhold"}
        self._given.update(given)
        self.uri = shown_uri(uri)
        self.name = schema_of(model)
        self._idle: list[Connection] = []
        weakref.finalize(self, _close, self._idle)

    def at(self, name: str) -> sql.Identifier:
        """Return a name in the schema, quoted."""
        return sql.Identifier(self.name, name)

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """Yield a connection in a transaction of its own; a fault becomes one sentence."""
        try:
            connection = self._connected()
            try:
                with connection.transaction():
                    yield connection
            finally:
                if connection.closed or len(self._idle) >= _IDLE:
                    connection.close()
                else:
                    self._idle.append(connection)
        except psycopg.Error as fault:
            # The fault itself is not passed on: it may name the user.
            raise IndexUnusable(
                f"the index at {self.uri} cannot be used: {self._told(fault)}"
            ) from None

    def is_made(self, connection: Connection) -> bool:
        """Say whether there is anything of the model."""
        query = "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = 'serving'"
        return connection.execute(query, (self.name,)).fetchone() is not None

    def make(self, connection: Connection) -> None:
        """Make the schema and what is noted in it, where they are not there yet."""
        if connection.execute("SELECT to_regtype('vector')").fetchone() == (None,):
            raise IndexUnusable(
                f"the database at {self.uri} lacks the extension pgvector; a person who may do so "
                "adds it with: CREATE EXTENSION vector"
            )
        if self.is_made(connection):
            return
        query = "SELECT 1 FROM pg_namespace WHERE nspname = %s"
        if not connection.execute(query, (self.name,)).fetchone():
            schema = sql.Identifier(self.name)
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
        for name, columns in (
            (
                "states",
                "name text NOT NULL, part integer NOT NULL, space text NOT NULL, "
                "state bigint NOT NULL DEFAULT 0, stamp text, noted timestamptz, "
                "PRIMARY KEY (name, part)",
            ),
            ("serving", "name text NOT NULL, part integer NOT NULL, moved timestamptz NOT NULL"),
        ):
            create = sql.SQL("CREATE TABLE {} ({})")
            connection.execute(create.format(self.at(name), sql.SQL(columns)))

    def _connected(self) -> Connection:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return psycopg.connect(**self._given, autocommit=True, prepare_threshold=None)
            try:
                connection.execute("SELECT 1")
            except psycopg.Error:
                connection.close()
            else:
                return connection

    def _told(self, fault: psycopg.Error) -> str:
        first = str(fault).strip().partition("\n")[0] or type(fault).__name__
        if user := self._given.get("user"):
            first = first.replace(f'"{user}"', '"…"')
        if password := self._given.get("password"):
            first = first.replace(password, "…")
        return first


def schema_of(model: str) -> str:
    """Return the schema of a model's tables; one whose name would be cut ends in a digest.

    Examples
    --------
    >>> schema_of("support-search")
    'anchorhold_support-search'
    >>> len(schema_of("long" * 20)), schema_of("long" * 20) == schema_of("long" * 21)
    (63, False)
    """
    name = f"anchorhold_{model}".encode()
    if len(name) <= _LONGEST_NAME:
        return name.decode()
    digest = hashlib.sha256(name).hexdigest()[:8]
    return f"{name[: _LONGEST_NAME - 9].decode(errors='ignore')}_{digest}"


def _close(connections: list[Connection]) -> None:
    while connections:
        connections.pop().close()
