"""Remedies: what would let four of five equally good candidates pass, the fewest answers first."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.gate.bounds import POWER
from pipeline.gate.chances import proposed_margin, proposed_queries
from pipeline.gate.comparable import evaluation_set, is_new
from pipeline.gate.gate import Gate
from pipeline.gate.pass_chance import again, estimate, joint
from pipeline.gate.sentences import hundred
from pipeline.results import PassChance, Remedy, threshold_of
from training.evaluation import LEARNED

_JUDGED = 61
"""Answers until blind judging is decided, on average (docs/measurements/judging.md)."""
_SURE = 0.99
"""Sets that pass so often do not lower the chance of all together."""


def remedies_for(tasks: Sequence[PassChance], gate: Gate, *, log: bool) -> tuple[Remedy, ...]:
    """Return what would let more candidates pass all comparisons, the fewest answers first.

    Each is as large as it takes for four of five equally good candidates to pass, as far as it can
    do that alone. Margins come last: they cost no answer, but protection.

    Parameters
    ----------
    tasks
        All comparisons that must pass.
    gate
        The settings of the gate.
    log
        Whether there is a log of queries that people can judge by.
    """
    before = joint(tasks)
    if before >= POWER:
        return ()
    planned = _Planned(tasks, gate, _each(tasks))
    made = [*planned.labels(), *planned.merged()]
    if log:
        made.append(_judge())
    made.sort(key=lambda each: each.answers)
    made += [*planned.hold_out(), *planned.waiting(), *planned.margins()]
    # What changes nothing that people would see is no remedy, unless it takes several at once.
    helps = [each for each in made if each.chance and hundred(each.chance) != hundred(before)]
    return tuple(each for each in made if not helps or each in helps or each.chance is None)


def _each(tasks: Sequence[PassChance]) -> float:
    """Return the chance that each set needs so that all together pass with `POWER`."""
    by_set: dict[str, list[PassChance]] = defaultdict(list)
    for each in tasks:
        by_set[evaluation_set(each.task)].append(each)
    unsure = sum(joint(rows) < _SURE for rows in by_set.values())
    return float(POWER ** (1 / max(1, unsure)))


@dataclass(frozen=True)
class _Planned:
    """The comparisons, and the chance that each must reach."""

    tasks: Sequence[PassChance]
    gate: Gate
    power: float

    def labels(self) -> Iterator[Remedy]:
        """Yield how many queries of which sets to label."""
        found = {
            each.task: (each, wanted)
            for each in self._short()
            if not (is_new(each.task) or _learned(each))
            if (wanted := self._queries(each)) is not None
        }
        if not found:
            return
        more = {task: wanted - each.queries for task, (each, wanted) in found.items()}
        chance = self._after(
            lambda each: again(self.gate, each, queries=each.queries + more.get(each.task, 0))
        )
        named = [f"{count} for {task}" for task, count in more.items()]
        yield Remedy(
            kind="label",
            task=next(iter(more)) if len(more) == 1 else "",
            answers=sum(more.values()),
            chance=chance,
            reason=f"label more queries, drawn at random: {_listed(named)}: {_passing(chance)}",
        )

    def merged(self) -> Iterator[Remedy]:
        """Yield what it would do to merge the short sets of the settings, if they are one task."""
        sets = [
            each
            for each in self._short()
            if each.rule == "no worse" and each.task == evaluation_set(each.task)
            if not (is_new(each.task) or _learned(each))
        ]
        if len(sets) < 2:
            return
        names = sorted(each.task for each in sets)
        queries = sum(each.queries for each in sets)
        square = sum(each.queries * each.spread**2 for each in sets) / queries
        one = estimate(
            self.gate,
            names[0],
            "no worse",
            queries=queries,
            margin=min(each.margin for each in sets),
            expected=0.0,
            spread=math.sqrt(square),
            basis=sets[0].basis,
        )
        others = [each for each in self.tasks if evaluation_set(each.task) not in names]
        chance = joint([*others, one])
        yield Remedy(
            kind="merge",
            task="",
            answers=0,
            chance=chance,
            reason=(
                f"if {_listed(names)} measure one task, make them one set of {queries} queries "
                f"(`further` names the folders of a set): {_passing(chance)}; a loss on one part "
                "may then hide behind a gain on another"
            ),
        )

    def hold_out(self) -> Iterator[Remedy]:
        """Yield how many queries of the new task to hold out."""
        for each in self._short():
            wanted = self._queries(each) if is_new(each.task) else None
            if wanted is None:
                continue
            chance = self._replaced(each, again(self.gate, each, queries=wanted))
            yield Remedy(
                kind="setting",
                task=each.task,
                answers=0,
                chance=chance,
                reason=(
                    f"hold out {wanted} queries of the new task instead of {each.queries} (more "
                    "labelled pairs, or a larger holdout.maximum or holdout.share): "
                    f"{_passing(chance)}"
                ),
            )

    def waiting(self) -> Iterator[Remedy]:
        """Yield from how many queries on the learned sets that are short should be judged."""
        short = [each for each in self._short() if _learned(each)]
        wanted = [count for each in short if (count := self._queries(each)) is not None]
        if not wanted:
            return
        names = sorted({evaluation_set(each.task) for each in short})
        chance = joint([each for each in self.tasks if evaluation_set(each.task) not in names])
        yield Remedy(
            kind="setting",
            task=names[0] if len(names) == 1 else "",
            answers=0,
            chance=chance,
            reason=(
                f"set learned_anchors.minimum_queries = {max(wanted)}: {_listed(names)} will be "
                f"judged again once merged with later ones: {_passing(chance)}; until then nothing "
                "protects what was learned there"
            ),
        )

    def margins(self) -> Iterator[Remedy]:
        """Yield the margins of single sets at which enough candidates pass."""
        wider: dict[str, float] = {}
        for each in self._short():
            if each.rule != "no worse" or _learned(each):
                continue
            margin = proposed_margin(
                self.gate, each.queries, spread=each.spread, mean=each.expected, power=self.power
            )
            name = evaluation_set(each.task)
            if margin is not None and margin > each.margin:
                wider[name] = max(margin, wider.get(name, 0.0))
        if not wider:
            return
        chance = self._after(
            lambda each: again(
                self.gate, each, margin=wider.get(evaluation_set(each.task), each.margin)
            )
        )
        named = [f"{margin:g} for {name}" for name, margin in wider.items()]
        yield Remedy(
            kind="margin",
            task=next(iter(wider)) if len(wider) == 1 else "",
            answers=0,
            chance=chance,
            reason=(
                f"set max_drop = {_listed(named)}: {_passing(chance)}, and so may losses just "
                "below that"
            ),
        )

    def _short(self) -> list[PassChance]:
        return [each for each in self.tasks if each.chance < self.power]

    def _queries(self, made: PassChance) -> int | None:
        """Return how many queries a comparison needs; None where more would not do."""
        wanted = proposed_queries(
            self.gate,
            threshold_of(made.rule, made.margin),
            spread=made.spread,
            mean=made.expected,
            power=self.power,
        )
        return wanted if wanted is not None and wanted > made.queries else None

    def _after(self, change: Callable[[PassChance], PassChance]) -> float:
        """Return the chance to pass everything with the short comparisons changed."""
        short = self._short()
        return joint([change(each) if each in short else each for each in self.tasks])

    def _replaced(self, before: PassChance, after: PassChance) -> float:
        return joint([after if each is before else each for each in self.tasks])


def _judge() -> Remedy:
    return Remedy(
        kind="judge",
        task="",
        answers=_JUDGED,
        chance=None,
        reason=(
            "`anchorhold judge` compares the versions of an inconclusive cycle with about "
            f"{_JUDGED} blind answers; a person decides by them"
        ),
    )


def _passing(chance: float) -> str:
    return f"{hundred(chance)} of 100 pass"


def _learned(made: PassChance) -> bool:
    return made.task.startswith(LEARNED)


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
