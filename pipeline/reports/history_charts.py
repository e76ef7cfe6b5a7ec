"""The charts of a history: small lines over time or over versions, each with its numbers."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from pipeline.reports.beside_limit import Checked, draw_beside_limit
from pipeline.reports.drawing import drawing
from pipeline.reports.palette import LIGHT

ACCENT, KNOWN, LINE, QUIET = (LIGHT[name] for name in ("accent", "known", "line", "quiet"))
GOOD = LIGHT["good"]

_WIDTH, _HEIGHT = 4.3, 1.55  # inches
_POINTS = 100
"""Points of a line; of more cycles, each point stands for several."""
_BARS = 60
_LEAST = 0.1
"""Least height of an axis of scores, which lie in [0, 1]."""
_FEW_DAYS = timedelta(days=3)
Drawn = TypeVar("Drawn")


@dataclass(frozen=True)
class Measured:
    """A value of one cycle, and what it is compared with.

    Attributes
    ----------
    at
        When the cycle began.
    value
        The value.
    limit
        What it may reach; None where it has no limit.
    marked
        Whether the cycle stands out, such as by a trigger that fired.
    """

    at: datetime
    value: float
    limit: float | None = None
    marked: bool = False


@dataclass(frozen=True)
class Scored:
    """The score of one version on one task.

    Attributes
    ----------
    version
        Its number.
    score
        Mean of the metric.
    served
        Whether it ever served.
    """

    version: int
    score: float
    served: bool


@dataclass(frozen=True)
class Spread:
    """Similarities by one version: (5 %, 50 %, 95 %) quantiles; None where there are none."""

    version: int
    relevant: tuple[float, float, float] | None
    random: tuple[float, float, float] | None


@dataclass(frozen=True)
class Gain:
    """By how much a candidate differs from the champion on the new task, with its bounds."""

    version: int
    low: float
    difference: float
    high: float
    served: bool


@dataclass(frozen=True)
class Thinned(Generic[Drawn]):
    """Groups of neighbours, so few that they can be drawn, and how large a group is at most."""

    groups: list[Sequence[Drawn]]
    size: int

    @classmethod
    def of(cls, points: Sequence[Drawn], most: int) -> "Thinned[Drawn]":
        """Return the points in groups of neighbours.

        Examples
        --------
        >>> Thinned.of(range(5), 3)
        Thinned(groups=[range(0, 2), range(2, 4), range(4, 5)], size=2)
        """
        size = max(1, -(-len(points) // most))
        return cls([points[start : start + size] for start in range(0, len(points), size)], size)


def line_chart(
    points: Sequence[Measured], alt: str, *, floor: float | None = None, score: bool = False
) -> str:
    """Return values over time as SVG: the largest of each group beside its limit.

    Parameters
    ----------
    points
        In the order of time.
    alt
        What it shows, in words.
    floor
        Where the axis begins; by default as the values need it.
    score
        Whether the values are scores, in [0, 1].
    """
    groups = Thinned.of(points, _POINTS).groups
    peaks = [max(group, key=lambda each: (each.marked, each.value)) for group in groups]

    def draw(axes: Any) -> None:
        times, values = [each.at for each in peaks], [each.value for each in peaks]
        draw_beside_limit(
            axes, [Checked(each.at, each.value, each.limit, each.marked) for each in peaks]
        )
        if floor is not None:
            axes.set_ylim(bottom=floor)
        _time_axis(axes, times)
        if score:
            _score_axis(axes, values)

    return _small(draw, alt)


def bars_chart(
    points: Sequence[Measured], alt: str, *, total: Callable[[Sequence[float]], float] = sum
) -> str:
    """Return amounts over time as SVG: a bar for each cycle, or for neighbours together.

    Parameters
    ----------
    points
        In the order of time.
    alt
        What it shows, in words.
    total
        What the bar of several cycles shows of their values; by default the sum.
    """
    groups = Thinned.of(points, _BARS).groups

    def draw(axes: Any) -> None:
        times = [group[0].at for group in groups]
        heights = [total([each.value for each in group]) for group in groups]
        wide = max(1.5, min(8, 200 / len(times)))
        _strokes(
            axes,
            [(at, 0.0, height) for at, height in zip(times, heights, strict=True)],
            ACCENT,
            wide,
        )
        axes.set_ylim(bottom=0)
        axes.margins(x=0.05)
        _time_axis(axes, times)

    return _small(draw, alt)


def scores_chart(points: Sequence[Scored], alt: str) -> str:
    """Return the scores of versions on one task as SVG: a line through those that served."""
    served = [each for each in points if each.served]
    refused = [each for each in points if not each.served]

    def draw(axes: Any) -> None:
        axes.plot(
            [each.version for each in refused],
            [each.score for each in refused],
            "o",
            color=KNOWN,
            markerfacecolor="none",
            ms=4,
        )
        axes.plot(
            [each.version for each in served],
            [each.score for each in served],
            "o-",
            color=GOOD,
            linewidth=1.6,
            ms=5,
        )
        _version_axis(axes)
        _score_axis(axes, [each.score for each in points])

    return _small(draw, alt)


def gains_chart(points: Sequence[Gain], alt: str) -> str:
    """Return the gain of candidates on the new task as SVG, each with its bounds."""

    def draw(axes: Any) -> None:
        axes.axhline(0, color=LINE, linewidth=1)
        for kept, colour, fill in ((True, GOOD, GOOD), (False, KNOWN, "none")):
            some = [each for each in points if each.served == kept]
            _strokes(axes, [(each.version, each.low, each.high) for each in some], colour, 1.4)
            axes.plot(
                [each.version for each in some],
                [each.difference for each in some],
                "o",
                color=colour,
                markerfacecolor=fill,
                ms=5,
            )
        _version_axis(axes)

    return _small(draw, alt)


def spread_chart(points: Sequence[Spread], alt: str) -> str:
    """Return how similar queries and documents are by version as SVG, both kinds of pairs."""

    def draw(axes: Any) -> None:
        relevant = [(each.version - 0.08, each.relevant) for each in points if each.relevant]
        random = [(each.version + 0.08, each.random) for each in points if each.random]
        for some, colour, sign in ((relevant, GOOD, "o"), (random, QUIET, "s")):
            _strokes(axes, [(at, found[0], found[2]) for at, found in some], colour, 2)
            axes.plot(
                [at for at, _ in some], [found[1] for _, found in some], sign, color=colour, ms=4
            )
        _version_axis(axes)

    return _small(draw, alt)


def _strokes(
    axes: Any, ends: Sequence[tuple[Any, float, float]], colour: str, width: float
) -> None:
    """Draw upright strokes (place, low, high) as one line with gaps: a stroke each takes more."""
    places = [each for at, _, _ in ends for each in (at, at, at)]
    heights = [each for _, low, high in ends for each in (low, high, math.nan)]
    axes.plot(places, heights, color=colour, linewidth=width, solid_capstyle="butt")


def _small(draw: Callable[[Any], None], alt: str) -> str:
    """Return a drawing of which a page has many."""
    return drawing(draw, alt, height=_HEIGHT, width=_WIDTH)


def _score_axis(axes: Any, values: Sequence[float]) -> None:
    """Let an axis of scores end at 1, and show no noise as if it were large."""
    low, high = min(values), max(values)
    room = max(0.12 * (high - low), (_LEAST - (high - low)) / 2)
    top = min(1 + 0.08 * max(high - low, _LEAST), high + room)
    axes.set_ylim(max(-_LEAST / 10, min(low - room, top - _LEAST)), top)


def _version_axis(axes: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
    axes.xaxis.set_major_formatter(lambda value, _: f"v{value:g}" if value >= 1 else "")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.margins(x=0.08, y=0.12)


def _time_axis(axes: Any, times: Sequence[datetime]) -> None:
    from matplotlib import dates
    from matplotlib.ticker import MaxNLocator

    first, last = min(times), max(times)
    if last - first < _FEW_DAYS:
        # The hours of a young workspace tell nothing, and a locator would count years around them.
        middle = first + (last - first) / 2
        axes.set_xlim(middle - _FEW_DAYS / 2, middle + _FEW_DAYS / 2)
        axes.set_xticks([middle], [f"{last:%Y-%m-%d}"])
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
        axes.margins(y=0.12)
        return
    untyped: Any = dates
    locator = untyped.AutoDateLocator(minticks=2, maxticks=5)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(untyped.ConciseDateFormatter(locator, show_offset=False))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.margins(y=0.12)
