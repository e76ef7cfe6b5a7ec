"""The numbers of a cycle that MLflow draws over the cycles."""

from pipeline.cycle.charted_measures import Numbers, measured
from pipeline.results import (
    QUANTILES,
    CycleResult,
    DecisionResult,
    IndexPlan,
    ScreenedResult,
    SetCosines,
    SpaceMovement,
)


def cycle_metrics(result: CycleResult) -> Numbers:
    """Yield what charts show of a cycle."""
    yield from _quality_metrics(result)
    yield from _drift_metrics(result.decision)
    if result.decision.measures:
        yield from measured(result.decision.measures)
    if result.movement:
        yield from _movement_metrics(result.movement)
    if result.lesson and result.lesson.screened:
        yield from _screen_metrics(result.lesson.screened)
    for name, seconds in result.seconds.items():
        yield f"seconds/{name}", seconds
    if result.training is not None:
        yield "cost/pairs", result.training.pairs
        yield "cost/steps", result.training.steps
    if result.peak_memory_megabytes is not None:
        yield "cost/peak_memory_megabytes", result.peak_memory_megabytes


def _screen_metrics(found: ScreenedResult) -> Numbers:
    yield "lesson/held_back", found.held
    for each in found.findings:
        yield f"lesson/screened/{each.screen}", each.pairs
    if found.noise:
        pairs = sum(each.pairs for each in found.noise)
        yield "lesson/label_noise", sum(each.share * each.pairs for each in found.noise) / pairs


def _quality_metrics(result: CycleResult) -> Numbers:
    for each in result.verdict.comparisons if result.verdict else ():
        task, metric = each.task, each.metric
        if each.rule == "floor":
            yield f"{task}/origin_{metric}", each.champion
            yield f"{task}/difference_from_origin", each.difference
        else:
            yield f"{task}/champion_{metric}", each.champion
            yield f"{task}/difference", each.difference
            yield f"{task}/difference_low", each.low
    for change in result.regressions.changes if result.regressions else ():
        yield f"{change.task}/queries_worse", change.worse
        yield f"{change.task}/documents_dark", change.dark


def cosine_metrics(found: SetCosines) -> Numbers:
    """Yield the quantiles of the similarities on one set."""
    for name, quantiles in (("relevant", found.relevant), ("random", found.random)):
        for share, value in zip(QUANTILES, quantiles, strict=bool(quantiles)):
            yield f"{found.task}/cosine_{name}_p{100 * share:02.0f}", value


def plan_metrics(plan: IndexPlan) -> Numbers:
    """Yield what a plan for the index measured."""
    for each in plan.bridges:
        if each.recall_kept:
            yield f"plan/recall_kept/{each.kind}", each.recall_kept.mean
            yield f"plan/recall_kept_low/{each.kind}", each.recall_kept.low
        if each.loss:
            yield f"plan/labelled_loss/{each.kind}", each.loss.mean
        yield f"plan/documents_dark/{each.kind}", each.dark
    yield "plan/cost/minutes", plan.cost.minutes
    yield "plan/cost/documents", plan.cost.documents


def _drift_metrics(decision: DecisionResult) -> Numbers:
    for signal in decision.signals:
        if signal.effect is not None:
            yield f"drift/{signal.trigger}/effect", signal.effect
        if signal.p_value is not None:
            yield f"drift/{signal.trigger}/p_value", signal.p_value
    for name, rate in decision.hit_rates.items():
        yield f"hit_rate/{name.replace('/', '.')}", rate
    if decision.fine_tuning:
        yield "drift/fine_tuning/difference", decision.fine_tuning.difference
        yield "drift/fine_tuning/p_value", decision.fine_tuning.p_value


def _movement_metrics(found: SpaceMovement) -> Numbers:
    if found.aligned_mean is not None:
        yield "movement/aligned_cosine", found.aligned_mean
    for each in found.sets:
        named = ("cosine", "neighbours", "results", "pair_correlation", "pair_change")
        for name in named:
            value = getattr(each, name)
            if value is not None:
                yield f"{each.task}/moved_{name}", value
