"""Replacing how texts begin in the tables of a database, all at once or not at all."""

from collections.abc import Iterable

from sqlalchemy import Text, column, create_engine, func, inspect, or_, table, update

from pipeline.store.database import explained


def replace_prefix(url: str, places: Iterable[tuple[str, str]], old: str, new: str) -> int:
    """Replace the beginning of paths in one transaction and return the number of changed rows.

    Only whole parts of a path count: `/data/old` begins `/data/old/runs`, not `/data/older`.

    Parameters
    ----------
    url
        SQLAlchemy URL of the database.
    places
        (table, column) of each column to look at; those that the database lacks are left out.
    old, new
        What the texts begin with now, and what they shall begin with.

    Raises
    ------
    StoreUnusable
        The database cannot be read or written; nothing is changed.
    """
    engine = create_engine(url)
    changed = 0
    try:
        with explained(engine.url.render_as_string(hide_password=True)), engine.begin() as work:
            known = inspect(work)
            tables = set(known.get_table_names())
            for name, field in places:
                if name not in tables or field not in {
                    each["name"] for each in known.get_columns(name)
                }:
                    continue
                path = column(field, Text)
                longest = 2**20  # PostgreSQL and SQLite need no length; others do.
                rest = func.substring(path, len(old) + 1, longest)
                inside = or_(path == old, path.startswith(f"{old}/", autoescape=True))
                done = work.execute(
                    update(table(name, path)).where(inside).values({field: new + rest})
                )
                changed += done.rowcount
    finally:
        engine.dispose()
    return changed
