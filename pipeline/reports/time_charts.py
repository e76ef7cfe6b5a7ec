"""Charts over the cycles: what each trigger measured beside its limit, and the hit rates."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.reports.beside_limit import Checked, draw_beside_limit
from pipeline.reports.course import Course
from pipeline.reports.drawing import INK, QUIET, drawing, shown
from pipeline.reports.words import trigger_name

_MOST = 6
"""Rows of the chart; what fired comes first, and the rest stands in the table."""


def course_chart(courses: Sequence[Course]) -> str:
    """Return what each trigger measured over the cycles as SVG, with the limit of each check.

    Parameters
    ----------
    courses
        Triggers, of which the first six are drawn.

    Examples
    --------
    >>> from pipeline.reports.course import Check
    >>> checks = (Check("0002", 0.1, 0.2, False), Check("0003", 0.3, 0.2, True))
    >>> ">New topics<" in course_chart([Course("out_of_distribution", checks)])
    True
    """
    drawn = list(courses)[:_MOST]
    cycles = sorted({check.cycle for course in drawn for check in course.checks})
    place = {cycle: row for row, cycle in enumerate(cycles)}

    def draw(*every: Any) -> None:
        for axes, course in zip(every, drawn, strict=True):
            checks = [
                Checked(place[check.cycle], check.effect, check.limit, check.fired)
                for check in course.checks
            ]
            draw_beside_limit(axes, checks)
            _frame(axes, trigger_name(course.trigger), cycles, last=axes is every[-1])
            axes.set_ylim(bottom=0)

    told = "; ".join(
        f"{trigger_name(course.trigger)}: "
        + ", ".join(
            f"cycle {check.cycle} {check.effect:.3g} (limit {check.limit:.3g}"
            f"{', fired' if check.fired else ''})"
            for check in course.checks
        )
        for course in drawn
    )
    alt = f"What each trigger measured in each cycle, beside its limit. {told}"
    return drawing(draw, alt, height=0.4 + 0.95 * len(drawn), rows=len(drawn))


def hit_chart(rates: Mapping[str, Sequence[tuple[str, float]]]) -> str:
    """Return the champion's recall over the cycles as SVG, one row for each anchor set.

    Examples
    --------
    >>> ">Old task faq<" in hit_chart({"Old task faq": [("0002", 0.9), ("0003", 0.92)]})
    True
    """
    sets = list(rates.items())[:_MOST]
    cycles = sorted({cycle for _, points in sets for cycle, _ in points})
    place = {cycle: row for row, cycle in enumerate(cycles)}

    def draw(*every: Any) -> None:
        for axes, (name, points) in zip(every, sets, strict=True):
            at = [place[cycle] for cycle, _ in points]
            axes.plot(at, [rate for _, rate in points], "o-", color=QUIET, markersize=6)
            _frame(axes, name, cycles, last=axes is every[-1])
            axes.set_ylim(0, 1.05)

    told = "; ".join(
        f"{name}: " + ", ".join(f"cycle {cycle} {rate:.3f}" for cycle, rate in points)
        for name, points in sets
    )
    alt = f"Recall at 10 of the serving version in each cycle. {told}"
    return drawing(draw, alt, height=0.4 + 0.95 * len(sets), rows=len(sets))


def _frame(axes: Any, name: str, cycles: Sequence[str], *, last: bool) -> None:
    axes.set_title(shown(name, 48), loc="left", color=INK, fontsize=10)
    axes.set_xlim(-0.6, len(cycles) - 0.4)
    axes.yaxis.get_major_locator().set_params(nbins=3)
    step = -(-len(cycles) // 6)
    chosen = range(0, len(cycles), step)
    axes.set_xticks(chosen, [cycles[each] for each in chosen] if last else [""] * len(chosen))
    if last:
        axes.set_xlabel("cycle")
