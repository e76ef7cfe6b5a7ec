"""The report of a cycle: what drifted, what was learned, what got better and worse, and why."""

import json
from collections.abc import Sequence
from pathlib import Path

from pipeline.reports.cycle_page import page_of
from pipeline.reports.page import write_page
from pipeline.reports.plan_rows import plan_page
from pipeline.results import (
    CheckedTexts,
    CycleResult,
    IndexPlan,
    RegressionsResult,
    ReportResult,
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
    *,
    texts: CheckedTexts | None = None,
    earlier: Sequence[CycleResult] = (),
    erased: Sequence[str] = (),
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
    texts
        What the check looked at; None where nothing was checked, or that was not recorded.
    earlier
        The cycles before, oldest first.
    erased
        Sentences that say that records were erased since.
    """
    values = page_of(result, texts, earlier)
    write_page(
        path,
        REPORT_FILE,
        {
            **values,
            "model": model,
            "regressions": worse,
            "planned": plan_page(plan),
            "erased": erased,
        },
    )
    content = result.to_json()
    if erased:
        content["erased"] = [*erased]
    for name, part in (("regressions", worse), ("plan", plan), ("texts", texts)):
        if part is not None:
            content[name] = part.to_json()
    with written(path.with_suffix(".json")) as file:
        file.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return path


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
