"""Draw the pictures of the documentation.

    python docs/pictures.py                          # the drawings
    python docs/pictures.py --demo anchorhold-demo   # also those that show what the demo gave

With `--demo`, the folder holds what `make demo` wrote; `report.png` needs Chromium. A drawing is
text and shapes in SVG, readable on white and on black, with its meaning in words as its title.
"""

import argparse
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from PIL import Image

PICTURES = Path(__file__).parent / "pictures"
BLUE, GREEN, RED, GREY = "#2563c9", "#1f8a54", "#d0392f", "#737b87"
_FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif"


def picture(width: int, height: int, title: str, shapes: Sequence[str]) -> str:
    """Return an SVG document."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" '
        f'font-family="{_FONT}">\n<title>{escape(title)}</title>\n'
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path d="M0 0L10 5L0 10z" fill="{GREY}"/></marker>'
        "</defs>\n" + "\n".join(shapes) + "\n</svg>\n"
    )


def text(x: float, y: float, words: str, *, size: int = 16, fill: str = GREY,
         anchor: str = "start", bold: bool = False) -> str:  # fmt: skip
    """Return words whose baseline begins, is centred or ends at a point."""
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{fill}" text-anchor="{anchor}"'
        f"{weight}>{escape(words)}</text>"
    )


def box(x: float, y: float, words: str, below: str, *, fill: str = BLUE, width: int = 262) -> str:
    """Return a box of 84 units in height with a heading and a line below it."""
    middle = x + width / 2
    return "\n".join(
        (
            f'<rect x="{x:g}" y="{y:g}" width="{width}" height="84" rx="10" fill="{fill}"/>',
            text(middle, y + 37, words, size=20, fill="#fff", anchor="middle", bold=True),
            text(middle, y + 63, below, size=15, fill="#fff", anchor="middle"),
        )
    )


def arrow(*points: tuple[float, float]) -> str:
    """Return a line through points that ends in a tip."""
    line = " ".join(f"{x:g},{y:g}" for x, y in points)
    return (
        f'<polyline points="{line}" fill="none" stroke="{GREY}" stroke-width="2.5" '
        'marker-end="url(#tip)"/>'
    )


def cycle() -> str:
    """Return the cycle: data, drift check, training, gate, service."""
    return picture(
        660,
        476,
        "A cycle: new texts and labelled pairs are checked for drift; when training is called for, "
        "a candidate is trained on recent and replayed pairs; the gate lets it serve only if the "
        "new task gains and no old task gets worse; the service logs what the next cycle reads.",
        (
            box(12, 12, "Texts and pairs arrive", "files, a log, documents"),
            box(386, 12, "Check for drift", "significant and large"),
            box(386, 172, "Train a candidate", "recent and replayed pairs"),
            box(386, 348, "Gate", "new task gains, old tasks hold", fill=GREEN),
            box(12, 348, "Champion serves", "model and index together", fill=GREEN),
            arrow((276, 54), (380, 54)),
            arrow((517, 98), (517, 166)),
            arrow((517, 258), (517, 342)),
            arrow((384, 390), (280, 390)),
            arrow((143, 346), (143, 102)),
            text(328, 42, "window", anchor="middle"),
            text(527, 138, "drift"),
            text(509, 138, "else: quiet", anchor="end"),
            text(527, 306, "scores"),
            text(332, 378, "promoted", anchor="middle"),
            text(155, 230, "what it served, and what"),
            text(155, 252, "users did with it"),
            text(517, 460, "else: the champion is unchanged", anchor="middle"),
            text(143, 460, "one command rolls back", anchor="middle"),
        ),
    )


def two_conditions() -> str:
    """Return why a trigger needs a significant p-value and a large effect."""
    x0, y0, width, height = 96, 24, 540, 300
    x1, y1 = x0 + 0.46 * width, y0 + 0.5 * height
    corners = (
        (x0, y0, "may be chance", "small window: wait for more", GREY),
        (x1, y0, "fires", "significant and large", GREEN),
        (x0, y1, "quiet", "neither", GREY),
        (x1, y1, "certain, but too small", "large window: not worth training", GREY),
    )
    shapes = [
        f'<rect x="{x1:g}" y="{y0}" width="{x0 + width - x1:g}" height="{y1 - y0:g}" rx="8" '
        f'fill="{GREEN}" fill-opacity="0.16"/>',
        arrow((x0, y0 + height), (x0 + width, y0 + height)),
        arrow((x0, y0 + height), (x0, y0)),
        f'<path d="M{x1:g} {y0}V{y0 + height}M{x0} {y1:g}H{x0 + width}" stroke="{GREY}" '
        'stroke-width="1.5" stroke-dasharray="6 5"/>',
        text(x0 + width / 2, y0 + height + 54, "how sure: smaller p-value →", anchor="middle"),
        text(x1, y0 + height + 24, "significance", anchor="middle", size=14),
        text(x0 - 12, y1 + 5, "threshold", anchor="end", size=14),
        text(x0 - 12, y0 + 18, "effect ↑", anchor="end"),
    ]
    for x, y, words, below, fill in corners:
        shapes += [
            text(x + 14, y + 66, words, size=18, fill=fill, bold=True),
            text(x + 14, y + 90, below, size=15),
        ]
    return picture(
        660,
        396,
        "A trigger fires only if the p-value is significant and the effect is above the threshold "
        "that the reference shows when it is compared with itself.",
        shapes,
    )


def pointer() -> str:
    """Return what a promotion moves: one pointer, and with it all that belongs to a version."""
    parts = ("model", "index of documents", "memory of old pairs", "reference for drift",
             "anchor sets learned", "cut: what it has read")  # fmt: skip
    shapes = []
    for x, name, alias, fill in (
        (12, "version 2", "previous", GREY),
        (236, "version 3", "champion", GREEN),
        (460, "version 4", "refused", GREY),
    ):
        shapes += [
            f'<rect x="{x}" y="96" width="188" height="224" rx="10" fill="none" stroke="{fill}" '
            'stroke-width="2.5"/>',
            text(x + 94, 128, name, size=20, anchor="middle", bold=True, fill=fill),
            *(text(x + 16, 160 + 27 * row, part, size=15) for row, part in enumerate(parts)),
        ]
        if alias != "refused":
            shapes += [
                f'<rect x="{x + 24}" y="12" width="140" height="38" rx="19" fill="{fill}"/>',
                text(x + 94, 37, alias, size=17, fill="#fff", anchor="middle", bold=True),
                arrow((x + 94, 52), (x + 94, 90)),
            ]
    shapes += [
        text(x + 94, 352, words, size=15, anchor="middle")
        for x, words in ((12, "rollback: back to here"), (236, "answers the users"),
                         (460, "kept, with its reasons"))
    ]  # fmt: skip
    return picture(
        660,
        366,
        "A version holds its model, index, memory, reference, learned anchor sets and cut. A "
        "promotion moves the alias champion to it; a rollback moves the alias back.",
        shapes,
    )


def gate(demo: Path) -> str:
    """Return the intervals on which the gate decided in two cycles of a demonstration."""
    shapes: list[str] = []
    place, left, right, low, high = 30, 236, 644, -0.06, 0.12
    told = {"0003": "labelled pairs on new topics", "0004": "a batch with shuffled answers"}

    def at(value: float) -> float:
        return left + (min(max(value, low), high) - low) / (high - low) * (right - left)

    for number, batch in told.items():
        file = demo / ".anchorhold" / "cycles" / number / "report.json"
        verdict = json.loads(file.read_text(encoding="utf-8"))["verdict"]
        outcome = verdict["outcome"]
        fill = GREEN if verdict["promote"] else RED
        shapes.append(text(12, place, f"{batch}: {outcome}", size=18, fill=fill, bold=True))
        for each in verdict["comparisons"]:
            if not each["judged"] or each["rule"] == "floor":
                continue
            place += 40
            y = place - 6
            required = each["margin"] if each["rule"] == "gain" else -each["margin"]
            colour = GREEN if each["holds"] else RED
            shapes += [
                text(left - 14, place, each["task"], anchor="end"),
                f'<path d="M{at(required):.1f} {y - 14}v28" stroke="{GREY}" '
                'stroke-width="2.5" stroke-dasharray="4 3"/>',
                f'<path d="M{at(each["low"]):.1f} {y}H{at(each["high"]):.1f}" stroke="{colour}" '
                'stroke-width="4" stroke-linecap="round"/>',
                f'<circle cx="{at(each["difference"]):.1f}" cy="{y}" r="7" fill="{colour}"/>',
            ]
        place += 58
    place -= 22
    shapes.append(f'<path d="M{left} {place}H{right}" stroke="{GREY}" stroke-width="1.5"/>')
    for value in (-0.05, -0.02, 0.02, 0.05, 0.1):
        shapes.append(text(at(value), place + 22, f"{value:+.2f}",
                           anchor="middle", size=15))  # fmt: skip
    shapes += [
        text((left + right) / 2, place + 46, "difference in nDCG@10, candidate − champion",
             anchor="middle", size=15),
        text((left + right) / 2, place + 68,
             "a task passes if its whole line is right of its dashed mark", anchor="middle",
             size=15),
    ]  # fmt: skip
    return picture(
        660,
        place + 82,
        "Two cycles of the demonstration: with labelled pairs, the intervals of the new task and "
        "of every old task are right of what they must exceed, and the candidate is promoted; "
        "with shuffled answers, the new task does not gain, and the candidate is rejected.",
        shapes,
    )


DRAWINGS: dict[str, Callable[[], str]] = {
    "cycle.svg": cycle,
    "two-conditions.svg": two_conditions,
    "pointer.svg": pointer,
}
"""The drawings that need no demonstration, by file."""


def photograph(page: Path, picture: Path, *, width: int = 1100, height: int = 850) -> None:
    """Write the top of a page as Chromium shows it, in few colours.

    Raises
    ------
    SystemExit
        There is no Chromium.
    """
    names = ("chromium", "chromium-browser", "google-chrome")
    browser = next(filter(None, map(shutil.which, names)), None)
    if browser is None:
        raise SystemExit("report.png needs Chromium")
    with tempfile.TemporaryDirectory() as folder:
        taken = Path(folder) / "page.png"
        subprocess.run(
            [browser, "--headless", "--no-sandbox", "--hide-scrollbars", f"--screenshot={taken}",
             f"--window-size={width},{height}", f"--user-data-dir={folder}/profile",
             page.resolve().as_uri()],
            check=True, capture_output=True,
        )  # fmt: skip
        Image.open(taken).convert("RGB").quantize(128).save(picture, optimize=True)


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--demo", type=Path, help="folder of a demonstration")
    arguments = parser.parse_args()
    PICTURES.mkdir(exist_ok=True)
    for name, draw in DRAWINGS.items():
        (PICTURES / name).write_text(draw(), encoding="utf-8")
    if demo := arguments.demo:
        (PICTURES / "gate.svg").write_text(gate(demo), encoding="utf-8")
        photograph(demo / ".anchorhold/cycles/0003/report.html", PICTURES / "report.png")


if __name__ == "__main__":
    main()
