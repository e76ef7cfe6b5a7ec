"""Migrations: an older store is brought up to today's tables at once or not at all."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from postgres_server import running_postgres
from sqlalchemy import create_engine

from pipeline.store import Record, Store, StoreUnusable, Traffic, migrations, tables
from training.pairs import Pair

ROOT = Path(__file__).parents[3]
REVISIONS = (*migrations.REVISIONS, "9999")
BEFORE_REVISIONS = Path(__file__).with_name("before_revisions.sql")
NEXT = """
from alembic import op
from sqlalchemy import Column, Text

revision, down_revision = "9999", "%s"

def upgrade() -> None:
    op.create_table("second", Column("a", Text, primary_key=True))
    op.add_column("pairs", Column("weight", Text))
    op.execute("INSERT INTO second VALUES ('x')")
"""
UPGRADE = f"""
import os, signal, sqlite3, sys
from pathlib import Path
from sqlalchemy import Engine, event
from pipeline.store import Store, migrations
migrations.REVISIONS, migrations.SCRIPTS = {REVISIONS}, Path(sys.argv[1])
"""


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def before_revisions(tmp_path, url):
    """A store as it was made before revisions were kept, with one pair and one promotion."""
    connection = sqlite3.connect(tmp_path / "store.db")
    connection.executescript(BEFORE_REVISIONS.read_text(encoding="utf-8"))
    connection.close()
    return url


@pytest.fixture
def following(tmp_path):
    """A folder with the revisions of today and one more."""
    folder = tmp_path / "versions"
    shutil.copytree(migrations.SCRIPTS, folder)
    (folder / "revision_9999.py").write_text(NEXT % migrations.REVISIONS[-1], encoding="utf-8")
    return folder


def query(url: str, statement: str) -> list[tuple]:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    with connection:
        rows = connection.execute(statement).fetchall()
    connection.close()
    return rows


def differences(url: str) -> list:
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        found = compare_metadata(context, tables.metadata)
    engine.dispose()
    return found


def test_the_revisions_are_those_that_alembic_finds():
    folder = migrations.SCRIPTS
    scripts = ScriptDirectory(str(folder.parent), version_locations=[str(folder)])
    found = [each.revision for each in scripts.walk_revisions()]
    assert tuple(reversed(found)) == migrations.REVISIONS


def test_a_new_store_has_the_tables_of_the_code_and_the_newest_revision(url):
    Store.open(url).close()
    assert query(url, "SELECT * FROM alembic_version") == [(migrations.REVISIONS[-1],)]
    assert differences(url) == []


def test_a_store_made_before_revisions_is_opened_with_all_it_holds(before_revisions):
    for _ in range(2):
        with Store.open(before_revisions) as store:
            assert [pair.id for pair in store.pairs()] == ["id-1"]
            assert store.verify_promotions() == 1
    assert query(before_revisions, "SELECT * FROM alembic_version") == [(migrations.REVISIONS[-1],)]
    with Store.open(before_revisions) as store:
        added = store.add("pair", "recent", [Record(Pair("", "query", "answer"))])
        assert added.stored == 1
        assert store.last_sequence() == 2


def test_texts_stored_before_sessions_were_kept_have_none(before_revisions):
    query(before_revisions, "INSERT INTO traffic VALUES (1,'d','recent','','a','',NULL,'f',1)")
    with Store.open(before_revisions) as store:
        store.add("traffic", "recent", [Record(Traffic("b", session="s", user="u"))])
        assert [(seen.session, seen.user) for seen in store.traffic()] == [("", ""), ("s", "u")]


def test_a_store_made_before_revisions_has_the_tables_of_the_code(before_revisions):
    Store.open(before_revisions).close()
    keys = {("counters", "name"), ("cycles", "id"), ("discards", "number"), ("pairs", "sequence")}
    keys |= {("promotions", "number"), ("quarantine", "number"), ("traffic", "sequence")}
    found = {(each[0][0], *each[0][2:4]) for each in differences(before_revisions)}
    # SQLite lets the keys of the old tables be empty; none ever is. It takes DOUBLE for DOUBLE
    # PRECISION; Alembic does not.
    assert found == {
        *(("modify_nullable", *key) for key in keys),
        *(("modify_type", table, "timestamp") for table in ("pairs", "traffic")),
    }


@pytest.fixture(scope="module")
def server():
    with running_postgres() as server:
        yield server


def first_tables(engine: str) -> list[str]:
    """Return the statements that make a store of the first revision, with a pair in it."""
    script = BEFORE_REVISIONS.read_text(encoding="utf-8")
    if engine == "postgresql":
        script = script.replace("INTEGER PRIMARY KEY", "BIGINT PRIMARY KEY")
    statements = [each.strip() for each in script.split(";\n")]
    made = [each for each in statements if each.startswith(("CREATE", "INSERT"))]
    # SQLite lets a table refer to one that comes later.
    return sorted(made, key=lambda each: "REFERENCES" in each)


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
@pytest.mark.parametrize("since", migrations.REVISIONS)
def test_a_store_of_any_revision_is_migrated_on_both_databases(
    url, request, monkeypatch, engine, since
):
    if engine == "postgresql":
        url = request.getfixturevalue("server").create(f"since {since}")
    database = create_engine(url)
    with database.begin() as connection:
        for statement in first_tables(engine):
            connection.exec_driver_sql(statement)
    reached = migrations.REVISIONS[: migrations.REVISIONS.index(since) + 1]
    with monkeypatch.context() as patch, database.begin() as connection:
        patch.setattr(migrations, "REVISIONS", reached)
        tables.adopt(connection)
        migrations.upgrade(connection)
    revision = sqlalchemy.text("SELECT version_num FROM alembic_version")
    with database.connect() as connection:
        assert connection.scalar(revision) == since
    with Store.open(url) as store:
        assert [pair.id for pair in store.pairs()] == ["id-1"]
        assert store.verify_promotions() == 1
        assert store.add("pair", "recent", [Record(Pair("", "query", "answer"))]).stored == 1
        assert len(store.identity()) == 32
    with database.connect() as connection:
        assert connection.scalar(revision) == migrations.REVISIONS[-1]
    database.dispose()
    if engine == "postgresql":
        assert differences(url) == []


def test_a_store_of_a_version_never_released_is_refused(before_revisions):
    query(before_revisions, "DELETE FROM anchorhold_schema WHERE version = 2")
    with pytest.raises(StoreUnusable, match="has schema 1 of a version that was never released"):
        Store.open(before_revisions)


def test_an_older_store_without_one_of_its_columns_is_refused_and_stays_as_it_was(before_revisions):
    query(before_revisions, "ALTER TABLE files DROP COLUMN lines")
    before = query(before_revisions, "SELECT sql FROM sqlite_master ORDER BY name")
    with pytest.raises(
        StoreUnusable, match=r"says that it has revision none, but lacks files\.lines"
    ):
        Store.open(before_revisions)
    assert query(before_revisions, "SELECT sql FROM sqlite_master ORDER BY name") == before


def test_a_store_of_a_newer_version_is_refused(url):
    Store.open(url).close()
    query(url, "UPDATE alembic_version SET version_num = '99999'")
    with pytest.raises(StoreUnusable, match="has revision 99999, written by a newer anchorhold"):
        Store.open(url)


@pytest.mark.parametrize("made", ["before revisions", "first revision"])
def test_an_older_store_is_migrated_once(tmp_path, request, following, monkeypatch, made):
    url = f"sqlite:///{tmp_path / 'store.db'}"
    if made == "before revisions":
        request.getfixturevalue("before_revisions")
    else:
        with Store.open(url) as store:
            store.add("pair", "recent", [Record(Pair("id-1", "query", "answer"))])
    monkeypatch.setattr(migrations, "REVISIONS", REVISIONS)
    monkeypatch.setattr(migrations, "SCRIPTS", following)
    for _ in range(2):
        with Store.open(url) as store:
            assert [pair.id for pair in store.pairs()] == ["id-1"]
    assert query(url, "SELECT * FROM alembic_version") == [("9999",)]
    assert query(url, "SELECT a FROM second") == [("x",)]
    assert query(url, "SELECT weight FROM pairs") == [(None,)]


@pytest.mark.slow
def test_a_kill_at_any_statement_of_a_migration_leaves_the_store_as_it_was(
    tmp_path, before_revisions, following
):
    """Each statement in turn is the last one of its process, which began with the same store."""
    code = f"""{UPGRADE}
