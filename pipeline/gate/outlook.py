"""The outlook: how often equally good candidates would pass, what limits that, and what helps."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.gate.bounds import POWER
from pipeline.gate.comparable import is_new
from pipeline.gate.earlier import ASSUMED, ASSUMED_GAIN, Earlier
from pipeline.gate.gain_power import PLANNED_SPREAD
from pipeline.gate.gate import Gate
from pipeline.gate.pass_chance import estimate, joint
from pipeline.gate.remedies import remedies_for
from pipeline.gate.sentences import hundred
from pipeline.gate.soonest import inconclusive_in_a_row, row_warning
from pipeline.results import GateOutlook, PassChance
from training.evaluation import EvaluationSet


@dataclass(frozen=True)
class SetSize:
    """How large an anchor set is.

    Attributes
    ----------
    name
        Its task name.
    queries
        Number of its queries.
    slices
        Name of a slice -> number of its queries.
    """

    name: str
    queries: int
    slices: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, given: EvaluationSet) -> "SetSize":
        """Return the size of a set that was read."""
        slices = {name: len(queries) for name, queries in given.slices.items()}
        return cls(given.name, len(given.queries), slices)


def outlook_of(
    sets: Sequence[SetSize],
    gate: Gate,
    margins: Mapping[str, float],
    earlier: Earlier,
    *,
    held_out: int,
    log: bool = False,
) -> GateOutlook | None:
    """Return what the gate can be expected to decide; None without an anchor set.

    Parameters
    ----------
    sets
        The anchor sets in force.
    gate
        The settings of the gate.
    margins
        Margins of single sets, as `Gate.judge` takes them.
    earlier
        What earlier cycles tell.
    held_out
        Queries of a new task that was never judged.
    log
        Whether there is a log of queries that people can judge by.
    """
    if not sets:
        return None
    anchors = [*_anchors(sets, gate, margins, earlier)]
    tasks = sorted([*anchors, *_new(gate, earlier, held_out)], key=lambda each: each.chance)
    per_year, monthly = earlier.per_year()
    verdicts = [each.result.verdict for each in earlier.cycles]
    made = GateOutlook(
        chance=joint(tasks),
        anchors_chance=joint(anchors),
        tasks=tuple(tasks),
        limiting=tasks[0].task if joint(tasks) < POWER else "",
        per_year=round(per_year, 1),
        monthly=monthly,
        in_a_row=inconclusive_in_a_row(verdicts)[1],
        remedies=remedies_for(tasks, gate, log=log),
    )
    warnings = [*_year(made), *row_warning(verdicts, gate)]
    return made.changed(reasons=tuple(_reasons(made)), warnings=tuple(warnings))


def _anchors(
    sets: Sequence[SetSize], gate: Gate, margins: Mapping[str, float], earlier: Earlier
) -> Iterator[PassChance]:
    sizes = {
        task: queries
        for each in sets
        for task, queries in (
            (each.name, each.queries),
            *((f"{each.name}/{name}", size) for name, size in each.slices.items()),
        )
        if task == each.name or queries >= gate.minimum_slice_queries
    }
    for task, queries in sizes.items():
        spread, basis = earlier.spread(task)
        yield estimate(
            gate,
            task,
            "no worse",
            queries=queries,
            margin=gate.margin_of(task, margins),
            expected=0.0,
            spread=spread,
            basis=basis,
        )
    whole = {each.name for each in sets}
    further, basis = earlier.lengths()
    again = [(made, 0.0, basis) for made in further] + [*earlier.floors()]
    for made, expected, measured in again:
        name = made.task if made.task in sizes else made.task.rpartition("/")[0]
        if name in whole or made.task in sizes:
            yield estimate(
                gate,
                made.task,
                made.rule,
                queries=sizes[name],
                margin=gate.margin_of(made.task, margins),
                expected=expected,
                spread=made.spread,
                basis=measured,
            )


def _new(gate: Gate, earlier: Earlier, held_out: int) -> Iterator[PassChance]:
    known = earlier.gains()
    if known is None:
        yield estimate(
            gate,
            "new",
            "gain",
            queries=held_out,
            margin=gate.min_gain,
            expected=ASSUMED_GAIN,
            spread=PLANNED_SPREAD,
            basis=ASSUMED,
        )
        return
    compared, basis = known
    for made in compared:
        yield estimate(
            gate,
            made.task,
            "gain",
            queries=made.queries,
            margin=gate.min_gain,
            expected=made.difference,
            spread=made.spread,
            basis=basis,
        )


def _reasons(made: GateOutlook) -> Iterator[str]:
    yield (
        "with these anchor sets, an equally good candidate passes in "
        f"{hundred(made.anchors_chance)} of 100 cycles"
    )
    least = made.tasks[0]
    if made.limiting:
        yield f"{least.task} limits it: {_measure(least)}"
    new = [each for each in made.tasks if is_new(each.task)]
    if new and joint(new) < POWER and made.limiting != new[0].task:
        yield (
            f"with a new task that gains {new[0].expected:.3f} ({new[0].basis}), in "
            f"{hundred(made.chance)}"
        )


def _measure(made: PassChance) -> str:
    """Say how large a set is beside what it measures."""
    basis = f"spread {made.spread:.3f}, {made.basis}"
    if is_new(made.task):
        return (
            f"{made.queries} held-out queries show a gain of {made.expected:.3f} in "
            f"{hundred(made.chance)} of 100 cycles ({basis})"
        )
    against = " against the origin" if made.rule == "floor" else ""
    return (
        f"{made.queries} queries let {hundred(made.chance)} of 100 equally good candidates pass"
        f"{against} at max_drop {made.margin:g} ({basis})"
    )


def _year(made: GateOutlook) -> Iterator[str]:
    """Yield a warning where most of a year's candidates would stay inconclusive."""
    if made.chance >= 0.5:
        return
    rhythm = "one candidate per month, assumed" if made.monthly else "the rhythm so far"
    candidates = max(1, round(made.per_year))
    stay = round(candidates * (1.0 - made.chance))
    some = "nearly all" if stay == candidates else f"about {stay}"
    yield (
        f"{some} of the next {candidates} candidates (a year at {rhythm}) would stay "
        "inconclusive, though equally good; change what limits them first"
    )
