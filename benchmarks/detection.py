"""Measure the drift triggers: validity, power, slices, a quiet life, speed, memory; print tables.

    python benchmarks/detection.py                 # everything, about 15 minutes on two cores
    python benchmarks/detection.py speed memory    # some of it
    python benchmarks/detection.py validity --repeats 200
    python benchmarks/detection.py life --years 10 --reworded 0.3 --sessions

Quiet and drifted windows are drawn from a made world: thirty topics of an embedding space, each a
cloud around a centre, with topic shares that differ by a factor of 20. New topics have other
centres.
"""

import argparse
import math
import time
import tracemalloc
from collections.abc import Callable, Sequence

import lives
import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from drift_triggers import (
    EmbeddingShift,
    Instability,
    Observation,
    OutOfDistribution,
    PastCheck,
    Policy,
    Sample,
    Signal,
    SourceShift,
    Stability,
    TermMeaning,
    TextShape,
    Trigger,
    Vocabulary,
)
from drift_triggers.statistics.two_sample import (
    PermutationTest,
    discrepancies,
    kernel_two_sample,
    permuted_labels,
    rbf_kernel,
)

DIMENSIONS = 64
TOPICS = 30
CENTRES = np.random.default_rng(0).normal(size=(2 * TOPICS, 384))
SHARES = np.geomspace(1, 20, TOPICS) / np.geomspace(1, 20, TOPICS).sum()
WORDS = np.array([f"word{number}" for number in range(3000)])


