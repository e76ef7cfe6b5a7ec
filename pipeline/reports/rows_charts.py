"""Charts of one value per row: bars, and scores that moved from before to after."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.reports.drawing import (
    ACCENT,
    BAD,
    CARD,
    COLOURS,
    INK,
    KNOWN,
    QUIET,
    Row,
    Tone,
    drawing,
    rows_height,
    written_rows,
)


@dataclass(frozen=True)
class Bar:
    """One row of a bar chart.

    Attributes
    ----------
    label
        What it is about.
    values
        Lengths of its parts from left to right; at least one, none below zero.
    word
        The value in words.
    alarm
        Whether it calls for attention.
    """

    label: str
    values: tuple[float, ...]
    word: str
    alarm: bool = False


def bars_chart(
    bars: Sequence[Bar],
    caption: str,
    *,
    limit: float | None = None,
    longest: float | None = None,
    parts: Sequence[str] = (),
    width: float = CARD,
) -> str:
    """Return bars as SVG, the first on top.

    Parameters
    ----------
    bars
        The rows.
    caption
        What the lengths mean.
    limit
        Where a mark across each bar is drawn; None for none.
    longest
        Length that fills the width; a longer bar ends in an arrow. None: that of the longest bar.
    parts
        Names of the parts that each bar has, if several.
    width
        In inches.

    Examples
    --------
    >>> ">check<" in bars_chart([Bar("check", (3.0,), "3 s")], "seconds")
    True
    """
    rows = [Row(each.label, each.word, BAD if each.alarm else INK) for each in bars]
    end = longest or max((sum(each.values) for each in bars), default=0.0) or 1.0
    colours = (ACCENT, KNOWN)

    def draw(axes: Any) -> None:
        for row, each in enumerate(bars):
            start = 0.0
            for place, value in enumerate(each.values):
                colour = BAD if each.alarm else colours[place % 2] if parts else KNOWN
                axes.barh(-row, min(value, max(0.0, end - start)), 0.28, left=start, color=colour)
                start += value
            if start > end:
                axes.plot([end], [-row], ">", color=BAD if each.alarm else KNOWN, markersize=9)
            if limit is not None:
                axes.plot([limit, limit], [-row - 0.2, -row + 0.17], color=INK, linewidth=1.6)
        for place, name in enumerate(parts):
            axes.barh([0], [0], color=colours[place % 2], label=name)
        if parts:
            axes.legend(loc="upper left", bbox_to_anchor=(0, 0), ncols=2, frameon=False)
            axes.spines["bottom"].set_visible(False)
        axes.set_xlim(0, end * 1.04)
        written_rows(axes, rows, width)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        axes.set_xlabel("" if parts else caption)

    alt = f"{caption}. {'; '.join(f'{each.label}: {each.word}' for each in bars)}"
    return drawing(draw, alt, height=rows_height(rows, 0.3), width=width)


@dataclass(frozen=True)
class Move:
    """A score that moved.

    Attributes
    ----------
    label
        What was measured.
    before, after
        In the metric's units; before is None for a first score.
    tone
        Whether the move is good news.
    """

    label: str
    before: float | None
    after: float
    tone: Tone = "plain"


def moves_chart(moves: Sequence[Move], caption: str, *, width: float = CARD) -> str:
    """Return scores before (hollow) and after (filled) as SVG.

    Examples
    --------
    >>> ">New task<" in moves_chart([Move("New task", 0.5, 0.7)], "nDCG@10")
    True
    """
    rows = [
        Row(
            each.label,
            f"{each.after:.3f}" if each.before is None else f"{each.before:.3f} → {each.after:.3f}",
            _towards(each),
        )
        for each in moves
    ]

    def draw(axes: Any) -> None:
        for row, each in enumerate(moves):
            colour = _towards(each)
            if each.before is not None:
                axes.plot([each.before, each.after], [-row, -row], color=colour, linewidth=2.5)
                axes.plot([each.before], [-row], "o", color=QUIET, markersize=8, fillstyle="none")
            axes.plot([each.after], [-row], "o", color=colour, markersize=8)
        axes.margins(x=0.06)
        bounds = axes.get_xlim()
        # No score lies beyond 0 and 1, though the room beside a mark does.
        axes.set_xticks([tick for tick in axes.get_xticks() if 0 <= round(tick, 9) <= 1])
        axes.set_xlim(bounds)
        written_rows(axes, rows, width)
        axes.set_xlabel(caption)

    told = "; ".join(f"{row.label}: {row.word}" for row in rows)
    return drawing(draw, f"{caption}. {told}", height=rows_height(rows), width=width)


def _towards(move: Move) -> str:
    return INK if move.before is None else COLOURS[move.tone]
