"""The measures of a check in sentences, for the terminal and for pages."""

from collections.abc import Iterator

from drift_triggers.statistics.missing import TOLD
from pipeline.reports.words import task_name
from pipeline.results import (
    DecisionResult,
    FieldMeasure,
    FormMeasure,
    Measures,
    SourceMeasure,
    SpaceMovement,
)

_SHOWN = 5
"""Sources and fields that are told; all are in the JSON."""
_LONGEST = 60
"""Characters of an example."""


def measure_lines(found: Measures | None) -> Iterator[str]:
    """Yield one sentence per measure; none of these numbers decides anything.

    Examples
    --------
    >>> from pipeline.results import DataAge
    >>> age = DataAge(dated=0.5, newest_days=3.0, median_days=40.0, oldest_days=200.0)
    >>> list(measure_lines(Measures(data_age=age)))
    ['data that the champion learned: 3 to 200 days old, median 40 (50 % of the records are dated)']
    """
    if found is None:
        return
    yield from (each.reason for each in found.reparsed)
    for made in found.preprocessing:
        if made.changed_share:
            new = ", ".join(each.name for each in made.read_by if each.recent and not each.known)
            yield f"{_percent(made.changed_share)} of the recent {made.records} were made by {new}"
    if found.form and found.form.change != "nothing":
        yield _form(found.form)
    if found.occupancy:
        yield _occupancy(found)
    if found.geometry:
        one = found.geometry
        yield (
            f"centre moved by {one.centre_moved:.2f}, variance {_moved(one.variance)}, pairwise "
            f"distance {_moved(one.pairwise_distance)}, distance within clusters "
            f"{_moved(one.intra_cluster_distance)}"
        )
    named = [each for each in found.sources if each.source][:_SHOWN]
    yield from map(_source, named)
    changed = [each for each in found.fields if each.change]
    yield from map(_field, changed[:_SHOWN])
    if found.data_age:
        age = found.data_age
        yield (
            f"data that the champion learned: {age.newest_days:.0f} to {age.oldest_days:.0f} days "
            f"old, median {age.median_days:.0f} ({_percent(age.dated)} of the records are dated)"
        )


def explained(result: DecisionResult) -> Iterator[str]:
    """Yield the likely cause of a drift and its source."""
    if result.cause and result.cause.cause != "none":
        yield f"likely cause: {result.cause.cause} ({result.cause.why}); {result.cause.answer}"
        yield f"source of the drift: {result.source}"
    if result.fine_tuning:
        yield result.fine_tuning.reason


def movement_lines(found: SpaceMovement | None) -> Iterator[str]:
    """Yield how far a version moved the texts of each set, and what a rotation leaves."""
    if found is None:
        return
    for each in found.sets[:_SHOWN]:
        told = []
        if each.cosine is not None:
            told.append(f"texts moved to a cosine of {each.cosine:.2f} with where they were")
        if each.neighbours is not None:
            told.append(f"{_percent(each.neighbours)} of the nearest documents stayed")
        if each.results is not None:
            told.append(f"{_percent(each.results)} of the first ten results stayed")
        if each.pair_correlation is not None:
            told.append(f"cosines of pairs correlate by {each.pair_correlation:.2f}")
        yield f"{task_name(each.task)}: {', '.join(told)}"
    if found.aligned_mean is not None:
        yield f"after the best rotation, the mean cosine is {found.aligned_mean:.2f}"


def _form(found: FormMeasure) -> str:
    lost = ""
    if found.loss is not None:
        chance = "" if found.loss_p_value is None else f", p = {found.loss_p_value:.2g}"
        lost = f" (loss {found.loss:+.3f}{chance})"
    answers = {
        "holds": "the same answers still fit",
        "lost": "the answers fit less",
        "unknown": "whether the answers still fit is not measured",
    }[found.relation]
    changed = "form of the texts, or what made them," if found.change == "form" else "content"
    return f"the {changed} changed, and {answers}{lost}"


def _occupancy(found: Measures) -> str:
    regions = found.occupancy
    if regions is None:
        return ""
    told = (
        f"regions of the known texts: {_percent(regions.total_variation)} of the recent texts lie "
        f"elsewhere than the known ones ({_percent(regions.by_chance)} by chance, "
        f"{regions.regions} regions)"
    )
    most = regions.moved[0] if regions.moved else None
    if most and regions.beyond_chance > 0:
        text = most.text[:_LONGEST]
        told += f"; most at {text!r}: {_percent(most.known)} -> {_percent(most.recent)}"
    return told


def _source(found: SourceMeasure) -> str:
    told = f"source {found.source!r}: {found.texts[0]} known and {found.texts[1]} recent texts"
    if found.far[1] is not None:
        told += f", {_percent(found.far[1])} far from all known ones"
    before, now = found.pieces
    if now is not None:
        told += f", pieces per word {_moved((before, now)) if before is not None else f'{now:.2f}'}"
    return told


def _field(found: FieldMeasure) -> str:
    before, now = (0.0 if share is None else share for share in found.missing)
    return (
        f"{found.field!r} of {found.records} {TOLD[found.change]}: missing in {_percent(before)} "
        f"of the known and {_percent(now)} of the recent ones (p = {found.p_value or 0.0:.2g})"
    )


def _moved(pair: tuple[float | None, float | None]) -> str:
    return " -> ".join(f"{value or 0.0:.2f}" for value in pair)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
