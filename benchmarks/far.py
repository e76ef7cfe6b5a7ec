"""Where the gain of a cycle is lost against plain fine-tuning, and which recipe keeps it.

    python benchmarks/far.py run STREAM ... --results FILE [--variant NAME ...] [--seed N ...]
    python benchmarks/far.py table --results FILE [--variant NAME ...]

STREAM is a folder as described in streams.py. `run` trains the base on the new pairs of a stream
with the old ones as memory, as a cycle does: a fifth is held out, and what nearly repeats it goes.
`default` has the product's settings; of the others, each changes what its name says. `plain` and
`joint` are a plain script (plain.py) on all new pairs, and on all new and old ones. The last ones
are strategies of `anchorhold run`; `default` is the one called distilled, and `no-distillation` the
one called replay.

A seed draws the hold-out, the mix and the order of the batches; seed 0 has the product's draws.
Each training has a process of its own. Its row is appended to FILE as soon as it is scored, and
what FILE has already is not trained again. `--fraction 0.25` takes a quarter of the new pairs.

`table` prints, for each stream, the mean gain over the base on new and on old tasks, with standard
errors over seeds; then what it is beyond `default` on the same seeds; then what a training took.
"""

import argparse
import json
import math
import multiprocessing
import resource
import statistics
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

from plain import train_plain
from streams import Phase, bundled_base, read_pairs, read_stream

from training import Encoder, Evaluate, FineTune, HoldOut, Memory, Merge, Mix, Pair
from training.acceleration import keep_freed_memory
from training.encoding import NumberFormat, fetch_base
from training.evaluation import Select
from training.finetuning import CONFIGURED, Negatives, strategies
from training.pairs import LeakageGuard, Mixture, hash_share, memory_digest, normalised
from training.unlabelled import Centre

MAX_LENGTH = 128  # tokens
ADAPTERS = {"adapter_rank": 8, "learning_rate": 5e-4}
"""What docs/how-to/choose-a-retention-strategy.md shows for adapters."""


@dataclass(frozen=True)
class Variant:
    """What a training changes of the product's defaults.

    Attributes
    ----------
    hold_out
        Whether the hold-out is taken out of the new pairs.
    select
        Whether the selection split is taken out of both sides.
    sparing
        Whether the hold-out prefers queries that are the text of few other pairs, which leave too.
    plain
        How many old pairs a plain script is given beside the new ones, all or none; None: not a
        plain script.
    share
        Replayed share of the mix.
    negatives
        Whether the base mines hard negatives.
    finetune
        Other settings of the training.
    strategy
        Strategy of the product that these settings are read by.
    """

    hold_out: bool = True
    select: bool = False
    sparing: bool = False
    plain: bool | None = None
    share: float = 0.5
    negatives: bool = False
    finetune: Mapping[str, Any] = field(default_factory=dict)
    strategy: str = CONFIGURED


def _tuned(**finetune: Any) -> Variant:
    return Variant(finetune=finetune)


def _refit(**finetune: Any) -> Variant:
    return Variant(hold_out=False, finetune=finetune)


VARIANTS = {
    "default": Variant(),
    "steps-100": _tuned(minimum_steps=100),
    "plain": Variant(plain=False),
    "joint": Variant(plain=True),
    "all-pairs": _refit(),
    "all-pairs-no-distillation": _refit(distillation=0.0),
    "all-pairs-no-replay": Variant(hold_out=False, share=0.0),
    "sparing-hold-out": Variant(sparing=True),
    "selection-split": Variant(select=True),
    "no-distillation": _tuned(distillation=0.0),
    "no-replay": Variant(share=0.0),
    "share-0.25": Variant(share=0.25),
    "epochs-3": _tuned(epochs=3),
    "epochs-4": _tuned(epochs=4),
    "rate-2e-5": _tuned(learning_rate=2e-5),
    "rate-1e-4": _tuned(learning_rate=1e-4),
    "rate-2e-4": _tuned(learning_rate=2e-4),
    "batch-16": _tuned(batch_size=16),
    "batch-64": _tuned(batch_size=64),
    "negatives": Variant(negatives=True),
    "epochs-4-rate-1e-4": _tuned(epochs=4, learning_rate=1e-4),
    "epochs-3-rate-1e-4": _tuned(epochs=3, learning_rate=1e-4),
    "all-pairs-epochs-4": _refit(epochs=4),
    "all-pairs-rate-1e-4": _refit(learning_rate=1e-4),
    "all-pairs-epochs-4-rate-1e-4": _refit(epochs=4, learning_rate=1e-4),
    "naive": Variant(strategy="naive"),
    "interpolated": Variant(select=True, strategy="interpolated"),
    "elastic": Variant(strategy="elastic"),
    "frozen": Variant(strategy="frozen"),
    "online": Variant(strategy="online"),
    "adapter": Variant(strategy="adapter", finetune=ADAPTERS),
    "centred": Variant(strategy="centred"),
}


