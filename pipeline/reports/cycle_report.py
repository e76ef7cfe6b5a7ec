"""The report of a cycle: what drifted, what was learned, what got better and worse, and why."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.reports.charts import Interval, Point, balance_chart, intervals_chart, loss_chart
from pipeline.reports.page import write_page
from pipeline.store import Store
from training.faults import DataFault

REPORT_FILE = "report.html"


def write_report(path: Path, result: Mapping[str, Any], model: str) -> Path:
    """Write the page of one finished cycle to `path`, and the same as JSON beside it.

    Parameters
    ----------
    path
        Where the page goes.
    result
        What `anchorhold run --json` prints, with the texts of `regressions`.
    model
        Name of the registered model.
    """
    comparisons = (result.get("verdict") or {}).get("comparisons") or []
    log = (result.get("training") or {}).get("log") or []
    lines = [_line(each) for each in comparisons]
    caption = "candidate minus champion (black stroke: the bound to clear)"
    write_page(
        path,
        REPORT_FILE,
        {
            "model": model,
            "result": result,
            "intervals_chart": intervals_chart(lines, caption) if lines else None,
            "balance_chart": _balance(result.get("training") or {}),
            "loss_chart": loss_chart(log) if len(log) > 1 else None,
        },
    )
    path.with_suffix(".json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    return path


def _balance(training: Mapping[str, Any]) -> str | None:
    """Draw the strategies that were tried, or else the blends, by what they learned and kept."""
    before = training.get("champion_selection")
    if before:
        points = [
            Point(each["strategy"], each["selection"][0], each["selection"][1], each["chosen"])
            for each in training["attempts"]
            if each["selection"]
        ]
        return balance_chart([Point("champion", before[0], before[1]), *points], joined=False)
    if not training.get("curve"):
        return None
    points = [
        Point(
            {0.0: "champion", 1.0: "candidate"}.get(each["share"], f"{each['share']:.0%} of it"),
            each["new"],
            each["old"],
            each["share"] == training["share"],
        )
        for each in training["curve"]
    ]
    return balance_chart(points, joined=True)


def report_of(store: Store, state: Path, cycle: str | None) -> dict[str, Any]:
    """Say where the report of a cycle lies.

    Raises
    ------
    DataFault
        No such finished cycle, or its report was deleted.
    """
    finished = [row.id for row in store.cycles() if row.outcome]
    wanted = cycle or (finished[0] if finished else None)
    if wanted is None or wanted not in finished:
        named = f"cycle {cycle}" if cycle else "a cycle"
        known = ", ".join(sorted(finished)) or "none yet"
        raise DataFault(f"{named} is not finished or does not exist; finished: {known}")
    path = state / "cycles" / wanted / REPORT_FILE
    if not path.exists():
        raise DataFault(f"{path}: the report was deleted; MLflow keeps a copy with the cycle's run")
    return {"cycle": wanted, "report": str(path)}


def _line(each: Mapping[str, Any]) -> Interval:
    against = " (against the origin)" if each["rule"] == "floor" else ""
    return Interval(
        label=f"{each['task']}{against}",
        low=each["low"],
        difference=each["difference"],
        high=each["high"],
        good=each["holds"],
        bound=each["margin"] if each["rule"] == "gain" else -each["margin"],
    )
