"""Whether a database takes a change, tried by one that changes nothing and is undone."""

from contextlib import suppress

from sqlalchemy import NullPool, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

_SECONDS = 2
"""How long another writer is waited for."""
_TRIED = "UPDATE alembic_version SET version_num = version_num"
"""A change that changes nothing, of the table that this program's and MLflow's database have."""


def why_not_written(url: str) -> str:
    """Return why a database takes no change; empty when it does. Nothing is changed.

    Parameters
    ----------
    url
        SQLAlchemy URL of a database of this program, or of MLflow's.

    Examples
    --------
    >>> why_not_written("sqlite://")
    'no such table: alembic_version'
    """
    parsed = make_url(url)
    waits = {"connect_args": {"timeout": _SECONDS}} if parsed.get_backend_name() == "sqlite" else {}
    try:
        engine = create_engine(parsed, poolclass=NullPool, **waits)
        with engine.connect() as connection:
            connection.execute(text(_TRIED))
            with suppress(SQLAlchemyError):
                connection.rollback()
    except (SQLAlchemyError, ImportError) as fault:
        origin = getattr(fault, "orig", None) or fault
        return (str(origin).strip().splitlines() or [type(fault).__name__])[0]
    return ""
