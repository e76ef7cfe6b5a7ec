"""The report of a cycle: one self-contained HTML page without scripts, all text escaped."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.store import Store
from training.pairs import DataFault

REPORT_FILE = "report.html"


def write_report(path: Path, result: Mapping[str, Any], model: str) -> Path:
    """Write the page of one finished cycle beside `path` and rename it.

    Parameters
    ----------
    path
        Where the page goes.
    result
        What `anchorhold run --json` prints.
    model
        Name of the registered model.
    """
    from jinja2 import Environment, FileSystemLoader
    from markupsafe import Markup

    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    comparisons = (result.get("verdict") or {}).get("comparisons") or []
    log = (result.get("training") or {}).get("log") or []
    page = templates.get_template(REPORT_FILE).render(
        model=model,
        result=result,
        intervals=Markup(intervals_chart(comparisons)) if comparisons else None,
        losses=Markup(loss_chart(log)) if len(log) > 1 else None,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(page, encoding="utf-8")
    partial.replace(path)
    path.with_suffix(".json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    return path


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


def intervals_chart(comparisons: Sequence[Mapping[str, Any]]) -> str:
    """Return a forest plot as SVG: difference and interval of each task, and the bound to clear."""
    figure, axes = _figure(height=0.9 + 0.42 * len(comparisons))
    for row, each in enumerate(reversed(comparisons)):
        colour = "#1a7f4b" if each["holds"] else "#b3261e"
        low, high, difference = each["low"], each["high"], each["difference"]
        if None not in (low, high, difference):
            axes.plot([low, high], [row, row], color=colour, linewidth=2, solid_capstyle="butt")
            axes.plot([difference], [row], "o", color=colour, markersize=6)
        axes.plot([_threshold(each)] * 2, [row - 0.32, row + 0.32], color="#444", linewidth=1.2)
    axes.axvline(0, color="#bbb", linewidth=0.8, zorder=0)
    axes.set_yticks(range(len(comparisons)), [_label(each) for each in reversed(comparisons)])
    axes.set_ylim(-0.6, len(comparisons) - 0.4)
    axes.set_xlabel("candidate minus champion (black stroke: the bound to clear)")
    return _svg(figure)


def loss_chart(log: Sequence[Mapping[str, Any]]) -> str:
    """Return the training loss over the optimiser's steps as SVG."""
    figure, axes = _figure(height=2.2)
    steps = [each["step"] for each in log]
    axes.plot(steps, [each["loss"] for each in log], color="#3457a6", linewidth=1.6)
    axes.set_xlabel("optimiser step")
    axes.set_ylabel("training loss")
    axes.set_ylim(bottom=0)
    return _svg(figure)


def _threshold(each: Mapping[str, Any]) -> float:
    """Return what the lower end of the interval must exceed."""
    margin: float = each["margin"]
    return margin if each["rule"] == "gain" else -margin


def _label(each: Mapping[str, Any]) -> str:
    # A dollar sign would be read as the start of a formula.
    rule = " (against the origin)" if each.get("rule") == "floor" else ""
    return f"{each['task']}{rule}".replace("$", r"\$")


def _figure(height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Any) -> str:
    import matplotlib as mpl

    buffer = io.StringIO()
    # Fixed salt and no date: the same cycle gives the same page, byte for byte.
    with mpl.rc_context({"svg.hashsalt": "anchorhold", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    drawn = buffer.getvalue()
    return drawn[drawn.index("<svg") :]
