"""Giving the space of deleted rows in a SQLite file back to the disk."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import SQLAlchemyError

_PATIENCE = 5.0
"""Seconds that readers and writers are waited for; judged, not measured."""
_WORTH_IT = 0.1
"""Share of the file from which it is written anew; until then, new rows take the free space.

Judged, not measured."""


def compact(url: str) -> int:
    """Write a SQLite file anew without the space of deleted rows; return by how much it shrank.

    Nothing is done where little is free, where others use the file, and for other databases. A
    process that is killed meanwhile leaves the file as it was.
    """
    parsed = make_url(url)
    file = Path(parsed.database or "")
    if parsed.get_backend_name() != "sqlite" or not file.is_file():
        return 0
    before = _size(file)
    try:
        with closing(sqlite3.connect(file, timeout=_PATIENCE, isolation_level=None)) as database:
            (free,), (pages,) = (
                database.execute(f"PRAGMA {name}").fetchone()
                for name in ("freelist_count", "page_count")
            )
            if free <= _WORTH_IT * pages:
                return 0
            database.execute("VACUUM")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.DatabaseError:
        # Somebody reads it, or the disk has no room for a second file: it stays as it is.
        return 0
    return max(0, before - _size(file))


def rewrite(url: str) -> str:
    """Write a database anew, so that its files hold no deleted row; return why it was not done.

    In PostgreSQL the space of deleted rows is only marked as free: its own backups and logs, and
    the disk until it is written over, may hold them longer.
    """
    parsed = make_url(url)
    shown = parsed.render_as_string(hide_password=True)
    if parsed.get_backend_name() != "sqlite":
        engine = create_engine(parsed, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("VACUUM")
        except SQLAlchemyError as fault:
            return f"{shown} could not be vacuumed: {fault}"
        finally:
            engine.dispose()
        return ""
    file = Path(parsed.database or "")
    if not file.is_file():
        return ""
    try:
        with closing(sqlite3.connect(file, timeout=_PATIENCE, isolation_level=None)) as database:
            database.execute("VACUUM")
            busy, *_ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.DatabaseError as fault:
        return f"{file} could not be written anew: {fault}"
    return f"{file} is being read by another process" if busy else ""


def _size(file: Path) -> int:
    beside = file.with_name(f"{file.name}-wal")
    return file.stat().st_size + (beside.stat().st_size if beside.exists() else 0)
