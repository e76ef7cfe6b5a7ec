"""A real PostgreSQL server for tests, and a stand-in for the extension pgvector.

Where the server has pgvector, tests use it. Where it has not, `STAND_IN` makes a type `vector` with
pgvector's syntax (dimensions in brackets, casts from and to `real[]`, the three distances), written
in SQL over text. It runs every statement of the index but one: `CREATE INDEX … USING hnsw` needs
the real extension. The stand-in checks no dimensions, and its distances are slow.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

STAND_IN = """
CREATE TYPE vector;
CREATE FUNCTION vector_in(cstring) RETURNS vector AS 'textin' LANGUAGE internal IMMUTABLE STRICT;
CREATE FUNCTION vector_out(vector) RETURNS cstring AS 'textout' LANGUAGE internal IMMUTABLE STRICT;
CREATE FUNCTION vector_typmod_in(cstring[]) RETURNS integer AS 'numerictypmodin'
    LANGUAGE internal IMMUTABLE STRICT;
CREATE FUNCTION vector_typmod_out(integer) RETURNS cstring AS 'numerictypmodout'
    LANGUAGE internal IMMUTABLE STRICT;
CREATE TYPE vector (INPUT = vector_in, OUTPUT = vector_out, TYPMOD_IN = vector_typmod_in,
    TYPMOD_OUT = vector_typmod_out, INTERNALLENGTH = VARIABLE, STORAGE = extended);
CREATE CAST (text AS vector) WITHOUT FUNCTION;
CREATE CAST (vector AS text) WITHOUT FUNCTION;
CREATE FUNCTION array_to_vector(real[]) RETURNS vector IMMUTABLE STRICT LANGUAGE sql
    AS $$ SELECT ('[' || array_to_string($1, ',') || ']')::text::vector $$;
CREATE FUNCTION vector_to_array(vector) RETURNS real[] IMMUTABLE STRICT LANGUAGE sql
    AS $$ SELECT translate($1::text, '[]', '{}')::real[] $$;
CREATE CAST (real[] AS vector) WITH FUNCTION array_to_vector(real[]) AS ASSIGNMENT;
CREATE CAST (vector AS real[]) WITH FUNCTION vector_to_array(vector) AS IMPLICIT;
CREATE FUNCTION inner_product(vector, vector) RETURNS float8 IMMUTABLE STRICT LANGUAGE sql
    AS $$ SELECT sum(a::float8 * b) FROM unnest($1::real[], $2::real[]) AS both_of(a, b) $$;
CREATE FUNCTION negative_inner_product(vector, vector) RETURNS float8 IMMUTABLE STRICT
    LANGUAGE sql AS $$ SELECT -inner_product($1, $2) $$;
CREATE FUNCTION cosine_distance(vector, vector) RETURNS float8 IMMUTABLE STRICT LANGUAGE sql
    AS $$ SELECT 1 - inner_product($1, $2)
                 / sqrt(inner_product($1, $1) * inner_product($2, $2)) $$;
CREATE FUNCTION l2_distance(vector, vector) RETURNS float8 IMMUTABLE STRICT LANGUAGE sql
    AS $$ SELECT sqrt(sum((a::float8 - b) ^ 2))
          FROM unnest($1::real[], $2::real[]) AS both_of(a, b) $$;
CREATE OPERATOR <=> (FUNCTION = cosine_distance, LEFTARG = vector, RIGHTARG = vector);
CREATE OPERATOR <#> (FUNCTION = negative_inner_product, LEFTARG = vector, RIGHTARG = vector);
CREATE OPERATOR <-> (FUNCTION = l2_distance, LEFTARG = vector, RIGHTARG = vector);
"""


@dataclass
class PostgresServer:
    """A server of its own in a folder, on a socket there; started and stopped at will.

    Attributes
    ----------
    folder
        Holds the data and the socket.
    """

    folder: Path

    @property
    def uri(self) -> str:
        """URI of its first database."""
        return self.database("postgres")

    def database(self, name: str) -> str:
        """Return the URI of a database."""
        return f"postgresql://tester:hidden@/{name}?host={self.folder}"

    def create(self, name: str) -> str:
        """Create a database and return its URI."""
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.database(name)

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off"
        self._control("-o", options, "start")

    def stop(self) -> None:
        """Stop at once: open connections and transactions are cut off."""
        self._control("-m", "immediate", "stop")

    def restart(self) -> None:
        self.stop()
        self.start()

    def _control(self, *arguments: str) -> None:
        control = [*_as_user(), str(shutil.which("pg_ctl")), "-D", str(self.folder / "data"), "-w"]
        _run([*control, "-l", str(self.folder / "log"), *arguments], self.folder)


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Start a server of its own, and stop it at the end; skip the test where there is none."""
    initdb = shutil.which("initdb")
    if not initdb or not shutil.which("pg_ctl"):
        pytest.skip("PostgreSQL (initdb, pg_ctl) is not installed")
    with TemporaryDirectory(prefix="pg") as name:
        server = PostgresServer(Path(name))
        if os.geteuid() == 0:  # The server refuses root.
            if not shutil.which("setpriv"):
                pytest.skip("PostgreSQL does not run as root, and setpriv is not installed")
            shutil.chown(name, "postgres", "postgres")
        made = [initdb, "-D", f"{name}/data", "-U", "tester", "-A", "trust", "-N", "-E", "UTF8"]
        _run([*_as_user(), *made, "--no-locale"], server.folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server of its own, and yield the URI of its first database."""
    with running_postgres() as server:
        yield server.uri


def with_vectors(uri: str) -> bool:
    """Bring pgvector into a database, or the stand-in; say whether it is pgvector."""
    with psycopg.connect(uri, autocommit=True) as connection:
        query = "SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"
        if connection.execute(query).fetchone():
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            return True
        connection.execute(STAND_IN)
        return False


def _as_user() -> list[str]:
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]


def _run(command: list[str], folder: Path) -> None:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command, cwd=folder, check=True, timeout=60, **quiet)
