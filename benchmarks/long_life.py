"""Run many cycles of one workspace with a tiny model, and show what each costs.

    python benchmarks/long_life.py --json figures.json --plot docs/measurements/long-life.svg

Topics come and go, so that cycles train, and most candidates are refused or inconclusive. Each arm
is a workspace of its own with the same data: one keeps everything and uses all waiting pairs, the
other what `[keep]` and `[waiting]` say, small numbers here, so that a hundred cycles reach them. A
cycle runs in this process, so the seconds are those of the processor without the start of Python.
"""

import argparse
import json
import os
import resource
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import psutil
from growing import BEGAN, processor_seconds
from made_streams import sentences, texts_of, write_anchors, write_lines

_COUNTS = ("champions", "candidates", "cycles", "runs", "cache_gigabytes")
ARMS = {
    "all": "".join(f'{name} = "all"\n' for name in _COUNTS) + "\n[waiting]\npairs = 100_000\n",
    "kept": "champions = 3\ncandidates = 3\ncycles = 10\nruns = 10\n\n[waiting]\npairs = 400\n",
}
"""What `[keep]` and `[waiting]` say in each arm."""
SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in "aeiou"]
PAIRS, TEXTS = 40, 40
"""Arrivals per cycle."""
SETTLED = 5
"""Cycles after which another topic comes."""


@dataclass(frozen=True)
class Turn:
    """What one cycle cost."""

    cycle: str
    outcome: str
    seconds: float
    """Of the processor, all threads and child processes."""
    megabytes: float
    """Of all files of the workspace after it."""
    databases: float
    """Megabytes of its databases among them."""
    resident: float
    """Megabytes of memory that this process holds after it."""
    peak: float
    """The most megabytes of memory that this process held so far."""


def pairs(topic: int, count: int, seed: int) -> list[dict[str, str]]:
    """Return labelled pairs about a topic."""
    words = np.random.default_rng([topic, 1]).choice(SYLLABLES, (8, 2))
    names = ["".join(word) for word in words]
    told = {"prefix": f"{topic}-{seed}", "source": f"topic {topic}"}
    return sentences(names, count, [topic, seed, 2], **told, numbers=100_000)


def lay_out(space: Path, model: Path, keep: str) -> None:
    """Make a workspace that knows topic 0."""
    write_lines(space / "history" / "first.jsonl", pairs(0, 200, 0))
    write_lines(space / "reference" / "first.jsonl", texts_of(pairs(0, 150, 1)))
    write_anchors(space / "anchors" / "first", pairs(0, 100, 2))
    (space / "anchorhold.toml").write_text(
        f"""
[model]
name = "long-life"
base = {json.dumps(str(model))}
max_length = 32

[data]
history = ["history/*.jsonl"]
reference = ["reference/*.jsonl"]
pairs = ["pairs/*.jsonl"]
traffic = ["traffic/*.jsonl"]

[anchors.first]
path = "anchors/first"

[triggers.fresh_data]
minimum_pairs = {PAIRS}

[policy]
cooldown_hours = 0

[learned_anchors]
minimum_queries = 30

[holdout]
maximum = 60

[finetune]
epochs = 2
learning_rate = 0.003

[keep]
{keep}""",
        encoding="utf-8",
    )


def arrive(space: Path, number: int) -> None:
    """Let the records of one cycle arrive."""
    topic = 1 + number // SETTLED
    texts = texts_of(pairs(topic, TEXTS, 5000 + number))
    write_lines(space / "pairs" / f"{number:04d}.jsonl", pairs(topic, PAIRS, 10 + number))
    write_lines(space / "traffic" / f"{number:04d}.jsonl", texts)


def megabytes(folder: Path) -> tuple[float, float]:
    """Return the size of all files of a folder, and of its databases; hard links count once."""
    sizes, databases = {}, 0
    for root, _, names in os.walk(folder):
        for name in names:
            about = os.lstat(os.path.join(root, name))
            sizes[about.st_ino] = about.st_size
            databases += about.st_size if ".db" in name else 0
    return sum(sizes.values()) / 1e6, databases / 1e6


def live(space: Path, cycles: int) -> list[Turn]:
    """Run the cycles of a workspace, one per day, and print each."""
    from pipeline.operations import Workspace

    turns = []
    for number in range(cycles):
        if number:
            arrive(space, number)
        began = processor_seconds()
        with Workspace.open(space, now=BEGAN + timedelta(days=number)) as workspace:
            done = workspace.run()
        spent = processor_seconds() - began
        held = psutil.Process().memory_info().rss / 1e6
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        disk = megabytes(space / ".anchorhold")
        turns.append(Turn(done.cycle, done.outcome, spent, *disk, held, peak))
        row = asdict(turns[-1])
        print(
            "  ".join(
                f"{value:.2f}" if isinstance(value, float) else value for value in row.values()
            ),
            flush=True,
        )
    return turns


def draw(arms: dict[str, list[Turn]], path: Path) -> None:
    """Draw seconds, disk and memory over the cycles, a line for each arm."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "long life"})
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
    for name, turns in arms.items():
        places = range(1, len(turns) + 1)
        # The median of eleven: what a single cycle costs depends on what it did.
        seconds = [turn.seconds for turn in turns]
        around = [float(np.median(seconds[max(0, n - 5) : n + 6])) for n in range(len(turns))]
        axes[0].plot(places, around, label=name)
        axes[1].plot(places, [turn.megabytes for turn in turns], label=name)
        axes[2].plot(places, [turn.resident for turn in turns], label=name)
    labels = ("processor seconds per cycle", "MB on disk", "MB of memory")
    for each, told in zip(axes, labels, strict=True):
        each.set(xlabel="cycle", ylabel=told, ylim=(0, None))
        each.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Run the arms, print a summary, and draw both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--arm", choices=ARMS, action="append", help="by default, all")
    parser.add_argument("--json", type=Path, help="file of the figures: written, or added to")
    parser.add_argument("--plot", type=Path, help="SVG file of all figures in --json")
    options = parser.parse_args()
    from tiny_models import tiny_bert

    arms: dict[str, list[Turn]] = {}
    if options.json and options.json.exists():
        known = json.loads(options.json.read_text(encoding="utf-8"))
        arms = {name: [Turn(**row) for row in rows] for name, rows in known.items()}
    with tempfile.TemporaryDirectory(prefix="long-life-") as place:
        model = tiny_bert(Path(place) / "model")
        for name in options.arm or ARMS:
            print(name, flush=True)
            space = Path(place) / name
            lay_out(space, model, ARMS[name])
            arms[name] = live(space, options.cycles)
    if options.json:
        rows = {name: [asdict(turn) for turn in turns] for name, turns in arms.items()}
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    summarise(arms)
    if options.plot:
        draw(arms, options.plot)


def summarise(arms: dict[str, list[Turn]]) -> None:
    """Print, for each arm, what tens of cycles cost and what they left."""
    for name, turns in arms.items():
        print(f"{name}: {dict(Counter(turn.outcome for turn in turns))}")
        for last in range(10, len(turns) + 1, 10):
            some = turns[last - 10 : last]
            seconds = float(np.median([turn.seconds for turn in some]))
            print(
                f"| {last - 9} to {last} | {seconds:.2f} | {some[-1].megabytes:.1f} | "
                f"{some[-1].databases:.1f} | {some[-1].resident:.0f} | {some[-1].peak:.0f} |"
            )


if __name__ == "__main__":
    main()
