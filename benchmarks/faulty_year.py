"""Live a simulated year twice, once in peace and once with faults, and compare how it ended.

    python benchmarks/faulty_year.py --weeks 50 --seed 1 --json figures.json

Each week brings pairs and texts, and a scheduler runs cycles until one has ended well, as `watch`
and cron do. In the year with faults the runs of a week are hit first: killed, without room on the
disk, with databases that are locked or gone, with a wrong clock, damaged caches, input that is
half-written, bad records, or another run beside them. Each run is a process of its own, forked from
this one, which has loaded all libraries. Ctrl-C ends both years after a week and compares
them.
"""

import argparse
import json
import os
import resource
import signal
import sqlite3
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from growing import BEGAN
from long_life import pairs
from made_streams import texts_of, write_anchors, write_lines
from tiny_models import tiny_bert

from pipeline.operations import Workspace
from training.faults import AnchorholdError

SETTLED = 8
"""Weeks after which another topic comes."""
ENOUGH = 8
"""Undisturbed runs after which a week counts as stuck."""
SETTINGS = """
[model]
name = "year"
base = {base}
max_length = 32

[data]
history = ["history/*.jsonl"]
reference = ["reference/*.jsonl"]
pairs = ["pairs/*.parquet"]
traffic = ["traffic/*.jsonl"]

[intake]
max_bad_share = 1.0

[anchors.first]
path = "anchors/first"

[triggers.fresh_data]
minimum_pairs = 60

[triggers.model_age]
enabled = false

[learned_anchors]
minimum_queries = 20

[holdout]
maximum = 40

[finetune]
epochs = 2
learning_rate = 0.003
checkpoint_steps = 4
"""


def lay_out(space: Path, model: Path) -> None:
    """Make a workspace that knows topic 0."""
    write_lines(space / "history" / "first.jsonl", pairs(0, 120, 0))
    write_lines(space / "reference" / "first.jsonl", texts_of(pairs(0, 100, 1)))
    write_anchors(space / "anchors" / "first", pairs(0, 60, 2))
    written = SETTINGS.format(base=json.dumps(str(model)))
    (space / "anchorhold.toml").write_text(written, encoding="utf-8")
    (space / "pairs").mkdir()


def arrive(space: Path, week: int) -> None:
    """Let the records of a week arrive; the first week has only the history."""
    topic = week // SETTLED
    pa.parquet.write_table(pa.Table.from_pylist(pairs(topic, 24, 10 + week)), _file(space, week))
    texts = texts_of(pairs(topic, 30, 5_000 + week))
    write_lines(space / "traffic" / f"{week:02d}.jsonl", texts)


def _file(space: Path, week: int) -> Path:
    return space / "pairs" / f"{week:02d}.parquet"


@dataclass
class Ended:
    """How a run ended: 0 well, 2 with a sentence, 1 with a traceback, below 0 by a signal."""

    status: int
    told: str
    seconds: float


class Run:
    """One run in a process of its own."""

    def __init__(
        self, space: Path, now: datetime, before: Callable[[], None] = lambda: None
    ) -> None:
        self._began = time.monotonic()
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        self._pid = os.fork()
        if not self._pid:
            os._exit(self._child(space, now, before))

    def _child(self, space: Path, now: datetime, before: Callable[[], None]) -> int:
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            before()
            with Workspace.open(space, now=now) as workspace:
                workspace.run()
        except AnchorholdError as fault:
            return self._tell(str(fault), 2)
        except BaseException:
            return self._tell(traceback.format_exc(), 1)
        return 0

    def _tell(self, text: str, status: int) -> int:
        with suppress(OSError):
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            self._file.write(text)
            self._file.flush()
        return status

    def kill_after(self, seconds: float) -> None:
        """Kill the run after some seconds, unless it ended."""
        due = time.monotonic() + seconds
        while time.monotonic() < due:
            if os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return
            time.sleep(0.005)
        os.kill(self._pid, signal.SIGKILL)

    def ended(self) -> Ended:
        """Wait for the end."""
        _, status = os.waitpid(self._pid, 0)
        self._file.seek(0)
        with self._file:
            told = self._file.read()
        return Ended(os.waitstatus_to_exitcode(status), told, time.monotonic() - self._began)


