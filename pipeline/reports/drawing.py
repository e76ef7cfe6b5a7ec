"""Drawings: inline SVG of matplotlib that takes its colours from the page and says what it shows.

A drawing is as wide as a phone, in units of which one is about a pixel there, so that its letters
stay readable; on a wide screen the page sets drawings side by side.
"""

import io
import re
import unicodedata
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

from pipeline.reports.lean import lean
from pipeline.reports.palette import LIGHT

INK, QUIET, LINE, PAPER = LIGHT["ink"], LIGHT["quiet"], LIGHT["line"], LIGHT["paper"]
ACCENT, KNOWN = LIGHT["accent"], LIGHT["known"]
BAD = LIGHT["bad"]
Tone = Literal["good", "bad", "open", "plain"]
"""Good news, bad news, not decided, or neither."""
COLOURS: dict[Tone, str] = {
    "good": LIGHT["good"],
    "bad": BAD,
    "open": LIGHT["open"],
    "plain": QUIET,
}

_LETTERS = 11.5
"""Letters per inch, so that also wide ones have room."""

CARD, WIDE = 3.8, 4.6
"""Widths in inches of 72 units: one of three drawings side by side, and a drawing of its own."""

_STYLE: dict[Any, Any] = {
    "font.size": 10,
    "svg.fonttype": "none",
    # A dollar sign is no formula.
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": QUIET,
    "axes.edgecolor": LINE,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def drawing(
    draw: Callable[..., None], alt: str, *, height: float, width: float = WIDE, rows: int = 1
) -> str:
    """Return what a function draws as SVG.

    Parameters
    ----------
    draw
        Draws on matplotlib's axes, of which it gets one for each of the rows.
    alt
        What the drawing shows, in words, for those who cannot see it.
    height, width
        In inches.
    rows
        Number of axes, one below the other.

    Examples
    --------
    >>> drawn = drawing(lambda axes: axes.plot([0, 1], [0, 1]), "a <line>", height=1)
    >>> drawn.startswith('<svg role="img" aria-label="a &lt;line&gt;"')
    True
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    buffer = io.StringIO()
    # The same numbers give the same drawing, byte for byte, and others other ids.
    with mpl.rc_context({**_STYLE, "svg.hashsalt": alt}), warnings.catch_warnings():
        # The browser has the letters that the font, by which only room is measured, lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.patch.set_alpha(0)
        draw(*figure.subplots(rows, squeeze=False)[:, 0])
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", metadata=nothing)
    return _inline(buffer.getvalue(), alt)


def _inline(drawn: str, alt: str) -> str:
    """Return a document of matplotlib as an element whose colours follow the page."""
    body = drawn[drawn.index("<svg") :].rstrip()
    box = re.search(r'viewBox="[^"]*"', body)
    head = f'<svg role="img" aria-label="{escape(shown(alt))}" {box.group() if box else ""}'
    body = body[body.index(">", body.index("<svg")) + 1 :]
    body = re.sub(r"\s*<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    # Nothing refers to groups, and an id may stand in a page only once.
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    for name, colour in LIGHT.items():
        body = re.sub(rf"(fill|stroke): {colour}\b", rf"\1: var(--{name})", body)
    return f'{head} xmlns:xlink="http://www.w3.org/1999/xlink">{lean(body)}'


def shown(text: str, longest: int | None = None) -> str:
    r"""Return a text on one line, without characters that no document may hold, and cut if long.

    Examples
    --------
    >>> shown("two\nlines and a \x00"), shown("much too long", 8)
    ('two lines and a', 'much to…')
    """
    kept = "".join(" " if unicodedata.category(each) in ("Cc", "Cs") else each for each in text)
    plain = " ".join(kept.split())
    if longest is None or len(plain) <= longest:
        return plain
    return f"{plain[: longest - 1].rstrip()}…"


@dataclass(frozen=True)
class Row:
    """What is written around one row of a drawing: the room beside it that a phone has is none.

    Attributes
    ----------
    label
        Above it, on the left.
    word, colour
        Above it, on the right, and its colour.
    detail
        Below it.
    """

    label: str
    word: str = ""
    colour: str = INK
    detail: str = ""


def written_rows(axes: Any, rows: Sequence[Row], width: float) -> None:
    """Write what stands around the rows of a drawing, from the top; row i is drawn at y = -i.

    Parameters
    ----------
    axes
        Matplotlib's axes.
    rows
        What to write.
    width
        Of the drawing, in inches; a label is cut so that its word has room.
    """
    longest, across = round(_LETTERS * width), axes.get_yaxis_transform()
    for row, each in enumerate(rows):
        word = shown(each.word, longest - 8)
        label = shown(each.label, longest - len(word) - (2 if word else 0))
        above = {"transform": across, "va": "bottom"}
        axes.text(0, 0.22 - row, label, color=INK, **above)
        axes.text(1, 0.22 - row, word, color=each.colour, ha="right", weight="bold", **above)
        detail = shown(each.detail, longest)
        axes.text(0, -0.18 - row, detail, color=QUIET, size=9, transform=across, va="top")
    axes.set_ylim((-0.55 if any(each.detail for each in rows) else -0.3) - len(rows) + 1, 0.7)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def rows_height(rows: Sequence[Row], axis: float = 0.5) -> float:
    """Return the height in inches of a drawing with such rows and an axis below."""
    each = 0.72 if any(row.detail for row in rows) else 0.44
    return 0.1 + axis + each * len(rows)
