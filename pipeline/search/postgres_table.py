"""One table of vectors in PostgreSQL: each row knows in which states of the table it is there.

Readers see the rows of the one state that the stamp describes, whatever a builder adds for the
next one; a builder that was killed finds its rows.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
from numpy.typing import NDArray
from psycopg import sql

from pipeline.search.postgres_schema import Connection, PostgresSchema
from pipeline.search.stamp import IndexBusy, IndexUnusable, Space, Stamp
from pipeline.search.tables import READERS_HAVE_MOVED
from training.encoding.similarity import SimilarityName
from training.faults import DataFault

_ROWS = 8_192  # read at once
_CANDIDATES = (100, 1_000)  # of an approximate search: at least, and at most that pgvector allows
_PER_HIT = 4
_PATIENCE = "10s"  # for an application that holds the view

OPERATORS: dict[str, tuple[sql.SQL, sql.SQL]] = {
    "cosine": (sql.SQL("<=>"), sql.SQL("vector_cosine_ops")),
    "dot": (sql.SQL("<#>"), sql.SQL("vector_ip_ops")),
    "euclidean": (sql.SQL("<->"), sql.SQL("vector_l2_ops")),
}
_COLUMNS = {
    "id": sql.SQL("id"),
    "key": sql.SQL("key"),
    "digest": sql.SQL("digest"),
    "vector": sql.SQL("embedding::real[]"),
}

Floats = NDArray[np.float32]


class PostgresTable:
    """One table, as it was in one state or with everything that was added.

    Parameters
    ----------
    schema
        Where it is.
    name, part
        Of which version, and which of its tables.
    space
        The space of its vectors.
    state, stamped
        The state that readers see, and its stamp; 0 and None: none yet.
    """

    def __init__(
        self,
        schema: PostgresSchema,
        name: str,
        part: int,
        space: Space,
        state: int = 0,
        stamped: str | None = None,
    ) -> None:
        self._schema = schema
        self.name = name
        self.part = part
        self.space = space
        self.state = state
        self.stamped = stamped
        self.rows = schema.at(f"{name}_{part}")
        self.embedding = sql.SQL("embedding::vector({})").format(sql.Literal(space.dimensions))
        self._there: sql.Composable = sql.SQL("died IS NULL")

    def as_stamped(self) -> "PostgresTable":
        """Return the table as its stamp describes it."""
        found = PostgresTable(
            self._schema, self.name, self.part, self.space, self.state, self.stamped
        )
        found._there = _there_in(self.state)
        return found

    @property
    def stamp(self) -> Stamp:
        """The stamp of a whole table."""
        return Stamp.from_json(self.stamped or "")

    def __len__(self) -> int:
        """Return the number of rows."""
        with self._schema.session() as connection:
            return self._count(connection, self._there)

    def batches(self, *columns: str) -> Iterator[pa.RecordBatch]:
        """Yield columns of all rows, a batch of rows at a time."""
        yield from self._read(columns, self._there, ())

    def named(self, keys: Sequence[str], *columns: str) -> Iterator[pa.RecordBatch]:
        """Yield columns of the rows with the keys."""
        some = sql.SQL("{} AND key = ANY(%s)").format(self._there)
        yield from self._read(columns, some, (list(keys),))

    def add(
        self, ids: Sequence[str], keys: Sequence[str], digests: Sequence[str], vectors: Floats
    ) -> None:
        """Add rows: all or none; readers see them when the next stamp is written."""
        odd = next((each for each in ids if not _is_text(each)), None)
        if odd is not None:
            raise DataFault(
                f"PostgreSQL cannot keep the id {odd[:60]!r}: NUL and half characters are no text; "
                "rename the document"
            )
        insert = sql.SQL(
            "INSERT INTO {} (id, key, digest, embedding, born) "
            "VALUES (%s, %s, %s, %s::real[]::vector, %s)"
        ).format(self.rows)
        born = [self.state + 1] * len(ids)
        given = zip(ids, keys, digests, vectors.tolist(), born, strict=True)
        with self._schema.session() as connection, connection.cursor() as cursor:
            try:
                cursor.executemany(insert, given)
            except psycopg.errors.UniqueViolation:
                raise self._busy() from None

    def remove(self, keys: Sequence[str]) -> None:
        """Delete the rows with the keys; readers see them until the next stamp is written."""
        some = (list(keys), self.state)
        unseen = sql.SQL("DELETE FROM {} WHERE key = ANY(%s) AND born > %s").format(self.rows)
        seen = sql.SQL(
            "UPDATE {} SET died = {} WHERE key = ANY(%s) AND born <= %s AND died IS NULL"
        ).format(self.rows, sql.Literal(self.state + 1))
        with self._schema.session() as connection:
            connection.execute(unseen, some)
            connection.execute(seen, some)

    def finish(self, stamp: Stamp) -> None:
        """Stamp what the table holds now, and show it to readers.

        Where the view of the champion shows the version, it moves along in the same transaction.
        """
        schema = self._schema
        move = sql.SQL(
            "UPDATE {} SET state = state + 1, stamp = %s, noted = now() "
            "WHERE name = %s AND part = %s AND state = %s"
        ).format(schema.at("states"))
        with schema.session() as connection:
            shown = shown_in(schema, connection)
            given = (stamp.to_json(), self.name, self.part, self.state)
            if connection.execute(move, given).rowcount != 1:
                raise self._busy()
            table = PostgresTable(
                schema, self.name, self.part, self.space, self.state + 1, stamp.to_json()
            ).as_stamped()
            table.check(connection, stamp)
            if shown[:1] == (self.name,) and shown[1:] != (self.part,):
                table.show(connection)
        self.state, self.stamped = table.state, table.stamped

    def check(self, connection: Connection, stamp: Stamp) -> None:
        """Compare the number of rows with the stamp.

        Raises
        ------
        IndexUnusable
            It is another.
        """
        found = self._count(connection, self._there)
        if found != stamp.documents:
            raise IndexUnusable(
                f"the index {self.name} at {self._schema.uri} holds {found} rows, but its stamp "
                f"says {stamp.documents}; `anchorhold index build {stamp.version}` builds it again"
            )

    def show(self, connection: Connection) -> None:
        """Let the view of the champion show the table, in a transaction that has begun."""
        schema, stamp = self._schema, self.stamp
        view = schema.at("champion")
        connection.execute("SELECT set_config('lock_timeout', %s, true)", (_PATIENCE,))
        state = sql.SQL("(SELECT state FROM {} WHERE name = {} AND part = {})").format(
            schema.at("states"), sql.Literal(self.name), sql.Literal(self.part)
        )
        shown = sql.SQL(
            "VIEW {} AS SELECT id, {} AS embedding, {} AS version, {} AS fingerprint FROM {} "
            "WHERE born <= {} AND (died IS NULL OR died > {})"
        ).format(
            view,
            self.embedding,
            sql.SQL("{}::integer").format(sql.Literal(stamp.version)),
            sql.SQL("{}::text").format(sql.Literal(stamp.fingerprint)),
            self.rows,
            state,
            state,
        )
        try:
            with connection.transaction():
                connection.execute(sql.SQL("CREATE OR REPLACE ") + shown)
        except psycopg.errors.InvalidTableDefinition:
            # The number of dimensions changed, which a view that is replaced cannot follow.
            connection.execute(sql.SQL("DROP VIEW {}").format(view))
            connection.execute(sql.SQL("CREATE ") + shown)
        connection.execute(sql.SQL("DELETE FROM {}").format(schema.at("serving")))
        note = sql.SQL("INSERT INTO {} (name, part, moved) VALUES (%s, %s, now())")
        connection.execute(note.format(schema.at("serving")), (self.name, self.part))

    def delete(self, connection: Connection) -> None:
        """Delete the rows of the table and what is noted of it."""
        connection.execute(sql.SQL("DROP TABLE {}").format(self.rows))
        states = self._schema.at("states")
        gone = sql.SQL("DELETE FROM {} WHERE name = %s AND part = %s").format(states)
        connection.execute(gone, (self.name, self.part))

    def compact(self) -> None:
        """Let PostgreSQL count anew: after many rows its plans follow old numbers."""
        with self._schema.session() as connection:
            connection.execute(sql.SQL("ANALYZE {}").format(self.rows))

    def forget(self, *, unread: bool = False) -> None:
        """Delete what only earlier states need, unless a reader may still be at one."""
        schema = self._schema
        old = sql.SQL(
            "SELECT 1 FROM {} WHERE name = %s AND part = %s AND noted < now() - %s"
        ).format(schema.at("states"))
        gone = sql.SQL("DELETE FROM {} WHERE died <= %s").format(self.rows)
        with schema.session() as connection:
            given = (self.name, self.part, READERS_HAVE_MOVED)
            if unread or connection.execute(old, given).fetchone():
                connection.execute(gone, (self.state,))
                for each in parts_of(schema, connection, self.name):
                    if each.part < self.part:
                        each.delete(connection)

    def approximate(self, similarity: SimilarityName) -> None:
        """Make an approximate index, where there is none; PostgreSQL keeps it up to date."""
        create = sql.SQL("CREATE INDEX IF NOT EXISTS {} ON {} USING hnsw (({}) {})").format(
            sql.Identifier(f"{self.name}_{self.part}_hnsw"),
            self.rows,
            self.embedding,
            OPERATORS[similarity][1],
        )
        with self._schema.session() as connection:
            connection.execute(create)

    def nearest(
        self, vectors: Floats, k: int, similarity: SimilarityName
    ) -> list[list[tuple[str, float]]]:
        """Return (id, similarity) of about the first k rows for each vector, best first."""
        query = sql.SQL(
            "SELECT id, {} {} %s::real[]::vector({}) AS distance FROM {} WHERE {} "
            "ORDER BY distance LIMIT {}"
        ).format(
            self.embedding,
            OPERATORS[similarity][0],
            sql.Literal(self.space.dimensions),
            self.rows,
            self._there,
            sql.Literal(k),
        )
        least, most = _CANDIDATES
        seen = str(min(max(least, _PER_HIT * k), most))
        best = 1 if similarity == "cosine" else 0
        hits = []
        with self._schema.session() as connection:
            connection.execute("SELECT set_config('hnsw.ef_search', %s, true)", (seen,))
            if k > most:  # More than an approximate index finds.
                connection.execute("SET LOCAL enable_indexscan = off")
            for vector in vectors:
                found = connection.execute(query, (vector.tolist(),)).fetchall()
                hits.append([(id, float(best - distance)) for id, distance in found])
        return hits

    def _read(
        self, columns: Sequence[str], condition: sql.Composable, given: tuple[Any, ...]
    ) -> Iterator[pa.RecordBatch]:
        query = sql.SQL("SELECT {} FROM {} WHERE {}").format(
            sql.SQL(", ").join([_COLUMNS[name] for name in columns]), self.rows, condition
        )
        with (
            self._schema.session() as connection,
            connection.cursor(name="anchorhold", binary=True) as cursor,
        ):
            cursor.execute(query, given)
            while rows := cursor.fetchmany(_ROWS):
                taken = zip(columns, zip(*rows, strict=True), strict=True)
                yield pa.record_batch({name: self._column(name, each) for name, each in taken})

    def _column(self, name: str, values: Sequence[Any]) -> pa.Array:
        if name != "vector":
            return pa.array(values, pa.string())
        flat = pa.array(np.asarray(values, dtype=np.float32).ravel())
        return pa.FixedSizeListArray.from_arrays(flat, self.space.dimensions)

    def _count(self, connection: Connection, there: sql.Composable) -> int:
        query = sql.SQL("SELECT count(*) FROM {} WHERE {}").format(self.rows, there)
        found = connection.execute(query).fetchone()
        return int(found[0]) if found else 0

    def _busy(self) -> IndexBusy:
        return IndexBusy(
            f"the index {self.name} at {self._schema.uri} was built by another process in the "
            "meantime; build it again"
        )


def parts_of(schema: PostgresSchema, connection: Connection, name: str) -> list[PostgresTable]:
    """Return all that is there of a table, oldest first: a new space begins a new part."""
    if not schema.is_made(connection):
        return []
    query = sql.SQL(
        "SELECT part, space, state, stamp FROM {} WHERE name = %s ORDER BY part"
    ).format(schema.at("states"))
    return [
        PostgresTable(schema, name, part, Space.from_json(space), state, stamp)
        for part, space, state, stamp in connection.execute(query, (name,)).fetchall()
    ]


def shown_in(schema: PostgresSchema, connection: Connection) -> tuple[Any, ...]:
    """Return name and part of the table that the view shows; () where there is none."""
    if not schema.is_made(connection):
        return ()
    query = sql.SQL("SELECT name, part FROM {} FOR UPDATE").format(schema.at("serving"))
    return connection.execute(query).fetchone() or ()


def _there_in(state: int) -> sql.Composed:
    return sql.SQL("born <= {0} AND (died IS NULL OR died > {0})").format(sql.Literal(state))


def _is_text(id: str) -> bool:
    return "\0" not in id and id.encode(errors="replace") == id.encode(errors="surrogatepass")