@dataclass(frozen=True)
class Lesson:
    """What a variant trains on, with the sets of its selection split, if it has one."""

    recent: Sequence[Pair]
    memory: Sequence[Pair]
    split: Any


def lesson(variant: Variant, old: Phase, new: Phase, seed: int) -> Lesson:
    """Take out of the pairs what a cycle takes out; with seed 0 as the product's defaults do."""
    recent: list[Pair] = list(new.pairs)
    memory = Memory().absorb([], old.pairs)
    if variant.hold_out:
        recent, held = HoldOut(share=0.2, seed=2 * seed).split(recent)
        if variant.sparing:
            recent, held = spared(new.pairs, len({normalised(pair.query) for pair in held}), seed)
        queries = [pair.query for pair in held]
        recent, _ = LeakageGuard().clean(recent, queries)
        memory, _ = LeakageGuard().clean(memory, queries)
    split = Select(seed=2 * seed + 1).split(recent, memory) if variant.select else None
    if split is None:
        return Lesson(recent, memory, None)
    return Lesson(split.recent, split.memory, split)


def spared(pairs: Sequence[Pair], count: int, seed: int) -> tuple[list[Pair], list[Pair]]:
    """Return (training, held-out) pairs: `count` queries, first those that few other pairs have."""
    used = Counter(normalised(pair.positive) for pair in pairs)
    order = sorted(
        {normalised(pair.query) for pair in pairs},
        key=lambda query: (used[query], hash_share(2 * seed, "hold-out", query)),
    )
    chosen = set(order[:count])
    sides: tuple[list[Pair], list[Pair]] = ([], [])
    for pair in pairs:
        sides[normalised(pair.query) in chosen].append(pair)
    return sides


def train(
    variant: Variant, base: Path, old: Phase, new: Phase, seed: int, work: Path
) -> dict[str, Any]:
    """Train a variant and return its folder, pairs, steps and seconds."""
    if variant.plain is not None:
        pairs = [*new.pairs, *(old.pairs if variant.plain else [])]
        steps: list[int] = []
        train_plain(base, pairs, work / "plain", MAX_LENGTH, on_step=steps.append, bf16=True,
                    seed=seed)  # fmt: skip
        return {"folder": work / "plain", "pairs": len(pairs), "steps": len(steps)}
    taught = lesson(variant, old, new, seed)
    if variant.strategy == "centred":
        encoder = Encoder.load(base, max_length=MAX_LENGTH)
        vectors = encoder.unit_vectors(sorted({pair.query for pair in taught.recent}))
        made = Centre().make(base, vectors, work / "centred")
        return {"folder": made.folder, "pairs": 0, "steps": 0}
    mix = Mix(share=variant.share, seed=seed)
    known = strategies(mix, FineTune(seed=seed, **variant.finetune), Merge())
    strategy = known[variant.strategy]
    mixture: Mixture = strategy.mix.draw(taught.recent, taught.memory)
    if variant.negatives:
        encoder = Encoder.load(base, max_length=MAX_LENGTH)
        found = Negatives(enabled=True).mine(mixture.pairs, encoder)
        mixture = replace(mixture, pairs=found.pairs, digest=memory_digest(found.pairs))
    done = strategy.finetune.fit(
        base,
        mixture,
        output=work / "trained",
        checkpoints=work / "checkpoints",
        max_length=MAX_LENGTH,
        cache=work / "cache",
    )
    folder = done.folder
    if strategy.merge.shares and taught.split is not None:
        judge = taught.split.judge(partial(Encoder.load, max_length=MAX_LENGTH))
        folder = strategy.merge.choose(base, folder, judge, output=work / "merged").folder
    counts = {"recent": mixture.recent, "replayed": mixture.replayed, "held": done.held}
    return {"folder": folder, "pairs": done.pairs, "steps": done.steps, **counts}


