"""The journal of one cycle: the result of each stage, so that a killed cycle goes on."""

import time
from collections.abc import Callable
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pipeline.store import CycleRow, Store


class Journal:
    """Run each stage of a cycle once, over however many processes it takes.

    Parameters
    ----------
    store
        The database that keeps the results.
    row
        The cycle.
    folder
        Where the stages may put files.
    """

    def __init__(self, store: Store, row: CycleRow, folder: Path) -> None:
        self._store = store
        self._row = row
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def cycle(self) -> str:
        """Identifier of the cycle, such as 0003."""
        return self._row.id

    @property
    def started(self) -> datetime:
        """When the cycle began: its present, also when another process finishes it."""
        return self._row.started

    def known(self, stage: str) -> bool:
        """Say whether a stage is done."""
        return self.result(stage) is not None

    def result(self, stage: str) -> dict[str, Any] | None:
        """Return the result of a stage; None if it is not done."""
        done = self._store.stage(self._row.id, stage)
        return done["result"] if done else None

    def once(self, stage: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return the stage's result, doing the work unless it is done already."""
        done = self._store.stage(self._row.id, stage)
        if done is None:
            began = time.perf_counter()
            result = work()
            done = {"result": result, "seconds": time.perf_counter() - began}
            self._store.record_stage(self._row.id, stage, done)
        kept: dict[str, Any] = done["result"]
        return kept

    def seconds(self, stages: dict[str, tuple[str, ...]]) -> dict[str, float]:
        """Return the time spent on groups of stages, and on all of them as `total`.

        A name that ends with a star stands for all stages that begin so.
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
