"""Canaries in the store: which candidate is on trial, and what its keys showed, each once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, insert, select, update

from pipeline.store.cycles import as_moment, as_text
from pipeline.store.database import Database
from pipeline.store.rows import chunks, next_numbers, plain
from pipeline.store.tables import canaries, canary_keys


@dataclass(frozen=True)
class CanaryRow:
    """One canary as the store knows it.

    Attributes
    ----------
    number
        Counts from 1.
    candidate, champion
        Numbers of the versions.
    cycle
        The cycle that made the candidate.
    began
        When.
    settings
        The fields of `[canary]` that it began with, and keeps.
    started
        Number of the sequence of the first query that the candidate answered; 0 before it.
    cut
        Number of the sequence up to which all lines are counted.
    looks
        How often keys were counted.
    slow_above
        Seconds above which an answer is slow; None while nobody knows.
    harm
        What a running service saw that made it stop at once; "" where it saw nothing.
    state, ended, result
        What became of it, when, and the result as JSON.
    """

    number: int
    candidate: int
    champion: int
    cycle: str
    began: datetime
    settings: Mapping[str, Any]
    cut: int
    started: int = 0
    looks: int = 0
    slow_above: float | None = None
    harm: str = ""
    state: str = "running"
    ended: datetime | None = None
    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CanaryKey:
    """What one user, session or query showed of the version that answered.

    Attributes
    ----------
    key
        Its digest.
    candidate
        Whether the candidate answered.
    number
        Its place in the order of counting; 0: it does not count.
    first
        When it was first answered, in seconds since the epoch.
    empty, slow
        Share of its queries without results, and of slow answers; None: unknown.
    failure, settled
        Share of its queries without a click or a good rating, and its place in the order in which
        that became known; None and 0 before it is.
    rated
        Whether anybody clicked or rated.
    overlap
        Share of the champion's best results among the candidate's, in shadow mode.
    """

    key: str
    candidate: bool
    number: int
    first: float
    empty: float | None = None
    slow: float | None = None
    failure: float | None = None
    settled: int = 0
    rated: bool = False
    overlap: float | None = None


class CanaryLog:
    """The part of the store that knows canaries; at most one runs."""

    _database: Database

    def begin_canary(
        self, candidate: int, champion: int, cycle: str, settings: Mapping[str, Any], at: datetime
    ) -> CanaryRow:
        """Begin the trial of a candidate, or return the one that it has.

        Raises ValueError while another candidate is on trial.
        """
        with self._database.writing() as connection:
            # Taking the number first makes two processes follow one another on every engine.
            cut = next_numbers(connection, "sequence", 0) - 1
            last = connection.scalar(select(func.max(canaries.c.number))) or 0
            for row in _rows(connection):
                if row.candidate == candidate and row.champion == champion:
                    return row
                if row.state == "running":
                    raise ValueError(f"version {row.candidate} is on trial already")
            row = CanaryRow(
                last + 1, candidate, champion, cycle, as_moment(as_text(at)), settings, cut
            )
            values = {**asdict(row), "began": as_text(at)}
            values |= {name: json.dumps(values[name]) for name in ("settings", "result")}
            connection.execute(insert(canaries).values(values))
            return row

    def canaries(self) -> list[CanaryRow]:
        """Return all canaries, oldest first."""
        with self._database.reading() as connection:
            return _rows(connection)

    def running_canary(self) -> CanaryRow | None:
        """Return the canary that runs; None where none does."""
        with self._database.reading() as connection:
            return next(iter(_rows(connection, canaries.c.state == "running")), None)

    def stop_canary(self, number: int, harm: str) -> None:
        """Note the harm that a running service saw: no request goes to the candidate any more."""
        with self._database.writing() as connection:
            chosen = canaries.c.number == number, canaries.c.harm == ""
            connection.execute(update(canaries).where(*chosen).values(harm=plain(harm)))

    def end_canary(self, number: int, state: str, at: datetime, result: Mapping[str, Any]) -> None:
        """Record what became of a canary."""
        values = {"state": state, "ended": as_text(at), "result": json.dumps(result)}
        with self._database.writing() as connection:
            connection.execute(update(canaries).where(canaries.c.number == number).values(values))

    def canary_keys(self, number: int) -> list[CanaryKey]:
        """Return the keys of a canary in the order of counting."""
        columns = [column for column in canary_keys.c if column.name != "canary"]
        chosen = select(*columns).where(canary_keys.c.canary == number)
        with self._database.reading() as connection:
            found = connection.execute(chosen.order_by(canary_keys.c.number)).mappings()
            flags = ("candidate", "rated")
            return [
                CanaryKey(**{**row, **{flag: bool(row[flag]) for flag in flags}}) for row in found
            ]

    def count_keys(self, row: CanaryRow, keys: Sequence[CanaryKey], now: CanaryRow) -> bool:
        """Keep what a look counted: keys that are new or settled, and how far it read.

        Parameters
        ----------
        row
            The canary as the look found it.
        keys
            The keys, new or with new values.
        now
            The canary after the look.

        Returns
        -------
        bool
            Whether it is kept; not where another process looked in the meantime.
        """
        held = canaries.c.number == row.number, canaries.c.looks == row.looks
        with self._database.writing() as connection:
            changed = connection.execute(
                update(canaries)
                .where(*held)
                .values(
                    looks=row.looks + 1,
                    cut=now.cut,
                    started=now.started,
                    slow_above=now.slow_above,
                )
            )
            if not changed.rowcount:
                return False
            for some in chunks([each.key for each in keys]):
                connection.execute(
                    canary_keys.delete().where(
                        canary_keys.c.canary == row.number, canary_keys.c.key.in_(some)
                    )
                )
            _insert(connection, row.number, keys)
        return True

    def add_shadowed(self, number: int, keys: Sequence[CanaryKey]) -> None:
        """Keep what both versions did with the same queries: each key counts once.

        Parameters
        ----------
        number
            The canary.
        keys
            Two of each key, the champion's first.
        """
        with self._database.writing() as connection:
            next_numbers(connection, "sequence", 0)
            last = connection.scalar(
                select(func.max(canary_keys.c.number)).where(canary_keys.c.canary == number)
            )
            fresh: dict[tuple[str, bool], CanaryKey] = {}
            for each in keys:
                fresh.setdefault((each.key, each.candidate), each)
            for some in chunks(list({each.key for each in keys})):
                chosen = select(canary_keys.c.key).where(
                    canary_keys.c.canary == number, canary_keys.c.key.in_(some)
                )
                for key in connection.scalars(chosen):
                    fresh.pop((key, False), None)
                    fresh.pop((key, True), None)
            rows = [
                replace(each, number=place)
                for place, each in enumerate(fresh.values(), (last or 0) + 1)
            ]
            _insert(connection, number, rows)


def _rows(connection: Connection, *conditions: ColumnElement[bool]) -> list[CanaryRow]:
    chosen = select(canaries).where(*conditions).order_by(canaries.c.number)
    return [_row(row) for row in connection.execute(chosen).mappings()]


def _row(row: RowMapping) -> CanaryRow:
    return CanaryRow(
        **{
            **row,
            "began": as_moment(row["began"]),
            "ended": as_moment(row["ended"]) if row["ended"] else None,
            "settings": json.loads(row["settings"]),
            "result": json.loads(row["result"]),
        }
    )


def _insert(connection: Connection, number: int, keys: Sequence[CanaryKey]) -> None:
    if keys:
        rows = [{**asdict(each), "canary": number} for each in keys]
        for row in rows:
            row |= {name: int(row[name]) for name in ("candidate", "rated")}
        connection.execute(insert(canary_keys), rows)
