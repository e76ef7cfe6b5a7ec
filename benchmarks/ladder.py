"""Which candidate of one training is sent to the gate: the whole one, or one nearer the champion.

    python benchmarks/ladder.py train STREAM ... --into FOLDER [--seed N ...] [--checkpoints]
    python benchmarks/ladder.py choose --into FOLDER [--trials 400]
    python benchmarks/ladder.py folds --into FOLDER [--trials 400]

STREAM is a folder as described in streams.py. `train` does what a cycle does with all new pairs of
a stream: as many queries as the gate needs are held out, what repeats one leaves, a selection split
is taken out of either side, and the bundled MiniLM learns the rest. It keeps the nDCG@10 per query
of the candidate and of blends with the base, on the selection split and on the evaluation sets.
What is done already is not done again. `--checkpoints` keeps those of the candidate after a third
and two thirds of its steps, too; they are another folder's, and such a training is slower, because
checkpoints of an accelerated one hold only the tokens in use. `--fraction 0.5`: of half the pairs.

`choose` trains nothing. A trial draws the queries of a gate from the evaluation sets with
replacement, the same ones for all blends: as many new ones as are held out, and of each old set as
many as it has, or those given by `--anchors`. For each rule, it prints how often the blend that the
rule sends passes, what that gains on average (nothing where it does not pass), and what the blend
gains and changes on old tasks where it passes.

`folds` trains nothing either. It takes the trainings of a stream with different seeds for those of
a cross-validation: one model is to serve, and each is measured on a fold of its own. It prints how
far their gains differ, how often all folds together show a gain of the model that serves although
it has none (the error), and how often they show one if the mean of all models is a gain of 0.02;
beside its own fold alone, once as if all folds were measured on one model, and once with the
scatter between models.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from checkpoints import CHECKPOINTS, Keep
from numpy.typing import NDArray
from scipy import stats
from streams import Phase, bundled_base, read_stream

from pipeline.gate import Condition, Foretold, Gate, queries_for_gain
from pipeline.gate.bounds import lower_bound
from training import Encoder, Evaluate, EvaluationSet, FineTune, HoldOut, Memory, Mix
from training.acceleration import keep_freed_memory
from training.encoding import fetch_base
from training.evaluation import Select
from training.pairs import LeakageGuard
from training.retention.merge import interpolate

Floats = NDArray[np.float64]

SHARES = (0.25, 0.5, 0.75, 1.0)
LABELS = ("0.25", "0.5", "0.75", *CHECKPOINTS, "1.0")
"""Candidates, the whole one last; a folder may lack the checkpoints."""
MAX_LENGTH = 128
METRIC = "ndcg_at_10"
SMALL_GAIN = 0.02


def train(
    streams: Sequence[Path], into: Path, seeds: Sequence[int], fraction: float, *, checkpoints: bool
) -> None:
    """Train on every stream with every seed, and write one file of scores for each."""
    keep_freed_memory()
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ladder-") as place:
        base = fetch_base(bundled_base(), Path(place) / "base", MAX_LENGTH)
        for seed in seeds:
            for stream in streams:
                file = into / f"{stream.name}.{seed}.npz"
                if file.exists():
                    continue
                began = time.perf_counter()
                phases = read_stream(stream, fraction)
                found = scores_of(base, phases, seed, Path(place), checkpoints=checkpoints)
                np.savez(file, **found)
                print(f"{file.name}: {time.perf_counter() - began:.0f} s", flush=True)


def scores_of(
    base: Path, phases: Sequence[Phase], seed: int, place: Path, *, checkpoints: bool
) -> dict[str, NDArray[np.generic]]:
    """Return the scores of base (share 0) and candidates; keys are "<label>/<side>/<set>"."""
    old, new = phases
    needed = queries_for_gain(Gate(), []).queries
    split = HoldOut(seed=2 * seed).parted(new.pairs, needed)
    held = [pair.query for pair in split.held_out]
    recent, _ = LeakageGuard().clean(split.training, held)
    memory, _ = LeakageGuard().clean(Memory().absorb([], old.pairs), held)
    chosen = Select(seed=2 * seed + 1).split(recent, memory)
    sides = {"new": new.sets, "old": old.sets, "selection": chosen.sets}
    found: dict[str, NDArray[np.generic]] = {"held_out": np.array(len(set(held)))}
    with tempfile.TemporaryDirectory(dir=place) as folder:
        here = Path(folder)
        mixture = Mix(seed=seed).draw(chosen.recent, chosen.memory)
        worker = FineTune(seed=seed)
        kept: dict[str, Path] = {}
        on_step = None
        if checkpoints:
            steps = worker.epochs * -(-len(mixture.pairs) // worker.batch_size)
            third = -(-steps // 3)
            worker = FineTune(seed=seed, acceleration=False, checkpoint_steps=third)
            on_step = Keep(base, here, MAX_LENGTH, third, kept)
        candidate = worker.fit(
            base,
            mixture,
            output=here / "trained",
            checkpoints=here / "checkpoints",
            max_length=MAX_LENGTH,
            cache=place / "cache",
            on_step=on_step,
        )
        models = {"0.0": base, "1.0": candidate.folder, **kept}
        for share in SHARES[:-1]:
            models[f"{share}"] = interpolate(
                base, candidate.folder, share, output=here / f"{share}"
            )
        for share, model in models.items():
            cache = place / "cache" if share == "0.0" else None
            encoder = Encoder.load(model, max_length=MAX_LENGTH, cache=cache)
            for side, sets in sides.items():
                for each in sets:
                    found[f"{share}/{side}/{each.name}"] = scored(encoder, each)
    return found


def scored(encoder: Encoder, given: EvaluationSet) -> Floats:
    """Return the metric of a set, per query."""
    card = Evaluate().score(encoder, [given])
    return np.asarray(card.tasks[given.name].metrics[METRIC], np.float64)


@dataclass(frozen=True)
class World:
    """What one training came to: differences from the base, (candidates, queries), by set."""

    stream: str
    labels: tuple[str, ...]
    held_out: int
    new: dict[str, Floats]
    old: dict[str, Floats]
    selected: tuple[Floats, Floats]

    @classmethod
    def read(cls, file: Path) -> "World":
        """Return what `train` wrote of one training."""
        scores = np.load(file)
        labels = tuple(each for each in LABELS if any(key.startswith(f"{each}/") for key in scores))

        def side(name: str) -> dict[str, Floats]:
            sets = [key.split("/", 2)[2] for key in scores if key.startswith(f"0.0/{name}/")]
            return {
                each: np.round(
                    [
                        scores[f"{label}/{name}/{each}"] - scores[f"0.0/{name}/{each}"]
                        for label in labels
                    ],
                    12,
                )
                for each in sets
            }

        selected = side("selection")
        return cls(
            file.name.split(".")[0],
            labels,
            int(scores["held_out"]),
            side("new"),
            side("old"),
            (selected["selection/new"], selected["selection/old"]),
        )

    def gain(self) -> Floats:
        """Return the mean gain on the new tasks, by share."""
        return np.mean([each.mean(axis=1) for each in self.new.values()], axis=0)

    def change(self) -> Floats:
        """Return the mean change on the old tasks, by share."""
        return np.mean([each.mean(axis=1) for each in self.old.values()], axis=0)


def anchors_of(world: World, share: float) -> dict[str, int]:
    """Return how many queries of each old set a gate is given."""
    return {name: max(2, round(share * each.shape[1])) for name, each in world.old.items()}


def passes(world: World, gate: Gate, anchors: dict[str, int], trials: int, seed: int) -> Floats:
    """Return how often each candidate passes on queries drawn with replacement."""
    generator = np.random.default_rng(seed)
    joined = np.concatenate([*world.new.values()], axis=1)
    passed = np.ones((trials, len(world.labels)), bool)
    for trial in range(trials):
        for values, queries, required in [
            (joined, world.held_out, gate.min_gain),
            *((world.old[name], count, -gate.max_drop) for name, count in anchors.items()),
        ]:
            rows = generator.choice(values.shape[1], queries)
            for at, differences in enumerate(values[:, rows]):
                low = lower_bound(
                    differences,
                    gate.confidence,
                    worst_loss=gate.worst_loss,
                    seed=trial,
                    draws=1000,
                )
                passed[trial, at] &= low > required
    return passed.mean(axis=0)


def chance_of(world: World, gate: Gate, anchors: dict[str, int]) -> Floats:
    """Return the chance of each candidate as the product foretells it from the selection split."""
    foretold = Foretold(
        gate,
        (Condition(world.held_out, gate.min_gain),),
        tuple(Condition(count, -gate.max_drop) for count in anchors.values()),
    )
    return np.array([foretold.of(new, old) for new, old in zip(*world.selected, strict=True)])


Rule = Callable[[World, Floats], int]


def promising(floor: float) -> Rule:
    """Return the rule of the product: chance times gain, among blends that keep so much gain."""

    def chosen(world: World, chances: Floats) -> int:
        gains = world.selected[0].mean(axis=1)
        worth = chances * np.maximum(gains, 0.0)
        allowed = gains >= min(floor * gains[-1], gains[-1])
        allowed[-1] = True
        ranked = np.where(allowed, worth, -1.0)
        if ranked.max() <= 0.0:
            return int(np.where(allowed, chances, -1.0).argmax())
        return len(world.labels) - 1 - int(ranked[::-1].argmax())

    return chosen


RULES: dict[str, Rule] = {
    "whole": lambda world, chances: len(world.labels) - 1,
    "three quarters": lambda world, chances: 2,
    "half": lambda world, chances: 1,
    **{
        label: lambda world, chances, label=label: world.labels.index(label)
        for label in CHECKPOINTS
    },
    "kept 0.95": promising(0.95),
    "kept 0.8": promising(0.8),
    "kept 0.5": promising(0.5),
    "kept 0": promising(0.0),
    "chance": lambda world, chances: int(chances.argmax()),
}


def choose(into: Path, trials: int, given: Sequence[float]) -> None:
    """Print what each rule sends, and what comes of it."""
    gate = Gate()
    table: dict[tuple[float, str, str], list[Floats]] = defaultdict(list)
    for number, file in enumerate(sorted(into.glob("*.npz"))):
        world = World.read(file)
        gain, change = world.gain(), world.change()
        for share in given:
            anchors = anchors_of(world, share)
            rate = passes(world, gate, anchors, trials, number)
            chances = chance_of(world, gate, anchors)
            if share == given[0]:
                print(f"{file.stem}: held out {world.held_out}, anchors {[*anchors.values()]}: "
                      f"{', '.join(world.labels)}")  # fmt: skip
                for name, row in (
                    ("gain", gain),
                    ("old", change),
                    ("passes", rate),
                    ("foretold", chances),
                ):
                    print(f"    {name:10}" + "".join(f"{value:9.4f}" for value in row))
            best = int((rate * gain).argmax())
            for name, at in {
                **{
                    name: rule(world, chances)
                    for name, rule in RULES.items()
                    if name not in CHECKPOINTS or name in world.labels
                },
                "in hindsight": best,
            }.items():
                row = np.array([rate[at], rate[at] * gain[at], gain[at], change[at]])
                for group in ("all", world.stream):
                    table[share, group, name].append(row)
    head = f"{'anchors':>8}  {'stream':28}{'rule':16}"
    print(head + "".join(f"{each:>10}" for each in ("passes", "gained", "gain", "old")))
    for (share, group, name), rows in sorted(table.items(), key=lambda each: each[0][:2]):
        mean = "".join(f"{value:10.4f}" for value in np.mean(rows, axis=0))
        print(f"{share:8.2f}  {group:28}{name:16}{mean}")


def folds(into: Path, trials: int) -> None:
    """Print what the folds of a cross-validation would add to the hold-out of one model."""
    by_stream: dict[str, list[World]] = defaultdict(list)
    for file in sorted(into.glob("*.npz")):
        world = World.read(file)
        by_stream[world.stream].append(world)
    heads = "".join(f"{name:>20}" for name in ("own fold", "all folds", "all, with scatter"))
    print(f"{'stream':28}{'models':>7}{'gain':>9}{'between':>9}{heads}")
    for stream, worlds in by_stream.items():
        if len(worlds) < 3:
            continue
        models = np.array([np.concatenate([*each.new.values()], axis=1)[-1] for each in worlds])
        means = models.mean(axis=1)
        queries = worlds[0].held_out
        draws = [(serves, at) for serves in range(len(models)) for at in range(trials)]
        errors = np.mean([shown(models - means[at[0]], *at, queries) for at in draws], axis=0)
        gaining = models - means.mean() + SMALL_GAIN
        powers = np.mean([shown(gaining, *at, queries) for at in draws], axis=0)
        cells = "".join(
            f"{f'{error:.3f} / {power:.2f}':>20}"
            for error, power in zip(errors, powers, strict=True)
        )
        print(f"{stream:28}{len(models):7}{means.mean():9.4f}{means.std(ddof=1):9.4f}{cells}")


def shown(models: Floats, serves: int, seed: int, queries: int) -> tuple[bool, bool, bool]:
    """Return whether a gain is shown: by the own fold, by all, by all with the scatter of models.

    Parameters
    ----------
    models
        (models, queries): differences of each model from the champion.
    serves
        Which of them is to serve.
    seed
        Of the draw.
    queries
        Queries of a fold.
    """
    generator = np.random.default_rng([seed, serves])
    drawn = [each[generator.choice(each.shape[0], queries)] for each in models]
    gate = Gate()

    def low(differences: Floats) -> float:
        return lower_bound(
            differences, gate.confidence, worst_loss=gate.worst_loss, seed=seed, draws=1000
        )

    means = np.array([each.mean() for each in drawn])
    # The model that serves is one more draw from where those of the folds come from.
    count = len(means)
    error = means.std(ddof=1) * np.sqrt(1 / count + 1)
    wide = means.mean() - stats.t.ppf(gate.confidence, count - 1) * error
    return low(drawn[serves]) > 0, low(np.concatenate(drawn)) > 0, wide > 0


def main() -> None:
    """Train, or print what the rules choose."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=["train", "choose", "folds"])
    parser.add_argument("streams", type=Path, nargs="*", metavar="STREAM")
    parser.add_argument("--into", type=Path, required=True, help="folder of the scores")
    parser.add_argument("--seed", type=int, action="append", help="repeatable (default: 0, 1, 2)")
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument(
        "--anchors",
        type=float,
        action="append",
        help="size of an anchor set, as a multiple of its own; repeatable (default: 0.5, 1)",
    )
    parser.add_argument(
        "--fraction", type=float, default=1.0, help="share of the pairs to train on"
    )
    parser.add_argument("--checkpoints", action="store_true", help="to train: checkpoints, too")
    given = parser.parse_args()
    if given.action == "train":
        seeds = given.seed or [0, 1, 2]
        train(given.streams, given.into, seeds, given.fraction, checkpoints=given.checkpoints)
    elif given.action == "folds":
        folds(given.into, given.trials)
    else:
        choose(given.into, given.trials, given.anchors or [0.5, 1.0])


if __name__ == "__main__":
    main()
