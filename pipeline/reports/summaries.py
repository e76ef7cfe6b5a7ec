"""The last line of what a command prints, where its first ones may have left the screen."""

from functools import singledispatch

from pipeline.results import (
    BacktestResult,
    CompareResult,
    CycleResult,
    DecisionResult,
    EvaluateResult,
    Result,
    StatusResult,
)


@singledispatch
def summary_of(result: Result) -> str:
    """Return one line that sums a result up; empty where its text is short or ends with one."""
    return ""


@summary_of.register
def _(result: StatusResult) -> str:
    waiting, warnings = result.waiting, len(result.warnings) + len(result.gate.warnings)
    return (
        f"in short: version {result.champion.version} serves; {waiting.pairs} pairs and "
        f"{waiting.traffic} texts wait; warnings: {warnings}"
    )


@summary_of.register
def _(result: DecisionResult) -> str:
    if result.blocked_by:
        return "in short: training is blocked"
    if result.shortage:
        return "in short: training is called for, and there is nothing to learn from"
    return f"in short: {'training' if result.train else 'no training'} is called for"


@summary_of.register
def _(result: CycleResult) -> str:
    if result.dry_run:
        return f"in short: the candidate would be {result.outcome}"
    return (
        f"in short: cycle {result.cycle} ended as {result.outcome}, and version "
        f"{result.champion.version} serves"
    )


@summary_of.register
def _(result: CompareResult) -> str:
    told = []
    for number, version in enumerate(result.versions[1:]):
        found = [task.differences[number] for task in result.tasks]
        better = sum(each.low > 0 for each in found)
        worse = sum(each.high < 0 for each in found)
        told.append(
            f"version {version.title} is certainly better on {better} and worse on {worse} of "
            f"{len(found)} tasks"
        )
    return f"in short: {'; '.join(told)}" if told else ""


@summary_of.register
def _(result: EvaluateResult) -> str:
    fell = ", ".join(result.fell) or "no set"
    return f"in short: {fell} certainly fell by more than its margin"


@summary_of.register
def _(result: BacktestResult) -> str:
    trained = sum(window.train for window in result.windows)
    return f"in short: {trained} of {len(result.windows)} windows would have started a training"
