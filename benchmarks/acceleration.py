"""What each trick of `training/acceleration` brings alone, and what all of them bring together.

    python benchmarks/acceleration.py [--rounds 8] [--pairs FILE] [--workload NAME ...]

Each trick trains the bundled MiniLM by `FineTune.fit` in a process of its own, and two processes
train it without any. In each round every process trains one step, on the same batch and in a random
order, one after the other, so that other work on the machine slows all of them down. `factor` is
the median over the rounds of (mean step without) / (step with), with its quartiles beside it; `cpu`
is the same for processor time, which other work disturbs less. `ms` is the median step with the
trick, in wall time. Loading, tokenising and the first steps are not counted.

The workloads are short pairs (two texts of some 15 tokens) and long ones (a sentence and a passage
of up to 256 tokens) from the documentation of installed packages, in fp32 and in bf16. `--pairs`
takes pairs from a file instead (a JSON object per line with `query` and `positive`); the longer
half is the long workload. `kept memory` is `keep_freed_memory`. `packing` contains `attention`,
which it needs. Batches of similar length are part of all sides.
"""

import argparse
import dataclasses
import json
import multiprocessing
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from streams import bundled_base

from training import FineTune, Pair
from training.acceleration import TRICKS, keep_freed_memory
from training.pairs import Mix

PACKAGES = ("numpy", "scipy", "sklearn", "pandas", "torch", "transformers", "matplotlib")
MEMORY = "kept memory"
ALONE: dict[str, frozenset[str]] = {
    "packing": frozenset({"packing", "attention"}),
    "attention": frozenset({"attention"}),
    "dropout": frozenset({"dropout"}),
    "used tokens": frozenset({"used tokens"}),
    MEMORY: frozenset({MEMORY}),
    "all together": TRICKS | {MEMORY},
}
PLAIN = ("plain", "plain again")
WARM_UP = 2


@dataclasses.dataclass(frozen=True)
class Workload:
    """Texts to train on, tokens at which they are cut, pairs per step, and the number format."""

    texts: list[tuple[str, str]]
    max_length: int
    batch_size: int
    precision: str


def workloads(file: Path | None) -> dict[str, Workload]:
    """Return the workloads by name."""
    if file is None:
        from pipeline.demo.docstrings import documentation_pairs

        found = documentation_pairs(PACKAGES, most=1500, passage_characters=1500)
        short = [(pair.query[:70], pair.positive[:70]) for pair in found]
        long = [(pair.query, pair.positive) for pair in found if len(pair.positive) > 600]
    else:
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        texts = sorted(((row["query"], row["positive"]) for row in rows), key=lambda t: len(t[1]))
        short, long = texts[: len(texts) // 2], texts[len(texts) // 2 :]
    return {
        f"{name} {precision}": Workload(texts, length, size, precision)
        for precision in ("fp32", "bf16")
        for name, texts, length, size in (("short", short, 64, 32), ("long", long, 256, 8))
    }


def serve(link: Connection, workload: Workload, tricks: frozenset[str], rounds: int) -> None:
    """Train in this process, one step whenever the parent asks for one; answer with its seconds."""
    from training.finetuning import finetune

    if MEMORY in tricks:
        keep_freed_memory()
    finetune.TRICKS = frozenset(tricks - {MEMORY})  # type: ignore[misc,assignment]
    pairs = [Pair(str(n), query, answer) for n, (query, answer) in enumerate(workload.texts)]
    mixture = Mix(share=0.0).draw(pairs, [])
    began = 0.0, 0.0

    def wait(number: int) -> None:
        nonlocal began
        if number >= WARM_UP:
            ended = time.perf_counter(), time.process_time()
            link.send((ended[0] - began[0], ended[1] - began[1]))
            link.recv()
            began = time.perf_counter(), time.process_time()

    worker = FineTune(
        epochs=100,
        maximum_steps=WARM_UP + rounds + 1,
        batch_size=workload.batch_size,
        precision=workload.precision,  # type: ignore[arg-type]
        checkpoint_steps=10**6,
    )
    with tempfile.TemporaryDirectory(prefix="acceleration-") as place:
        worker.fit(
            bundled_base(),
            mixture,
            output=Path(place, "model"),
            checkpoints=Path(place, "checkpoints"),
            max_length=workload.max_length,
            on_step=wait,
        )


def started(workload: Workload, tricks: frozenset[str], rounds: int) -> tuple[Connection, Any]:
    """Return a link to a process that trains with some tricks, and the process."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["training.finetuning.trainer"])  # the libraries, only once
    ours, theirs = server.Pipe()
    process = server.Process(target=serve, args=(theirs, workload, tricks, rounds), daemon=True)
    process.start()
    return ours, process


def step(link: Connection) -> tuple[float, float]:
    """Return the seconds of one step, in wall time and processor time."""
    link.send("go")
    wall, processor = link.recv()
    return wall, processor


def measure(workload: Workload, names: list[str], rounds: int) -> None:
    """Print one row per trick."""
    tricks = {**dict.fromkeys(PLAIN, frozenset[str]()), **{name: ALONE[name] for name in names}}
    sides = {name: started(workload, some, rounds) for name, some in tricks.items()}
    for link, _ in sides.values():
        link.recv()
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    random = np.random.default_rng(0)
    for _ in range(rounds):
        for name in random.permutation(list(sides)):
            seconds[name].append(step(sides[name][0]))
    without = np.mean([seconds[name] for name in PLAIN], axis=0)
    print(f"  {'none':16}{1000 * np.median(without[:, 0]):8.0f}")
    for name in names:
        low, middle, high = np.quantile(without / seconds[name], [0.25, 0.5, 0.75], axis=0)
        cells = f"{1000 * np.median(seconds[name], axis=0)[0]:8.0f}{middle[0]:8.2f}"
        print(f"  {name:16}{cells}{low[0]:8.2f}{high[0]:6.2f}{middle[1]:8.2f}", flush=True)
    for _, process in sides.values():
        process.kill()
        process.join()


def main() -> None:
    """Print one table per workload."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=8, help="steps of each process")
    parser.add_argument("--pairs", type=Path, help="JSON lines instead of documentation")
    parser.add_argument("--workload", action="append", help="repeatable (default: all)")
    parser.add_argument("--trick", action="append", choices=[*ALONE], help="repeatable")
    options = parser.parse_args()
    known = workloads(options.pairs)
    for name in options.workload or known:
        if name not in known:
            sys.exit(f"there is no workload {name!r}; allowed: {', '.join(known)}")
        workload = known[name]
        print(f"{name}: {len(workload.texts)} pairs, {workload.batch_size} per step")
        print(f"  {'trick':16}{'ms':>8}{'factor':>8}{'25 %':>8}{'75 %':>6}{'cpu':>8}")
        measure(workload, options.trick or list(ALONE), options.rounds)


if __name__ == "__main__":
    main()
