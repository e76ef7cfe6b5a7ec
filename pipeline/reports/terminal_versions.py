"""Versions side by side at a terminal, and what moving between them does to an index."""

from collections.abc import Iterator

from rich.table import Table

from pipeline.reports.measure_lines import movement_lines
from pipeline.reports.plan_rows import PLAN_COLUMNS, plan_facts, plan_rows
from pipeline.reports.screen import Part
from pipeline.results import CompareResult, Difference, IndexPlan, VersionRegressions, metric_name
from training.evaluation import Hit, cut

SHOWN = 3
"""Worst queries in a terminal; the pages and JSON hold more."""


def compared(result: CompareResult) -> Iterator[Part]:
    """Yield the lines and tables that show versions side by side."""
    baseline = result.versions[0].title
    yield f"{metric_name(result.metric)}, differences from version {baseline}"
    table = Table("task", "queries", *(version.title for version in result.versions))
    for task in result.tasks:
        compared = zip(task.means[1:], task.differences, strict=True)
        cells = (_versus(mean, difference) for mean, difference in compared)
        table.add_row(task.task, str(task.queries), number(task.means[0]), *cells)
    yield table
    yield from result.notes
    for found in result.regressions:
        yield from _regressions(found, f"from version {baseline} to {found.version}")
    for moved in result.movement:
        yield f"movement from version {moved.old} to version {moved.new}, which decides nothing:"
        yield from (f"  {line}" for line in movement_lines(moved))
    if result.plan:
        yield from planned(result.plan)
    if result.page is not None:
        yield f"page: {result.page}"


def _versus(mean: float, versus: Difference) -> str:
    return (
        f"{mean:.3f}  {versus.difference:+.3f} ({versus.low:+.3f} … {versus.high:+.3f}), "
        f"{versus.better} better, {versus.worse} worse, {versus.ties} the same"
    )


def _regressions(found: VersionRegressions, where: str) -> Iterator[Part]:
    """Yield the documents no longer found and the queries that fell most, with both answers."""
    lost = ", ".join(f"{each.task} {each.dark}" for each in found.changes if each.dark)
    yield f"relevant documents no longer found {where}: {lost or 'none'}"
    if found.worst_queries:
        yield f"queries that got worse {where}, the worst first:"
        table = Table("query", "score", "found before", "found now")
        for each in found.worst_queries[:SHOWN]:
            table.add_row(
                f"{each.task}: {short(each.text)}",
                f"{each.before:.3f} → {each.after:.3f}",
                *("\n".join(_hit(hit) for hit in hits) for hits in (each.old, each.new)),
            )
        yield table


def _hit(hit: Hit) -> str:
    mark = "✓" if hit.relevant else "·"
    return f"{mark} {hit.similarity:.2f} {cut(hit.text, 60)}"


def planned(plan: IndexPlan) -> Iterator[Part]:
    """Yield the lines and the table that show what a version means for an index."""
    yield f"index: {plan.reason}"
    table = Table(*PLAN_COLUMNS)
    for row in plan_rows(plan):
        table.add_row(*row)
    yield table
    yield from (f"  {each}" for each in plan_facts(plan))


def number(value: float | None) -> str:
    """Return a number with three decimals; "" for None."""
    return "" if value is None else f"{value:.3g}" if abs(value) < 0.001 else f"{value:.3f}"


def short(text: str) -> str:
    """Return a text on one line, cut."""
    return cut(text, 100)
