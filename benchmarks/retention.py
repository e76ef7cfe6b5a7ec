"""What each strategy learns and forgets on a stream of labelled pairs, side by side.

    python benchmarks/retention.py STREAM [--base MODEL] [--strategy NAME ...] [--fraction 1.0]

STREAM is a folder as described in streams.py. Each strategy trains a copy of the base on the same
pairs; `joint` retrains on all old and new pairs for two epochs, which is what a team without a
memory would do; `half-frozen` keeps the embeddings and the lowest three layers. The figures are
mean nDCG@10 of the evaluation sets.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from streams import bundled_base, read_stream

from training.encoder import Encoder, fetch_base
from training.evaluate import Evaluate
from training.finetune import FineTune
from training.memory import Memory
from training.merge import Merge
from training.mix import Mix
from training.selection import Select
from training.strategies import Strategy, strategies


def main() -> None:
    """Train, score and print one row for each strategy."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stream", type=Path)
    parser.add_argument("--base", help="model folder or hub id (default: the bundled MiniLM)")
    parser.add_argument(
        "--strategy", action="append", help="one of them, repeatable (default: all)"
    )
    parser.add_argument("--fraction", type=float, default=1.0, help="share of the pairs to use")
    parser.add_argument("--max-length", type=int, default=128, help="tokens")
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="retention-"))
    base = fetch_base(options.base or bundled_base(), work / "base", options.max_length)

    old, new, sets = read_stream(options.stream, options.fraction)
    memory = Memory().absorb([], old)

    made = dict(strategies(Mix(), FineTune(), Merge()))
    joint = FineTune(epochs=2, learning_rate=5e-5)
    everything = len(old) / max(1, len(old) + len(new))
    made["joint"] = Strategy(Mix(share=everything), joint, Merge(), "all pairs, two epochs")
    half_frozen = FineTune(frozen_layers=3, learning_rate=1e-4)
    made["half-frozen"] = Strategy(Mix(), half_frozen, Merge(), "replay above three layers of six")
    chosen = options.strategy or list(made)
    print(f"{options.stream.name}: {len(new)} new pairs, {len(memory)} remembered")
    print(
        f"{'strategy':14}{'pairs':>7}{'steps':>7}{'seconds':>9}"
        + "".join(f"{given.name:>16}" for given in sets)
    )

    def score(folder: Path) -> dict[str, float]:
        encoder = Encoder.load(folder, max_length=options.max_length, cache=work / "cache")
        card = Evaluate().score(encoder, sets)
        return {given.name: card.tasks[given.name].mean("ndcg_at_10") for given in sets}

    before = score(base)
    print(
        f"{'base':14}{'':7}{'':7}{'':9}" + "".join(f"{before[given.name]:16.4f}" for given in sets)
    )
    for name in chosen:
        strategy = made[name]
        started = time.perf_counter()
        selection = Select().split(new, memory) if strategy.merge.shares else None
        recent, past = (selection.recent, selection.memory) if selection else (new, memory)
        trained = strategy.finetune.fit(
            base,
            strategy.mix.draw(recent, past),
            output=work / name,
            checkpoints=work / f"{name}-checkpoints",
            max_length=options.max_length,
            cache=work / "cache",
        )
        folder = trained.folder
        if selection and selection.sets:
            judge = selection.judge(options.max_length)
            folder = strategy.merge.choose(
                base, folder, judge, output=work / f"{name}-merged"
            ).folder
        seconds = time.perf_counter() - started
        after = score(folder)
        cells = (f"{after[key]:8.4f} {after[key] - before[key]:+.4f}" for key in after)
        print(
            f"{name:14}{trained.pairs:7}{trained.steps:7}{seconds:9.0f}"
            + "".join(f"{cell:>16}" for cell in cells)
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
