"""The report of a cycle: what drifted, what was learned, what got better and worse, and why."""

import json
from collections.abc import Sequence
from pathlib import Path

from pipeline.reports.charts import Interval, Point, balance_chart, intervals_chart, loss_chart
from pipeline.reports.page import write_page
from pipeline.reports.plan_rows import plan_page
from pipeline.results import (
    Comparison,
    CycleResult,
    IndexPlan,
    RegressionsResult,
    ReportResult,
    TrainingResult,
    VersionCosines,
    threshold_of,
)
from pipeline.store import Store
from training.faults import DataFault
from training.whole_files import written

REPORT_FILE = "report.html"


def write_report(
    path: Path,
    result: CycleResult,
    worse: RegressionsResult | None,
    model: str,
    plan: IndexPlan | None = None,
) -> Path:
    """Write the page of one finished cycle to `path`, and the same as JSON beside it.

    Parameters
    ----------
    path
        Where the page goes.
    result
        What `anchorhold run` returns.
    worse
        What got worse, with texts; None where nothing was judged.
    model
        Name of the registered model.
    plan
        What the candidate means for an index, with texts; None where nothing was planned.
    """
    comparisons = result.verdict.comparisons if result.verdict else ()
    log = result.training.log if result.training else ()
    lines = [_line(each) for each in comparisons]
    caption = "candidate minus champion (black mark: the bound required)"
    write_page(
        path,
        REPORT_FILE,
        {
            "model": model,
            "result": result,
            "regressions": worse,
            "planned": plan_page(plan),
            "intervals_chart": intervals_chart(lines, caption) if lines else None,
            "balance_chart": _balance(result.training) if result.training else None,
            "cosines_chart": _cosines(result.cosines),
            "loss_chart": loss_chart(log) if len(log) > 1 else None,
        },
    )
    content = result.to_json()
    if worse is not None:
        content["regressions"] = worse.to_json()
    if plan is not None:
        content["plan"] = plan.to_json()
    with written(path.with_suffix(".json")) as file:
        file.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return path


def _cosines(cosines: Sequence[VersionCosines]) -> str | None:
    """Draw the spread of the similarities of each version on each anchor set."""
    lines = [
        Interval(
            label=f"{given.task}: v{version.version}, {name}",
            low=quantiles[0],
            difference=quantiles[len(quantiles) // 2],
            high=quantiles[-1],
            good=True if name == "relevant" else None,
        )
        for version in cosines
        for given in version.sets
        for name, quantiles in (("relevant", given.relevant), ("random", given.random))
        if quantiles
    ]
    caption = "similarity of queries and documents (5 %, 50 % and 95 % quantiles)"
    return intervals_chart(sorted(lines, key=lambda each: each.label), caption) if lines else None


def _balance(training: TrainingResult) -> str | None:
    """Draw the strategies that were tried, or else the blends, by what they learned and kept."""
    before = training.champion_selection
    if before:
        points = [
            Point(each.strategy, each.selection[0], each.selection[1], each.chosen)
            for each in training.attempts
            if each.selection
        ]
        return balance_chart([Point("champion", before[0], before[1]), *points], joined=False)
    if not training.curve:
        return None
    points = [
        Point(
            {0.0: "champion", 1.0: "candidate"}.get(each.share, f"{each.share:.0%} candidate"),
            each.new,
            each.old,
            each.share == training.share,
        )
        for each in training.curve
    ]
    return balance_chart(points, joined=True)


def report_of(store: Store, state: Path, cycle: str | None) -> ReportResult:
    """Say where the report of a cycle is.

    Raises
    ------
    DataFault
        No such finished cycle, or its report was deleted.
    """
    finished = store.finished_cycles()
    wanted = cycle or (finished[0] if finished else None)
    if wanted is None or wanted not in finished:
        named = f"cycle {cycle}" if cycle else "a cycle"
        known = ", ".join(sorted(finished)) or "none yet"
        raise DataFault(f"{named} is not finished or does not exist; finished cycles: {known}")
    path = state / "cycles" / wanted / REPORT_FILE
    if not path.exists():
        pruned = store.pruned("cycle").get(wanted)
        if pruned is not None:
            raise DataFault(
                f"the report of cycle {wanted} was {pruned.told}; outcome and metrics of the cycle "
                "are in MLflow"
            )
        raise DataFault(f"{path}: the report was deleted; MLflow keeps a copy with the cycle's run")
    return ReportResult(cycle=wanted, report=str(path))


def _line(each: Comparison) -> Interval:
    against = " (against the origin)" if each.rule == "floor" else ""
    return Interval(
        label=f"{each.task}{against}",
        low=each.low,
        difference=each.difference,
        high=each.high,
        good=each.holds,
        bound=threshold_of(each.rule, each.margin),
    )
