"""The journal of one cycle: the result of each stage, so that a killed cycle can be resumed."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

from pipeline.results import Result
from pipeline.store import CycleRow, Store
from training.progress import Progress, no_progress

Kept = TypeVar("Kept", bound=Result)


class Journal:
    """Run each stage of a cycle once, however many processes that takes.

    Parameters
    ----------
    store
        The database that keeps the results.
    row
        The cycle.
    folder
        Where the stages may put files.
    now
        The present of this process; by default, when the cycle began.
    progress
        How to show which stage is under way.
    """

    def __init__(
        self,
        store: Store,
        row: CycleRow,
        folder: Path,
        now: datetime | None = None,
        progress: Progress = no_progress,
    ) -> None:
        self._store = store
        self._row = row
        self._now, self._opened = now or row.started, time.monotonic()
        self._progress = progress
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def cycle(self) -> str:
        """Identifier of the cycle, such as 0003."""
        return self._row.id

    @property
    def started(self) -> datetime:
        """When the cycle began; this is its present, also when another process finishes it."""
        return self._row.started

    @property
    def present(self) -> datetime:
        """What the clock says now, however long ago the cycle began: for what lasts after it."""
        return self._now + timedelta(seconds=time.monotonic() - self._opened)

    def known(self, stage: str) -> bool:
        """Say whether a stage is done."""
        return self._store.stage(self._row.id, stage) is not None

    def result(self, stage: str, kind: type[Kept]) -> Kept | None:
        """Return the result of a stage; None if it is not done."""
        done = self._store.stage(self._row.id, stage)
        return kind.of_store(done["result"]) if done else None

    def results(self, prefix: str, kind: type[Kept]) -> list[Kept]:
        """Return the results of the stages that are done and whose names begin with a prefix."""
        done = self._store.stages(self._row.id)
        return [
            kind.of_store(row["result"]) for name, row in done.items() if name.startswith(prefix)
        ]

    def once(self, stage: str, work: Callable[[], Kept], kind: type[Kept]) -> Kept:
        """Return the stage's result, doing the work unless it is done already.

        What is returned is always read back from what is recorded, so that a resumed cycle
        continues with exactly what an undisturbed one would have.

        Parameters
        ----------
        stage
            Its name, unique within the cycle.
        work
            Does the stage and returns its result.
        kind
            Type of the result.
        """
        done = self._store.stage(self._row.id, stage)
        if done is None:
            began = time.perf_counter()
            with self._progress(stage, 0):
                result = work()
            done = self.keep(stage, result, time.perf_counter() - began)
        return kind.of_store(done["result"])

    def keep(self, stage: str, result: Result, seconds: float) -> dict[str, Any]:
        """Record the result of a stage that was done, and the time it took; return the record."""
        done = {"result": result.to_json(), "seconds": seconds}
        self._store.record_stage(self._row.id, stage, done)
        return done

    def forget(self, stage: str) -> None:
        """Forget a stage that only an interrupted cycle needs."""
        if self.known(stage):
            self._store.forget_stage(self._row.id, stage)

    def seconds(self, stages: Mapping[str, Sequence[str]]) -> dict[str, float]:
        """Return the time spent on groups of stages, and on all of them as `total`.

        A name that ends with an asterisk means all stages that begin with it.
        """
        spent = {}
        done = self._store.stages(self._row.id)
        for group, members in stages.items():
            within = [
                row["seconds"]
                for name, row in done.items()
                if any(fnmatchcase(name, member) for member in members)
            ]
            spent[group] = round(sum(within), 3)
        return {**spent, "total": round(sum(spent.values()), 3)}


class Rehearsed(Journal):
    """A journal of what is only tried: nothing is kept, and there is no cycle.

    Parameters
    ----------
    folder
        Where the stages may put files.
    started
        The present.
    """

    def __init__(self, folder: Path, started: datetime) -> None:
        self.folder = folder
        self._started = started

    @property
    def cycle(self) -> str:
        """What stands for the identifier of the cycle."""
        return "dry-run"

    @property
    def started(self) -> datetime:
        """The present."""
        return self._started

    def once(self, stage: str, work: Callable[[], Kept], kind: type[Kept]) -> Kept:
        """Do the work of a stage."""
        return kind.model_validate(work().to_json())
