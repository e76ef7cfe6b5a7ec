"""Making a version: the folder of the base model, or of a candidate with all it learned."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pipeline.cycle.lesson import Lesson, regions_encoder
from pipeline.cycle.window import Window
from pipeline.observation import queries_as_traffic
from pipeline.registry import Facts, Version, VersionFolder
from pipeline.store import Traffic
from pipeline.workspace import OpenWorkspace
from training.encoding import fetch_base
from training.evaluation import EvaluationSet, Scorecard
from training.faults import DataFault
from training.pairs import Pair


def bootstrap_version(
    opened: OpenWorkspace, cycle: str, started: datetime, path: Path
) -> VersionFolder:
    """Make the first version: the base model with history as its memory and reference.

    Raises
    ------
    DataFault
        No history and no reference texts: there is nothing that the base model could be held to.
    """
    tables = opened.settings.tables
    model = path.parent / "base"
    if not model.exists():
        fetch_base(_base(opened, tables.model.base), model, max_length=tables.model.max_length)
    history = opened.store.pairs(role="history")
    reference = opened.store.traffic(role="reference") or queries_as_traffic(history)
    if not reference:
        raise DataFault(
            "data.history and data.reference are both empty: drift needs a past to compare with; "
            "name files with labelled pairs or texts of the quiet past (anchorhold.toml)"
        )
    anchors = opened.anchor_sets.of(None)
    queries = [text for each in anchors for text in each.queries.values()]
    memory, _ = tables.leakage.clean(history, queries)
    return _write(
        opened,
        path,
        model=model,
        parent=None,
        cycle=cycle,
        started=started,
        cut=opened.store.last_sequence(),
        memory=tables.memory.absorb([], memory, regions_encoder(opened, model)),
        reference=tables.observe.remember([], reference),
        learned_anchors=[],
        scored_on=anchors,
    )


def candidate_version(
    opened: OpenWorkspace,
    parent: Version,
    window: Window,
    lesson: Lesson,
    trained: Path,
    cycle: str,
    started: datetime,
    path: Path,
) -> VersionFolder:
    """Make the candidate's version: what would be true if it were promoted."""
    tables = opened.settings.tables
    champion = opened.versions.folder(parent)
    fresh: Sequence[Traffic] = opened.store.traffic(
        role="recent", after=window.after, until=window.until
    ) or queries_as_traffic(lesson.learned)
    learned_anchors = champion.learned_anchors()
    scored_on = lesson.anchors
    if lesson.new_task is not None:
        learned_anchors = tables.learned_anchors.keep(learned_anchors, lesson.new_task, cycle)
        scored_on = [lesson.new_task, *scored_on]
    return _write(
        opened,
        path,
        model=trained,
        parent=parent.number,
        cycle=cycle,
        started=started,
        cut=window.until,
        memory=tables.memory.absorb(
            lesson.memory, lesson.learned, regions_encoder(opened, champion.model)
        ),
        reference=tables.observe.remember(_reference_left(opened, champion), fresh),
        learned_anchors=learned_anchors,
        scored_on=scored_on,
    )


def _reference_left(opened: OpenWorkspace, champion: VersionFolder) -> list[Traffic]:
    """Return the champion's reference without what was discarded since it was accepted."""
    gone = {*opened.store.discarded_traffic()}
    gone |= {*queries_as_traffic(opened.store.discarded_pairs())}
    return [text for text in champion.reference() if text not in gone]


def _write(
    opened: OpenWorkspace,
    path: Path,
    *,
    model: Path,
    parent: int | None,
    cycle: str,
    started: datetime,
    cut: int,
    memory: list[Pair],
    reference: list[Traffic],
    learned_anchors: list[EvaluationSet],
    scored_on: list[EvaluationSet],
) -> VersionFolder:
    encoder = opened.encoders.load(model)
    probes = opened.settings.tables.observe.probe_texts(reference)
    card: Scorecard = opened.scores.of_encoder(encoder, scored_on)
    return VersionFolder.write(
        path,
        model=model,
        facts=Facts(
            cycle=cycle,
            parent=parent,
            cut=cut,
            fingerprint=encoder.fingerprint,
            tokenizer=encoder.tokenizer,
            learned_at=started.timestamp(),
        ),
        memory=memory,
        reference=reference,
        probes=(probes, encoder.encode(probes)),
        learned_anchors=learned_anchors,
        scorecard=card,
    )


def _base(opened: OpenWorkspace, named: str) -> str:
    """Return the base as a folder where the workspace or the machine has it, else as a hub id."""
    inside = opened.settings.root / named
    return str(inside) if inside.is_dir() else named