def score(
    folder: Path, phases: Sequence[Phase], precision: NumberFormat
) -> dict[str, dict[str, float]]:
    """Return nDCG@10 by query, by task, the tasks of the new phase named new/…."""
    sets = [given for phase in phases for given in phase.sets]
    encoder = Encoder.load(folder, max_length=MAX_LENGTH, precision=precision)
    card = Evaluate().score(encoder, sets)
    return {
        f"{phase.name}/{given.name}": {
            query: round(float(value), 4)
            for query, value in zip(
                card.tasks[given.name].query_ids,
                card.tasks[given.name].metrics["ndcg_at_10"],
                strict=True,
            )
        }
        for phase in phases
        for given in phase.sets
    }


def one(
    variant: str | None, seed: int, stream: Path, base: Path, options: argparse.Namespace
) -> dict[str, Any]:
    """Train and score one variant; None: the base."""
    old, new = stream_of(stream, options.fraction)
    with tempfile.TemporaryDirectory(prefix="far-") as place:
        started = time.perf_counter()
        row: dict[str, Any] = {"folder": base}
        if variant is not None:
            row = train(VARIANTS[variant], base, old, new, seed, Path(place))
        row["seconds"] = round(time.perf_counter() - started, 2)
        row["peak"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)
        scores = score(row.pop("folder"), (old, new), options.precision)
    return {**row, "scores": scores}


def stream_of(stream: Path, fraction: float) -> tuple[Phase, Phase]:
    """Return the old phase, and the new one with a share of its pairs."""
    old, new = read_stream(stream, 1.0)
    kept = {pair.id for pair in read_pairs(sorted(stream.glob("pairs_*new*.jsonl")), fraction)}
    return old, replace(new, pairs=[pair for pair in new.pairs if pair.id in kept])


def _alone(connection: Any, *given: Any) -> None:
    """Do one training in a process of its own."""
    keep_freed_memory()  # as the command line does
    try:
        connection.send(one(*given))
    except BaseException:
        traceback.print_exc()
        raise


def run(options: argparse.Namespace) -> None:
    """Train what the results lack, seed by seed, so that all variants get their first early."""
    import sentence_transformers  # noqa: F401  so that no forked process imports it anew
    import torch  # noqa: F401

    forked = multiprocessing.get_context("fork")
    names = options.variant or ["default", "plain", "all-pairs"]
    with tempfile.TemporaryDirectory(prefix="far-base-") as place:
        base = fetch_base(options.base or bundled_base(), Path(place) / "base", MAX_LENGTH)
        wanted = [
            (stream, variant, seed)
            for stream in options.streams
            for seed, variant in [
                (0, None),
                *((seed, name) for seed in options.seed for name in names),
            ]
        ]
        for stream, variant, seed in wanted:
            key = {
                "stream": stream.name,
                "fraction": options.fraction,
                "variant": variant or "base",
                "seed": seed,
            }
            if any(key.items() <= row.items() for row in rows(options.results)):
                continue
            ours, theirs = forked.Pipe(duplex=False)
            given = (theirs, variant, seed, stream, base, options)
            process = forked.Process(target=_alone, args=given)
            process.start()
            theirs.close()
            try:
                row = {**key, **ours.recv()}
            except EOFError:
                process.join()
                print(f"{variant}: ended with status {process.exitcode}", flush=True)
                continue
            process.join()
            with options.results.open("a", encoding="utf-8") as out:
                out.write(json.dumps(row) + "\n")
            shown = " ".join(f"{t} {_mean(s):.4f}" for t, s in row["scores"].items())
            print(f"{key} {row['seconds']} s {row.get('steps')} steps  {shown}", flush=True)


