"""Telling a story: cycles run one after the other, each with what happened and why."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pipeline.operations import Workspace
from pipeline.results import CycleResult, DemoPart, StoryStep
from pipeline.workspace import STATE_FOLDER
from training.progress import Progress


@dataclass
class Telling:
    """Runs cycles of one workspace and writes down what happened.

    Attributes
    ----------
    workspace
        Its folder.
    progress, say
        Progress bars, and what prints a line of narration.
    now
        The clock; by default the system's.
    """

    workspace: Path
    progress: Progress
    say: Callable[[str], None]
    now: Callable[[], datetime] | None = None
    story: list[StoryStep] = field(default_factory=list)
    cycles: list[CycleResult] = field(default_factory=list)

    def opened(self) -> Workspace:
        """Open the workspace."""
        return Workspace.open(self.workspace, progress=self.progress, now=self.now)

    def run(self, step: str) -> CycleResult:
        """Run one cycle and tell how it ended."""
        self.say(f"{step} …")
        with self.opened() as workspace:
            result = workspace.run()
        self.cycles.append(result)
        why = _why(result)
        self.story.append(told(step, result.cycle, result.outcome, result.champion.version, why))
        self.say(f"  {why}")
        return result

    def part(self) -> DemoPart:
        """Return the story; the report is that of the cycle that promoted, else of the last."""
        state = self.workspace / STATE_FOLDER
        promoted = (each for each in self.cycles if each.outcome == "promoted")
        report = state / "cycles" / next(promoted, self.cycles[-1]).cycle / "report.html"
        command = ("mlflow", "ui", "--backend-store-uri", f"sqlite:///{state}/mlflow.db")
        return DemoPart(
            cycles=tuple(self.cycles),
            story=tuple(self.story),
            workspace=str(self.workspace),
            report=str(report),
            mlflow=shlex.join(command),
        )


def told(step: str, cycle: str, outcome: str, champion: int, why: str) -> StoryStep:
    """Return one step of a story."""
    return StoryStep(step=step, cycle=cycle, outcome=outcome, champion=champion, why=why)


def _why(result: CycleResult) -> str:
    """Return the sentence that says most about how a cycle ended."""
    verdict = result.verdict
    if verdict is None:
        return result.decision.reasons[0]
    if verdict.without_labels:
        why = "; ".join([*_left_out(result), verdict.reasons[0]])
        if result.outcome == "inconclusive" and result.candidate:
            champion, candidate = result.champion.version, result.candidate.version
            why += f"; `anchorhold judge {champion} {candidate}` asks a person what would settle it"
        return why
    # The first reason of a verdict is its summary; the second is what decided.
    return verdict.reasons[1]


def _left_out(result: CycleResult) -> list[str]:
    """Return which kinds of pairs were left out as noise, a clause each."""
    derived = result.lesson.derived if result.lesson else None
    notes = derived.notes if derived else ()
    return [clause for note in notes for clause in note.split("; ") if "is left out" in clause]
