"""Commands met by every fault: what each leaves, compared with a life in which nothing failed."""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from conftest import let_travel_arrive, make_workspace
from end_states import Difference, difference, end_state
from fault_points import KINDS, Kind, Point
from forked_lives import Ended, Life
from made_streams import sentences, texts_of, write_lines


@dataclass(frozen=True)
class Case:
    """A command that is met by faults.

    Attributes
    ----------
    words
        The command.
    after
        The case whose end is its beginning; empty for a new workspace.
    """

    words: tuple[str, ...]
    after: str = ""


CASES = {
    "first run": Case(("run",)),
    "learning run": Case(("run",), "first run"),
    "quiet run": Case(("run",), "learning run"),
    "promote": Case(("promote", "1", "--reason", "as before"), "learning run"),
    "rollback": Case(("rollback", "--reason", "complaints"), "learning run"),
    "discard": Case(("discard", "--source", "flight", "--reason", "odd"), "learning run"),
    "erase": Case(("erase", "--source", "flight", "--reason", "asked", "--yes"), "learning run"),
    "waiting run": Case(("run",), "first run"),
    "approved run": Case(("run",), "waiting run"),
    "checked run": Case(("run",), "learning run"),
    "accept": Case(("accept", "--reason", "known"), "checked run"),
}
"""Every command that changes a workspace, with the ones that lead to it."""

PROVED = tuple(name for name in CASES if name not in ("waiting run", "checked run"))
"""The cases that faults meet; the others are like one of these."""


@dataclass(frozen=True)
class Met:
    """What one fault led to.

    Attributes
    ----------
    case, kind, number, point
        The fault.
    told
        What is wrong with how the commands told of it; empty where nothing is.
    differs
        How the end differs from that of an undisturbed life.
    """

    case: str
    kind: Kind
    number: int
    point: Point
    told: str
    differs: Difference

    @property
    def is_fine(self) -> bool:
        """Say whether the fault left no trace."""
        return not self.told and not self.differs

    def __str__(self) -> str:
        where = f"{self.case}, {self.kind} at {self.number}: {self.point.call} {self.point.about}"
        return "\n".join(filter(None, (where, self.told, str(self.differs))))


@dataclass
class Lives:
    """The same workspace before each case, and what undisturbed lives end with.

    Attributes
    ----------
    place
        Folder for all of it; a quick disk is best.
    model, tracking_store
        What a workspace is made of.
    """

    place: Path
    model: Path
    tracking_store: Path
    _ends: dict[str, tuple[Ended, "Counter[str]"]] = field(default_factory=dict)
    _twice: dict[str, "Counter[str]"] = field(default_factory=dict)

    @property
    def life(self) -> Life:
        """The place in which commands run."""
        return Life(self.place / "life")

    def undisturbed(self, case: str) -> tuple[Ended, "Counter[str]"]:
        """Return how a case ends without a fault."""
        if case not in self._ends:
            self.begin(case)
            ended = self.life.command(*CASES[case].words)
            if ended.status != 0:
                raise AssertionError(f"{case} fails undisturbed: {ended.err[-3000:]}")
            self.life.warm_up()
            self.life.keep(self._kept("end", case))
            self._ends[case] = ended, end_state(self.life.place)
        return self._ends[case]

    def begin(self, case: str) -> None:
        """Let the workspace be as it is before a case."""
        kept = self._kept("before", case)
        if not kept.exists():
            after = CASES[case].after
            if after:
                self.undisturbed(after)
                self.life.begin_from(self._kept("end", after))
            else:
                shutil.rmtree(self.life.place, ignore_errors=True)
                make_workspace(self.life.space, self.model, self.tracking_store)
            _prepare(case, self.life.space)
            self.life.keep(kept)
        self.life.begin_from(kept)

    def points(self, case: str, kind: Kind) -> list[int]:
        """Return the numbers of the points of a case that a kind of fault can meet."""
        ended, _ = self.undisturbed(case)
        return [number for number, each in enumerate(ended.points, 1) if each.may_fail_by(kind)]

    def meet(self, case: str, kind: Kind, number: int) -> Met:
        """Let a fault meet the command, run it again undisturbed, and compare.

        What did its work in spite of the fault is not run again, unless something is left: then the
        next command must remove it.
        """
        ended, expected = self.undisturbed(case)
        self.begin(case)
        words = CASES[case].words
        faulted = self.life.command(*words, fail_at=number, kind=kind)
        told = [faulted.complaint]
        if kind in ("kill", "torn") and faulted.status != -9:
            told.append(f"it was not reached: status {faulted.status}")
        differs = difference(expected, end_state(self.life.place))
        if faulted.status != 0 or differs:
            again = self.life.command(*words)
            told.append(again.complaint)
            if again.status != 0 and not _is_done_already(again):
                told.append(f"the second time, status {again.status}: {again.err[-500:]}")
            found = end_state(self.life.place)
            differs = difference(expected, found)
            if differs:
                # Where the fault came after all was done, this was the command after it.
                later = difference(self.undisturbed_twice(case), found)
                differs = min(differs, later, key=lambda each: len(each.lost) + len(each.left))
        point = ended.points[number - 1]
        return Met(case, kind, number, point, "\n".join(filter(None, told)), differs)

    def undisturbed_twice(self, case: str) -> "Counter[str]":
        """Return what is there after a command that is run twice."""
        if case not in self._twice:
            kept = self.life.keep(self._kept("meanwhile", case))
            self.begin(case)
            for _ in range(2):
                self.life.command(*CASES[case].words)
            self._twice[case] = end_state(self.life.place)
            self.life.begin_from(kept)
        return self._twice[case]

    def _kept(self, when: str, case: str) -> Path:
        return self.place / "kept" / f"{when} {case}"


