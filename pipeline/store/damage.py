"""Damage of a SQLite file: how it shows, and what helps."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import make_url

RESTORE = "let this user read and write it, or restore a backup (`anchorhold restore`)"

_SIGNS = (
    "malformed",
    "not a database",
    "could not decode to utf-8",
    "unsupported file format",
    "no such table",
    "no such column",
    "unable to open database file",
    "disk i/o error",
)
_ELSE = ("locked", "unable to open")
"""What SQLite says of a file that others write, or that this user may not read."""


def shows_damage(said: str) -> bool:
    """Say whether SQLite's words mean that its file is damaged, or none.

    Examples
    --------
    >>> shows_damage("database disk image is malformed"), shows_damage("database is locked")
    (True, False)
    """
    lowered = said.lower()
    return any(sign in lowered for sign in _SIGNS)


def why_unreadable(file: Path) -> str:
    """Return why SQLite cannot read what a file holds; empty where it can, and while it waits.

    Only the list of its tables is read, after what a killed process left half written is undone:
    a connection that may only read cannot do that.
    """
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)) as database:
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as fault:
        return "" if "locked" in str(fault) else str(fault)
    return ""


def why_damaged(url: str, *, quick: bool) -> str:
    """Return what SQLite's own check of a file finds first; empty where it is whole.

    Parameters
    ----------
    url
        SQLAlchemy URL; of other databases nothing is known here.
    quick
        Whether to leave out that indexes and tables agree.
    """
    parsed = make_url(url)
    file = Path(parsed.database or "")
    if parsed.get_backend_name() != "sqlite" or not file.is_file():
        return ""
    check = "quick_check" if quick else "integrity_check"
    try:
        with closing(sqlite3.connect(file, timeout=2)) as database:
            (found,) = database.execute(f"PRAGMA {check}(1)").fetchone()
    except sqlite3.DatabaseError as fault:
        return "" if any(each in str(fault) for each in _ELSE) else str(fault)
    return "" if found == "ok" else str(found).strip().replace("\n", ": ")
