"""The record of a cycle in MLflow: runs, metrics, data sets, decision, verdict and report."""

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pipeline.cycle.journal import Journal
from pipeline.registry import CHAMPION, Version
from pipeline.reports import write_report
from pipeline.workspace import OpenWorkspace

_PREFIX = "anchorhold."


def open_record(opened: OpenWorkspace, journal: Journal) -> str:
    """Return the id of the cycle's run; a continued cycle goes on in the run it began."""
    return opened.registry.open_run(
        journal.cycle, name=f"cycle {journal.cycle}", started=journal.started
    )


def record_training(
    opened: OpenWorkspace,
    journal: Journal,
    run: str,
    training: Mapping[str, Any],
    attempt: str = "training",
) -> str:
    """Write a training down as a child of the cycle's run and return the child's id."""
    registry = opened.registry
    child = registry.open_run(
        journal.cycle, name=attempt, parent=run, attempt=attempt, started=journal.started
    )
    settings = dataclasses.asdict(opened.settings.tables.finetune)
    registry.log_params(child, {**settings, "precision": training["precision"]})
    for row in training["log"]:
        metrics = {f"train/{name}": value for name, value in row.items() if name not in _AXES}
        registry.log_metrics(child, metrics, step=int(row["step"]), at=journal.started)
    note = (
        f"{training['steps']} steps over {training['pairs']} pairs, "
        f"{training['held']} of them held to the champion's embeddings"
    )
    registry.close_run(child, note=note)
    return child


_AXES = ("step", "epoch")
"""What the rows of a training log are drawn over."""


def close_record(
    opened: OpenWorkspace, journal: Journal, run: str, result: Mapping[str, Any]
) -> None:
    """Write the outcome down: metrics by task, data sets, JSON and HTML files, a description.

    The texts of what got worse stand in the report and its JSON twin only.
    """
    registry, step, at = opened.registry, int(journal.cycle), journal.started
    registry.log_metrics(run, dict(_metrics(result)), step=step, at=at)
    for name in ("decision", "verdict", "intake", "lesson"):
        if result.get(name):
            registry.log_json(run, f"{name}.json", result[name])
    registry.log_json(run, "result.json", result)
    for name, digest, context, rows in (result.get("lesson") or {}).get("data_sets", ()):
        registry.log_dataset(run, name, digest, context, rows)
    worse = journal.result("regressions")
    shown = {**result, "regressions": worse} if worse else result
    report = write_report(journal.folder / "report.html", shown, opened.settings.tables.model.name)
    registry.log_text(run, "report.html", report.read_text(encoding="utf-8"))
    if worse:
        registry.log_json(run, "regressions.json", worse)
    registry.close_run(run, note=_note(result), tags=_tags(result))
    # A cycle that found nothing to look at adds no point to the line.
    if result["outcome"] == "bootstrapped" or result["decision"]["signals"]:
        champion = opened.versions.champion()
        folder = opened.versions.folder(champion)
        means = opened.scores.of(folder, opened.anchor_sets.of(folder)).means()
        record_golden(opened, champion, means, at)


def record_golden(
    opened: OpenWorkspace, version: Version, means: Mapping[str, float], at: datetime
) -> str:
    """Write a version's scores on its golden sets down, and return the id of the run.

    One long-lived run holds the scores of whatever serves, at the number of the last cycle, so that
    charts show a line over the cycles; other versions have a run each.
    """
    registry = opened.registry
    whose = "the champion" if CHAMPION in version.aliases else f"version {version.number}"
    name = f"golden sets of {whose}"
    run = registry.open_run(_EVERY_CYCLE, name=name, attempt=name, started=at)
    cycles = opened.store.cycles(limit=1)
    registry.log_metrics(run, means, step=int(cycles[0].id) if cycles else 0, at=at)
    registry.close_run(run, note=f"Scores of {whose} on its golden sets over the cycles.")
    return run


_EVERY_CYCLE = "all"
"""What stands for the cycle in the tags of a run that outlives cycles."""


def _metrics(result: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield what charts show, grouped by what stands before the last slash."""
    for each in (result["verdict"] or {}).get("comparisons", ()):
        task, metric = each["task"], each["metric"]
        if each["rule"] == "floor":
            yield f"{task}/origin_{metric}", each["champion"]
            yield f"{task}/difference_from_origin", each["difference"]
        else:
            yield f"{task}/{metric}", each["candidate"]
            yield f"{task}/champion_{metric}", each["champion"]
            yield f"{task}/difference", each["difference"]
            yield f"{task}/difference_low", each["low"]
    for each in (result.get("regressions") or {}).get("changes", ()):
        yield f"{each['task']}/queries_worse", each["worse"]
        yield f"{each['task']}/documents_dark", each["dark"]
    yield from result.get("scores", {}).items()
    for signal in result["decision"]["signals"]:
        if signal["effect"] is not None:
            yield f"drift/{signal['trigger']}", signal["effect"]
        if signal["p_value"] is not None:
            yield f"drift_p_value/{signal['trigger']}", signal["p_value"]
    for name, rate in result["decision"].get("hit_rates", {}).items():
        yield f"hit_rate/{name.replace('/', '.')}", rate
    for name, seconds in result["seconds"].items():
        yield f"seconds/{name}", seconds
    training = result.get("training") or {}
    costs = {name: training.get(name) for name in ("pairs", "steps")}
    costs["peak_memory_megabytes"] = result["peak_memory_megabytes"]
    yield from ((f"cost/{name}", value) for name, value in costs.items() if value is not None)


def _tags(result: Mapping[str, Any]) -> dict[str, str]:
    fired = [signal["trigger"] for signal in result["decision"]["signals"] if signal["fired"]]
    candidate = result["candidate"]
    return {
        f"{_PREFIX}outcome": result["outcome"],
        f"{_PREFIX}champion": str(result["champion"]["version"]),
        f"{_PREFIX}candidate": str(candidate["version"]) if candidate else "none",
        f"{_PREFIX}fired": ", ".join(fired) or "none",
    }


def _note(result: Mapping[str, Any]) -> str:
    """Say in two sentences what happened, with the verdict as a table (Markdown)."""
    reasons = (result["verdict"] or result["decision"])["reasons"]
    said = _plain(reasons[0].removeprefix(f"{result['outcome']}: ")) if reasons else "no reason"
    lines = [
        f"**{result['outcome'].replace('_', ' ')}**: {said}. "
        f"Version {result['champion']['version']} serves."
    ]
    comparisons = (result["verdict"] or {}).get("comparisons", ())
    if comparisons:
        lines += ["", "| task | rule | champion | candidate | difference | interval | holds |"]
        lines += ["|---|---|---|---|---|---|---|"]
    for each in comparisons:
        lines.append(
            f"| {_plain(each['task'])} | {each['rule']} | {each['champion']:.4f} | "
            f"{each['candidate']:.4f} | {each['difference']:+.4f} | "
            f"{each['low']:+.4f} … {each['high']:+.4f} | {'yes' if each['holds'] else '**no**'} |"
        )
    changes = (result.get("regressions") or {}).get("changes", ())
    if changes:
        worse, dark = (sum(each[count] for each in changes) for count in ("worse", "dark"))
        lines += ["", f"{worse} queries got worse, {dark} relevant documents went dark."]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Return a text that Markdown shows as it is: user text may be part of a reason."""
    escaped = "".join(f"\\{letter}" if letter in "\\`*_[]<>|#!" else letter for letter in text)
    return " ".join(escaped.split()).rstrip(".")
