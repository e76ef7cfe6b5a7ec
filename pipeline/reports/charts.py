"""Charts as inline SVG: differences, the balance of old and new, and the training loss."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_GOOD, _BAD, _OPEN = "#1a7f4b", "#b3261e", "#5f6368"
_LONGEST_LABEL = 48  # characters


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
    """

    label: str
    low: float | None
    difference: float | None
    high: float | None
    good: bool | None = None
    bound: float | None = None


def intervals_chart(lines: Sequence[Interval], caption: str) -> str:
    """Return a forest plot as SVG, the first line on top.

    Examples
    --------
    >>> chart = intervals_chart([Interval("new", 0.01, 0.05, 0.09, good=True)], "difference")
    >>> chart.startswith("<svg"), ">new<" in chart
    (True, True)
    """
    figure, axes = _figure(height=0.9 + 0.38 * len(lines))
    for row, each in enumerate(reversed(lines)):
        colour = {True: _GOOD, False: _BAD, None: _OPEN}[each.good]
        if each.low is not None and each.high is not None and each.difference is not None:
            axes.plot([each.low, each.high], [row, row], color=colour, linewidth=2)
            axes.plot([each.difference], [row], "o", color=colour, markersize=6)
        if each.bound is not None:
            axes.plot([each.bound] * 2, [row - 0.32, row + 0.32], color="#444", linewidth=1.2)
    axes.axvline(0, color="#bbb", linewidth=0.8, zorder=0)
    axes.set_yticks(range(len(lines)), [_label(each.label) for each in reversed(lines)])
    axes.set_ylim(-0.6, len(lines) - 0.4)
    axes.set_xlabel(caption)
    return _svg(figure)


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
    figure, axes = _figure(height=3.0)
    if joined:
        axes.plot([each.old for each in points], [each.new for each in points], color="#bbb")
    for each in points:
        colour = _GOOD if each.chosen else _OPEN
        axes.plot([each.old], [each.new], "o", color=colour, markersize=7 if each.chosen else 5)
        axes.annotate(
            _label(each.label),
            (each.old, each.new),
            xytext=(6, 4),
            textcoords="offset points",
            color=colour,
        )
    axes.margins(x=0.25, y=0.2)
    axes.set_xlabel("score on old pairs set aside")
    axes.set_ylabel("score on new pairs set aside")
    return _svg(figure)


def loss_chart(log: Sequence[Mapping[str, float]]) -> str:
    """Return the training loss over the optimiser's steps as SVG."""
    figure, axes = _figure(height=2.2)
    steps = [each["step"] for each in log]
    axes.plot(steps, [each["loss"] for each in log], color="#3457a6", linewidth=1.6)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("optimiser step")
    axes.set_ylabel("training loss")
    axes.set_ylim(bottom=0)
    return _svg(figure)


def _label(text: str) -> str:
    short = text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1]}…"
    # A dollar sign would be read as the start of a formula.
    return short.replace("$", r"\$")


def _figure(height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: Any) -> str:
    import matplotlib as mpl

    buffer = io.StringIO()
    # Fixed salt and no date: the same numbers give the same drawing, byte for byte.
    with mpl.rc_context({"svg.hashsalt": "anchorhold", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    drawn = buffer.getvalue()
    return drawn[drawn.index("<svg") :]
