"""Charts of texts: the map of a check, and the spread of similarities."""

import math
from collections.abc import Sequence
from typing import Any

from pipeline.reports.drawing import ACCENT, BAD, INK, KNOWN, PAPER, QUIET, drawing, shown
from pipeline.reports.words import task_name
from pipeline.results import TextMap, VersionCosines

_NUMBER = 0.13
"""Distance of two numbers as a share of the half width of the map: a little over their size."""
_NAMES = {"relevant": "relevant", "random": "others"}


def map_chart(found: TextMap) -> str:
    """Return the map of a check as SVG: known, recent and far recent texts, groups by number."""
    kinds = (
        ("known texts", found.known, {"marker": "o", "color": KNOWN, "alpha": 0.55}),
        ("recent, near known ones", found.recent, {"marker": "o", "color": ACCENT}),
        ("recent, far from all known ones", found.far, {"marker": "^", "color": BAD}),
    )

    def draw(axes: Any) -> None:
        for name, places, look in kinds:
            xs, ys = [x for x, _ in places], [y for _, y in places]
            axes.plot(xs, ys, linestyle="none", markersize=4, label=name, markeredgewidth=0, **look)
        for group, place in zip(found.groups, _apart(found), strict=True):
            axes.annotate(
                str(group.number),
                place,
                ha="center",
                va="center",
                weight="bold",
                color=INK,
                bbox={"boxstyle": "circle,pad=0.25", "facecolor": PAPER, "edgecolor": INK},
            )
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_aspect("equal", adjustable="datalim")
        axes.spines[:].set_visible(False)
        axes.legend(loc="upper left", bbox_to_anchor=(0, 0), frameon=False, markerscale=1.8)

    groups = "; ".join(
        f"group {each.number}, {', '.join(each.terms)}: {each.known:.0%} of the known and "
        f"{each.recent:.0%} of the recent texts"
        for each in found.groups
    )
    alt = f"Map of {len(found.known)} known and {len(found.recent) + len(found.far)} recent texts"
    return drawing(draw, f"{alt}. {groups}", height=4.6)


def _apart(found: TextMap) -> list[tuple[float, float]]:
    """Return where the numbers of the groups stand: moved upwards until none hides another."""
    every = [*found.known, *found.recent, *found.far]
    reach = max((abs(value) for place in every for value in place), default=1.0)
    least = _NUMBER * (reach or 1.0)
    placed: list[tuple[float, float]] = []
    for group in found.groups:
        x, y = group.x, group.y
        while any(math.dist((x, y), other) < least for other in placed):
            y += least / 4
        placed.append((x, y))
    return placed


def cosines_chart(versions: Sequence[VersionCosines]) -> str | None:
    """Return histograms of similarities as SVG: the new version filled, the one before dashed.

    Returns
    -------
    None where no histogram was recorded.
    """
    if not versions:
        return None
    now, before = versions[-1], versions[-2] if len(versions) > 1 else None
    earlier = {each.task: each for each in before.sets} if before else {}
    sets = [each for each in now.sets if each.edges][:6]
    if not sets:
        return None

    def draw(*every: Any) -> None:
        for axes, each in zip(every, sets, strict=True):
            old = earlier.get(each.task)
            for name, colour in (("random", KNOWN), ("relevant", ACCENT)):
                heights = _shares(getattr(each, f"{name}_counts"))
                label = f"{_NAMES[name]}, version {now.version}"
                axes.stairs(heights, each.edges, fill=True, color=colour, alpha=0.75, label=label)
                if before and old and old.edges and old.digest == each.digest:
                    axes.stairs(
                        _shares(getattr(old, f"{name}_counts")),
                        old.edges,
                        color=INK if name == "relevant" else QUIET,
                        linestyle="--",
                        linewidth=1.3,
                        label=f"{_NAMES[name]}, version {before.version}",
                    )
            axes.set_title(shown(task_name(each.task), 48), loc="left", color=INK, fontsize=10)
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
        every[-1].set_xlabel("similarity of query and document")
        every[-1].legend(loc="upper left", bbox_to_anchor=(0, -0.35), frameon=False, ncols=2)

    told = "; ".join(
        f"{task_name(each.task)}: median {each.relevant[2]:.2f} with relevant documents, "
        f"{each.random[2]:.2f} with others"
        for each in sets
        if each.relevant and each.random
    )
    alt = f"Similarities of queries and documents, version {now.version}. {told}"
    return drawing(draw, alt, height=0.8 + 1.25 * len(sets), rows=len(sets))


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts) or 1
    return [count / total for count in counts]
