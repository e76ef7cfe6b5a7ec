"""What the page of a cycle shows: its result as answers, rows and drawings."""

from collections.abc import Sequence
from typing import Any

from drift_triggers.signal import Signal
from pipeline.reports.answers import answers
from pipeline.reports.charts import (
    Interval,
    Point,
    balance_chart,
    intervals_chart,
    loss_chart,
)
from pipeline.reports.course import courses, forgetting, hit_rates
from pipeline.reports.drawing import CARD, WIDE
from pipeline.reports.measure_lines import measure_lines, movement_lines
from pipeline.reports.rows_charts import Bar, Move, bars_chart, moves_chart
from pipeline.reports.text_charts import cosines_chart, map_chart
from pipeline.reports.time_charts import course_chart, hit_chart
from pipeline.reports.words import (
    FAMILIES,
    asked,
    comparison_name,
    said,
    task_name,
    trigger_name,
)
from pipeline.results import (
    CheckedTexts,
    Comparison,
    CycleResult,
    DecisionResult,
    TrainingResult,
    VersionCosines,
    metric_name,
    threshold_of,
)

_SHOWN = 5
"""Rows of a drawing on the first screen."""
_AT_LIMIT = 3.0
"""Times its limit from which a bar ends in an arrow: how much more it is, its word says."""


def page_of(
    result: CycleResult, texts: CheckedTexts | None, earlier: Sequence[CycleResult]
) -> dict[str, Any]:
    """Return what the template `report.html` shows, except what got worse and the plan.

    Parameters
    ----------
    result
        The cycle.
    texts
        What its check looked at; None where that was not recorded.
    earlier
        The cycles before, oldest first.
    """
    every = [*earlier, result]
    verdict, training = result.verdict, result.training
    comparisons = verdict.comparisons if verdict else ()
    drifted, learned, trusted = answers(result, texts)
    rates, found = hit_rates(every), courses(every)
    return {
        "result": result,
        "texts": texts,
        "drifted": drifted,
        "learned": learned,
        "trusted": trusted,
        "limits_chart": _limits(result.decision),
        "learned_chart": _learned(result),
        "trusted_chart": _trusted(result),
        "map_chart": map_chart(texts.map) if texts and texts.map else None,
        "course_chart": course_chart(found) if found else None,
        "hit_chart": hit_chart(rates) if rates and found else None,
        "triggers": _triggers(result.decision),
        "sources": _sources(result),
        "measured": list(measure_lines(result.decision.measures)),
        "intervals_chart": _intervals(comparisons) if comparisons else None,
        "compared": [
            (each, comparison_name(each), asked(each), *said(each)) for each in comparisons
        ],
        "forgetting": forgetting(every),
        "balance_chart": _balance(training) if training else None,
        "cosines_chart": cosines_chart(result.cosines) or _quantiles(result.cosines),
        "memory_chart": _memory(result, texts),
        "costs_chart": _costs(result),
        "loss_chart": loss_chart(training.log) if training and len(training.log) > 1 else None,
        "metric_name": metric_name,
    }


def _limits(decision: DecisionResult) -> str | None:
    """Draw how near to its limit each trigger is, those that fired first."""
    measured = [
        (each, each.effect / each.threshold)
        for each in decision.signals
        if each.effect is not None and each.threshold
    ]
    measured.sort(key=lambda each: (not each[0].fired, -each[1]))
    bars = [
        Bar(trigger_name(each.trigger), (max(0.0, times),), f"{times:.1f} ×", each.fired)
        for each, times in measured[:_SHOWN]
    ]
    caption = "times the limit (upright mark); red: fired"
    return bars_chart(bars, caption, limit=1.0, longest=_AT_LIMIT) if bars else None


def _learned(result: CycleResult) -> str | None:
    """Draw the scores before and after; without a training those of today."""
    made = result.verdict.comparisons if result.verdict else ()
    # Slices are named by column=value.
    whole = [each for each in made if each.rule != "floor" and "=" not in each.task]
    whole.sort(key=lambda each: each.rule not in ("gain", "proxy"))
    if whole:
        moves = [
            Move(task_name(each.task), each.champion, each.candidate, said(each)[1])
            for each in whole
        ]
        caption = f"{metric_name(whole[0].metric)}: serving version → candidate"
        return moves_chart(moves[:_SHOWN], caption)
    rates = {task: rate for task, rate in result.decision.hit_rates.items()}
    caption = "recall@10 of the serving version today"
    if not rates and result.scores:
        ending = "/ndcg_at_10"
        rates = {
            name.removesuffix(ending): score
            for name, score in result.scores.items()
            if name.endswith(ending)
        }
        caption = "nDCG@10 of the first version"
    first = [Move(task_name(task), None, rate) for task, rate in rates.items()][:_SHOWN]
    return moves_chart(first, caption) if first else None


def _trusted(result: CycleResult) -> str | None:
    """Draw the comparisons that are required, those that do not pass first."""
    required = (
        [each for each in result.verdict.comparisons if each.judged] if result.verdict else []
    )
    if required:
        required.sort(key=lambda each: (not each.fails, each.holds, each.rule == "floor"))
        lines = [_line(each) for each in required[:_SHOWN]]
        return intervals_chart(lines, "difference; must lie right of its mark", width=CARD)
    signals = result.decision.signals
    if not signals:
        return None
    measured = sum(each.measured for each in signals)
    bars = [
        Bar("triggers that had input", (measured,), str(measured)),
        Bar("triggers without input", (len(signals) - measured,), str(len(signals) - measured)),
    ]
    return bars_chart(bars, "number of triggers", longest=len(signals))


