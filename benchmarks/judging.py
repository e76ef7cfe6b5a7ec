"""How many answers `anchorhold judge` needs, and how often it is wrong, with a simulated reader.

    python benchmarks/judging.py             # a hundred lives; docs/measurements/judging.md
    python benchmarks/judging.py coverage    # how often the interval ever misses; 9 minutes

A log of 5,000 lines with 2,000 queries, and 40 documents for each: one answers it, some answer it
half. Each version scores documents by relevance and noise of its own, so that some first results
differ and most do not. A simulated reader prefers the more relevant result, calls near ones alike,
and answers at random in 15 of 100 cases.

Both ways of asking use the same test (`pipeline.judging.standing`) and stop at its verdict: *judge*
asks what `anchorhold judge` asks, where the results differ; *random* goes through the lines of the
log in a random order and asks about each query. A query that was asked before is not asked again.
"""

import argparse
import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.judging import Questions
from pipeline.judging.confidence import Floats, Lines, log_wealth
from pipeline.judging.standing import answers_needed, standing

LINES = 5_000
QUERIES, DOCUMENTS = 2_000, 40
MARGIN, CONFIDENCE = 0.05, 0.95
NOISE = 0.15
"""Share of the answers that are given at random."""

KINDS = {
    "clearly better": (0.45, 0.15),
    "better": (0.25, 0.12),
    "a little better": (0.15, 0.10),
    "equal, little moved": (0.0, 0.10),
    "equal, much moved": (0.0, 0.25),
}
"""Name -> what relevance counts more in the better version, and the noise of each version."""


@dataclass(frozen=True)
class Log:
    """A log, and what its reader would say.

    Attributes
    ----------
    queries
        (lines,): the query of each line.
    weights
        (queries,): the probability of each query.
    rankings
        What each version returns: two times (queries, depth).
    opinions
        (queries,): what the reader thinks, 1 where the second version is better.
    answers
        (queries,): what the reader says.
    """

    queries: NDArray[np.int64]
    weights: Floats
    rankings: tuple[NDArray[np.int64], NDArray[np.int64]]
    opinions: Floats
    answers: Floats

    def differ(self) -> Floats:
        """Return (queries,): 1 where the rankings differ."""
        first, second = self.rankings
        return (first != second).any(axis=1).astype(float)


def made_log(gain: float, noise: float, depth: int, generator: np.random.Generator) -> Log:
    """Return a log; a negative gain makes the first version the better one."""
    relevance = np.zeros((QUERIES, DOCUMENTS))
    relevance[:, 0] = 1.0
    relevance[:, 1:4] = 0.5 * (generator.random((QUERIES, 3)) < 0.3)
    clear = generator.gamma(2.0, 0.6, (QUERIES, 1))
    common = 1.6 * clear * relevance + 0.8 * generator.standard_normal(relevance.shape)
    found = []
    for more in (max(0.0, -gain), max(0.0, gain)):
        own = noise * generator.standard_normal(relevance.shape)
        found.append(np.argsort(-(common + own + more * relevance), axis=1)[:, :depth])
    discounts = 1 / np.log2(np.arange(2, depth + 2))
    useful = [(np.take_along_axis(relevance, each, 1) * discounts).sum(axis=1) for each in found]
    opinions = np.sign(np.where(abs(useful[1] - useful[0]) > 0.2, useful[1] - useful[0], 0.0))
    asked = np.minimum(20.0, generator.pareto(1.2, QUERIES) + 1)
    log = Log(
        generator.choice(QUERIES, LINES, p=asked / asked.sum()),
        asked / asked.sum(),
        (found[0], found[1]),
        opinions,
        opinions,
    )
    at_random = generator.random(QUERIES) < NOISE
    said = np.where(at_random, generator.integers(-1, 2, QUERIES), opinions) * log.differ()
    return replace(log, answers=said)


def by_judge(log: Log, depth: int, seed: int) -> tuple[Lines, Floats]:
    """Return the lines as `anchorhold judge` goes through them, and the answers it gets."""
    first, second = ([tuple(map(str, row)) for row in each.tolist()] for each in log.rankings)
    drawn = Questions.draw(
        (1, 2),
        list(map(str, log.queries.tolist())),
        {str(query): (first[query], second[query]) for query in range(QUERIES)},
        {str(document): f"document {document}" for document in range(DOCUMENTS)},
        results=depth,
        seed=seed,
    )
    return drawn.lines, log.answers[[int(each.query) for each in drawn.asked]]


def by_chance(log: Log, seed: int) -> tuple[Lines, Floats]:
    """Return the lines in a random order, each with a question, and the answers."""
    numbers: dict[int, int] = {}
    order = np.random.default_rng(seed).permutation(log.queries)
    lines = Lines.of([(numbers.setdefault(query, len(numbers)), 1.0) for query in order.tolist()])
    return lines, log.answers[list(numbers)]


