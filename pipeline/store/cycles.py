"""The journal of cycles: which were begun, which of their stages are done, how they ended."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from pipeline.store.database import Database
from pipeline.store.rows import next_numbers
from pipeline.store.tables import cycles, stages

NEWEST_FIRST = (func.length(cycles.c.id).desc(), cycles.c.id.desc())
"""Order of cycles: ids grow in length beyond 9999, so that shorter ones are older."""


@dataclass(frozen=True)
class CycleRow:
    """One cycle as the store knows it; an unfinished one has no outcome and an empty result."""

    id: str
    started: datetime
    finished: datetime | None = None
    outcome: str | None = None
    result: Mapping[str, Any] = field(default_factory=dict)


def as_text(moment: datetime) -> str:
    """Return the moment in UTC as text; one without a zone counts as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat()


def as_moment(written: str) -> datetime:
    """Return the moment that `as_text` wrote."""
    return datetime.fromisoformat(written)


class CycleJournal:
    """The part of the store that knows cycles: begun one at a time, each stage recorded once."""

    _database: Database

    def begin_cycle(self, started: datetime) -> CycleRow:
        """Begin a cycle with the next id ("0001", "0002", …), whatever the clock says.

        Raises ValueError while another cycle is unfinished.
        """
        with self._database.writing() as connection:
            # Taking the number first makes two processes follow one another on every engine.
            number = next_numbers(connection, "cycle", 1)
            unfinished = _unfinished(connection)
            if unfinished is not None:
                raise ValueError(
                    f"cycle {unfinished.id}, started {as_text(unfinished.started)}, is unfinished; "
                    "it must be finished before another one begins"
                )
            row = CycleRow(f"{number:04d}", as_moment(as_text(started)))
            connection.execute(insert(cycles).values(id=row.id, started=as_text(started)))
            return row

    def unfinished_cycle(self) -> CycleRow | None:
        """Return the cycle that was begun and has no outcome yet."""
        with self._database.reading() as connection:
            return _unfinished(connection)

    def stage(self, cycle: str, name: str) -> dict[str, Any] | None:
        """Return what a stage of a cycle recorded, or None if it is not done."""
        with self._database.reading() as connection:
            return _stage(connection, cycle, name)

    def stages(self, cycle: str) -> dict[str, dict[str, Any]]:
        """Return what each stage of a cycle recorded, by name."""
        chosen = select(stages.c.name, stages.c.payload).where(stages.c.cycle == cycle)
        with self._database.reading() as connection:
            return {row.name: json.loads(row.payload) for row in connection.execute(chosen)}

    def record_stage(self, cycle: str, name: str, payload: Mapping[str, Any]) -> None:
        """Record that a stage is done, with its result (anything JSON can hold).

        Doing so again with the same result changes nothing; with another one, or for a cycle that
        is finished or unknown, it raises ValueError.
        """
        written = json.dumps(dict(payload))
        with self._database.writing() as connection:
            _must_be_open(connection, cycle)
            recorded = _stage(connection, cycle, name)
            if recorded is None:
                connection.execute(insert(stages).values(cycle=cycle, name=name, payload=written))
            elif json.dumps(recorded) != written:
                raise ValueError(
                    f"stage {name!r} of cycle {cycle} is recorded already with another result; "
                    "a stage is recorded once"
                )

    def forget_stage(self, cycle: str, name: str) -> None:
        """Forget what a stage recorded that only an interrupted cycle needs, if it is there."""
        with self._database.writing() as connection:
            connection.execute(delete(stages).where(stages.c.cycle == cycle, stages.c.name == name))

    def finish_cycle(
        self,
        cycle: str,
        outcome: str,
        result: Mapping[str, Any],
        finished: datetime | None = None,
    ) -> CycleRow:
        """Close a cycle with its outcome; raises ValueError if it is finished or unknown."""
        chosen = cycles.c.id == cycle
        with self._database.writing() as connection:
            _must_be_open(connection, cycle)
            if not outcome:
                raise ValueError(f"the outcome of cycle {cycle} is empty; it must be a word")
            connection.execute(
                update(cycles)
                .where(chosen)
                .values(
                    outcome=outcome,
                    result=json.dumps(dict(result)),
                    finished=None if finished is None else as_text(finished),
                )
            )
            return _cycle(connection.execute(select(cycles).where(chosen)).mappings().one())

    def cycle(self, id: str) -> CycleRow | None:
        """Return the cycle of an id; None where there is none."""
        with self._database.reading() as connection:
            found = connection.execute(select(cycles).where(cycles.c.id == id)).mappings().first()
            return None if found is None else _cycle(found)

    def count_cycles(self, since: datetime) -> int:
        """Return how many cycles began after a moment."""
        later = cycles.c.started > as_text(since)
        with self._database.reading() as connection:
            return int(connection.scalar(select(func.count()).where(later)) or 0)

    def cycles(
        self,
        limit: int | None = None,
        outcomes: Collection[str] | None = None,
        *,
        offset: int = 0,
    ) -> list[CycleRow]:
        """Return the cycles, newest first; with `outcomes`, those that ended with one of them.

        `limit` is how many are read, behind as many as `offset` says.
        """
        chosen = select(cycles).order_by(*NEWEST_FIRST).limit(limit).offset(offset)
        if outcomes is not None:
            chosen = chosen.where(cycles.c.outcome.in_(outcomes))
        with self._database.reading() as connection:
            return [_cycle(row) for row in connection.execute(chosen).mappings()]


def _unfinished(connection: Connection) -> CycleRow | None:
    row = connection.execute(select(cycles).where(cycles.c.outcome.is_(None))).mappings().first()
    return None if row is None else _cycle(row)


def _stage(connection: Connection, cycle: str, name: str) -> dict[str, Any] | None:
    payload = connection.scalar(
        select(stages.c.payload).where(stages.c.cycle == cycle, stages.c.name == name)
    )
    if payload is None:
        return None
    recorded: dict[str, Any] = json.loads(payload)
    return recorded


def _must_be_open(connection: Connection, cycle: str) -> None:
    row = connection.execute(select(cycles.c.outcome).where(cycles.c.id == cycle)).first()
    if row is None:
        raise ValueError(f"there is no cycle {cycle!r}; begin_cycle gives the ids that exist")
    if row.outcome is not None:
        raise ValueError(f"cycle {cycle} is finished ({row.outcome}); only open ones can change")


def _cycle(row: RowMapping) -> CycleRow:
    return CycleRow(
        id=row["id"],
        started=as_moment(row["started"]),
        finished=None if row["finished"] is None else as_moment(row["finished"]),
        outcome=row["outcome"],
        result={} if row["result"] is None else json.loads(row["result"]),
    )