@dataclass
class Year:
    """One year of a workspace, and what was done to it."""

    space: Path
    thrown: "Counter[str]" = field(default_factory=Counter)
    struck: "Counter[str]" = field(default_factory=Counter)
    """Faults after which the run had not ended well."""
    tracebacks: list[str] = field(default_factory=list)
    stuck: list[int] = field(default_factory=list)
    runs: int = 0
    seconds: dict[int, float] = field(default_factory=dict)

    def live(self, week: int, faults: "Faults | None") -> None:
        """Live a week: runs that are hit, and then others until one ends well."""
        now = BEGAN + timedelta(weeks=week)
        if week:
            arrive(self.space, week)
        done = faults.hit(self, week, now) if faults else False
        for _ in range(ENOUGH):
            if done:
                return
            ended = self.note(Run(self.space, now).ended(), week)
            self.seconds[week] = ended.seconds
            done = ended.status == 0
        if not done:
            self.stuck.append(week)

    def note(self, ended: Ended, week: int, fault: str = "none") -> Ended:
        """Count a run."""
        self.runs += 1
        if ended.status == 1:
            self.tracebacks.append(f"week {week}, {fault}: {ended.told}")
        return ended


class Faults:
    """What is thrown at the runs of a year, by chance."""

    def __init__(self, seed: int, seconds: dict[int, float]) -> None:
        self._chance = np.random.default_rng([seed, 9])
        self._seconds = seconds
        """Seconds of each week's run in peace."""
        self._kinds: dict[str, Callable[[Path, int, datetime], Ended]] = {
            "killed": self._killed,
            "killed again": self._killed,
            "no room": self._no_room,
            "tracking locked": self._locked("mlflow.db"),
            "store locked": self._locked("store.db"),
            "tracking gone": self._gone,
            "clock": self._clock,
            "cache": self._cache,
            "half a file": self._half,
            "bad records": self._bad,
            "two at once": self._two,
        }

    def hit(self, year: Year, week: int, now: datetime) -> bool:
        """Hit the runs of a week with one to three faults; return whether one ended well."""
        for name in self._chance.choice(list(self._kinds), int(self._chance.integers(1, 4))):
            year.thrown[str(name)] += 1
            ended = year.note(self._kinds[name](year.space, week, now), week, str(name))
            if ended.status == 0:
                return True
            year.struck[str(name)] += 1
        return False

    def _killed(self, space: Path, week: int, now: datetime) -> Ended:
        run = Run(space, now)
        run.kill_after(float(self._chance.uniform(0.0, 1.1 * self._seconds.get(week, 3.0))))
        return run.ended()

    def _no_room(self, space: Path, week: int, now: datetime) -> Ended:
        most = int(np.exp(self._chance.uniform(np.log(1_000), np.log(3_000_000))))
        limit = (most, resource.RLIM_INFINITY)
        return Run(space, now, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)).ended()

    def _locked(self, name: str) -> Callable[[Path, int, datetime], Ended]:
        def run(space: Path, week: int, now: datetime) -> Ended:
            with _holding(space / ".anchorhold" / name, float(self._chance.uniform(0.5, 12.0))):
                return Run(space, now).ended()

        return run

    def _gone(self, space: Path, week: int, now: datetime) -> Ended:
        state = space / ".anchorhold"
        files = sorted(state.glob("mlflow.db*"))
        for each in files:
            each.rename(space / each.name)
        ended = Run(space, now).ended()
        for each in state.glob("mlflow.db*"):
            each.unlink()
        for each in files:
            (space / each.name).rename(each)
        return ended

    def _clock(self, space: Path, week: int, now: datetime) -> Ended:
        hours = self._chance.choice([-1.0, 1.0, -24.0 * 400, -24.0 * 31, 24.0 * 60, 24.0 * 400])
        return Run(space, now + timedelta(hours=float(hours))).ended()

    def _cache(self, space: Path, week: int, now: datetime) -> Ended:
        found = [each for each in (space / ".anchorhold" / "cache").rglob("*") if each.is_file()]
        for each in found:
            whole = each.read_bytes()
            match int(self._chance.integers(4)):
                case 0:
                    each.write_bytes(whole[: len(whole) // 2])
                case 1:
                    each.write_bytes(b"")
                case 2:
                    place = int(self._chance.integers(max(1, len(whole))))
                    each.write_bytes(whole[:place] + b"\xff" + whole[place + 1 :])
        return Run(space, now).ended()

    def _half(self, space: Path, week: int, now: datetime) -> Ended:
        file = _file(space, week)
        if not file.exists():
            return Run(space, now).ended()
        whole = file.read_bytes()
        file.write_bytes(whole[: int(self._chance.integers(len(whole)))])
        ended = Run(space, now).ended()
        file.write_bytes(whole)
        return ended

    def _bad(self, space: Path, week: int, now: datetime) -> Ended:
        lines = [b"{", b"\xff\xfe", b'{"text": 7}', b'{"text": "\\u0000"}', b"[" * 300, b"null"]
        name = f"bad-{week:02d}-{int(self._chance.integers(10**6))}.jsonl"
        (space / "traffic").mkdir(exist_ok=True)
        (space / "traffic" / name).write_bytes(b"\n".join(lines) + b"\n")
        return Run(space, now).ended()

    def _two(self, space: Path, week: int, now: datetime) -> Ended:
        first, second = Run(space, now), Run(space, now)
        both = [first.ended(), second.ended()]
        return max(both, key=lambda ended: (ended.status == 1, ended.status == 0))


@contextmanager
def _holding(database: Path, seconds: float) -> Iterator[None]:
    """Keep a database locked for some seconds, from another process."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        with suppress(sqlite3.Error):
            connection = sqlite3.connect(database, timeout=5.0, isolation_level=None)
            connection.execute("BEGIN EXCLUSIVE")
        os.write(writing, b"1")
        time.sleep(seconds)
        os._exit(0)
    os.read(reading, 1)
    os.close(reading)
    os.close(writing)
    yield
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def told(space: Path) -> dict[str, Any]:
    """Return what became of a year: cycles with news, promotions, champion, memory, scores."""
    from pipeline.results import past_cycles

    with Workspace.open(space, now=BEGAN + timedelta(weeks=520)) as workspace:
        status = workspace.status()
        with workspace._opened("compare") as opened:
            past = list(past_cycles(opened.store))[::-1]
            champion = opened.versions.champion()
            folder = opened.versions.folder(champion)
            fingerprints = [
                opened.versions.folder(opened.versions.named(str(move.version))).facts().fingerprint
                for move in status.promotions[-3:]
            ]
            cycles, until = [], -1
            for each in past:
                window = each.result.window
                if window is not None and window.until == until:
                    continue  # nothing was new
                until = -1 if window is None else window.until
                verdict = each.result.verdict
                cycles.append(
                    {
                        "outcome": each.result.outcome,
                        "champion": each.result.champion.version,
                        "train": each.result.decision.train,
                        "verdict": verdict
                        and [
                            (row.task, row.rule, row.champion, row.candidate, row.holds)
                            for row in verdict.comparisons
                        ],
                    }
                )
            return {
                "cycles": cycles,
                "promotions": [
                    (move.version, move.previous, move.action) for move in opened.store.promotions()
                ],
                "champion": (champion.number, folder.facts().cut),
                "fingerprints": fingerprints,
                "memory": sorted(pair.id for pair in folder.memory()),
                "anchors": {
                    name: list(task.metrics["ndcg_at_10"])
                    for name, task in folder.scorecard().tasks.items()
                },
                "pairs": opened.store.count_pairs(),
                "texts": opened.store.count_traffic(),
                "unfinished": status.unfinished,
                "running": len(
                    [
                        run
                        for run in opened.registry.client.search_runs(
                            [opened.registry.experiment], max_results=1_000
                        )
                        if run.info.status == "RUNNING"
                    ]
                ),
            }


def differences(calm: dict[str, Any], faulty: dict[str, Any]) -> list[str]:
    """Return what differs, a line each."""
    found = []
    for name, value in calm.items():
        other = faulty[name]
        if name == "cycles":
            found += [f"{len(value)} and {len(other)} cycles"] if len(value) != len(other) else []
            found += [
                f"cycle {place}: {one} and {two}"
                for place, (one, two) in enumerate(zip(value, other, strict=False), 1)
                if one != two
            ]
        elif value != other:
            found.append(f"{name}: {str(value)[:300]} and {str(other)[:300]}")
    return found


def live(calm: Year, faulty: Year, weeks: int, seed: int) -> dict[str, Any]:
    """Live two years side by side, and return what was thrown and what differs."""
    faults, lived, stopped = Faults(seed, calm.seconds), 0, threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stopped.set())
    while lived < weeks and not stopped.is_set():
        calm.live(lived, None)
        faulty.live(lived, faults)
        print(f"week {lived}: {faulty.runs} runs, {dict(faulty.struck)}", flush=True)
        lived += 1
    peace, hit = told(calm.space), told(faulty.space)
    return {
        "weeks": lived,
        "outcomes": dict(Counter(each["outcome"] for each in peace["cycles"])),
        "runs": faulty.runs,
        "thrown": dict(faulty.thrown),
        "struck": dict(faulty.struck),
        "tracebacks": [*calm.tracebacks, *faulty.tracebacks],
        "stuck": [*calm.stuck, *faulty.stuck],
        "differences": differences(peace, hit),
    }


def main() -> None:
    """Live both years and print what was thrown and what differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weeks", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="file of the figures")
    parser.add_argument("--keep", type=Path, help="folder in which both workspaces stay")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="faulty-year-") as folder:
        place = options.keep or Path(folder)
        model = tiny_bert(place / "model")
        calm, faulty = Year(place / "calm"), Year(place / "faulty")
        for year in (calm, faulty):
            year.space.mkdir(parents=True)
            lay_out(year.space, model)
        figures = live(calm, faulty, options.weeks, options.seed)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    print(json.dumps(figures, indent=1))
    sys.exit(any(figures[name] for name in ("differences", "tracebacks", "stuck")))


if __name__ == "__main__":
    main()
