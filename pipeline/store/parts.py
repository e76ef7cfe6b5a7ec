"""Parts of many rows, chosen by the database: the rows that are left out are never read here."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, func, literal, select

from pipeline.store.tables import pairs
from training.pairs import PerSource


def of_each_source(
    most: PerSource, conditions: Sequence[ColumnElement[bool]]
) -> ColumnElement[bool]:
    """Return the condition that a pair is among those of its source that are used.

    Parameters
    ----------
    most
        How many those are.
    conditions
        Which pairs wait.
    """
    source = pairs.c.source if most.divided else literal("")

    asked = (
        select(
            pairs.c.sequence,
            pairs.c.digest,
            source.label("source"),
            # A query that is asked again shows little that is new, and measures nothing more.
            _rank([source, pairs.c.query], [pairs.c.sequence.desc()]).label("again"),
        )
        .where(*conditions)
        .subquery()
    )
    of = asked.c
    by_age = select(
        of.sequence,
        of.digest,
        of.source,
        of.again,
        _rank([of.source], [of.again, of.sequence.desc()]).label("age"),
    ).subquery()
    of = by_age.c
    # Digests are as good as drawn by chance, and stay what they are: a sample of all times.
    drawn = select(
        of.sequence,
        of.age,
        _rank([of.source, of.age > most.newest], [of.again, of.digest]).label("drawn"),
    ).subquery()
    chosen = (drawn.c.age <= most.newest) | (drawn.c.drawn <= most.spread)
    return pairs.c.sequence.in_(select(drawn.c.sequence).where(chosen))


def evenly(
    table: Table, count: int, conditions: Sequence[ColumnElement[bool]]
) -> ColumnElement[bool]:
    """Return the condition that a row is one of so many, evenly spread over those that others meet.

    Parameters
    ----------
    table
        The table.
    count
        How many; where there are fewer, all of them.
    conditions
        Which rows count.
    """
    counted = (
        select(
            table.c.sequence,
            _rank([], [table.c.sequence]).label("place"),
            func.count().over().label("total"),
        )
        .where(*conditions)
        .subquery()
    )
    place, total = counted.c.place, counted.c.total
    steps = place * count // total > (place - 1) * count // total
    return table.c.sequence.in_(select(counted.c.sequence).where(steps))


def _rank(
    within: Sequence[ColumnElement[Any]], by: Sequence[ColumnElement[Any]]
) -> ColumnElement[int]:
    """Return the rank of a row, from 1 on, in an order within what it is grouped by."""
    return func.row_number().over(partition_by=within or None, order_by=by)
