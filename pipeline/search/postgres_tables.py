"""Tables of vectors in PostgreSQL with pgvector, and the view that shows the champion's.

The table `states` names the one state of each version's table that its stamp describes. The view
`champion` shows the rows of the version that serves to other applications.
"""

from psycopg import sql

from pipeline.search.postgres_schema import PostgresSchema
from pipeline.search.postgres_table import OPERATORS, PostgresTable, parts_of, shown_in
from pipeline.search.stamp import IndexBusy, IndexMissing, Space

_MOST_DIMENSIONS = 2_000  # of an HNSW index


class PostgresTables:
    """The tables of one model in a PostgreSQL database, in a schema of their own.

    Parameters
    ----------
    uri
        ``postgresql://…`` or ``postgresql+psycopg://…``.
    model
        Name of the model; the schema is named after it.
    """

    shows = True

    def __init__(self, uri: str, model: str) -> None:
        self._schema = PostgresSchema(uri, model)
        self.uri = self._schema.uri

    def names(self) -> list[str]:
        """Return the names of all tables, also of those that are not whole."""
        with self._schema.session() as connection:
            if not self._schema.is_made(connection):
                return []
            query = sql.SQL("SELECT DISTINCT name FROM {}").format(self._schema.at("states"))
            return sorted(name for (name,) in connection.execute(query))

    def whole(self, name: str) -> "PostgresTable | None":
        """Return a table as its stamp describes it; None where there is no whole one."""
        with self._schema.session() as connection:
            found = [each for each in parts_of(self._schema, connection, name) if each.stamped]
        return found[-1].as_stamped() if found else None

    def newest(self, name: str, space: Space) -> tuple["PostgresTable", str]:
        """Return a table with all rows so far, and "", if they are of a space.

        Otherwise it is empty, and the text says what was there.
        """
        with self._schema.session() as connection:
            found = parts_of(self._schema, connection, name)
        if not found:
            return self.empty(name, space), ""
        difference = found[-1].space.difference(space)
        if not difference:
            return found[-1], ""
        return self.empty(name, space), f"its vectors had {difference}"

    def empty(self, name: str, space: Space) -> "PostgresTable":
        """Return a table without rows; readers of one that was there still see what it held."""
        with self._schema.session() as connection:
            self._schema.make(connection)
            parts = parts_of(self._schema, connection, name)
            part = 1 + max((each.part for each in parts), default=0)
            for each in parts:
                if not each.stamped:
                    each.delete(connection)
            made = PostgresTable(self._schema, name, part, space)
            columns = (
                "id text NOT NULL, key text NOT NULL, digest text NOT NULL, "
                "embedding vector NOT NULL, born bigint NOT NULL, died bigint, "
                "PRIMARY KEY (key, born)"
            )
            create = sql.SQL("CREATE TABLE {} ({})")
            connection.execute(create.format(made.rows, sql.SQL(columns)))
            note = sql.SQL("INSERT INTO {} (name, part, space) VALUES (%s, %s, %s)")
            connection.execute(
                note.format(self._schema.at("states")), (name, part, space.to_json())
            )
        return made

    def drop(self, name: str) -> None:
        """Delete a table.

        Raises
        ------
        IndexBusy
            The view of the champion still shows it to applications.
        """
        with self._schema.session() as connection:
            if shown_in(self._schema, connection)[:1] == (name,):
                raise IndexBusy(
                    f'the view "{self._schema.name}".champion shows the index {name} to '
                    "applications; it moves to the champion when the champion's index is built"
                )
            for each in parts_of(self._schema, connection, name):
                each.delete(connection)

    def can_approximate(self, space: Space) -> bool:
        """Say whether vectors of a space can be searched approximately."""
        return space.similarity in OPERATORS and space.dimensions <= _MOST_DIMENSIONS

    def show(self, name: str) -> None:
        """Let the view of the champion show a whole table: its rows are counted as it moves.

        Raises
        ------
        IndexMissing
            There is no whole one.
        IndexUnusable
            Its rows are not as many as its stamp says.
        """
        with self._schema.session() as connection:
            found = [each for each in parts_of(self._schema, connection, name) if each.stamped]
            if not found:
                raise IndexMissing(f"there is no whole index {name} to show to applications")
            table = found[-1].as_stamped()
            table.check(connection, table.stamp)
            if shown_in(self._schema, connection) != (name, table.part):
                table.show(connection)