for count in range(100):
    left = [count]
    def kill(*_):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    if os.fork() == 0:
        event.listen(Engine, "before_cursor_execute", kill)
        Store.open(sys.argv[2]).close()
        os._exit(0)
    if os.waitstatus_to_exitcode(os.wait()[1]) == 0:
        break
    connection = sqlite3.connect(sys.argv[2].removeprefix("sqlite:///"))
    names = {{name for name, in connection.execute("SELECT name FROM sqlite_master")}}
    connection.close()
    assert "anchorhold_schema" in names and "second" not in names
print(count)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(following), before_revisions],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stderr == ""
    assert int(done.stdout) > 10
    assert query(before_revisions, "SELECT a FROM second") == [("x",)]
    assert query(before_revisions, "SELECT id FROM pairs") == [("id-1",)]


def test_four_processes_migrate_a_store_at_once(before_revisions, following):
    code = f"{UPGRADE}\nStore.open(sys.argv[2]).close()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, str(following), before_revisions]
    workers = [
        subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [each.communicate(timeout=60)[1] for each in workers] == [""] * 4
    assert query(before_revisions, "SELECT a FROM second") == [("x",)]


def test_opening_a_store_does_not_import_alembic(url):
    code = "import sys; from pipeline.store import Store; Store.open(sys.argv[1]).close()"
    code += "; sys.exit('alembic' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code, url], env=environment, timeout=60)
        assert done.returncode == 0
