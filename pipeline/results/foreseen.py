"""What a command would change, for `--dry-run`: nothing of it was done."""

from pipeline.results.decision import DecisionResult
from pipeline.results.intake import IntakeResult
from pipeline.results.result import Result


class Foreseen(Result):
    """What a command would change, and what that would cost.

    Attributes
    ----------
    changes
        What would change, a sentence each.
    seconds
        How long it would take; None where nothing tells.
    bytes
        How much more disk would be used when it is done; negative: less.
    basis
        What time and size are estimated from.
    """

    changes: tuple[str, ...]
    seconds: float | None = None
    bytes: int = 0
    basis: str = ""


class RunEstimate(Result):
    """What `anchorhold run` would do now.

    Attributes
    ----------
    resumes
        The interrupted cycle that it would resume; None where there is none.
    bootstraps
        Whether it would register the base as the first version.
    intake
        What would be taken in.
    decision
        Whether it would train, and why; None where it would not check, or goes on with what an
        interrupted cycle decided.
    foreseen
        What would change, and what that would cost.
    """

    resumes: str | None = None
    bootstraps: bool = False
    intake: IntakeResult
    decision: DecisionResult | None = None
    foreseen: Foreseen
