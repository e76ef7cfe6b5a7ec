"""Compare speed, memory and quality of training with a plain SentenceTransformerTrainer script.

    python benchmarks/speed.py STREAM [--base MODEL] [--fraction 1.0] [--variant NAME ...]
    python benchmarks/speed.py STREAM --growth

STREAM is a folder as described in streams.py. Each variant trains a copy of the base on the same
mix (new pairs and as many old ones) in a process of its own. `plain` is a script with the defaults
of the library, for two epochs, and `plain-bf16` the same in bf16. `seconds` and `pairs/s` cover the
whole training, from imports to the saved model. `steady` is pairs per second from the end of the
fifth step to the end of the last: without imports, loading, saving, and what frozen layers compute
once before the first step. `cpu` is pairs per second of processor time, which counts where other
work runs beside it, with one thread (OMP_NUM_THREADS=1). `MiB` is the peak memory of the process
while it trains. Scores are mean nDCG@10. With --growth, plain and ours are compared at a quarter,
half and all of the pairs.
"""

import argparse
import itertools
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from plain import BATCH, train_plain
from streams import bundled_base, read_stream

from training import Encoder, Evaluate, FineTune, Memory, Mix
from training.acceleration import keep_freed_memory
from training.encoding import fetch_base

OURS = {
    "ours": FineTune(),
    "ours-one-epoch": FineTune(epochs=1, learning_rate=1e-4),
    "ours-frozen": FineTune(frozen_layers=2),
    "ours-half-frozen": FineTune(frozen_layers=3, learning_rate=1e-4),
}
PLAIN = ("plain", "plain-bf16")
GROWTH = (0.25, 0.5, 1.0)
FIRST_STEPS = 5
FIGURES = ("pairs", "epochs", "seconds", "steady", "cpu", "peak")


def run(variant: str, options: argparse.Namespace, base: Path, work: Path) -> dict[str, float]:
    """Train and score one variant in this process."""
    old, new = read_stream(options.stream, options.fraction)
    mixture = Mix().draw(new.pairs, Memory().absorb([], old.pairs))
    place = work / f"{variant}-{options.fraction:g}"
    ends: list[float] = []
    started, worked = time.perf_counter(), time.process_time()
    if variant in PLAIN:
        train_plain(
            base,
            mixture.pairs,
            place / "model",
            options.max_length,
            on_step=lambda _: ends.append(time.perf_counter()),
            bf16=variant == "plain-bf16",
        )
    else:
        keep_freed_memory()  # as the command line does
        OURS[variant].fit(
            base,
            mixture,
            output=place / "model",
            checkpoints=place / "checkpoints",
            max_length=options.max_length,
            on_step=lambda _: ends.append(time.perf_counter()),
        )
    seconds = time.perf_counter() - started
    cpu = time.process_time() - worked
    # Counted, because a small mix is repeated more often than `epochs` says.
    epochs = len(ends) // -(-len(mixture.pairs) // BATCH)
    pairs_per_step = len(mixture.pairs) * epochs / len(ends)
    later = len(ends) - FIRST_STEPS
    steady = later * pairs_per_step / (ends[-1] - ends[FIRST_STEPS - 1]) if later > 0 else math.nan
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    encoder = Encoder.load(place / "model", max_length=options.max_length)
    sets = [*new.sets, *old.sets]
    card = Evaluate().score(encoder, sets)
    means = {given.name: card.tasks[given.name].mean("ndcg_at_10") for given in sets}
    trained = len(mixture.pairs) * epochs
    figures = (len(mixture.pairs), epochs, seconds, steady, trained / cpu, peak)
    return {**dict(zip(FIGURES, figures, strict=True)), **means}


def main() -> None:
    """Print one row per variant, or per variant and share of the pairs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stream", type=Path)
    parser.add_argument("--base", help="model folder or hub id (default: the bundled MiniLM)")
    parser.add_argument("--fraction", type=float, default=1.0, help="share of the pairs to use")
    parser.add_argument("--max-length", type=int, default=128, help="tokens")
    parser.add_argument(
        "--variant", action="append", choices=[*PLAIN, *OURS], help="repeatable (default: all)"
    )
    parser.add_argument(
        "--growth", action="store_true", help="at shares of the pairs (default: plain and ours)"
    )
    parser.add_argument("--work", type=Path, help="folder to work in (default: a temporary one)")
    parser.add_argument("--alone", action="store_true", help="run one variant, print it as JSON")
    options = parser.parse_args()
    work = options.work or Path(tempfile.mkdtemp(prefix="speed-"))
    base = fetch_base(options.base or bundled_base(), work / "base", options.max_length)
    if options.alone:
        print(json.dumps(run(options.variant[0], options, base, work)))
        return
    variants = options.variant or (["plain", "ours"] if options.growth else [*PLAIN, *OURS])
    shares = GROWTH if options.growth else (1.0,)
    for number, (share, variant) in enumerate(itertools.product(shares, variants)):
        command = [sys.executable, __file__, str(options.stream), "--work", str(work), "--alone"]
        command += ["--variant", variant, "--fraction", str(options.fraction * share)]
        command += ["--max-length", str(options.max_length)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        row = json.loads(done.stdout.splitlines()[-1])
        tasks = [name for name in row if name not in FIGURES]
        if number == 0:
            head = f"{'variant':17}{'pairs':>7}{'epochs':>8}{'seconds':>9}{'pairs/s':>9}"
            print(
                f"{head}{'steady':>9}{'cpu':>9}{'MiB':>7}"
                + "".join(f"{task:>12}" for task in tasks)
            )
        speed = row["pairs"] * row["epochs"] / row["seconds"]
        cells = f"{row['pairs']:7}{row['epochs']:8}{row['seconds']:9.1f}{speed:9.1f}"
        scores = "".join(f"{row[task]:12.4f}" for task in tasks)
        print(
            f"{variant:17}{cells}{row['steady']:9.1f}{row['cpu']:9.1f}{row['peak']:7.0f}{scores}",
            flush=True,
        )


if __name__ == "__main__":
    main()
