"""Grow one thing at a time by 10 and 100, and print what each stage costs then.

    python benchmarks/growth.py [--only pairs,traffic] [--markdown]
    python benchmarks/growth.py --only versions --factors 1,10,30   # a hundred trainings take long

A tiny model (two layers of BERT, 16 dimensions) makes everything around the model show. Each row is
a workspace of its own in a process of its own, which does what the commands do. Seconds are those
of the processor, which other work on the machine changes least; memory is the largest resident
memory beyond that of a process that has imported all libraries; disk is what the part of the
workspace holds at the end. The exponent is that of the last step, from 10 to 100, less what the
smallest size costs: 1 is linear. n log n gives about 1.1 to 1.2 here, so that a stage above 1.35
that takes more than a second is marked: it grows worse.
"""

import argparse
import json
import math
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from growing import ALWAYS, Cost, Life, documents, lines, pairs, processor_seconds, texts

FACTORS = (1, 10, 100)
WORSE, TELLING = 1.35, 1.0
"""Exponent from which a stage is marked, and processor seconds from which one is telling."""
NOISE = 0.1
"""Seconds or megabytes by which two runs of the same may differ."""
DISK = {
    "store": ("store.db*",),
    "MLflow": ("mlflow.db*", "artifacts"),
    "cache": ("cache",),
    "index": ("index*",),
    "cycles": ("cycles",),
}
"""Parts of the state folder, as patterns."""


@dataclass(frozen=True)
class Growth:
    """What grows, from which size, and what is done with it."""

    name: str
    base: int
    live: Callable[[Life, int], None]


def of_pairs(life: Life, size: int) -> None:
    """Let pairs wait that an inconclusive verdict leaves, and run the cycle after it."""
    life.lay_out(more=ALWAYS)
    life.run(measured=False)
    life.arrive("pairs", pairs(size, 30))
    life.arrive("traffic", texts(200, 31))
    life.run(measured=False)
    life.arrive("pairs", pairs(100, 32))
    life.run()
    life.do("status", lambda workspace: workspace.status())


def train(life: Life) -> None:
    """Make the first version, and train on the pairs that arrive after it."""
    with life.timed("first version"):
        life.run(measured=False)
    life.arrive("pairs", pairs(200, 30))
    life.run()


def of_memory(life: Life, size: int) -> None:
    """Begin with so much history, of which four fifths are remembered, and train."""
    life.lay_out(history=size, more=f"{ALWAYS}[memory]\ncapacity = {size * 4 // 5}\n")
    train(life)


def of_documents(life: Life, size: int) -> None:
    """Store documents, index them, search, and check."""
    life.lay_out()
    life.run(measured=False)
    life.arrive("corpus", documents(size, 20))
    life.arrive("traffic", texts(500, 31))
    life.run()
    life.do("index build", lambda workspace: workspace.index_build())
    life.do("unchanged index", lambda workspace: workspace.index_build())
    life.do("search", lambda workspace: workspace.search("where is my card"))
    life.do("status", lambda workspace: workspace.status())


def of_sets(life: Life, size: int) -> None:
    """Judge a candidate on so many anchor sets of 50 queries."""
    life.lay_out(queries=50, sets=size, more=ALWAYS)
    train(life)
    life.do("status", lambda workspace: workspace.status())


def of_queries(life: Life, size: int) -> None:
    """Judge a candidate on one anchor set of so many queries, and of at most 1,000 documents."""
    life.lay_out(queries=size, more=ALWAYS)
    train(life)


def of_cycles(life: Life, size: int) -> None:
    """Run so many quiet cycles, and look at the last one."""
    life.lay_out()
    life.run(measured=False)
    for number in range(size):
        life.arrive("traffic", texts(50, 1000 + number))
        life.run(measured=number == size - 1)
    life.do("status", lambda workspace: workspace.status())


def of_versions(life: Life, size: int) -> None:
    """Train so many candidates that do not pass, and look at the last cycle."""
    # As much is trained each time, so that only what is behind grows.
    life.lay_out(more=f"{ALWAYS}[mix]\nmaximum_pairs = 128\n")
    life.run(measured=False)
    for number in range(size):
        life.arrive("pairs", pairs(70, 1000 + number))
        life.run(measured=number == size - 1)
    life.do("status", lambda workspace: workspace.status())


def of_traffic(life: Life, size: int) -> None:
    """Let so many texts arrive since the last training, and check a day's texts after them."""
    life.lay_out()
    life.run(measured=False)
    life.arrive("traffic", texts(size, 40))
    with life.timed("first run"):
        life.run(measured=False)
    life.arrive("traffic", texts(200, 41))
    life.run()
    life.do("status", lambda workspace: workspace.status())


def of_log(life: Life, size: int) -> None:
    """Let so many lines of a served log arrive, and check a day's lines after them."""
    life.lay_out()
    life.arrive("corpus", documents(500, 20))
    life.run(measured=False)
    life.arrive("log", lines(size, 50, 500))
    with life.timed("first run"):
        life.run(measured=False)
    life.arrive("log", lines(100, 51, 500))
    life.run()
    life.do("status", lambda workspace: workspace.status())


GROWTHS = (
    Growth("pairs", 200, of_pairs),
    Growth("memory", 200, of_memory),
    Growth("documents", 500, of_documents),
    Growth("anchor sets", 1, of_sets),
    Growth("anchor queries", 50, of_queries),
    Growth("cycles", 2, of_cycles),
    Growth("versions", 1, of_versions),
    Growth("traffic", 1000, of_traffic),
    Growth("log", 200, of_log),
)


