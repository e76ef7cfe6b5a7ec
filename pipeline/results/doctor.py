"""The result of `anchorhold doctor`: whether a workspace can work, check by check."""

from typing import Literal, Self

from pipeline.results.result import Result

DoctorPart = Literal[
    "settings",
    "data",
    "folders",
    "lock",
    "clock",
    "disk",
    "packages",
    "store",
    "tracking",
    "workspace",
    "cycles",
    "champion",
    "versions",
    "model",
    "index",
    "anchors",
    "service",
    "receivers",
    "endpoint",
    "caches",
    "leftovers",
]
State = Literal["ok", "warning", "problem"]


class Diagnosis(Result):
    """What one check showed.

    Attributes
    ----------
    part
        What was checked.
    state
        "problem": a cycle, or what the settings ask for, would fail. "warning": it works, and
        something should be changed. "ok": nothing needs to be done.
    says
        One sentence.
    remedy
        The command or the setting that mends it; empty where nothing needs to be done.
    """

    part: DoctorPart
    state: State
    says: str
    remedy: str = ""

    @classmethod
    def fine(cls, part: DoctorPart, says: str) -> Self:
        """Return what needs nothing to be done."""
        return cls(part=part, state="ok", says=says)

    @classmethod
    def warning(cls, part: DoctorPart, says: str, remedy: str) -> Self:
        """Return what works, and should be changed."""
        return cls(part=part, state="warning", says=says, remedy=remedy)

    @classmethod
    def problem(cls, part: DoctorPart, says: str, remedy: str) -> Self:
        """Return what does not work."""
        return cls(part=part, state="problem", says=says, remedy=remedy)


class Repair(Result):
    """What was damaged, and whether it is repaired.

    Attributes
    ----------
    part
        What was damaged.
    done
        Whether it is repaired.
    says
        One sentence.
    remedy
        What a person can do where it is not; empty where it is.
    """

    part: DoctorPart
    done: bool
    says: str
    remedy: str = ""

    @classmethod
    def made(cls, part: DoctorPart, says: str) -> Self:
        """Return what is repaired."""
        return cls(part=part, done=True, says=says)

    @classmethod
    def left(cls, part: DoctorPart, says: str, remedy: str) -> Self:
        """Return what could not be repaired."""
        return cls(part=part, done=False, says=says, remedy=remedy)


class DoctorResult(Result):
    """Whether a workspace can work.

    Attributes
    ----------
    workspace
        Its folder.
    quick
        Whether the model was not loaded.
    checks
        All checks, in the order in which they were made; with `--repair`, after the repairs.
    problems, warnings
        How many checks are problems, and warnings. What could not be repaired is a problem.
    repairs
        What `--repair` repaired, and what it could not.
    seconds
        How long the checks took.
    """

    workspace: str
    quick: bool
    checks: tuple[Diagnosis, ...]
    problems: int
    warnings: int
    seconds: float
    repairs: tuple[Repair, ...] = ()