def decided(lines: Lines, answers: Floats) -> tuple[str, int]:
    """Return the first verdict and after how many answers it comes."""
    rules = {"margin": MARGIN, "confidence": CONFIDENCE}
    (needed,) = answers_needed(lines, answers[None], **rules)
    count = min(len(answers), int(min(needed, 1e9)))
    return standing(lines, answers[:count], **rules).finding, count


def right(finding: str, preference: float) -> bool:
    """Return whether a verdict is right about the preference of a reader without noise."""
    if finding == "no relevant difference":
        return abs(preference) < MARGIN
    return preference > 0 if finding == "second is better" else preference < 0


def lives(count: int, depth: int, seed: int) -> None:
    """Print, by kind of life, the answers both ways need and their wrong verdicts."""
    print(f"\n{count} lives, {depth} results compared per query\n")
    print("| versions | queries that differ | preference | judge: answers | random: answers |"
          " ratio | wrong: judge, random | undecided: judge, random |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|")
    names, rows = list(KINDS), []
    for life in range(count):
        kind = names[life % len(names)]
        gain, noise = KINDS[kind]
        generator = np.random.default_rng([seed, life])
        side = 1 if life // len(names) % 2 else -1
        log = made_log(side * gain, noise, depth, generator)
        preference = float(log.weights @ log.opinions)
        found = [decided(*by_judge(log, depth, life)), decided(*by_chance(log, life))]
        wrong = [name != "undecided" and not right(name, preference) for name, _ in found]
        left = [name == "undecided" for name, _ in found]
        differ = float(log.weights @ log.differ())
        rows.append((kind, differ, abs(preference), *(n for _, n in found), *wrong, *left))
    for kind in [*names, "all"]:
        chosen = [row[1:] for row in rows if kind in (row[0], "all")]
        differ, preference, judge, chance, *faults = np.array(chosen, dtype=float).mean(axis=0)
        wrong_judge, wrong_chance, open_judge, open_chance = (f"{each:.0%}" for each in faults)
        print(f"| {kind} | {differ:.0%} | {preference:.3f} | {judge:.0f} | {chance:.0f} |"
              f" {judge / chance:.2f} | {wrong_judge}, {wrong_chance} |"
              f" {open_judge}, {open_chance} |")  # fmt: skip


def balanced(log: Log) -> Log:
    """Return a log of exactly equal versions: for each query another one with the other answer."""
    half = QUERIES // 2

    def twice(values: Floats, sign: int) -> Floats:
        return np.concatenate([values[:half], sign * values[:half]])

    weights = twice(log.weights, 1)
    generator = np.random.default_rng(int(log.queries.sum()))
    return Log(
        generator.choice(QUERIES, LINES, p=weights / weights.sum()),
        weights / weights.sum(),
        (twice(log.rankings[0], 1), twice(log.rankings[1], 1)),
        twice(log.opinions, -1),
        twice(log.answers, -1),
    )


def coverage(count: int, seed: int) -> None:
    """Print how often the interval, looked at after each answer, ever misses the true mean."""
    print(f"\n{count} logs; nominal {1 - CONFIDENCE:.0%}\n")
    print("| versions | results compared | interval ever misses | equal ones ever called better |")
    print("|---|---|---|---|")
    threshold = np.log(2 / (1 - CONFIDENCE))

    def misses(log: Log, depth: int, trial: int) -> bool:
        lines, answers = by_judge(log, depth, trial)
        mean = float(log.weights @ log.answers)
        # The interval excludes the mean as soon as a bet against it wins.
        ever = [log_wealth(lines, sign * answers, sign * mean).max() for sign in (1, -1)]
        return bool(max(ever) >= threshold)

    for kind, (gain, noise) in KINDS.items():
        for depth in (1, 3):
            missed = np.zeros((count, 2), dtype=bool)
            for trial in range(count):
                log = made_log(gain, noise, depth, np.random.default_rng([seed, trial, depth]))
                missed[trial] = misses(log, depth, trial), misses(balanced(log), depth, trial)
            shares = " | ".join(f"{share:.1%}" for share in missed.mean(axis=0))
            print(f"| {kind} | {depth} | {shares} |", flush=True)


def main() -> None:
    """Run a part and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("lives", "coverage"), nargs="?", default="lives")
    parser.add_argument("--count", type=int, help="lives, or logs (default: 100, 400)")
    parser.add_argument("--depth", type=int, default=1, help="results compared per query")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    began = time.monotonic()
    if given.part == "lives":
        lives(given.count or 100, given.depth, given.seed)
    else:
        coverage(given.count or 400, given.seed)
    print(f"\n{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
