"""What a command would change, as a person reads it."""

from collections.abc import Iterator

from pipeline.machine.pace import shown
from pipeline.results import Foreseen, RunEstimate, size


def about_changes(foreseen: Foreseen) -> Iterator[str]:
    """Yield what would change, and what it would cost."""
    yield from foreseen.changes
    cost = [] if foreseen.seconds is None else [_time(foreseen.seconds)]
    if foreseen.bytes:
        more = "more" if foreseen.bytes > 0 else "less"
        cost.append(f"{size(abs(foreseen.bytes))} {more} on disk")
    told = ", ".join(cost) or "the time is not known"
    basis = f" (from {foreseen.basis})" if foreseen.basis and cost else ""
    yield f"dry run, nothing was changed; cost: {told}{basis}"


def _time(seconds: float) -> str:
    return "less than a second" if seconds < 1 else f"about {shown(seconds)}"


def about_run(estimate: RunEstimate) -> Iterator[str]:
    """Yield what a run would do."""
    if estimate.decision:
        yield "training is called for" if estimate.decision.train else "no training is called for"
        yield from (f"  {reason}" for reason in estimate.decision.reasons)
    yield from (f"warning: {each}" for each in estimate.intake.warnings)
    yield from about_changes(estimate.foreseen)
