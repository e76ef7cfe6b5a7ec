"""Compare what each strategy learns and forgets on streams of labelled pairs.

    python benchmarks/retention.py STREAM ... [--strategy NAME ...] [--fraction 1.0]
    python benchmarks/retention.py STREAM ... --phases

STREAM is a folder as described in streams.py. All figures are mean nDCG@10 of its evaluation sets,
with the difference to the base. Each strategy trains a copy of the base on the new pairs with a
memory of the old ones. `joint` retrains the base on all old and new pairs with a plain script
(plain.py), as a team without a memory would. `half-frozen` freezes the embeddings and the lowest
three layers. `distilled` uses the default settings.

The closing table shows means over the streams: the score above joint on new and on old sets, the
share of naive's gain on new sets that a strategy keeps (over the streams where naive gains), its
training time as a share of joint's, and the scatter of old sets, which is the standard deviation
per query of the differences to the base. Of two candidates with equal means, the gate needs fewer
anchor queries for the one that scatters less.

With --phases each cycle learns one phase of a stream, starting from the model of the cycle before,
with a memory of all earlier phases (the first cycle has none). Joint starts from the base and
learns all pairs so far. All sets are scored after each cycle. Backward transfer is the score of a
set after the last cycle minus its score after its own (Lopez-Paz and Ranzato 2017).
"""

import argparse
import math
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from plain import train_plain
from streams import PHASES, Phase, bundled_base, read_stream

from training import Encoder, Evaluate, FineTune, Memory, Merge, Mix, Pair
from training.acceleration import keep_freed_memory
from training.encoding import fetch_base
from training.evaluation import Select
from training.finetuning import Strategy, strategies


def made(
    share: float = 0.5, seed: int = 0, distillation: float = FineTune().distillation
) -> dict[str, Strategy]:
    """Return the strategies to compare, for a replayed share, a seed and a distillation weight."""
    mix = Mix(share=share, seed=seed)
    held = FineTune(seed=seed, distillation=distillation)
    half_frozen = FineTune(frozen_layers=3, learning_rate=1e-4, seed=seed)
    return {
        **strategies(mix, held, Merge()),
        "half-frozen": Strategy(mix, half_frozen, Merge(), "replay above three layers of six"),
    }


# Joint comes first: the time of the others is a share of its time.
METHODS = ("joint", *made())

Scores = dict[str, NDArray[np.float64]]
"""nDCG@10 of each query, (queries,), by evaluation set."""


def means(scores: Scores) -> dict[str, float]:
    """Return the mean score by set."""
    return {name: float(values.mean()) for name, values in scores.items()}


@dataclass(frozen=True)
class Cycle:
    """What one cycle trained on, its training time in seconds, and its scores per query."""

    folder: Path
    pairs: int
    steps: int
    seconds: float
    by_query: Scores

    @property
    def scores(self) -> dict[str, float]:
        """Mean score by set."""
        return means(self.by_query)


