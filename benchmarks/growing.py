"""A workspace that grows: records that arrive, commands that run, and what each stage costs."""

import json
import resource
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from made_streams import texts_of, write_anchors, write_lines

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = ("lost", "card", "account", "money", "pay", "bank", "flight", "hotel", "train", "menu")
SETTINGS = """
[model]
name = "growth"
base = {base}
max_length = 32

[data]
history = ["history.jsonl"]
reference = ["reference.jsonl"]
pairs = ["pairs/*.jsonl"]
traffic = ["traffic/*.jsonl"]
corpus = ["corpus/*.jsonl"]
log = ["log/*.jsonl"]

[policy]
cooldown_hours = 0.0

[finetune]
epochs = 1
learning_rate = 0.003

[gate]
minimum_queries = {minimum_queries}
{more}
"""
ALWAYS = "[triggers]\nfresh_data.minimum_pairs = 64\ndata_quality.enabled = false\n"
"""Trains whenever pairs wait."""


@dataclass
class Cost:
    """What one size cost.

    Attributes
    ----------
    seconds
        Stage -> processor seconds.
    megabytes
        Most memory beyond that of a process that did nothing yet.
    disk
        Part of the workspace -> megabytes.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    megabytes: float = 0.0
    disk: dict[str, float] = field(default_factory=dict)


class Life:
    """A workspace on day 0 that records lets arrive and commands run, and what they cost."""

    def __init__(self, space: Path, model: Path) -> None:
        self.space, self.model = space, model
        self.day = 0
        self.cost = Cost()

    def lay_out(
        self, *, history: int = 200, queries: int = 100, sets: int = 1, more: str = "",
        minimum_queries: int = 100_000,
    ) -> None:  # fmt: skip
        """Write settings, history, reference and anchor sets."""
        write_lines(self.space / "history.jsonl", pairs(history, 0))
        write_lines(self.space / "reference.jsonl", texts(1000, 1))
        for number in range(sets):
            place = self.space / "anchors" / f"set{number}"
            write_anchors(place, pairs(queries, 10 + number), documents=1000)
            more += f'\n[anchors.set{number}]\npath = "anchors/set{number}"\n'
        base = json.dumps(str(self.model))
        settings = SETTINGS.format(base=base, more=more, minimum_queries=minimum_queries)
        (self.space / "anchorhold.toml").write_text(settings)

    def arrive(self, kind: str, rows: Sequence[dict[str, Any]]) -> None:
        """Let records arrive in a file of their own."""
        write_lines(self.space / kind / f"{self.day:05}.jsonl", rows)

    def run(self, *, measured: bool = True) -> str:
        """Run a cycle on the next day; return how it ended."""
        with self._workspace() as workspace, self._stages(measured):
            outcome = str(workspace.run().outcome)
        return outcome

    def do(self, stage: str, verb: Callable[[Any], object]) -> None:
        """Do what a command does."""
        with self._workspace() as workspace, self.timed(stage):
            verb(workspace)

    @contextmanager
    def _workspace(self) -> Iterator[Any]:
        from pipeline import Workspace

        self.day += 1
        with Workspace.open(self.space, now=BEGAN + timedelta(days=self.day)) as workspace:
            yield workspace

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Count the processor seconds of a block as those of a stage."""
        began = processor_seconds()
        yield
        spent = processor_seconds() - began
        self.cost.seconds[stage] = self.cost.seconds.get(stage, 0.0) + spent

    @contextmanager
    def _stages(self, measured: bool) -> Iterator[None]:
        """Attribute the time of a cycle to its stages, and the rest to what is around them."""
        from pipeline.cycle.journal import Journal
        from pipeline.cycle.stages import STAGES

        if not measured:
            yield
            return
        group_of = {name: group for group, names in STAGES.items() for name in names}
        spent: dict[str, float] = defaultdict(float)
        once = Journal.once

        def timed(journal: Journal, stage: str, *rest: Any) -> Any:
            began = processor_seconds()
            done = once(journal, stage, *rest)
            name = stage if stage in group_of else f"{stage.partition('/')[0]}/*"
            spent[group_of.get(name, "around")] += processor_seconds() - began
            return done

        Journal.once = timed  # type: ignore[method-assign]
        began = processor_seconds()
        try:
            yield
        finally:
            Journal.once = once  # type: ignore[method-assign]
        total = processor_seconds() - began
        spent["around"] = total - sum(value for name, value in spent.items() if name != "around")
        for name, value in spent.items():
            self.cost.seconds[f"run: {name}"] = value
        self.cost.seconds["run"] = total


def pairs(count: int, seed: int, source: str = "desk") -> list[dict[str, Any]]:
    """Return labelled pairs; the number is what query and answer share."""
    random = np.random.default_rng([seed, 3])
    chosen = random.integers(len(WORDS), size=(count, 2)).tolist()
    numbers = random.integers(10**9, size=count).tolist()
    return [
        {
            "id": f"{seed}-{row}",
            "query": f"where is my {WORDS[one]} {WORDS[other]} {number}",
            "positive": f"how the {WORDS[other]} {number} is gone",
            "source": source,
        }
        for row, ((one, other), number) in enumerate(zip(chosen, numbers, strict=True))
    ]


def texts(count: int, seed: int) -> list[dict[str, Any]]:
    """Return the queries of pairs as traffic."""
    return texts_of(pairs(count, seed))


def documents(count: int, seed: int) -> list[dict[str, Any]]:
    """Return answers as documents."""
    return [{"id": f"d{row['id']}", "text": row["positive"]} for row in pairs(count, seed)]


def lines(count: int, seed: int, shown: int) -> list[dict[str, Any]]:
    """Return lines of a served log over so many documents, every fifth one clicked."""
    random = np.random.default_rng([seed, 4])
    rows = pairs(count, seed)
    found = random.integers(shown, size=(count, 5)).tolist()
    return [
        {
            "id": f"l{row['id']}",
            "query": row["query"],
            "results": [{"id": f"d20-{each}"} for each in dict.fromkeys(ids)],
            "clicked": [f"d20-{ids[0]}"] if number % 5 == 0 else [],
            "user": f"u{number % 1000}",
        }
        for number, (row, ids) in enumerate(zip(rows, found, strict=True))
    ]


def processor_seconds() -> float:
    """Return the seconds that this process and its ended children computed."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in spent)
