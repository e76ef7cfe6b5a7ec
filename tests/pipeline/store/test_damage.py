"""What SQLite says of a file, told as damage or not."""

import sqlite3
import subprocess
import sys
from contextlib import closing

from pipeline.store.damage import why_damaged, why_unreadable

# So small a cache is written to the file before the commit, which the kill prevents.
KILLED = """
import os, signal, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA cache_size = 1")
database.execute("BEGIN")
database.executemany("INSERT INTO texts VALUES (?)", [("new" * 500,)] * 500)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_file_whose_writer_was_killed_is_read_as_it_was_before_that(tmp_path):
    file = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE texts (text)")
        database.execute("INSERT INTO texts VALUES ('old')")
    subprocess.run([sys.executable, "-c", KILLED, str(file)], check=False)
    assert (tmp_path / "mlflow.db-journal").stat().st_size
    assert why_unreadable(file) == ""
    assert why_damaged(f"sqlite:///{file}", quick=False) == ""
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT text FROM texts").fetchall() == [("old",)]


def test_a_file_of_something_else_is_named_as_such_and_not_made_where_it_is_missing(tmp_path):
    other = tmp_path / "other.db"
    other.write_bytes(b"not SQLite" * 100)
    assert why_unreadable(other) == "file is not a database"
    assert why_unreadable(tmp_path / "missing.db") == "unable to open database file"
    assert not (tmp_path / "missing.db").exists()
