"""Results and progress for a person at a terminal."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from training.evaluation import cut

_FILE_WIDTH = 120
"""Columns of a table that goes into a file or another program."""

_SHOWN = 3
"""Worst queries in a terminal; the pages and JSON hold more."""


@contextmanager
def progress_bar(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr while the block runs; call what it yields with the steps done."""
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    # Without a terminal (a log file, another program) a bar would only leave blank lines.
    hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task(escape(description), total=total)
        yield lambda steps: progress.advance(task, steps)


def show(kind: str, result: Mapping[str, Any]) -> None:
    """Print a command's result as text and tables."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    for part in _PARTS[kind](result):
        # User text may hold what rich reads as markup; it is off for tables and their cells too.
        console.print(part, markup=False, soft_wrap=isinstance(part, str))


def _check(result: Mapping[str, Any]) -> Iterator[object]:
    if result["blocked_by"]:
        yield f"blocked by {', '.join(result['blocked_by'])}"
    else:
        yield "training is called for" if result["train"] else "no training is called for"
    yield from (f"  {reason}" for reason in result["reasons"])
    if result["signals"]:
        table = Table("trigger", "fired", "p", "effect", "threshold", "cause", "what it saw")
        for signal in result["signals"]:
            table.add_row(
                signal["trigger"],
                _fired(signal),
                *(_number(signal[name]) for name in ("p_value", "effect", "threshold")),
                signal["cause"] or "",
                signal["reason"],
            )
        yield table
    if result["cause"] and result["cause"]["cause"] != "none":
        cause = result["cause"]
        yield f"likely cause: {cause['cause']} ({cause['why']}); {cause['answer']}"
    for cluster in result["clusters"]:
        yield (
            f"  {cluster['share']:.0%} of the texts: {', '.join(cluster['terms'])}, "
            f"such as {_short(cluster['examples'][0])!r}"
        )
        if cluster["anchor_queries"]:
            yield f"    nearest anchor query: {_short(cluster['anchor_queries'][0])!r}"
    for signal in result["signals"]:
        if signal["fired"] and signal["examples"]:
            yield f"carried by ({signal['trigger']}):"
            yield from (f"  {_short(example)}" for example in signal["examples"][:3])


def _fired(signal: Mapping[str, Any]) -> str:
    """Tell a trigger that was quiet from one whose input was missing."""
    if not signal["measured"]:
        return "not measured"
    return "yes" if signal["fired"] else "no"


def _backtest(result: Mapping[str, Any]) -> Iterator[object]:
    looks = Table("window", "drifted", "launches", "fired")
    for each in result["windows"]:
        truth = {True: "yes", False: "no", None: "unknown"}[each["drifted"]]
        fired = ", ".join(each["fired"])
        looks.add_row(each["name"], truth, "yes" if each["train"] else "no", fired)
    yield looks
    scores = Table("trigger", "false alarms", "misses", "hours to the first alarm")
    for each in result["scores"]:
        delays = ", ".join("never" if hours is None else f"{hours:g}" for hours in each["delays"])
        scores.add_row(
            each["name"],
            f"{each['false_alarms']} of {each['quiet']}",
            f"{each['misses']} of {each['drifted']}",
            delays,
        )
    yield scores


def _run(result: Mapping[str, Any]) -> Iterator[object]:
    yield (
        f"cycle {result['cycle']}: {result['outcome']}; "
        f"version {result['champion']['version']} serves ({result['seconds']['total']:.0f} s)"
    )
    yield from (f"  {reason}" for reason in result["decision"]["reasons"])
    if result.get("training"):
        lesson, attempts = result["lesson"], result["training"]["attempts"]
        if len(attempts) > 1:
            yield _attempts(attempts)
        yield (
            f"  trained on {lesson['recent']} recent and {lesson['replayed']} replayed pairs; "
            f"{sum(lesson['leaked'].values())} removed because they repeat an evaluation query"
        )
    if result["verdict"]:
        yield _comparisons(result["verdict"]["comparisons"])
        yield from (f"  {reason}" for reason in result["verdict"]["reasons"])
    for each in (result.get("regressions") or {}).get("changes", ()):
        yield (
            f"  {each['task']}: {each['worse']} queries worse, {each['better']} better; "
            f"{each['dark']} relevant documents gone dark, {each['found']} newly found"
        )


def _attempts(attempts: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("strategy", "pairs", "seconds", "new pairs set aside", "old pairs set aside", "")
    for each in attempts:
        scores = each["selection"] or (None, None)
        outcome = each["fault"] or ("sent to the gate" if each["chosen"] else "")
        numbers = (_number(score) for score in scores)
        seconds = "" if each["seconds"] is None else f"{each['seconds']:.0f}"
        table.add_row(each["strategy"], str(each["pairs"] or ""), seconds, *numbers, outcome)
    return table


def _held(comparison: Mapping[str, Any]) -> str:
    if not comparison["holds"]:
        return "no"
    return "yes" if comparison.get("judged", True) else "no harm shown"


def _comparisons(comparisons: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("task", "queries", "champion", "candidate", "difference", "interval", "holds")
    for each in comparisons:
        against = " (against the origin)" if each["rule"] == "floor" else ""
        table.add_row(
            each["task"] + against,
            str(each["queries"]),
            *(_number(each[name]) for name in ("champion", "candidate", "difference")),
            f"{_number(each['low'])} … {_number(each['high'])}",
            _held(each),
        )
    return table


def _status(result: Mapping[str, Any]) -> Iterator[object]:
    champion, waiting = result["champion"], result["waiting"]
    yield (
        f"{result['model']}: version {champion['version']} serves since cycle {champion['cycle']} "
        f"({champion['age_days']:g} days)"
    )
    yield (
        f"waiting: {waiting['pairs']} pairs, {waiting['traffic']} texts; "
        f"{result['quarantined']} records in quarantine"
    )
    for name, count in result["records"].items():
        if count["discarded"]:
            yield (
                f"{name}: {count['stored']} stored = {count['learned']} learned + "
                f"{count['waiting']} waiting + {count['discarded']} discarded"
            )
    for each in result["awaiting_approval"]:
        yield (
            f"version {each['version']} of cycle {each['cycle']} passed the gate and waits: "
            f"anchorhold promote {each['version']} --reason …"
        )
    for each in result["rolled_back"]:
        yield (
            f"version {each['version']} was rolled back ({each['reason']}); neither it nor what "
            "descends from it is promoted without --force"
        )
    if result["unfinished"]:
        yield f"cycle {result['unfinished']} is unfinished; `anchorhold run` continues it"
    anchors = Table("anchor set", "queries", "max drop", "visible drop", "needs", "judged")
    for each in result["anchors"]:
        anchors.add_row(
            each["anchor"].removeprefix("anchor/"),
            str(each["queries"]),
            _number(each["max_drop"]),
            f"{_number(each['visible'])} ({each['spread_from']})",
            str(each["needs"] or "never enough"),
            f"{each['judged']} of {each['budget']}",
        )
    if result["anchors"]:
        yield anchors
    for warning in result["gate"]["warnings"]:
        yield f"warning: {warning}"
    table = Table("cycle", "outcome", "started", "champion")
    for row in result["cycles"]:
        table.add_row(row["cycle"], row["outcome"], row["started"], str(row["champion"]))
    yield table


def _compare(result: Mapping[str, Any]) -> Iterator[object]:
    names = [
        f"{each['version']}" + (f" ({', '.join(each['aliases'])})" if each["aliases"] else "")
        for each in result["versions"]
    ]
    yield f"{result['metric']}, differences from version {names[0]}"
    table = Table("task", "queries", *names)
    for row in result["tasks"]:
        cells = [_number(row["means"][0])]
        for mean, versus in zip(row["means"][1:], row["differences"], strict=True):
            interval = f"{versus['low']:+.3f} … {versus['high']:+.3f}"
            cells.append(
                f"{mean:.3f}  {versus['difference']:+.3f} ({interval}), "
                f"{versus['better']} better, {versus['worse']} worse, {versus['ties']} the same"
            )
        table.add_row(row["task"], str(row["queries"]), *cells)
    yield table
    yield from result["notes"]
    for found in result["regressions"]:
        yield from _regressions(found, f"from version {names[0]} to {found['version']}")
    if "page" in result:
        yield f"page: {result['page']}"


def _regressions(found: Mapping[str, Any], where: str) -> Iterator[object]:
    """Yield the documents gone dark and the queries that fell most, old and new answers beside."""
    dark = ", ".join(f"{each['task']} {each['dark']}" for each in found["changes"] if each["dark"])
    yield f"documents gone dark {where}: {dark or 'none'}"
    if found["worst_queries"]:
        yield f"queries that fell most {where}:"
        table = Table("query", "score", "found before", "found now")
        for each in found["worst_queries"][:_SHOWN]:
            score = f"{each['before']:.3f} → {each['after']:.3f}"
            table.add_row(
                f"{each['task']}: {_short(each['text'])}",
                score,
                *("\n".join(_hit(hit) for hit in each[side]) for side in ("old", "new")),
            )
        yield table


def _hit(hit: Mapping[str, Any]) -> str:
    mark = "✓" if hit["relevant"] else "·"
    return f"{mark} {hit['cosine']:.2f} {cut(hit['text'], 60)}"


def _evaluate(result: Mapping[str, Any]) -> Iterator[object]:
    named = ", ".join((str(result["version"]), *result["aliases"]))
    yield f"version {named}, {result['metric']}"
    table = Table("task", "queries", "when accepted", "now", "difference", "interval", "note")
    for row in result["tasks"]:
        compared = row["accepted"] is not None
        table.add_row(
            row["task"],
            str(row["queries"]),
            *(_number(row[name]) for name in ("accepted", "now", "difference")),
            f"{row['low']:+.3f} … {row['high']:+.3f}" if compared else "",
            f"fell by more than {row['margin']:g}" if row["fell"] else "",
        )
    yield table
    yield from result["notes"]


def _move(result: Mapping[str, Any]) -> Iterator[object]:
    before = result["previous"]["version"] if result["previous"] else "none"
    yield f"version {result['champion']['version']} serves now (before: {before})"


def _demo(result: Mapping[str, Any]) -> Iterator[object]:
    table = Table("step", "cycle", "outcome", "serving", "why")
    for step in result["story"]:
        table.add_row(
            step["step"], step["cycle"], step["outcome"], str(step["champion"]), step["why"]
        )
    yield table
    yield f"report: {result['report']}"
    yield f"MLflow: {result['mlflow']}"


def _init(result: Mapping[str, Any]) -> Iterator[object]:
    yield f"{result['settings']} written; folders: {', '.join(result['folders'])}"
    yield "put labelled pairs into history/, then: anchorhold run"


def _discard(result: Mapping[str, Any]) -> Iterator[object]:
    what = f"{result['pairs']} pairs and {result['traffic']} texts of the {result['kind']} "
    done = "discarded" if result["action"] == "discard" else "brought back"
    out = result["discarded"]
    yield f"{what}{result['name']!r} {done} (entry {result['number']} of the log)"
    yield f"discarded in all: {out['pairs']} pairs, {out['traffic']} texts; nothing is deleted"
    if result["champion"] and result["champion"]["in_memory"]:
        yield (
            f"{result['champion']['in_memory']} discarded pairs are in the memory of version "
            f"{result['champion']['version']}, which keeps them; the next candidate will not"
        )


def _export(result: Mapping[str, Any]) -> Iterator[object]:
    yield f"version {result['version']} written to {result['directory']}"


def _report(result: Mapping[str, Any]) -> Iterator[object]:
    yield f"report of cycle {result['cycle']}: {result['report']}"


_PARTS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[object]]] = {
    "backtest": _backtest,
    "check": _check,
    "run": _run,
    "status": _status,
    "compare": _compare,
    "evaluate": _evaluate,
    "move": _move,
    "demo": _demo,
    "discard": _discard,
    "init": _init,
    "export": _export,
    "report": _report,
}


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if abs(value) < 0.001 else f"{value:.3f}"


def _short(text: str) -> str:
    return cut(text, 100)