def largest_megabytes() -> float:
    """Return the largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def disk_of(state: Path) -> dict[str, float]:
    """Return part -> megabytes."""
    found = {}
    for part, patterns in DISK.items():
        places = [place for pattern in patterns for place in state.glob(pattern)]
        files = [file for place in places for file in (place, *place.rglob("*"))]
        found[part] = sum(each.stat().st_size for each in files if each.is_file()) / 1e6
    return found


def apart(work: Callable[[], Cost]) -> Cost:
    """Return what the work returns, done in a process of its own that has imported everything."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            made = json.dumps(vars(work()))
            with os.fdopen(writing, "w") as told:
                told.write(made)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        content = told.read()
    if os.waitpid(child, 0)[1]:
        raise SystemExit("a size could not be measured; see above")
    return Cost(**json.loads(content))


def measure(growth: Growth, factor: int, place: Path, model: Path) -> Cost:
    """Live one size of one growth."""

    def work() -> Cost:
        idle = largest_megabytes()
        life = Life(place / "space", model)
        growth.live(life, growth.base * factor)
        life.cost.megabytes = largest_megabytes() - idle
        life.cost.disk = disk_of(place / "space" / ".anchorhold")
        return life.cost

    try:
        return apart(work)
    finally:
        shutil.rmtree(place / "space", ignore_errors=True)


def exponent(small: float, middle: float, large: float, step: float) -> float | None:
    """Return the exponent of the last step, without what the smallest size costs; None: flat.

    `step` is the ratio of the two larger sizes.
    """
    before, after = middle - small, large - small
    if after <= max(0.2 * small, NOISE):
        return None
    return math.log(after / max(before, NOISE), step)


def rows_of(costs: Sequence[Cost], step: float) -> Iterator[tuple[str, list[float], str]]:
    """Yield what was measured of each stage at the three sizes, and how it grows."""
    for stage in costs[-1].seconds:
        values = [each.seconds.get(stage, 0.0) for each in costs]
        grows = exponent(*values, step)
        told = "flat" if grows is None else f"{grows:.2f}"
        bad = grows is not None and grows > WORSE and values[2] > TELLING
        yield f"{stage} (s)", values, told + (" WORSE" if bad else "")
    yield "memory (MB)", [each.megabytes for each in costs], ""
    for part in costs[-1].disk:
        values = [each.disk[part] for each in costs]
        if values[2] > 0.05:
            grows = exponent(*values, step)
            yield f"disk: {part} (MB)", values, "flat" if grows is None else f"{grows:.2f}"


def show(growth: Growth, factors: Sequence[int], costs: Sequence[Cost], markdown: bool) -> None:
    """Print the table of one growth."""
    sizes = [f"{growth.base * factor:,}" for factor in factors]
    if markdown:
        print(f"\n### {growth.name}\n\n| stage | {' | '.join(sizes)} | exponent |")
        print("|---|--:|--:|--:|---|")
    else:
        print(f"\n{growth.name:26}" + "".join(f"{size:>12}" for size in sizes) + "  exponent")
    for stage, values, told in rows_of(costs, factors[2] / factors[1]):
        cells = [f"{value:.2f}" for value in values]
        if markdown:
            print(f"| {stage} | {' | '.join(cells)} | {told} |")
        else:
            print(f"{stage:26}" + "".join(f"{cell:>12}" for cell in cells) + f"  {told}")
    sys.stdout.flush()


def imported() -> None:
    """Import what commands import, so that no row pays for it."""
    import logging

    import mlflow  # noqa: F401
    import torch
    from sentence_transformers import SentenceTransformerTrainer  # noqa: F401

    import training.finetuning  # noqa: F401

    torch.set_num_threads(1)
    logging.disable(logging.INFO)


def main() -> None:
    """Print a table per growth."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="names of growths, separated by commas")
    parser.add_argument("--markdown", action="store_true", help="tables for a page")
    told = ",".join(map(str, FACTORS))
    parser.add_argument("--factors", default=told, help=f"three, increasing; by default {told}")
    options = parser.parse_args()
    factors = [int(each) for each in options.factors.split(",")]
    if len(factors) != 3 or not 0 < factors[0] < factors[1] < factors[2]:
        parser.error(f"--factors must be three that increase, such as {told}")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    # Threads of the matrix library do not survive a fork, and would count for other stages.
    os.environ["OMP_NUM_THREADS"] = "1"
    wanted = [name.strip() for name in options.only.split(",") if name.strip()]
    names = [each.name for each in GROWTHS]
    if unknown := sorted(set(wanted) - set(names)):
        parser.error(f"--only: {unknown[0]!r} is no growth; allowed: {', '.join(names)}")
    chosen = [each for each in GROWTHS if not wanted or each.name in wanted]
    began = time.perf_counter()
    imported()
    from tiny_models import tiny_bert

    with tempfile.TemporaryDirectory(prefix="growth-") as folder:
        place = Path(folder)

        def made() -> Cost:
            tiny_bert(place / "tiny")
            return Cost()

        apart(made)
        for growth in chosen:
            costs = [measure(growth, each, place, place / "tiny" / "model") for each in factors]
            show(growth, factors, costs, options.markdown)
    minutes = (time.perf_counter() - began) / 60
    print(f"\n{processor_seconds() / 60:.1f} processor minutes, {minutes:.1f} minutes")


if __name__ == "__main__":
    main()
