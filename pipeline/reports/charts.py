"""Charts: differences with their bounds, the balance of old and new, and the training loss."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.reports.drawing import (
    ACCENT,
    COLOURS,
    INK,
    KNOWN,
    LINE,
    QUIET,
    WIDE,
    Row,
    drawing,
    rows_height,
    shown,
    written_rows,
)

_LONGEST_LABEL = 24  # characters beside a point
_LONGEST_NAME = 48  # characters of what is compared


@dataclass(frozen=True)
class Interval:
    """One line of a forest plot: a mean difference with its interval.

    Attributes
    ----------
    label
        What is compared.
    low, difference, high
        In the metric's units; None where it could not be measured.
    good
        Whether it is good news; None where it is neither good nor bad.
    bound
        What the lower end must exceed; None where nothing is asked.
    word
        What follows from it, such as "pass"; empty where nothing does.
    detail
        What else there is to know, in a few words.
    undecided
        Whether more data could still decide.
    """

    label: str
    low: float | None
    difference: float | None
    high: float | None
    good: bool | None = None
    bound: float | None = None
    word: str = ""
    detail: str = ""
    undecided: bool = False

    @property
    def colour(self) -> str:
        """Its colour."""
        if self.undecided:
            return COLOURS["open"]
        return {True: COLOURS["good"], False: COLOURS["bad"], None: COLOURS["plain"]}[self.good]

    def __str__(self) -> str:
        """Return the line in words."""
        if self.low is None or self.high is None or self.difference is None:
            found = "not measured"
        else:
            found = f"{self.difference:+.3f} ({self.low:+.3f} to {self.high:+.3f})"
        asked = "" if self.bound is None else f", required above {self.bound:+.3f}"
        named = shown(self.label, _LONGEST_NAME)
        return ", ".join(filter(None, (f"{named}: {found}{asked}", self.word, self.detail)))


def intervals_chart(
    lines: Sequence[Interval], caption: str, *, width: float = WIDE, zero: bool = True
) -> str:
    """Return a forest plot as SVG, the first line on top.

    Parameters
    ----------
    lines
        The differences.
    caption
        What the axis shows.
    width
        In inches.
    zero
        Whether the values are differences, so that zero means no change.

    Examples
    --------
    >>> chart = intervals_chart([Interval("new", 0.01, 0.05, 0.09, good=True)], "difference")
    >>> chart.startswith("<svg"), ">new<" in chart
    (True, True)
    """
    rows = [Row(each.label, each.word, each.colour, each.detail) for each in lines]

    def draw(axes: Any) -> None:
        if zero:
            axes.axvline(0, color=LINE, linewidth=1, zorder=0)
        for row, each in enumerate(lines):
            colour = each.colour
            if each.low is not None and each.high is not None and each.difference is not None:
                ends = {"color": colour, "solid_capstyle": "butt", "marker": "|", "markersize": 8}
                axes.plot([each.low, each.high], [-row, -row], linewidth=2.5, **ends)
                axes.plot([each.difference], [-row], "o", color=colour, markersize=7)
            if each.bound is not None:
                place = [each.bound] * 2
                axes.plot(place, [-row - 0.16, -row + 0.16], color=INK, linewidth=1.6)
        written_rows(axes, rows, width)
        axes.margins(x=0.04)
        axes.xaxis.get_major_locator().set_params(nbins=4 if width < WIDE else 6)
        axes.set_xlabel(caption)

    alt = f"{caption}. {'; '.join(map(str, lines))}"
    return drawing(draw, alt, height=rows_height(rows), width=width)


@dataclass(frozen=True)
class Point:
    """A model between new and old: its scores on the selection split, in the metric's units."""

    label: str
    new: float
    old: float
    chosen: bool = False


def balance_chart(points: Sequence[Point], *, joined: bool) -> str:
    """Return new score over old score as SVG: what each model learned, and what it kept.

    Parameters
    ----------
    points
        The models; with `joined`, a line goes through them in the order given.

    Examples
    --------
    >>> ">replay<" in balance_chart([Point("replay", 0.8, 0.7, chosen=True)], joined=False)
    True
    """

    def draw(axes: Any) -> None:
        if joined:
            axes.plot([each.old for each in points], [each.new for each in points], color=KNOWN)
        for each in points:
            colour = COLOURS["good"] if each.chosen else QUIET
            size = 8 if each.chosen else 6
            axes.plot([each.old], [each.new], "o", color=colour, markersize=size)
            axes.annotate(
                shown(each.label, _LONGEST_LABEL),
                (each.old, each.new),
                xytext=(6, 4),
                textcoords="offset points",
                color=colour,
            )
        axes.margins(x=0.25, y=0.2)
        axes.set_xlabel("score on old pairs set aside")
        axes.set_ylabel("score on new pairs set aside")

    told = "; ".join(
        f"{each.label}: new {each.new:.3f}, old {each.old:.3f}{', chosen' if each.chosen else ''}"
        for each in points
    )
    return drawing(draw, f"Scores on new and old pairs set aside. {told}", height=3.0)


def loss_chart(log: Sequence[Mapping[str, float]]) -> str:
    """Return the training loss over the optimiser's steps as SVG."""
    steps, losses = [each["step"] for each in log], [each["loss"] for each in log]

    def draw(axes: Any) -> None:
        axes.plot(steps, losses, color=ACCENT, linewidth=1.8)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("optimiser step")
        axes.set_ylabel("training loss")
        axes.set_ylim(bottom=0)

    told = f"from {losses[0]:.3g} at step {steps[0]:g} to {losses[-1]:.3g} at step {steps[-1]:g}"
    return drawing(draw, f"Training loss, {told}", height=2.2)
