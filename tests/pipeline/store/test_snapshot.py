"""Copies of databases are of one moment, whoever writes to them."""

import sqlite3
import threading
from contextlib import closing

import pytest

from pipeline.store import StoreUnusable, copy_at_once, revision_of, value_in


def made(file, mode):
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"PRAGMA journal_mode={mode}")
        connection.execute("CREATE TABLE numbers (number INTEGER)")
        connection.executemany("INSERT INTO numbers VALUES (?)", [(0,)] * 2000)
        connection.commit()
    return file


def write(file, number):
    with closing(sqlite3.connect(file, timeout=60, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE numbers SET number = ?", (number,))
        connection.execute("COMMIT")


def numbers(file):
    with closing(sqlite3.connect(file)) as connection:
        return {row[0] for row in connection.execute("SELECT DISTINCT number FROM numbers")}


def test_copies_of_two_databases_never_lie_apart_while_both_are_written(tmp_path):
    first, second = made(tmp_path / "first.db", "wal"), made(tmp_path / "second.db", "delete")
    beside, stop = tmp_path / "beside", threading.Event()
    beside.write_text("0")
    done = []

    def work():
        while not stop.is_set():
            number = len(done) + 1
            write(first, number)
            write(second, number)
            beside.write_text(str(number))
            done.append(number)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        turn = 0
        # The writer may get its turn late: it waits for locks in ever longer steps.
        while turn < 20 or (len(done) <= 5 and worker.is_alive()):
            turn += 1
            copies = {first: tmp_path / f"{turn}.first", second: tmp_path / f"{turn}.second"}
            seen = []
            copy_at_once(copies, lambda seen=seen: seen.append(int(beside.read_text() or -1)))
            (one,), (two,) = numbers(copies[first]), numbers(copies[second])
            assert one - two in (0, 1)
            assert seen[0] in (-1, two, two - 1)
            stop.wait(0.01)
    finally:
        stop.set()
        worker.join()
    assert len(done) > 5


def test_a_database_that_is_written_after_that_moment_is_copied_as_it_was(tmp_path):
    file = made(tmp_path / "first.db", "wal")
    other = made(tmp_path / "second.db", "wal")
    copies = {file: tmp_path / "one", other: tmp_path / "two"}
    blocked = []

    def meanwhile():
        with (
            closing(sqlite3.connect(file, timeout=0)) as connection,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            connection.execute("UPDATE numbers SET number = 1")
        blocked.append(True)

    copy_at_once(copies, meanwhile)
    write(file, 7)
    assert blocked
    assert numbers(copies[file]) == {0}


def test_a_damaged_database_is_not_copied(tmp_path):
    file = made(tmp_path / "first.db", "delete")
    content = bytearray(file.read_bytes())
    content[5000:9000] = b"\xff" * 4000
    file.write_bytes(bytes(content))
    with pytest.raises(StoreUnusable, match=r"first\.db"):
        copy_at_once({file: tmp_path / "copy"}, lambda: None)


def test_a_value_of_a_copy_is_read_without_a_trace(tmp_path):
    file = made(tmp_path / "first.db", "wal")
    copy_at_once({file: tmp_path / "copy"}, lambda: None)
    assert value_in(tmp_path / "copy", "numbers", "number", {"number": "0"}) == "0"
    assert value_in(tmp_path / "copy", "numbers", "number", {"number": "5"}) == ""
    assert revision_of(tmp_path / "copy") == ""
    assert {each.name for each in tmp_path.iterdir()} == {"first.db", "copy"}