@dataclass(frozen=True)
class Bench:
    """The base, a folder to work in, the tokens at which texts are cut, and the strategies."""

    base: Path
    work: Path
    max_length: int
    strategies: Mapping[str, Strategy]

    def live(self, name: str, phases: Sequence[Phase], first: int) -> Iterator[Cycle]:
        """Learn the phases from number `first` on, one a cycle; score all sets after each."""
        champion = self.base
        with tempfile.TemporaryDirectory(dir=self.work) as place:
            for number in range(first, len(phases)):
                here = Path(place) / str(number)
                if name == "joint":
                    yield self._learn_jointly(phases[: number + 1], here, phases)
                    continue
                memory: list[Pair] = []
                for phase in phases[:number]:
                    memory = Memory().absorb(memory, phase.pairs)
                recent = phases[number].pairs
                cycle = self._learn(self.strategies[name], champion, recent, memory, here, phases)
                champion = cycle.folder
                yield cycle

    def _learn_jointly(
        self, arrived: Sequence[Phase], place: Path, phases: Sequence[Phase]
    ) -> Cycle:
        started = time.perf_counter()
        pairs = [pair for phase in arrived for pair in phase.pairs]
        steps: list[int] = []
        train_plain(self.base, pairs, place, self.max_length, on_step=steps.append)
        seconds = time.perf_counter() - started
        return Cycle(place, len(pairs), len(steps), seconds, self.score(place, phases))

    def _learn(
        self,
        strategy: Strategy,
        champion: Path,
        recent: Sequence[Pair],
        memory: Sequence[Pair],
        place: Path,
        phases: Sequence[Phase],
    ) -> Cycle:
        started = time.perf_counter()
        selection = Select().split(recent, memory) if strategy.merge.shares else None
        if selection:
            recent, memory = selection.recent, selection.memory
        trained = strategy.finetune.fit(
            champion,
            strategy.mix.draw(recent, memory),
            output=place / "trained",
            checkpoints=place / "checkpoints",
            max_length=self.max_length,
            cache=self.work / "cache",
        )
        folder = trained.folder
        if selection and selection.sets:
            judge = selection.judge(partial(Encoder.load, max_length=self.max_length))
            folder = strategy.merge.choose(champion, folder, judge, output=place / "merged").folder
        seconds = time.perf_counter() - started
        return Cycle(folder, trained.pairs, trained.steps, seconds, self.score(folder, phases))

    def score(self, folder: Path, phases: Sequence[Phase]) -> Scores:
        """Return the scores of a model on the sets of all phases."""
        sets = [given for phase in phases for given in phase.sets]
        encoder = Encoder.load(folder, max_length=self.max_length, cache=self.work / "cache")
        card = Evaluate().score(encoder, sets)
        return {given.name: card.tasks[given.name].metrics["ndcg_at_10"] for given in sets}

    def warm_up(self, phases: Sequence[Phase]) -> None:
        """Train one step, so that the first row does not include the imports."""
        with tempfile.TemporaryDirectory(dir=self.work) as place:
            self._learn(
                Strategy(Mix(share=0.0), FineTune(maximum_steps=1), Merge(), "one step"),
                self.base, phases[0].pairs, (), Path(place), phases[:0],
            )  # fmt: skip


def head(phases: Sequence[Phase]) -> None:
    """Print the header of the rows that `row` prints."""
    names = "".join(f"{given.name:>16}" for phase in phases for given in phase.sets)
    print(f"{'strategy':22}{'pairs':>7}{'steps':>7}{'seconds':>9}{'of joint':>10}{names}")


def row(label: str, cycle: Cycle, before: dict[str, float], joint: Cycle | None) -> None:
    """Print one row: pairs, steps, time, and scores with their gain over the base."""
    ratio = f"{cycle.seconds / joint.seconds:10.2f}" if joint else f"{'':10}"
    scores = "".join(
        f"{f'{score:.4f} {score - before[name]:+.4f}':>16}" for name, score in cycle.scores.items()
    )
    print(
        f"{label:22}{cycle.pairs:7}{cycle.steps:7}{cycle.seconds:9.0f}{ratio}{scores}", flush=True
    )


def base_row(bench: Bench, phases: Sequence[Phase]) -> Scores:
    """Print the header and the scores of the base, and return these."""
    before = bench.score(bench.base, phases)
    head(phases)
    shown = means(before).values()
    print(f"{'base':55}" + "".join(f"{f'{score:.4f}':>8}{'':8}" for score in shown))
    return before


def one_step(bench: Bench, phases: Sequence[Phase], names: Sequence[str]) -> dict[str, list[float]]:
    """Learn the last phase with the earlier ones as memory; print one row per strategy.

    Returns
    -------
    dict
        Strategy -> new and old score minus joint's, share of naive's gain kept, share of joint's
        time, scatter of the old sets; NaN if there is nothing to compare with.
    """
    old, new = phases
    queries_before = base_row(bench, phases)
    before = means(queries_before)
    done: dict[str, Cycle] = {}
    for name in names:
        (done[name],) = bench.live(name, phases, first=1)
        row(name, done[name], before, done.get("joint"))
    unknown = np.array([math.nan])
    none = Cycle(Path(), 0, 0, math.nan, dict.fromkeys(before, unknown))
    joint, naive = done.get("joint", none), done.get("naive", none)
    possible = new.mean(naive.scores) - new.mean(before)
    return {
        name: [
            new.mean(cycle.scores) - new.mean(joint.scores),
            old.mean(cycle.scores) - old.mean(joint.scores),
            (new.mean(cycle.scores) - new.mean(before)) / possible if possible > 0 else math.nan,
            cycle.seconds / joint.seconds,
            old.mean(scatter(cycle.by_query, queries_before)),
        ]
        for name, cycle in done.items()
    }


