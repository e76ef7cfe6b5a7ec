"""The page of all cycles: what happened when, scores, drift, data, costs, and who decided what."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from markupsafe import Markup

from pipeline.reports.history_charts import (
    Gain,
    Measured,
    Scored,
    Spread,
    bars_chart,
    gains_chart,
    line_chart,
    scores_chart,
    spread_chart,
)
from pipeline.reports.page import filled, write_page
from pipeline.reports.words import task_name, trigger_name
from pipeline.results import HistoryCycle, HistoryResult, TaskPoint, size

HISTORY_FILE = "history.html"
_TEMPLATE = "history.html"

SIGNS = {
    "bootstrapped": "1",
    "promoted": "P",
    "rejected": "R",
    "inconclusive": "I",
    "blocked": "B",
    "insufficient_data": "D",
    "quiet": "·",
}
"""Outcome -> its letter on the time line."""

_CELLS_PER_MONTH = 62
"""Cycles of a month that the time line shows one by one; of more, it counts the outcomes."""
_ROWS = 250
"""Newest cycles that the table lists; months sum up the others."""
_DECISIONS = 200
_CHARTS = 12
"""Charts per kind of task; a table has the others."""


@dataclass(frozen=True)
class Chart:
    """A drawing with its heading and a sentence with its last numbers."""

    title: str
    told: str
    drawn: Markup


@dataclass(frozen=True)
class Month:
    """The cycles of a month, oldest first, with their sums."""

    name: str
    cycles: Sequence[HistoryCycle]

    @property
    def outcomes(self) -> dict[str, int]:
        """Outcome -> number of cycles, the most frequent first."""
        return dict(Counter(each.outcome for each in self.cycles).most_common())

    @property
    def crowded(self) -> bool:
        """Whether there are too many cycles to show each."""
        return len(self.cycles) > _CELLS_PER_MONTH

    @property
    def pairs_in(self) -> int:
        """New labelled pairs."""
        return sum(each.pairs_in for each in self.cycles)

    @property
    def learned(self) -> int:
        """Pairs that versions learned which were promoted."""
        return sum(each.learned for each in self.cycles)

    @property
    def seconds(self) -> float:
        """Time of all cycles."""
        return sum(map(_total, self.cycles))


def write_history_page(path: Path, found: HistoryResult) -> Path:
    """Write the page of all cycles; its links lead to the reports beside it."""
    return write_page(path, _TEMPLATE, history_values(found))


def history_page(found: HistoryResult) -> str:
    """Return the page of all cycles as it is served, with links to the other pages."""
    return filled(_TEMPLATE, {**history_values(found), "live": True})


def history_values(found: HistoryResult) -> dict[str, object]:
    """Return what the template shows."""
    cycles = found.cycles
    months = _months(cycles)
    served = {each.version for each in found.decisions if each.version is not None}
    tasks = _tasks(found)
    price = sum(each.price or 0.0 for each in cycles)
    return {
        "found": found,
        "signs": SIGNS,
        "months": months,
        "older": _months(cycles[:-_ROWS]) if len(cycles) > _ROWS else [],
        "rows": cycles[-_ROWS:][::-1],
        "decisions": found.decisions[::-1][:_DECISIONS],
        "more_decisions": max(0, len(found.decisions) - _DECISIONS),
        "score_charts": list(_score_charts(tasks[:_CHARTS], served)),
        "more_tasks": tasks[_CHARTS:],
        "gain_charts": list(_gain_charts(found, served)),
        "hit_charts": list(_hit_charts(cycles)),
        "drift_charts": list(_drift_charts(cycles)),
        "cosine_charts": list(_cosine_charts(found)),
        "data_charts": list(_data_charts(cycles)),
        "cost_charts": list(_cost_charts(cycles)),
        "totals": {
            "pairs_in": sum(each.pairs_in for each in cycles),
            "texts_in": sum(each.texts_in for each in cycles),
            "learned": sum(each.learned for each in cycles),
            "quarantined": sum(each.quarantined for each in cycles),
            "hours": sum(map(_total, cycles)) / 3600,
            "encoded": sum(each.encoded for each in cycles),
            "disk": size(found.disk_bytes),
            "price": price if any(each.price is not None for each in cycles) else None,
        },
        "causes": Counter(each.cause for each in cycles if each.cause).most_common(),
    }


def _months(cycles: Sequence[HistoryCycle]) -> list[Month]:
    """Return the months in which cycles began, oldest first."""
    return [
        Month(name, list(group))
        for name, group in groupby(cycles, key=lambda each: f"{each.started:%Y-%m}")
    ]


def _tasks(found: HistoryResult) -> list[tuple[str, Sequence[TaskPoint]]]:
    """Return each task that stays the same over versions, the latest measured first.

    The new task is another one in each cycle, and slices are parts of the others.
    """
    by_task: dict[str, list[TaskPoint]] = {}
    for point in found.scores:
        if point.task.startswith("anchor/") and point.task.count("/") == 1:
            by_task.setdefault(point.task, []).append(point)
    return sorted(by_task.items(), key=lambda item: (-item[1][-1].version, item[0]))


def _score_charts(
    tasks: Sequence[tuple[str, Sequence[TaskPoint]]], served: set[int]
) -> Iterator[Chart]:
    for task, points in tasks:
        scores = _by_version(points)
        serving = [version for version in scores if version in served]
        first, last = (serving or list(scores))[0], (serving or list(scores))[-1]
        told = f"version {last}: {scores[last]:.3f}"
        if first != last:
            told += f"; version {first}: {scores[first]:.3f}"
        drawn = scores_chart(
            [Scored(version, score, version in served) for version, score in scores.items()],
            f"{task} over versions. {told}",
        )
        yield _chart(task_name(task), told, drawn)


def _by_version(points: Sequence[TaskPoint]) -> dict[int, float]:
    """Return version -> score, also of champions that candidates were compared with."""
    found = {
        each.champion: each.before
        for each in points
        if each.champion is not None and each.before is not None
    }
    found |= {each.version: each.score for each in points}
    return dict(sorted(found.items()))


def _gain_charts(found: HistoryResult, served: set[int]) -> Iterator[Chart]:
    by_task: dict[str, list[TaskPoint]] = {}
    for point in found.scores:
        name, _, rest = point.task.partition("/")
        if name in ("new", "proxy") and point.before is not None and "=" not in rest:
            by_task.setdefault(point.task, []).append(point)
    for task, points in sorted(by_task.items())[:_CHARTS]:
        gains = list(_gains(points, served))
        if not gains:
            continue
        last = gains[-1]
        told = (
            f"version {last.version}: {last.difference:+.3f} ({last.low:+.3f} to {last.high:+.3f})"
        )
        name = task_name(task)
        yield _chart(name, told, gains_chart(gains, f"Gain on {name} by version. {told}"))


def _gains(points: Sequence[TaskPoint], served: set[int]) -> Iterator[Gain]:
    for each in points:
        if each.before is not None and each.low is not None and each.high is not None:
            difference, kept = each.score - each.before, each.version in served
            yield Gain(each.version, each.low, difference, each.high, kept)


def _hit_charts(cycles: Sequence[HistoryCycle]) -> Iterator[Chart]:
    names = dict.fromkeys(name for each in reversed(cycles) for name in each.hit_rates)
    for name in list(names)[:_CHARTS]:
        points = [
            Measured(each.started, each.hit_rates[name])
            for each in cycles
            if name in each.hit_rates
        ]
        values = [each.value for each in points]
        told = f"now {values[-1]:.3f}, lowest {min(values):.3f}"
        drawn = line_chart(points, f"Recall at 10 on {name} over time: {told}", score=True)
        yield _chart(task_name(name), told, drawn)


def _drift_charts(cycles: Sequence[HistoryCycle]) -> Iterator[Chart]:
    """Yield a chart for each trigger, those that fired most first."""
    names = dict.fromkeys(each.trigger for cycle in cycles for each in cycle.triggers)
    found = []
    for name in names:
        points = [
            Measured(cycle.started, each.effect, each.threshold, each.fired)
            for cycle in cycles
            for each in cycle.triggers
            if each.trigger == name and each.effect is not None
        ]
        if points:
            found.append((name, points))
    for name, points in sorted(found, key=lambda item: -sum(each.marked for each in item[1])):
        last, fired = points[-1], sum(each.marked for each in points)
        told = f"{name} fired in {fired} of {len(points)} checks; now {_figure(last.value)}"
        if last.limit is not None:
            told += f", limit {_figure(last.limit)}"
        title = trigger_name(name)
        yield _chart(title, told, line_chart(points, f"{title} over time: {told}"))


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _cosine_charts(found: HistoryResult) -> Iterator[Chart]:
    by_task: dict[str, dict[int, Spread]] = {}
    for each in found.cosines:
        spread = Spread(each.version, _ends(each.relevant), _ends(each.random))
        by_task.setdefault(each.task, {})[each.version] = spread
    latest = sorted(by_task.items(), key=lambda item: (-max(item[1]), item[0]))
    for task, versions in latest[:_CHARTS]:
        points = [versions[number] for number in sorted(versions)]
        last = points[-1]
        middles = [
            f"{name} {found[1]:.2f}"
            for name, found in (("relevant", last.relevant), ("random", last.random))
            if found
        ]
        told = f"version {last.version}: {', '.join(middles)} (median)"
        drawn = spread_chart(points, f"Similarities on {task} by version. {told}")
        yield _chart(task_name(task), told, drawn)


def _ends(quantiles: Sequence[float]) -> tuple[float, float, float] | None:
    """Return the lowest, the middle and the highest of the quantiles."""
    return (quantiles[0], quantiles[len(quantiles) // 2], quantiles[-1]) if quantiles else None


def _data_charts(cycles: Sequence[HistoryCycle]) -> Iterator[Chart]:
    kinds: tuple[tuple[str, Callable[[HistoryCycle], int]], ...] = (
        ("Labelled pairs in", lambda each: each.pairs_in),
        ("Texts in", lambda each: each.texts_in),
        ("Documents in", lambda each: each.documents_in),
        ("Pairs learned", lambda each: each.learned),
        ("Records refused (quarantine)", lambda each: each.quarantined),
    )
    for title, value in kinds:
        points = [Measured(each.started, float(value(each))) for each in cycles]
        total = sum(each.value for each in points)
        if total:
            told = f"{total:,.0f} in all"
            yield _chart(title, told, bars_chart(points, f"{title}: {told}"))
    waiting = [
        Measured(each.started, float(each.waiting)) for each in cycles if each.waiting is not None
    ]
    if any(each.value for each in waiting):
        told = f"{waiting[-1].value:,.0f} at the last check"
        yield _chart("Pairs waiting", told, line_chart(waiting, f"Pairs waiting: {told}", floor=0))


def _cost_charts(cycles: Sequence[HistoryCycle]) -> Iterator[Chart]:
    seconds = [Measured(each.started, _total(each)) for each in cycles]
    longest = max(seconds, key=lambda each: each.value, default=None)
    if longest is not None and longest.value:
        told = f"the longest took {longest.value:,.0f} s, on {longest.at:%Y-%m-%d}"
        drawn = bars_chart(seconds, f"Seconds per cycle: {told}", total=max)
        yield _chart("Seconds per cycle", told, drawn)
    encoded = [Measured(each.started, float(each.encoded)) for each in cycles]
    if any(each.value for each in encoded):
        told = f"{sum(each.value for each in encoded):,.0f} in all"
        drawn = bars_chart(encoded, f"Documents encoded: {told}")
        yield _chart("Documents encoded for indexes", told, drawn)
    disk = [
        Measured(each.started, each.disk_bytes / 1e6)
        for each in cycles
        if each.disk_bytes is not None
    ]
    if disk:
        told = f"{disk[-1].value:,.1f} MB after the last cycle"
        yield _chart("MB on disk", told, line_chart(disk, f"MB on disk: {told}", floor=0))
    memory = [
        Measured(each.started, each.peak_memory_megabytes)
        for each in cycles
        if each.peak_memory_megabytes is not None
    ]
    if memory:
        told = f"{memory[-1].value:,.0f} MB in the last cycle"
        yield _chart("MB of memory", told, line_chart(memory, f"MB of memory: {told}", floor=0))
    price = [Measured(each.started, each.price) for each in cycles if each.price is not None]
    if price:
        told = f"{sum(each.value for each in price):,.2f} in all, at most"
        yield _chart("Price", told, bars_chart(price, f"Price: {told}"))


def _chart(title: str, told: str, drawn: str) -> Chart:
    """Return a drawing of this package, which is markup, with its texts, which are not."""
    return Chart(title, told, Markup(drawn))


def _total(cycle: HistoryCycle) -> float:
    return cycle.seconds.get("total", 0.0)