def rows(results: Path) -> list[dict[str, Any]]:
    """Return what was measured so far."""
    if not results.exists():
        return []
    return [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]


def _mean(by_query: Mapping[str, float]) -> float:
    return statistics.fmean(by_query.values())


def side(row: Mapping[str, Any], phase: str) -> float:
    """Return the mean over the tasks of a phase."""
    tasks = [_mean(scores) for task, scores in row["scores"].items() if task.startswith(phase)]
    return statistics.fmean(tasks)


def with_error(values: Sequence[float]) -> str:
    """Return the mean and its standard error, as text."""
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return f"{statistics.fmean(values):+.4f} ± {error:.4f}"


def table(options: argparse.Namespace) -> None:
    """Print the gains by stream and variant."""
    measured = rows(options.results)
    streams = dict.fromkeys((row["stream"], row["fraction"]) for row in measured)
    for stream, fraction in streams:
        here = [row for row in measured if (row["stream"], row["fraction"]) == (stream, fraction)]
        base = next(row for row in here if row["variant"] == "base")
        print(f"\n{stream}, {fraction:g} of the new pairs: base "
              f"new {side(base, 'new'):.4f}, old {side(base, 'old'):.4f}")  # fmt: skip
        print(f"{'variant':32}{'seeds':>6}{'pairs':>7}{'steps':>7}{'new':>18}{'old':>18}"
              f"{'new, beyond':>18}{'old, beyond':>18}{'seconds':>9}{'MiB':>6}")  # fmt: skip
        by_variant: dict[str, dict[int, dict[str, Any]]] = {}
        for row in here:
            if row["variant"] != "base" and row["variant"] in (options.variant or VARIANTS):
                by_variant.setdefault(row["variant"], {})[row["seed"]] = row
        reference = by_variant.get("default", {})
        for name in sorted(by_variant, key=list(VARIANTS).index):
            found = by_variant[name]
            gains = [
                [side(row, phase) - side(base, phase) for row in found.values()]
                for phase in ("new", "old")
            ]
            both = sorted(found.keys() & reference.keys())
            beyond = [
                [side(found[seed], phase) - side(reference[seed], phase) for seed in both]
                for phase in ("new", "old")
            ]
            cells = "".join(f"{with_error(each):>18}" for each in gains)
            cells += "".join(f"{with_error(each) if each else '':>18}" for each in beyond)
            took = [
                statistics.fmean(row[figure] for row in found.values())
                for figure in ("pairs", "steps", "seconds", "peak")
            ]
            print(f"{name:32}{len(found):6}{took[0]:7.0f}{took[1]:7.0f}{cells}"
                  f"{took[2]:9.1f}{took[3]:6.0f}")  # fmt: skip


def main() -> None:
    """Run, or print what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=["run", "table"])
    parser.add_argument("streams", type=Path, nargs="*", metavar="STREAM")
    parser.add_argument("--results", type=Path, required=True, help="file that rows are added to")
    parser.add_argument("--variant", action="append", choices=VARIANTS, help="repeatable")
    parser.add_argument("--seed", action="append", type=int, help="repeatable (default: 0, 1, 2)")
    parser.add_argument("--fraction", type=float, default=1.0, help="share of the new pairs to use")
    parser.add_argument("--base", help="model folder or hub id (default: the bundled MiniLM)")
    parser.add_argument(
        "--precision",
        choices=get_args(NumberFormat),
        default="float32",
        help="number format to score in; one for all rows of a stream",
    )
    options = parser.parse_args()
    options.seed = options.seed or [0, 1, 2]
    {"run": run, "table": table}[options.action](options)


if __name__ == "__main__":
    main()