def scatter(after: Scores, before: Scores) -> dict[str, float]:
    """Return the standard deviation of the differences per query, by set."""
    return {name: float(np.std(after[name] - before[name], ddof=1)) for name in after}


def closing(results: Sequence[dict[str, list[float]]]) -> None:
    """Print the means, over the streams, of what `one_step` returned."""
    print(f"\n{f'mean of {len(results)}':14}{'new-joint':>11}{'old-joint':>11}", end="")
    print(f"{'gain kept':>11}{'of joint':>10}{'scatter':>9}")
    for name in results[0]:
        columns = zip(*(stream[name] for stream in results), strict=True)
        known = [[value for value in column if not math.isnan(value)] for column in columns]
        new, old, kept, ratio, moved = (
            sum(some) / len(some) if some else math.nan for some in known
        )
        print(f"{name:14}{new:+11.4f}{old:+11.4f}{kept:11.0%}{ratio:10.2f}{moved:9.3f}")


def matrix(bench: Bench, phases: Sequence[Phase], names: Sequence[str]) -> None:
    """Learn all phases with each strategy; print a row per cycle, and backward transfer."""
    before = means(base_row(bench, phases))
    joint: list[Cycle] = []
    for name in names:
        cycles: list[Cycle] = []
        for phase, cycle in zip(phases, bench.live(name, phases, first=0), strict=True):
            cycles.append(cycle)
            joint = cycles if name == "joint" else joint
            row(f"{name} {phase.name}", cycle, before, joint[len(cycles) - 1])
        last = cycles[-1].scores
        earlier = list(zip(phases[:-1], cycles[:-1], strict=True))
        moved = [
            last[given.name] - own.scores[given.name]
            for phase, own in earlier
            for given in phase.sets
        ]
        mean = sum(phase.mean(last) - phase.mean(own.scores) for phase, own in earlier)
        print(f"{f'{name} backward transfer, mean {mean / len(earlier):+.4f}':55}", end="")
        print("".join(f"{f'{change:+.4f}':>16}" for change in moved), flush=True)


def main() -> None:
    """Train and score the streams one after the other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("streams", type=Path, nargs="+", metavar="STREAM")
    parser.add_argument("--base", help="model folder or hub id (default: the bundled MiniLM)")
    parser.add_argument(
        "--strategy",
        action="append",
        choices=METHODS,
        help="repeatable (default: all; with --phases naive and replay, joint always)",
    )
    parser.add_argument("--phases", action="store_true", help="learn old, new and third in turn")
    parser.add_argument("--fraction", type=float, default=1.0, help="share of the pairs to use")
    parser.add_argument("--max-length", type=int, default=128, help="tokens")
    parser.add_argument("--share", type=float, default=0.5, help="replayed share of the mix")
    parser.add_argument("--seed", type=int, default=0, help="seed of the mix and of the training")
    parser.add_argument(
        "--distillation", type=float, default=FineTune().distillation, help="weight of distillation"
    )
    options = parser.parse_args()
    wanted = options.strategy or (["naive", "replay"] if options.phases else METHODS)
    names = [name for name in METHODS if name in wanted or (options.phases and name == "joint")]
    keep_freed_memory()  # as the command line does
    results = []
    with tempfile.TemporaryDirectory(prefix="retention-") as place:
        base = fetch_base(options.base or bundled_base(), Path(place) / "base", options.max_length)
        bench = Bench(
            base,
            Path(place),
            options.max_length,
            made(options.share, options.seed, options.distillation),
        )
        for folder in options.streams:
            phases = read_stream(folder, options.fraction, PHASES if options.phases else PHASES[:2])
            if folder == options.streams[0]:
                bench.warm_up(phases)
            counts = ", ".join(f"{len(phase.pairs)} {phase.name}" for phase in phases)
            print(f"\n{folder.name}: {counts} pairs")
            if options.phases:
                matrix(bench, phases, names)
            else:
                results.append(one_step(bench, phases, names))
    if results:
        closing(results)


if __name__ == "__main__":
    main()
