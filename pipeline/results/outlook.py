"""What the gate can be expected to decide: chances, what limits them, and what would help."""

from typing import Literal

from pipeline.results.result import Result
from pipeline.results.verdict import Rule

RemedyKind = Literal["merge", "label", "judge", "margin", "setting"]


class PassChance(Result):
    """The chance that a candidate to come passes one comparison.

    Attributes
    ----------
    task, rule
        The comparison, as in a verdict.
    queries
        Size of the evaluation set.
    margin
        `max_drop` of the set; for the new task, `min_gain`.
    expected
        True mean difference that is assumed: 0 against the champion, what the champion gained
        against the origin, and for the new task the gain of the last judged candidate.
    spread
        Standard deviation of the paired differences that is assumed, in the metric's units.
    basis
        The cycle that spread and gain were measured in, or "assumed".
    chance
        Probability of passing.
    proposed_margin
        Smallest margin at which four of five pass, rounded up; None for the new task, and where no
        margin would do.
    proposed_queries
        Number of queries at which four of five pass, rounded up; None where no number would do.
    """

    task: str
    rule: Rule
    queries: int
    margin: float
    expected: float
    spread: float
    basis: str
    chance: float
    proposed_margin: float | None
    proposed_queries: int | None


class Remedy(Result):
    """One way to let more equally good candidates pass.

    Attributes
    ----------
    kind
        What is done: sets are merged, queries are labelled, people judge, a margin or another
        setting is changed.
    task
        The evaluation set that it is about; empty for all.
    answers
        Answers or labels that people must give for it.
    chance
        Chance to pass all comparisons after it; None where it decides without the gate.
    reason
        The remedy in one sentence, with what it costs.
    """

    kind: RemedyKind
    task: str
    answers: int
    chance: float | None
    reason: str


class GateOutlook(Result):
    """What the gate can be expected to decide about candidates to come.

    Attributes
    ----------
    chance
        Probability that a candidate passes everything: equally good on each old task, with the gain
        that is expected on the new one. Different sets have different queries, so that chance
        errs independently on them; comparisons on the same queries count once, with the least of
        their chances.
    anchors_chance
        The same for the anchor sets alone.
    tasks
        Each comparison that must pass, the least chance first.
    limiting
        The task with the least chance; empty where four of five candidates pass.
    per_year
        Candidates per year, from the cycles so far.
    monthly
        Whether `per_year` is assumed, because there are too few cycles.
    in_a_row
        The last inconclusive cycles in a row that the same task limited.
    remedies
        What would let more pass, the fewest answers first; margins last, as they cost protection.
    reasons
        All this in sentences.
    warnings
        What should be changed before more cycles are run.
    """

    chance: float
    anchors_chance: float
    tasks: tuple[PassChance, ...]
    limiting: str
    per_year: float
    monthly: bool
    in_a_row: int = 0
    remedies: tuple[Remedy, ...] = ()
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
