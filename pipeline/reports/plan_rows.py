"""The plan for an index as rows of a table and sentences, for terminal and report alike."""

from collections.abc import Iterator

from pipeline.results import BridgePlan, Estimate, IndexPlan, PairQuality

PLAN_COLUMNS = (
    "queries by → index by",
    "top ten kept",
    "labelled loss",
    "no longer found",
    "reworded alike",
    "below old threshold",
)
"""Heads of the table: what answers, recall kept, loss, dark documents, paraphrases, breaches."""

BRIDGE_NAMES = {
    "none": "as they are",
    "mean_shift": "mean shift",
    "procrustes": "rotation",
    "affine": "affine map",
}


def plan_page(plan: IndexPlan | None) -> dict[str, object] | None:
    """Return what the template of a page shows of a plan; None for none."""
    if plan is None:
        return None
    rows, facts = list(plan_rows(plan)), list(plan_facts(plan))
    return {"plan": plan, "columns": PLAN_COLUMNS, "rows": rows, "facts": facts}


def plan_rows(plan: IndexPlan) -> Iterator[tuple[str, ...]]:
    """Yield a row for the old pair, each bridge, and full re-embedding."""
    old, new = f"v{plan.old}", f"v{plan.new}"
    yield _row(f"{old} → {old}", plan.before)
    for each in plan.bridges:
        yield _row(f"{new} → {old}, {_named(each, plan)}", each)
    yield _row(f"{new} → {new}", plan.re_embedded)


def plan_facts(plan: IndexPlan) -> Iterator[str]:
    """Yield what else to know, a sentence each."""
    cost = plan.cost
    size = f"{megabytes(cost.bytes)} of vectors"
    if cost.index_bytes:
        size += f", about {megabytes(cost.index_bytes)} as an index"
    yield (
        f"re-embedding: {cost.documents} documents, {size}, about {minutes(cost.minutes)} on this "
        f"machine (measured on {cost.timed} documents)"
    )
    if plan.chosen_why:
        yield f"why this bridge: {plan.chosen_why}"
    if plan.pass_rates and plan.quality and plan.quality.thresholds:
        yield f"score thresholds that let the same share of results pass: {thresholds(plan)}"
    if plan.neighbours:
        yield (
            f"nearest documents of a document that stay the same: {plan.neighbours.mean:.1%} "
            f"({plan.neighbours.queries} documents)"
        )
    if plan.movement:
        moved = plan.movement
        before = "" if moved.mean is None else f"{moved.mean:.3f} on average, "
        yield (
            f"cosine between old and new vector of the same text: {before}"
            f"{moved.aligned_mean:.3f} after rotation ({moved.texts} texts)"
        )
    yield (
        f"measured on {plan.queries} queries among {plan.sampled} documents and the evaluation "
        f"sets; bridges fitted on {plan.fitted_on} other texts; one-sided "
        f"{plan.confidence:.0%} bounds"
    )
    yield from plan.notes


def thresholds(plan: IndexPlan) -> str:
    """Return for some pass rates the threshold with the old pair, the bridge and re-embedding."""
    quality = plan.quality
    columns = [plan.before, *([quality] if quality else []), plan.re_embedded]
    rows = zip(plan.pass_rates, *(each.thresholds for each in columns), strict=True)
    return "; ".join(
        f"{rate:.0%}: {' → '.join(f'{value:.3f}' for value in values)}" for rate, *values in rows
    )


def megabytes(size: int) -> str:
    """Return a size in megabytes.

    Examples
    --------
    >>> megabytes(1_536_000), megabytes(2_000)
    ('1.5 MB', 'under 0.1 MB')
    """
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else "under 0.1 MB"


def minutes(value: float) -> str:
    """Return a time in the unit that fits.

    Examples
    --------
    >>> minutes(0.05), minutes(12.34), minutes(300)
    ('3 s', '12 min', '5.0 h')
    """
    if value < 1:
        return f"{max(1, round(60 * value))} s"
    return f"{value:.0f} min" if value < 120 else f"{value / 60:.1f} h"


def _named(bridge: BridgePlan, plan: IndexPlan) -> str:
    return BRIDGE_NAMES[bridge.kind] + (" (chosen)" if bridge.kind == plan.chosen else "")


def _row(name: str, quality: PairQuality) -> tuple[str, ...]:
    below = quality.below_threshold
    return (
        name,
        _estimate(quality.recall_kept, "{:.1%}"),
        _estimate(quality.loss, "{:+.3f}"),
        str(quality.dark),
        _estimate(quality.paraphrase_recall, "{:.1%}"),
        "" if below is None else f"{below:.1%}",
    )


def _estimate(value: Estimate | None, form: str) -> str:
    if value is None:
        return ""
    low, high = form.format(value.low), form.format(value.high)
    return f"{form.format(value.mean)} ({low} … {high})"
