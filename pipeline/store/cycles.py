"""The table of cycles: which were begun, which of their stages are done, how they ended."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from pipeline.store.tables import counters, cycles, stages


@dataclass(frozen=True)
class CycleRow:
    """One cycle as the store knows it; an unfinished one has no outcome and an empty result."""

    id: str
    started: datetime
    finished: datetime | None = None
    outcome: str | None = None
    result: dict[str, Any] = field(default_factory=dict)


def as_text(moment: datetime) -> str:
    """Return the moment in UTC as text; one without a zone counts as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat()


def as_moment(written: str) -> datetime:
    """Return the moment that `as_text` wrote."""
    return datetime.fromisoformat(written)


def begin(connection: Connection, started: datetime) -> CycleRow:
    """Begin a cycle; see `Store.begin_cycle`."""
    number = connection.scalar(
        update(counters)
        .where(counters.c.name == "cycle")
        .values(value=counters.c.value + 1)
        .returning(counters.c.value)
    )
    open_cycle = unfinished(connection)
    if open_cycle is not None:
        raise ValueError(
            f"cycle {open_cycle.id} of {as_text(open_cycle.started)} is unfinished; "
            "it must be finished before another one begins"
        )
    row = CycleRow(f"{number:04d}", as_moment(as_text(started)))
    connection.execute(insert(cycles).values(id=row.id, started=as_text(started)))
    return row


def unfinished(connection: Connection) -> CycleRow | None:
    """Return the cycle that has no outcome yet, if there is one."""
    row = connection.execute(select(cycles).where(cycles.c.outcome.is_(None))).mappings().first()
    return None if row is None else _cycle(row)


def stage(connection: Connection, cycle: str, name: str) -> dict[str, Any] | None:
    """Return what a stage recorded, or None if it is not done."""
    payload = connection.scalar(
        select(stages.c.payload).where(stages.c.cycle == cycle, stages.c.name == name)
    )
    if payload is None:
        return None
    recorded: dict[str, Any] = json.loads(payload)
    return recorded


def recorded(connection: Connection, cycle: str) -> dict[str, dict[str, Any]]:
    """Return what each stage recorded, by name."""
    rows = connection.execute(
        select(stages.c.name, stages.c.payload).where(stages.c.cycle == cycle)
    )
    return {row.name: json.loads(row.payload) for row in rows}


def record(connection: Connection, cycle: str, name: str, payload: Mapping[str, Any]) -> None:
    """Record a stage as done; see `Store.record_stage`."""
    _must_be_open(connection, cycle)
    recorded = stage(connection, cycle, name)
    written = json.dumps(dict(payload))
    if recorded is None:
        connection.execute(insert(stages).values(cycle=cycle, name=name, payload=written))
    elif json.dumps(recorded) != written:
        raise ValueError(
            f"stage {name!r} of cycle {cycle} is recorded already with another result; "
            "a stage is recorded once"
        )


def finish(
    connection: Connection,
    cycle: str,
    outcome: str,
    result: Mapping[str, Any],
    finished: datetime | None,
) -> CycleRow:
    """Close a cycle; see `Store.finish_cycle`."""
    _must_be_open(connection, cycle)
    if not outcome:
        raise ValueError(f"the outcome of cycle {cycle} is empty; it must be a word")
    chosen = cycles.c.id == cycle
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


def newest(connection: Connection, limit: int | None) -> list[CycleRow]:
    """Return the cycles, newest first."""
    # Ids grow in length beyond 9999: shorter ones are older.
    order = (func.length(cycles.c.id).desc(), cycles.c.id.desc())
    found = connection.execute(select(cycles).order_by(*order).limit(limit)).mappings()
    return [_cycle(row) for row in found]


def _must_be_open(connection: Connection, cycle: str) -> None:
    row = connection.execute(select(cycles.c.outcome).where(cycles.c.id == cycle)).first()
    if row is None:
        raise ValueError(f"there is no cycle {cycle!r}; begin_cycle gives the ids that exist")
    if row.outcome is not None:
        raise ValueError(f"cycle {cycle} is finished ({row.outcome}); only open ones can change")


def _cycle(row: Mapping[Any, Any]) -> CycleRow:
    return CycleRow(
        id=row["id"],
        started=as_moment(row["started"]),
        finished=None if row["finished"] is None else as_moment(row["finished"]),
        outcome=row["outcome"],
        result={} if row["result"] is None else json.loads(row["result"]),
    )
