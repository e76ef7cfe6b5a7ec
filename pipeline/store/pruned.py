"""What was deleted to save space: written down before it is deleted, and for good."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import RowMapping, delete, insert, select, update

from pipeline.store.cycles import NEWEST_FIRST, as_moment, as_text
from pipeline.store.database import Database
from pipeline.store.rows import plain
from pipeline.store.tables import canaries, canary_keys, cycles, pruned, stages

PrunedKind = Literal["version", "cycle", "run"]


@dataclass(frozen=True)
class Pruned:
    """One thing whose files were deleted, or are about to be.

    Attributes
    ----------
    kind, name
        A version by its number, or the files or the trainings of a cycle by its identifier.
    reason, at
        Why and when.
    facts
        What is still asked about it.
    done
        Whether all of it is deleted; otherwise a deletion was interrupted.
    """

    kind: PrunedKind
    name: str
    reason: str
    at: datetime
    facts: Mapping[str, Any] = field(default_factory=dict)
    done: bool = False

    @property
    def told(self) -> str:
        """When and why, as the end of a sentence."""
        return f"deleted on {self.at:%Y-%m-%d}: {self.reason}"


class PrunedLog:
    """The part of the store that knows what was deleted to save space."""

    _database: Database

    def mark_pruned(self, given: Pruned) -> None:
        """Write down what is about to be deleted; what is deleted already stays as it is."""
        key = pruned.c.kind == given.kind, pruned.c.name == given.name
        row = {**asdict(given), "at": as_text(given.at), "reason": plain(given.reason)}
        row |= {"facts": json.dumps(dict(given.facts)), "done": 0}
        with self._database.writing() as connection:
            done = connection.scalar(select(pruned.c.done).where(*key))
            if done is None:
                connection.execute(insert(pruned).values(row))
            elif not done:
                connection.execute(update(pruned).where(*key).values(row))

    def finish_pruned(self, kind: PrunedKind, name: str) -> None:
        """Note that all of it is deleted."""
        key = pruned.c.kind == kind, pruned.c.name == name
        with self._database.writing() as connection:
            connection.execute(update(pruned).where(*key).values(done=1))

    def pruned(self, kind: PrunedKind) -> dict[str, Pruned]:
        """Return what was deleted of a kind, or is about to be, by its name."""
        with self._database.reading() as connection:
            found = connection.execute(select(pruned).where(pruned.c.kind == kind)).mappings()
            return {row["name"]: _row(row) for row in found}

    def finished_cycles(self, outcomes: Collection[str] | None = None) -> list[str]:
        """Return the identifiers of the finished cycles, newest first; None: of any outcome."""
        chosen = select(cycles.c.id).where(cycles.c.outcome.is_not(None)).order_by(*NEWEST_FIRST)
        if outcomes is not None:
            chosen = chosen.where(cycles.c.outcome.in_(outcomes))
        with self._database.reading() as connection:
            return list(connection.scalars(chosen))

    def forget_details(self, cycle: str, result: Mapping[str, Any]) -> None:
        """Delete the stages of a finished cycle, and what single users showed of its canary.

        Parameters
        ----------
        cycle
            Its identifier.
        result
            Takes the place of its result: the same without details.
        """
        with self._database.writing() as connection:
            finished = cycles.c.id == cycle, cycles.c.outcome.is_not(None)
            values = {"result": json.dumps(dict(result))}
            if not connection.execute(update(cycles).where(*finished).values(values)).rowcount:
                return
            connection.execute(delete(stages).where(stages.c.cycle == cycle))
            ended = select(canaries.c.number).where(
                canaries.c.cycle == cycle, canaries.c.state != "running"
            )
            connection.execute(delete(canary_keys).where(canary_keys.c.canary.in_(ended)))


def _row(row: RowMapping) -> Pruned:
    changed = {"at": as_moment(row["at"]), "facts": json.loads(row["facts"])}
    return Pruned(**{**row, **changed, "done": bool(row["done"])})