def world(
    seed: int, count: int, new: float = 0.0, run: int = 1, dimensions: int = DIMENSIONS
) -> Sample:
    """Draw ``count`` texts, a share ``new`` of them on new topics, topics in runs of ``run``."""
    generator = np.random.default_rng(seed)
    topics = np.repeat(generator.choice(TOPICS, -(-count // run), p=SHARES), run)[:count]
    topics = topics + TOPICS * (generator.random(count) < new)
    rows = CENTRES[topics, :dimensions] + 1.2 * generator.normal(size=(count, dimensions))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    picks = WORDS[generator.integers(3000, size=(count, 12))]
    return Sample(
        tuple(" ".join(line) for line in picks),
        rows.astype(np.float32),
        timestamps=np.arange(count, dtype=float),
        words=tuple(
            tuple((str(word), 1 + (len(word) > 7), False) for word in line) for line in picks
        ),
    )


def table(title: str, head: Sequence[str], lines: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table."""
    print(f"\n### {title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for line in lines:
        print(f"| {' | '.join(str(cell) for cell in line)} |", flush=True)


def rate(hits: int, total: int) -> str:
    """Return a share with its exact 95 % interval (Clopper and Pearson 1934)."""
    low = stats.beta.ppf(0.025, hits, total - hits + 1) if hits else 0.0
    high = stats.beta.ppf(0.975, hits + 1, total - hits) if hits < total else 1.0
    return f"{hits / total:.1%} ({low:.1%}-{high:.1%})"


def density_p_value(recent: Sample, reference: Sample, seed: int, block: int) -> float:
    """Return the permutation p-value of the discrepancy, labels permuted in blocks."""
    labels = np.arange(len(reference) + len(recent)) >= len(reference)
    columns = permuted_labels(np.random.default_rng(seed), labels, 199, block=block)
    kernel = rbf_kernel(np.vstack([reference.embeddings, recent.embeddings]))
    return kernel_two_sample(kernel, labels, columns).p_value


def validity(repeats: int) -> None:
    """Print (a): false alarms of the tests on quiet data, and the error of the fitted tail."""
    lines: list[tuple[object, ...]] = []
    for recent, reference, run in ((40, 400, 1), (200, 400, 1), (500, 1000, 1), (200, 600, 10)):
        values: dict[str, list[float]] = {}
        fired = {"embedding_shift": 0, "out_of_distribution": 0}
        for seed in range(repeats):
            window = world(2 * seed, recent, run=run)
            past = world(2 * seed + 1, reference, run=run)
            values.setdefault("discrepancy", []).append(density_p_value(window, past, seed, 1))
            if run > 1:
                blocks = density_p_value(window, past, seed, 3 * run)
                values.setdefault(f"discrepancy, blocks of {3 * run}", []).append(blocks)
            for trigger in (EmbeddingShift(permutations=199), OutOfDistribution()):
                signal = trigger.check(Observation(window, past, seed=seed))
                fired[trigger.name] += signal.fired
                if trigger.name == "out_of_distribution" and signal.p_value is not None:
                    values.setdefault("share far away", []).append(signal.p_value)
        for name, found in values.items():
            at = [rate(int((np.array(found) <= level).sum()), repeats) for level in (0.01, 0.05)]
            lines.append((f"{recent} / {reference}", run, name, *at))
        for trigger_name, count in fired.items():
            told = f"{trigger_name} fires (p-value and effect)"
            lines.append((f"{recent} / {reference}", run, told, rate(count, repeats), ""))
    head = ("recent / reference", "run", "test", "p <= 1 %", "p <= 5 %")
    table(f"Validity: quiet windows, {repeats} repeats", head, lines)

    tails = []
    generator = np.random.default_rng(1)
    labels = np.arange(200) >= 150
    kernel = rbf_kernel(np.vstack([world(1, 150).embeddings, world(7, 50).embeddings]))
    many = np.concatenate(
        [discrepancies(kernel, permuted_labels(generator, labels, 20_000)) for _ in range(50)]
    )
    for level in (1e-3, 1e-4, 2e-5):
        limit = float(np.quantile(many, 1 - level))
        fits = [
            PermutationTest(limit, many[start : start + 1000]).tail_p_value / level
            for start in range(0, 100_000, 1000)
        ]
        tails.append((level, *(f"{np.quantile(fits, share):.2g}" for share in (0.1, 0.5, 0.9))))
    table(
        "Fitted tail of 1,000 permutations divided by the true tail (counted over 1,000,000)",
        ("true p", "10 % quantile of the ratio", "median", "90 % quantile"),
        tails,
    )


def power(repeats: int) -> None:
    """Print (b): how often each trigger fires, by window size and share of new topics."""
    lines = []
    for recent in (50, 200, 1000):
        for share in (0.0, 0.05, 0.1, 0.25, 0.5, 1.0):
            fired = {"embedding_shift": 0, "out_of_distribution": 0}
            for seed in range(repeats):
                seen = Observation(
                    world(2 * seed, recent, share), world(2 * seed + 1, 800), seed=seed
                )
                for trigger in (EmbeddingShift(permutations=199), OutOfDistribution()):
                    fired[trigger.name] += trigger.check(seen).fired
            lines.append(
                (recent, f"{share:.0%}", *(f"{hits / repeats:.0%}" for hits in fired.values()))
            )
    head = ("recent texts", "new topics", "embedding_shift", "out_of_distribution")
    table(f"Power: fired windows, reference of 800 texts, {repeats} repeats", head, lines)


def parted(seed: int, part: int, rest: int, new: float = 0.0) -> Sample:
    """Draw ``part`` texts of the source "mail" with the word "server", and ``rest`` others.

    A share ``new`` of the part has new topics, the others never do.
    """
    one, other = world(seed, part, new), world(seed + 500_000, rest)
    return Sample(
        tuple(f"{text} server" for text in one.texts) + other.texts,
        np.vstack([one.embeddings, other.embeddings]),
        ("mail",) * part + ("app",) * rest,
    )


def steadiness(seed: int, sample: Sample, lower: float) -> Stability:
    """Draw cosines of texts with changed copies of themselves, ``lower`` than usual."""
    noise = np.random.default_rng([seed, 9]).normal(0.0, 0.03, len(sample))
    return Stability(np.arange(len(sample)), (0.9 - lower + noise).clip(-1.0, 1.0))


def parts(repeats: int) -> None:
    """Print how often a part of the traffic fires: a source, a watched term, unstable texts."""
    watching: tuple[Trigger, ...] = (
        SourceShift(inside=True),
        TermMeaning(watch_terms=("server",)),
        Instability(),
        EmbeddingShift(),
        OutOfDistribution(),
    )
    lines = []
    for told, part, new, lower in (
        ("nothing changed", 60, 0.0, 0.0),
        ("the part grew from a fifth to four fifths", 240, 0.0, 0.0),
        ("a quarter of the part on new topics", 60, 0.25, 0.0),
        ("half of the part on new topics", 60, 0.5, 0.0),
        ("all of the part on new topics", 60, 1.0, 0.0),
        ("embeddings less stable by one standard deviation", 60, 0.0, 0.03),
    ):
        fired = dict.fromkeys([trigger.name for trigger in watching], 0)
        for seed in range(repeats):
            recent, reference = (
                parted(2 * seed, part, 300 - part, new),
                parted(2 * seed + 1, 120, 480),
            )
            seen = Observation(
                recent,
                reference,
                seed=seed,
                recent_stability=steadiness(2 * seed, recent, lower),
                reference_stability=steadiness(2 * seed + 1, reference, 0.0),
            )
            for trigger in watching:
                fired[trigger.name] += trigger.check(seen).fired
        lines.append((told, *(rate(hits, repeats) for hits in fired.values())))
    head = ("300 recent texts", *(trigger.name for trigger in watching))
    table(f"A part of the traffic: a fifth of 600 reference texts, {repeats} repeats", head, lines)


def life(options: argparse.Namespace) -> None:
    """Print the probability of even one training in 365 daily windows without drift."""
    lines = []
    for tests, together in ((2, 0.0), (6, 0.0), (6, 0.5)):
        generator = np.random.default_rng([tests, round(10 * together)])
        launched = sum(_uniform_life(generator, tests, together) for _ in range(options.lives))
        told = "independent" if together == 0.0 else f"correlation {together} of tests and days"
        told = f"{tests} tests, {told}, no effect required"
        lines.append((told, options.lives, rate(launched, options.lives)))
    head = ("365 quiet daily checks", "lives", "lives with a training (95 % interval)")
    table("A quiet life under the default policy", head, lines)
    table(
        f"{options.years} years of a service, {options.reworded:.0%} of the texts reworded, "
        f"{options.new:.0%} new topics",
        ("trigger", "p <= 5 %", "p <= 0.1 %", "fired"),
        lives.years(options),
    )


def _uniform_life(generator: np.random.Generator, tests: int, together: float) -> bool:
    """Say whether a year of valid p-values starts training when each effect is large enough."""
    policy, level = Policy(), 0.001
    noise = generator.normal(size=(365, tests))
    if together:
        # One shared part per life (its reference) and one per day, together as strong as asked.
        noise = math.sqrt(1 - together) * noise + math.sqrt(together / 2) * (
            generator.normal() + generator.normal(size=(365, 1))
        )
    values = stats.norm.sf(noise)
    for day in np.flatnonzero((values <= level).any(axis=1)):
        checks = [
            PastCheck(
                24.0 * one,
                tuple(
                    Signal(f"test{place}", bool(value <= level), "simulated", p_value=float(value))
                    for place, value in enumerate(values[one])
                ),
                launched=False,
            )
            for one in (day - 1, day)
            if one >= 0
        ]
        if policy.decide(checks[-1].signals, checks[:-1], 24.0 * day).train:
            return True
    return False


def speed(_: int) -> None:
    """Print (c): seconds for 2,000 recent and 2,000 reference texts of 384 dimensions."""
    recent, reference = world(1, 2000, 0.3, dimensions=384), world(2, 2000, dimensions=384)
    pooled = np.vstack([reference.embeddings, recent.embeddings])
    labels = np.arange(4000) >= 2000
    lines: list[tuple[object, ...]] = []

    def timed(name: str, work: Callable[[], object], note: str = "") -> None:
        started = time.perf_counter()
        result = work()
        seconds = time.perf_counter() - started
        lines.append((name, f"{seconds:.2f}", result if isinstance(result, str) else note))

    generator = np.random.default_rng(0)
    columns = permuted_labels(generator, labels, 1000)

    def product() -> str:
        kernel = rbf_kernel(pooled)
        drawn = permuted_labels(generator, labels, 1000)
        return f"p = {kernel_two_sample(kernel, labels, drawn).p_value:.4f}"

    def loop() -> str:
        drawn = 5
        started = time.perf_counter()
        for column in columns.T[:drawn]:
            shuffled = np.vstack([pooled[column < 0.5], pooled[column > 0.5]])
            value = _plain_discrepancy(rbf_kernel(shuffled), labels)
        each = (time.perf_counter() - started) / drawn
        same = float(discrepancies(rbf_kernel(pooled), columns[:, drawn - 1 : drawn])[0])
        return (
            f"{1000 * each:.0f} s for 1,000 at this pace; statistic {value:.6f}, product {same:.6f}"
        )

    def classifier() -> str:
        scores = cross_val_predict(
            LogisticRegression(max_iter=200), pooled, labels, cv=5, method="decision_function"
        )
        test = stats.mannwhitneyu(scores[labels], scores[~labels], alternative="greater")
        return f"one classifier, no permutation, p = {test.pvalue:.2g}"

    timed("discrepancy, 1,000 permutations, one product", product)
    timed("discrepancy, loop of 5 permutations, kernel recomputed", loop)
    timed("classifier test (scikit-learn, 5 folds)", classifier)
    timed("Kolmogorov-Smirnov, 384 columns (scipy)", lambda: _columns(pooled, labels))
    total = 0.0
    for trigger in (EmbeddingShift(), OutOfDistribution(), Vocabulary(), TextShape()):
        started = time.perf_counter()
        signal = trigger.check(Observation(recent, reference))
        total += time.perf_counter() - started
        told = f"fired: {signal.fired}"
        lines.append((f"trigger {trigger.name}", f"{time.perf_counter() - started:.2f}", told))
    lines.append(("all four triggers, neighbourhoods shared", f"{total:.2f}", ""))
    table("Speed: 2,000 recent, 2,000 reference, 384 dimensions", ("what", "seconds", ""), lines)


def _plain_discrepancy(kernel: NDArray[np.float32], labels: NDArray[np.bool_]) -> float:
    first, second = kernel[~labels][:, ~labels], kernel[labels][:, labels]
    m, n = len(first), len(second)
    return float(
        (first.sum(dtype=float) - np.trace(first)) / (m * (m - 1))
        + (second.sum(dtype=float) - np.trace(second)) / (n * (n - 1))
        - 2 * kernel[~labels][:, labels].mean(dtype=float)
    )


def _columns(pooled: NDArray[np.float32], labels: NDArray[np.bool_]) -> str:
    found = stats.ks_2samp(pooled[labels], pooled[~labels], axis=0, method="asymp")
    return f"smallest p times 384 = {min(1.0, 384 * found.pvalue.min()):.2g}"


def memory(_: int) -> None:
    """Print (d): a reference of a million rows."""
    rows = 1_000_000
    generator = np.random.default_rng(0)
    embeddings = generator.standard_normal((rows, 384), dtype=np.float32)
    embeddings += 2.0 * CENTRES[generator.integers(TOPICS, size=rows)].astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    reference = Sample(tuple(f"text {row}" for row in range(rows)), embeddings)
    recent = world(1, 2000, 0.3, dimensions=384)
    lines = []
    for trigger in (EmbeddingShift(), OutOfDistribution()):
        tracemalloc.start()
        started = time.perf_counter()
        trigger.check(Observation(recent, reference))
        seconds = time.perf_counter() - started
        more = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        lines.append((trigger.name, f"{seconds:.2f}", f"{more:.0f}"))
    head = ("trigger", "seconds", "peak memory beyond the data, MiB")
    table("A reference of 1,000,000 rows of 384 dimensions (1,465 MiB)", head, lines)


PARTS = {"validity": validity, "power": power, "parts": parts, "speed": speed, "memory": memory}


def main() -> None:
    """Run the parts named on the command line, or all."""
    parser = argparse.ArgumentParser(description="Measure the drift triggers.")
    parser.add_argument(
        "parts", nargs="*", help=f"any of {', '.join([*PARTS, 'life'])}; default: all"
    )
    parser.add_argument("--repeats", type=int, default=400, help="windows for validity and power")
    parser.add_argument("--lives", type=int, default=4000, help="years of uniform p-values")
    lives.add_options(parser)
    options = parser.parse_args()
    chosen = options.parts or [*PARTS, "life"]
    for part in chosen:
        if part == "life":
            life(options)
        elif part in PARTS:
            PARTS[part](options.repeats // (4 if part in ("power", "parts") else 1))
        else:
            parser.error(f"unknown part {part!r}; allowed: {', '.join([*PARTS, 'life'])}")


if __name__ == "__main__":
    main()