def spread(lives: Lives, case: str, stride: int, first: int = 0) -> Iterator[tuple[Kind, int]]:
    """Yield every so many-th of all faults of a case, all kinds in turn.

    Parameters
    ----------
    stride
        One in so many; 1 for all.
    first
        Where to begin, from 0.
    """
    everything = [(kind, number) for kind in KINDS for number in lives.points(case, kind)]
    yield from everything[first::stride]


def counted(found: Sequence[Met]) -> dict[str, int]:
    """Return in how many of some faults a command told badly, or something was lost or left."""
    return {
        "met": len(found),
        "wrong": sum(bool(each.told) for each in found),
        "lost": sum(bool(each.differs.lost) for each in found),
        "left": sum(bool(each.differs.left) for each in found),
    }


def _is_done_already(ended: Ended) -> bool:
    """Say whether a command was refused as it had been done before the fault."""
    return ended.status == 2 and any(
        said in ended.err
        for said in ("already", "there is none to roll back to", "nothing that is kept")
    )


def _prepare(case: str, space: Path) -> None:
    """Let happen what happens before a case."""
    if case == "first run":
        file = space / "anchorhold.toml"
        # Two checkpoints are enough, and what the age of the model shows is a time.
        written = file.read_text(encoding="utf-8").replace("_steps = 4", "_steps = 16")
        written += "\n[triggers.model_age]\nenabled = false\n"
        file.write_text(written, encoding="utf-8")
    if case in ("learning run", "waiting run"):
        let_travel_arrive(space)
    if case == "waiting run":
        with (space / "anchorhold.toml").open("a", encoding="utf-8") as settings:
            settings.write("\n[gate]\napproval = true\n")
    if case == "approved run":
        with closing(sqlite3.connect(space / ".anchorhold" / "mlflow.db")) as database, database:
            given = database.execute(
                "SELECT * FROM model_version_tags WHERE key = 'anchorhold.cut' AND version = 2"
            )
            names = [each[0] for each in given.description]
            row = dict(zip(names, given.fetchone(), strict=True))
            row |= {"key": "anchorhold.approval", "value": "approved"}
            marks = ", ".join("?" for _ in row)
            database.execute(
                f"INSERT INTO model_version_tags ({', '.join(row)}) VALUES ({marks})",
                tuple(row.values()),
            )
    if case == "checked run":
        cooking = sentences(("recipe", "salt", "cook", "menu", "the", "my"), 150, 9)
        write_lines(space / "traffic" / "cooking.jsonl", texts_of(cooking))
