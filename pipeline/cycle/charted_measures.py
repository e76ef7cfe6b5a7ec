"""The measures of a check as numbers that MLflow draws over the cycles."""

from collections.abc import Iterator

from pipeline.results import (
    FieldMeasure,
    FormMeasure,
    GeometryMeasure,
    Measures,
    ReparsedMeasure,
    SourceMeasure,
)

Numbers = Iterator[tuple[str, float]]
"""Names, grouped by what comes before the last slash, and values."""
_SIDES = ("known", "recent")


def measured(found: Measures) -> Numbers:
    """Yield every number of the measures; what was not measured has none."""
    yield from _of_records(found)
    if found.geometry:
        yield from _geometry(found.geometry)
    if found.occupancy:
        for name in ("total_variation", "by_chance", "beyond_chance", "jensen_shannon"):
            yield f"occupancy/{name}", getattr(found.occupancy, name)
    for source in found.sources:
        yield from _source(source)
    if found.form:
        yield from _form(found.form)
    for parsed in found.reparsed:
        yield from _reparsed(parsed)


def _of_records(found: Measures) -> Numbers:
    for made in found.preprocessing:
        if made.changed_share is not None:
            yield f"preprocessing/{made.records}_changed", made.changed_share
    for lacked in found.fields:
        yield from _field(lacked)
    if found.data_age:
        for name in ("newest", "median", "oldest"):
            yield f"age/{name}_data_days", getattr(found.data_age, f"{name}_days")


def _source(found: SourceMeasure) -> Numbers:
    name = found.source.replace("/", ".") or "no source"
    values = {"far": found.far, "pieces_per_word": found.pieces, "unknown": found.unknown}
    for what, pair in values.items():
        for side, value in zip(_SIDES, pair, strict=True):
            if value is not None:
                yield f"source/{name}/{what}_{side}", value


def _field(found: FieldMeasure) -> Numbers:
    for side, value in zip(_SIDES, found.missing, strict=True):
        if value is not None:
            yield f"missing/{found.records}/{found.field}_{side}", value
    if found.p_value is not None:
        yield f"missing/{found.records}/{found.field}_p_value", found.p_value


def _geometry(found: GeometryMeasure) -> Numbers:
    yield "geometry/centre_moved", found.centre_moved
    for name in ("variance", "pairwise_distance", "intra_cluster_distance"):
        for side, value in zip(_SIDES, getattr(found, name), strict=True):
            yield f"geometry/{name}_{side}", value


def _form(found: FormMeasure) -> Numbers:
    for name in ("form", "topics", "words", "kept", "loss", "loss_p_value"):
        value = getattr(found, name)
        if value is not None:
            yield f"contrast/{name}", value


def _reparsed(found: ReparsedMeasure) -> Numbers:
    name = found.task.removeprefix("anchor/").replace("/", ".")
    yield f"reparsed/{name}/cosine", found.cosine
    yield f"reparsed/{name}/identical", found.identical
    if found.neighbours is not None:
        yield f"reparsed/{name}/neighbours", found.neighbours
    yield f"reparsed/{name}/difference", found.after - found.before
    yield f"reparsed/{name}/difference_low", found.low
    yield f"reparsed/{name}/difference_high", found.high