def _line(made: Comparison, *, detail: bool = False) -> Interval:
    word, tone = said(made)
    return Interval(
        label=comparison_name(made),
        low=made.low,
        difference=made.difference,
        high=made.high,
        good={"good": True, "bad": False}.get(tone),
        undecided=tone == "open",
        bound=threshold_of(made.rule, made.margin),
        word=word,
        detail=f"{made.queries} queries, {asked(made)}" if detail else "",
    )


def _intervals(comparisons: Sequence[Comparison]) -> str:
    metric = metric_name(comparisons[0].metric)
    lines = [_line(each, detail=True) for each in comparisons]
    return intervals_chart(lines, f"{metric}: candidate minus serving version")


def _triggers(decision: DecisionResult) -> list[tuple[str, list[tuple[str, Any]]]]:
    """Return the signals that were measured by kind, each with its name."""
    of = {name: family for family, names in FAMILIES.items() for name in names}
    groups: dict[str, list[tuple[str, Any]]] = {family: [] for family in (*FAMILIES, "Your own")}
    for each in decision.signals:
        if each.measured:
            family = of.get(each.trigger, "Your own")
            groups[family].append((trigger_name(each.trigger), each))
    return [(family, signals) for family, signals in groups.items() if signals]


def _sources(result: CycleResult) -> list[tuple[str, str]]:
    """Return what was found about each of the three sources of drift."""
    signals = {each.trigger: each for each in result.decision.signals}
    if not signals:
        return []
    moved = [
        trigger_name(name)
        for family in list(FAMILIES)[:2]
        for name in FAMILIES[family]
        if name in result.decision.fired and name != "space_mismatch"
    ]
    space = signals.get("space_mismatch")
    return [
        ("What made the texts", _made_by(signals.get("preprocessing"))),
        ("The input", f"moved: {', '.join(moved)}" if moved else "did not move beyond its limits"),
        ("Another model or tokenizer", space.reason if space else "not checked"),
        ("The last fine-tuning", _cost_of_training(result)),
        ("Fine-tuning in this cycle", _moved_by_training(result)),
    ]


def _made_by(signal: Signal | None) -> str:
    if signal is None or not signal.measured:
        return "not recorded"
    return signal.reason


def _cost_of_training(result: CycleResult) -> str:
    if result.rolled_back:
        return f"harmed: version {result.rolled_back.version} was rolled back"
    found = result.decision.fine_tuning
    return found.reason if found else "not asked: quality did not fall, or no version came before"


def _moved_by_training(result: CycleResult) -> str:
    if result.training is None:
        return "none"
    if len(result.cosines) < 2:
        return "the similarities before and after were not recorded"
    before, now = ({each.task: each for each in version.sets} for version in result.cosines[-2:])
    moved = [
        f"{task_name(task)} {before[task].relevant[2]:.2f} → {each.relevant[2]:.2f}"
        for task, each in now.items()
        if task in before and each.relevant and before[task].relevant
    ]
    told = f"median similarity of query and relevant document: {', '.join(moved[:4])}"
    return "; ".join([told, *movement_lines(result.movement)])


def _quantiles(cosines: Sequence[VersionCosines]) -> str | None:
    """Draw the spread of similarities where no histogram was recorded."""
    lines = [
        Interval(
            label=f"{task_name(given.task)}, version {version.version}, {name}",
            low=quantiles[0],
            difference=quantiles[len(quantiles) // 2],
            high=quantiles[-1],
            good=True if name == "relevant" else None,
        )
        for version in cosines
        for given in version.sets
        for name, quantiles in (("relevant", given.relevant), ("others", given.random))
        if quantiles
    ]
    caption = "similarity (5 %, 50 % and 95 % quantiles)"
    lines.sort(key=lambda each: each.label)
    return intervals_chart(lines, caption, zero=False) if lines else None


def _balance(training: TrainingResult) -> str | None:
    """Draw the strategies that were tried, or else the blends, by what they learned and kept."""
    before = training.champion_selection
    if before:
        points = [
            Point(each.strategy, each.selection[0], each.selection[1], each.chosen)
            for each in training.attempts
            if each.selection
        ]
        return balance_chart([Point("champion", before[0], before[1]), *points], joined=False)
    if not training.curve:
        return None
    points = [
        Point(
            {0.0: "champion", 1.0: "candidate"}.get(each.share, f"{each.share:.0%} candidate"),
            each.new,
            each.old,
            each.share == training.share,
        )
        for each in training.curve
    ]
    return balance_chart(points, joined=True)


def _memory(result: CycleResult, texts: CheckedTexts | None) -> str | None:
    """Draw what was trained on by source or, without a training, what may be replayed."""
    if result.lesson and result.training and result.lesson.sources:
        bars = [
            Bar(
                each.source or "(no source)",
                (each.recent, each.replayed),
                f"{each.recent} new, {each.replayed} replayed",
            )
            for each in result.lesson.sources[:12]
        ]
        return bars_chart(bars, "pairs by source", parts=("new", "replayed"), width=WIDE)
    if not texts or not texts.memory:
        return None
    bars = [
        Bar(each.source or "(no source)", (each.pairs,), f"{each.pairs}") for each in texts.memory
    ]
    return bars_chart(bars[:12], "pairs in the memory by source", width=WIDE)


def _costs(result: CycleResult) -> str | None:
    spent = {
        name: seconds for name, seconds in result.seconds.items() if name != "total" and seconds
    }
    bars = [Bar(name, (seconds,), f"{seconds:.1f} s") for name, seconds in spent.items()]
    return bars_chart(bars, "seconds by stage", width=WIDE) if bars else None
