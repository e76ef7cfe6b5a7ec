"""What became of versions before a cycle, and of the canary that runs, in lines for a person."""

from collections.abc import Iterator, Sequence

from pipeline.results import CanaryResult, CycleResult, RolledBackVersion


def before_cycle(result: CycleResult) -> Iterator[str]:
    """Yield what a run did before its cycle began."""
    if result.approved:
        yield f"  version {result.approved.version} was approved in MLflow and promoted first"
    if result.canary:
        yield from (f"  {line}" for line in canary_lines(result.canary))
    if result.rolled_back:
        left = result.rolled_back
        yield f"  version {left.version} was rolled back: {left.reason}"


def canary_lines(canary: CanaryResult) -> Iterator[str]:
    """Yield what a canary showed, and what follows from it."""
    what = "shadow canary" if canary.shadow else "canary"
    yield (
        f"{what} of version {canary.candidate} against version {canary.champion}, "
        f"{canary.share:.0%} of the users, {canary.hours:.1f} hours: {canary.state}; "
        f"{canary.reason}"
    )
    for each in canary.metrics:
        if each.reason not in canary.reason:
            yield f"  {each.reason}"
    if canary.overlap is not None:
        yield f"  {canary.overlap:.0%} of the champion's best results are the candidate's too"


def left_lines(versions: Sequence[RolledBackVersion]) -> Iterator[str]:
    """Yield the versions that were rolled back, and what it takes to let them serve again."""
    for left in versions:
        yield (
            f"version {left.version} was rolled back ({left.reason}); promoting it, or a version "
            "trained from it, needs --force"
        )
