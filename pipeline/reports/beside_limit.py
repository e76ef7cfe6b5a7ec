"""A trigger over its checks: what it measured, the limit of each check, and where it fired."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.reports.drawing import ACCENT, BAD, QUIET

_FEW = 12
"""Checks of which each has a dot; of more, the line alone is seen."""


@dataclass(frozen=True)
class Checked:
    """What one check measured.

    Attributes
    ----------
    at
        Its place on the axis: a moment, or a number.
    value, limit
        What was measured, and what data without drift may reach; None where there is no limit.
    fired
        Whether the trigger fired.
    """

    at: Any
    value: float
    limit: float | None = None
    fired: bool = False


def draw_beside_limit(axes: Any, checks: Sequence[Checked]) -> None:
    """Draw a line through what was measured, the limits dashed, and a diamond where it fired."""
    axes.plot([each.at for each in checks], [each.value for each in checks], color=ACCENT, lw=1.6)
    limited = [each for each in checks if each.limit is not None]
    alone = len(limited) == 1
    axes.plot(
        [each.at for each in limited],
        [each.limit for each in limited],
        color=QUIET,
        linewidth=1.2,
        linestyle=(0, (4, 3)),
        drawstyle="steps-mid",
        marker="_" if alone else None,
        markersize=14 if alone else None,
    )
    if len(checks) <= _FEW:
        calm = [each for each in checks if not each.fired]
        axes.plot(
            [each.at for each in calm], [each.value for each in calm], "o", color=ACCENT, ms=4.5
        )
    fired = [each for each in checks if each.fired]
    if not fired:
        return  # what is not clipped takes room at the corner of the figure even without a point
    axes.plot(
        [each.at for each in fired],
        [each.value for each in fired],
        "D",
        color=BAD,
        ms=5.5 if len(checks) <= _FEW else 4.5,
        clip_on=False,
        zorder=3,
    )
