"""Numbers of a window beside the triggers: geometry, regions, sources, fields, form and age."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from drift_triggers.cause import beyond_usual, explain
from drift_triggers.signal import FieldFacts, Observation, Preprocessing, Sample, Signal
from drift_triggers.statistics.clusters import far_from, usual_distance
from drift_triggers.statistics.geometry import Geometry
from drift_triggers.statistics.missing import field_changes
from drift_triggers.statistics.occupancy import Occupancy
from drift_triggers.statistics.view import View
from drift_triggers.vocabulary import pieces_per_word
from pipeline.observation.compared import compared, example_of
from pipeline.results import (
    DataAge,
    FieldMeasure,
    FormMeasure,
    GeometryMeasure,
    Measures,
    OccupancyMeasure,
    PreprocessingMeasure,
    ReadBy,
    RegionMeasure,
    SourceMeasure,
)
from pipeline.results.measures import Records
from pipeline.store import Traffic
from training.pairs import Pair

_MOVED = 5  # regions that are named
_SOURCES = 20  # sources that are named
_DAY = 86400.0


def measures_of(
    observation: Observation, signals: Sequence[Signal], fields: Mapping[str, FieldFacts]
) -> Measures:
    """Measure a window; its vectors and neighbourhoods are those that the triggers used.

    Parameters
    ----------
    observation
        What the triggers read.
    signals
        What they found.
    fields
        Kind of records -> which fields they lack, pairs included.
    """
    named: dict[str, object] = {
        "preprocessing": tuple(_preprocessing(observation.preprocessing)),
        "fields": tuple(_fields(fields)),
        "form": _form(signals, observation.form_kept),
    }
    empty = not min(len(observation.recent), len(observation.reference))
    sides = None if empty else compared(observation)
    if sides is not None:
        named |= {
            "geometry": _geometry(*sides),
            "occupancy": _occupancy(observation, *sides),
            "sources": tuple(_sources(observation, *sides)),
        }
    return Measures.model_validate(named)


def data_age(pairs: Sequence[Pair], texts: Sequence[Traffic], now: float) -> DataAge | None:
    """Say how old the data is that a version learned; None where no record has a time.

    Parameters
    ----------
    pairs, texts
        The memory of the version, and the texts that it knows.
    now
        Seconds since the epoch.

    Examples
    --------
    >>> old, new = (Pair("", "q", "a", timestamp=day * 86400.0) for day in (1, 9))
    >>> found = data_age([old, new], [], now=10 * 86400.0)
    >>> found.newest_days, found.median_days, found.oldest_days
    (1.0, 5.0, 9.0)
    """
    times = [each.timestamp for each in pairs] + [each.timestamp for each in texts]
    dated = [moment for moment in times if moment is not None]
    if not dated:
        return None
    days = np.maximum(0.0, (now - np.array(dated)) / _DAY)
    return DataAge(
        dated=len(dated) / len(times),
        newest_days=round(float(days.min()), 3),
        median_days=round(float(np.median(days)), 3),
        oldest_days=round(float(days.max()), 3),
    )


def _preprocessing(found: Mapping[str, Preprocessing]) -> Iterator[PreprocessingMeasure]:
    kinds: tuple[Records, ...] = ("texts", "documents")
    for kind in kinds:
        each = found.get(kind)
        if each is None:
            continue
        ways = dict.fromkeys((*each.recent, *each.known))
        read = [
            ReadBy(
                fingerprint=way,
                name=each.names.get(way, way),
                known=each.known.get(way, 0),
                recent=each.recent.get(way, 0),
            )
            for way in ways
        ]
        read.sort(key=lambda one: -one.recent)
        yield PreprocessingMeasure(records=kind, changed_share=each.changed, read_by=tuple(read))


def _fields(facts: Mapping[str, FieldFacts]) -> Iterator[FieldMeasure]:
    kinds: tuple[Records, ...] = ("texts", "pairs", "documents", "log")
    for kind in kinds:
        each = facts.get(kind)
        for found in field_changes(each) if each else ():
            yield FieldMeasure(
                records=kind,
                field=found.field,
                counts=(each.known, each.recent) if each else (0, 0),
                missing=found.missing,
                p_value=found.p_value,
                change=found.change,
            )


def _form(signals: Sequence[Signal], kept: float | None) -> FormMeasure | None:
    """Return the contrast of form and relation; None where nothing was measured."""
    measured = {each.trigger: each for each in signals if each.measured}
    if not measured:
        return None
    far = _effect(measured, "out_of_distribution")
    cause = explain(signals).cause
    changed: Literal["nothing", "form", "content"] = "nothing"
    if cause == "pipeline":
        changed = "form"
    elif {"embedding_shift", "out_of_distribution", "vocabulary", "source_shift"} & {
        each.trigger for each in signals if each.fired
    }:
        changed = "content"
    quality = measured.get("quality_drop")
    relation: Literal["holds", "lost", "unknown"] = "unknown"
    if quality is not None:
        relation = "lost" if quality.fired else "holds"
    return FormMeasure(
        form=_effect(measured, "text_shape"),
        topics=None if far is None else beyond_usual(far),
        words=_effect(measured, "vocabulary"),
        kept=kept,
        change=changed,
        loss=quality.effect if quality else None,
        loss_p_value=quality.p_value if quality else None,
        relation=relation,
    )


def _effect(measured: Mapping[str, Signal], name: str) -> float | None:
    return measured[name].effect if name in measured else None


def _geometry(known: View, recent: View) -> GeometryMeasure:
    found = Geometry.of(known.embeddings, recent.embeddings)
    return GeometryMeasure(
        centre_moved=found.centre_moved,
        variance=found.variance,
        pairwise_distance=found.pairwise_distance,
        intra_cluster_distance=found.intra_cluster_distance,
    )


def _occupancy(observation: Observation, known: View, recent: View) -> OccupancyMeasure:
    found = Occupancy.of(known, recent, observation.seed)
    most = np.argsort(-np.abs(found.recent - found.known), kind="stable")[:_MOVED]
    return OccupancyMeasure(
        regions=len(found.known),
        texts=(len(known.rows), len(recent.rows)),
        total_variation=found.total_variation,
        by_chance=found.by_chance,
        beyond_chance=max(0.0, found.total_variation - found.by_chance),
        jensen_shannon=found.jensen_shannon,
        moved=tuple(
            RegionMeasure(
                known=float(found.known[place]),
                recent=float(found.recent[place]),
                text=example_of(observation.reference.texts[known.rows[found.central[place]]]),
            )
            for place in most
        ),
    )


def _sources(observation: Observation, known: View, recent: View) -> Iterator[SourceMeasure]:
    """Yield how well the texts of each source are known: far ones, and pieces per word."""
    if not any(observation.recent.sources) and not any(observation.reference.sources):
        return
    usual = usual_distance(known)
    sides = (
        (observation.reference, known, known.ground.own > usual),
        (observation.recent, recent, far_from(known, recent)),
    )
    names = [
        np.array([sample.sources[row] if sample.sources else "" for row in view.rows], dtype=object)
        for sample, view, _ in sides
    ]
    counts = Counter(np.concatenate(names).tolist())
    for source, _ in counts.most_common(_SOURCES):
        rows = [np.flatnonzero(each == source) for each in names]
        far: list[float | None] = []
        pieces: list[float | None] = []
        unknown: list[float | None] = []
        for (sample, view, distant), chosen in zip(sides, rows, strict=True):
            far.append(float(distant[chosen].mean()) if len(chosen) else None)
            cut, lost = _pieces(sample, view.rows[chosen])
            pieces.append(cut)
            unknown.append(lost)
        yield SourceMeasure(
            source=source,
            texts=(len(rows[0]), len(rows[1])),
            far=(far[0], far[1]),
            pieces=(pieces[0], pieces[1]),
            unknown=(unknown[0], unknown[1]),
        )


def _pieces(sample: Sample, rows: NDArray[np.int64]) -> tuple[float | None, float | None]:
    """Return pieces per word, and the share of texts with an unknown piece."""
    if sample.words is None or not len(rows):
        return None, None
    words = [sample.words[row] for row in rows]
    return (
        float(np.mean([pieces_per_word(each) for each in words])),
        float(np.mean([any(lost for _, _, lost in each) for each in words])),
    )
