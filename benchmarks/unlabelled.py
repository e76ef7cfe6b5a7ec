"""Measure what is learned without labels, and whether verdicts without labels can be trusted.

    python benchmarks/unlabelled.py STREAM ... [--kinds consensus structure] [--epochs 2]
    python benchmarks/unlabelled.py STREAM ... --verdicts
    python benchmarks/unlabelled.py STREAM ... --recipe [--seeds 0 1 2]

STREAM is a folder as described in streams.py. Its documents are the corpora of the evaluation sets
and the positives of the new pairs; its log has the queries of the new pairs. What answers which
query is told to nobody. Half of the queries of each old set are its anchor set; the other half, and
all of the new sets, are the truth.

The first form trains the base on each kind of derived pairs alone and on all of them together, and
beside it on the true pairs of the same queries, each mixed with a memory of the old pairs. It
prints mean nDCG@10 on the true sets with the difference to the base. `centre` subtracts the mean
of the log from the base, `... centred` from the trained model, `... half` is half-way between base
and trained model.

With --verdicts, good and poisoned candidates are judged twice by the gate: by the true sets, and by
proxies alone. The two agree where both promote or both do not. A candidate that was made to be
harmful is marked with an exclamation mark.

With --recipe, one training on all derived pairs is weakened in every way of a grid: the share of
the trained weights (`unlabelled.blend`) and the part of the mean of the log that is taken off the
vectors (`unlabelled.centre`). A row is a mean over seeds; in brackets the mean lower bound of the
gate, and last in how many seeds the gate promotes by proxies and anchors.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from streams import Phase, bundled_base, read_stream

from pipeline.cycle.unlabelled import within_shares
from pipeline.gate import Gate
from training import Encoder, Evaluate, EvaluationSet, FineTune, Memory, Mix, Pair
from training.acceleration import keep_freed_memory
from training.encoding import Kind, Similarity, fetch_base
from training.evaluation import Scorecard
from training.pairs import HoldOut, hash_share, normalised
from training.progress import Progress, no_progress
from training.retention.merge import interpolate
from training.unlabelled import (
    Centre,
    Consensus,
    Corpus,
    Document,
    KnownItems,
    LexicalTruth,
    Reserved,
    Screens,
    ServedQuery,
    Structure,
    distinct_queries,
    split_log,
)

LABELS, TOGETHER = "labels", "together"
BLENDS, CENTRES = (0.0, 0.5, 0.7, 1.0), (0.0, 0.5, 1.0)
KINDS = ("consensus", "structure")


@dataclass(frozen=True)
class Candidate:
    """A model to be judged, and whether it was made to be harmful."""

    name: str
    folder: Path
    harmful: bool = False


@dataclass(frozen=True)
class Shifted:
    """An encoder with a part of a mean taken off its vectors, as a centred model has it."""

    encoder: Encoder
    mean: NDArray[np.float32]

    @property
    def fingerprint(self) -> str:
        """Identity of the space."""
        return f"{self.encoder.fingerprint}-{float(np.abs(self.mean).sum()):.9f}"

    @property
    def similarity(self) -> Similarity:
        """How vectors are compared."""
        return self.encoder.similarity

    def encode(
        self, texts: Sequence[str], *, kind: Kind = "query", progress: Progress = no_progress
    ) -> NDArray[np.float32]:
        """Return unit vectors."""
        moved = self.encoder.unit_vectors(texts, kind=kind, progress=progress) - self.mean
        unit: NDArray[np.float32] = moved / np.linalg.norm(moved, axis=1, keepdims=True)
        return unit


@dataclass(frozen=True)
class Bench:
    """One stream as a team without labels sees it, and as the truth is."""

    base: Path
    work: Path
    old: Phase
    new: Phase
    max_length: int
    finetune: FineTune

    @cached_property
    def corpus(self) -> Corpus:
        """All documents."""
        sets = [*self.old.sets, *self.new.sets]
        texts = [text for given in sets for text in given.corpus.values()]
        texts += [pair.positive for pair in self.new.pairs]
        unique = sorted(set(texts), key=lambda text: (hash_share(0, "document", text), text))
        return Corpus([Document(f"doc-{number}", text) for number, text in enumerate(unique)])

    @cached_property
    def log(self) -> tuple[list[str], list[str]]:
        """Queries that may give pairs, and queries to measure on."""
        served = [ServedQuery(query) for query in dict.fromkeys(p.query for p in self.new.pairs)]
        learnable, held_out = split_log(served, HoldOut())
        return distinct_queries(learnable), distinct_queries(held_out)

    @cached_property
    def tasks(self) -> dict[str, list[EvaluationSet]]:
        """The true sets, the anchor sets and the proxies, as the gate names them."""
        halves = [(given, _half(given, 0), _half(given, 1)) for given in self.old.sets]
        proxies = [
            KnownItems().make(self.corpus, self.log[0]),
            LexicalTruth().make(self.log[1], self.corpus),
        ]
        return {
            "new": [replace(given, name=f"new/{given.name}") for given in self.new.sets],
            "old": [replace(half, name=f"old/{given.name}") for given, _, half in halves],
            "anchor": [replace(half, name=f"anchor/{given.name}") for given, half, _ in halves],
            "proxy": [each.task for each in proxies if each.task],
        }

    @cached_property
    def reserved(self) -> Reserved:
        """What no pair may be made of."""
        protected = KnownItems().protected(self.corpus.documents)
        asked = (q for given in self.tasks["anchor"] for q in given.queries.values())
        return Reserved(protected, HoldOut(), frozenset(map(normalised, asked)))

    @cached_property
    def encoder(self) -> Encoder:
        """The base."""
        return Encoder.load(self.base, max_length=self.max_length, cache=self.work / "cache")

    @cached_property
    def pairs(self) -> dict[str, list[Pair]]:
        """The pairs of each kind, of all together, and the true ones."""
        asked = self.log[0]
        queries = self.encoder.unit_vectors(asked)
        documents = self.encoder.unit_vectors(self.corpus.texts, kind="document")
        consensus = Consensus().derive(
            asked, self.corpus, queries, documents, reserved=self.reserved
        )
        structure = Structure().derive(self.corpus, self.reserved)
        answers = {(pair.query, pair.positive) for pair in self.new.pairs}
        right = sum((pair.query, pair.positive) in answers for pair in consensus.pairs)
        print(f"consensus: {consensus.reason}; right by the labels: {right}")
        print(f"structure: {structure.reason}", flush=True)
        screened = Screens().clean(
            [*consensus.pairs, *structure.pairs],
            self.encoder.unit_vectors,
            self.corpus.texts,
            asked,
        )
        shares = {"consensus": Consensus().share, "structure": Structure().share}
        learnable = set(asked)
        return {
            **{kind: [p for p in screened.pairs if p.source == kind] for kind in KINDS},
            TOGETHER: within_shares(screened.pairs, shares, Mix().minimum_pairs),
            LABELS: [pair for pair in self.new.pairs if pair.query in learnable],
        }

    def train(self, name: str, pairs: Sequence[Pair], seed: int = 0) -> Path:
        """Train the base on pairs and replayed old ones."""
        place = self.work / "models" / f"{self.new.sets[0].name}-{name}-{seed}"
        mixture = Mix(seed=seed).draw(pairs, Memory().absorb([], self.old.pairs))
        return (
            replace(self.finetune, seed=seed)
            .fit(
                self.base,
                mixture,
                output=place / "trained",
                checkpoints=place / "checkpoints",
                max_length=self.max_length,
                cache=self.work / "cache",
            )
            .folder
        )

    def centre(self, folder: Path) -> Path:
        """Subtract the mean of the log from a model."""
        encoder = Encoder.load(folder, max_length=self.max_length, cache=self.work / "cache")
        output = folder.with_name(f"{folder.name}-{encoder.fingerprint[:12]}-centred")
        place = self.work / "models" / output.name
        made = Centre().make(folder, encoder.unit_vectors(self.log[0]), place)
        return made.folder or folder

    def blend(self, folder: Path, share: float) -> Path:
        """Move a model part of the way back to the base."""
        return interpolate(self.base, folder, share, output=folder.with_name(f"at-{share:g}"))

    def score(self, folder: Path) -> Scorecard:
        """Score a model on everything."""
        encoder = Encoder.load(folder, max_length=self.max_length, cache=self.work / "cache")
        return Evaluate().score(encoder, [each for some in self.tasks.values() for each in some])

    def shifted(self, folder: Path) -> Iterator[tuple[float, Scorecard]]:
        """Score a model with each part of the mean of the log taken off; its texts once encoded."""
        encoder = Encoder.load(folder, max_length=self.max_length, cache=self.work / "cache")
        mean = encoder.unit_vectors(self.log[0]).mean(axis=0)
        sets = [each for some in self.tasks.values() for each in some]
        for part in CENTRES:
            yield part, Evaluate().score(Shifted(encoder, part * mean), sets)

    def good(self, seed: int) -> Iterator[Candidate]:
        """Yield the candidates that were not made to be harmful."""
        yield Candidate("centre", self.centre(self.base))
        for name in (TOGETHER, LABELS):
            trained = self.train(name, self.pairs[name], seed)
            yield Candidate(name, trained)
            yield Candidate(f"{name} half", self.blend(trained, 0.5))

    def poisoned(self, seed: int) -> Iterator[Candidate]:
        """Yield the harmful candidates."""
        learned = self.train(LABELS, self.pairs[LABELS], seed)
        yield Candidate("unlearned", self.blend(learned, -1.0), harmful=True)
        pairs = self.pairs[TOGETHER]
        order = np.random.default_rng(seed).permutation(len(pairs)).tolist()
        wrong = [
            replace(pair, positive=pairs[row].positive)
            for pair, row in zip(pairs, order, strict=True)
        ]
        trained = self.train("shuffled", wrong, seed)
        yield Candidate("shuffled", trained, harmful=True)
        yield Candidate("shuffled, half", self.blend(trained, 0.5), harmful=True)
        half = len(pairs) // 2
        mixed = self.train("half-shuffled", [*wrong[:half], *pairs[half:]], seed)
        yield Candidate("half shuffled", mixed, harmful=True)
        few = self.corpus.texts[:5]
        popular = [replace(pair, positive=few[n % len(few)]) for n, pair in enumerate(pairs)]
        yield Candidate("few documents", self.train("popular", popular, seed), harmful=True)


def _half(given: EvaluationSet, side: int) -> EvaluationSet:
    """Return half of the queries of a set; hashes of their ids decide."""
    return given.of_queries(
        key for key in given.queries if int(hash_share(0, "half", key) * 2) == side
    )


def _mean(card: Scorecard, task: str) -> float:
    return card.tasks[task].mean("ndcg_at_10")


def kinds(bench: Bench, seed: int) -> None:
    """Print what each kind gains."""
    names = [each.name for part in ("new", "old") for each in bench.tasks[part]]
    before = bench.score(bench.base)
    print(f"{'':24}{'pairs':>7}" + "".join(f"{name:>20}" for name in names))
    print(f"{'base':31}" + "".join(f"{_mean(before, name):>12.4f}{'':8}" for name in names))

    def row(label: str, pairs: int, folder: Path) -> None:
        card = bench.score(folder)
        cells = (f"{_mean(card, n):.4f} {_mean(card, n) - _mean(before, n):+.4f}" for n in names)
        print(f"{label:24}{pairs:7}" + "".join(f"{cell:>20}" for cell in cells), flush=True)

    row("centre", 0, bench.centre(bench.base))
    for name in (*KINDS, TOGETHER, LABELS):
        some = bench.pairs[name]
        if len(some) < Mix().minimum_pairs:
            print(f"{name:24}{len(some):7} too few")
            continue
        trained = bench.train(name, some, seed)
        row(name, len(some), trained)
        if name == TOGETHER:
            row(f"{name} half", len(some), bench.blend(trained, 0.5))
            row(f"{name} centred", len(some), bench.centre(trained))


def recipe(bench: Bench, seeds: Sequence[int]) -> None:
    """Print what each way to weaken a training leaves of gain and loss."""
    before = bench.score(bench.base)
    gate = Gate(proxies="allow")
    evidence = {given.name for part in ("proxy", "anchor") for given in bench.tasks[part]}
    champion = replace(before, tasks={name: before.tasks[name] for name in evidence})
    found: dict[tuple[float, float], list[tuple[bool, list[tuple[float, float]]]]] = {}
    for seed in seeds:
        trained = bench.train(TOGETHER, bench.pairs[TOGETHER], seed)
        for blend in BLENDS:
            for part, card in bench.shifted(bench.blend(trained, blend) if blend else bench.base):
                challenger = replace(card, tasks={name: card.tasks[name] for name in evidence})
                passes = gate.judge(champion, challenger).outcome == "promoted"
                changes = [
                    gate.differences(task, card.tasks[name]) for name, task in before.tasks.items()
                ]
                shown = [(float(each.mean()), gate.bounds(each)[0]) for each in changes]
                found.setdefault((blend, part), []).append((passes, shown))
    print(f"{'blend centre':14}" + "".join(f"{name:>24}" for name in before.tasks) + "  promoted")
    for (blend, part), rows in found.items():
        means = np.mean([shown for _, shown in rows], axis=0)
        cells = "".join(f"{f'{mean:+.4f} ({low:+.4f})':>24}" for mean, low in means)
        promoted = sum(passes for passes, _ in rows)
        print(f"{blend:5.2f} {part:6.2f}  {cells}{promoted:>7} of {len(rows)}", flush=True)


def verdicts(bench: Bench, seed: int) -> tuple[int, int, int]:
    """Print both verdicts on each candidate; return (agreeing, all, harmful ones promoted)."""
    before = bench.score(bench.base)
    gate = Gate(proxies="allow")
    agreeing = judged = poisoned = 0
    print(f"{'candidate':18}{'by labels':>14}{'by proxies':>14}   differences")
    for candidate in (*bench.good(seed), *bench.poisoned(seed)):
        after = bench.score(candidate.folder)
        outcomes = []
        for evidence in ("new", "proxy"):
            tasks = {given.name for part in (evidence, "anchor") for given in bench.tasks[part]}
            champion, challenger = (
                replace(card, tasks={name: card.tasks[name] for name in tasks})
                for card in (before, after)
            )
            outcomes.append(gate.judge(champion, challenger).outcome)
        labelled, unlabelled = outcomes
        agreeing += (labelled == "promoted") == (unlabelled == "promoted")
        poisoned += candidate.harmful and unlabelled == "promoted"
        judged += 1
        shown = " ".join(
            f"{name} {_mean(after, name) - _mean(before, name):+.3f}" for name in before.tasks
        )
        mark = "!" if candidate.harmful else " "
        print(f"{candidate.name:17}{mark}{labelled:>14}{unlabelled:>14}   {shown}", flush=True)
    return agreeing, judged, poisoned


def main() -> None:
    """Measure the streams one after the other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("streams", type=Path, nargs="+", metavar="STREAM")
    parser.add_argument("--base", help="model folder or hub id (default: the bundled MiniLM)")
    parser.add_argument("--verdicts", action="store_true", help="compare verdicts instead of kinds")
    parser.add_argument("--recipe", action="store_true", help="weaken one training in many ways")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of --recipe")
    parser.add_argument("--fraction", type=float, default=1.0, help="share of the pairs to use")
    parser.add_argument("--epochs", type=int, default=FineTune().epochs)
    parser.add_argument("--learning-rate", type=float, default=FineTune().learning_rate)
    parser.add_argument("--distillation", type=float, default=FineTune().distillation)
    parser.add_argument("--max-length", type=int, default=128, help="tokens")
    parser.add_argument("--seed", type=int, default=0, help="seed of the mix and of the training")
    options = parser.parse_args()
    keep_freed_memory()  # as the command line does
    totals = np.zeros(3, dtype=int)
    with tempfile.TemporaryDirectory(prefix="unlabelled-") as place:
        work = Path(place)
        base = fetch_base(options.base or bundled_base(), work / "base", options.max_length)
        finetune = FineTune(
            epochs=options.epochs,
            learning_rate=options.learning_rate,
            distillation=options.distillation,
        )
        for folder in options.streams:
            old, new = read_stream(folder, options.fraction)
            bench = Bench(base, work / folder.name, old, new, options.max_length, finetune)
            print(f"\n{folder.name}: {len(bench.corpus)} documents, {len(bench.log[0])} queries")
            if options.verdicts:
                totals += verdicts(bench, options.seed)
            elif options.recipe:
                recipe(bench, options.seeds)
            else:
                kinds(bench, options.seed)
    if options.verdicts:
        agreeing, judged, poisoned = totals.tolist()
        print(f"\n{agreeing} of {judged} verdicts agree; harmful candidates promoted: {poisoned}")


if __name__ == "__main__":
    main()
