"""From new pairs to a registered candidate with its scorecard."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from pipeline.config import Settings
from pipeline.observe import queries_as_traffic
from pipeline.query_slices import by_source
from pipeline.registry import Version
from pipeline.store import Traffic
from pipeline.version_folder import Facts, VersionFolder
from pipeline.wheel import Wheel
from pipeline.window import Window
from training.encoder import fetch_base
from training.evaluate import EvaluationSet, Scorecard
from training.memory import Encode, forget, memory_digest
from training.merge import Judge
from training.mix import Mixture
from training.pairs import DataFault, Leakage, Pair
from training.selection import Selection

NEW_TASK = "new"


@dataclass(frozen=True)
class Lesson:
    """What one cycle learns from and is measured on; the same whenever it is prepared again.

    Attributes
    ----------
    mixture
        What is trained on.
    shortage
        Why there is too little to train on; empty when there is enough.
    new_task
        The held-out recent pairs as an evaluation set.
    anchors
        The old tasks.
    leakage
        Training pairs removed because they repeat an evaluation query.
    learned
        Recent pairs that memory takes over on promotion; never the held-out ones.
    memory
        What could be replayed.
    selection
        Pairs that choose between blends and between strategies, where that is asked for; they are
        not trained on.
    """

    mixture: Mixture
    shortage: str
    new_task: EvaluationSet | None
    anchors: list[EvaluationSet]
    leakage: Leakage
    learned: list[Pair]
    memory: list[Pair]
    selection: Selection

    def following(self, settings: Settings) -> Self:
        """Return the lesson with the mix that a strategy draws."""
        mixture = settings.tables.mix.draw(self.selection.recent, self.selection.memory)
        return replace(self, mixture=mixture)

    @property
    def measured_on(self) -> list[EvaluationSet]:
        """The new task and the old ones."""
        return [*([self.new_task] if self.new_task else []), *self.anchors]

    def facts(self) -> dict[str, Any]:
        """Return the counts for the record."""
        return {
            "recent": self.mixture.recent,
            "replayed": self.mixture.replayed,
            "memory": len(self.memory),
            "held_out_queries": len(self.new_task.queries) if self.new_task else 0,
            "leaked": {"exact": self.leakage.exact, "near": self.leakage.near},
            "leaked_examples": [list(each) for each in self.leakage.examples],
            "sources": self._sources(),
            "data_sets": [
                ["mix", self.mixture.digest, "training", len(self.mixture.pairs)],
                ["memory", memory_digest(self.memory), "replay", len(self.memory)],
                *(
                    [each.name, each.digest, "evaluation", len(each.queries)]
                    for each in self.measured_on
                ),
            ],
        }

    def _sources(self) -> list[dict[str, Any]]:
        """Return how many pairs of each source are trained on, the largest first."""
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for pair, replayed in zip(self.mixture.pairs, self.mixture.from_memory, strict=True):
            counts[pair.source]["replayed" if replayed else "recent"] += 1
        return [
            {"source": source, "recent": found["recent"], "replayed": found["replayed"]}
            for source, found in sorted(
                counts.items(), key=lambda each: (-each[1].total(), each[0])
            )
        ]


def prepare_lesson(wheel: Wheel, champion: VersionFolder, window: Window) -> Lesson:
    """Split, guard and mix the pairs of the window with the champion's memory."""
    tables = wheel.settings.tables
    recent = wheel.store.pairs(role="recent", after=window.after, until=window.until)
    later_history = wheel.store.pairs(role="history", after=window.after, until=window.until)
    training, held_out = tables.holdout.split(recent)
    new_task = None
    if held_out:
        new_task = by_source(EvaluationSet.from_pairs(NEW_TASK, held_out, training), held_out)
    anchors = wheel.anchors(champion)
    queries = [
        text
        for each in [*anchors, *([new_task] if new_task else [])]
        for text in each.queries.values()
    ]
    learned, leakage = tables.leakage.clean(training, queries)
    discarded = {pair.id for pair in wheel.store.discarded_pairs()}
    encode = _encode(wheel, champion.model)
    replayable = tables.memory.absorb(forget(champion.memory(), discarded), later_history, encode)
    memory, _ = tables.leakage.clean(replayable, queries)
    selection = Selection(tuple(learned), tuple(memory), ())
    if tables.merge.shares or len(wheel.settings.strategies) > 1:
        selection = tables.select.split(learned, memory)
    return Lesson(
        mixture=tables.mix.draw(selection.recent, selection.memory),
        shortage=tables.mix.shortage(learned),
        new_task=new_task,
        anchors=anchors,
        leakage=leakage,
        learned=learned,
        memory=memory,
        selection=selection,
    )


def train(wheel: Wheel, champion: VersionFolder, lesson: Lesson, folder: Path) -> dict[str, Any]:
    """Fine-tune the champion on the mix; continued from a checkpoint when it was interrupted.

    Returns
    -------
    dict
        Folder, steps, seconds, precision, pairs, the log of the steps, what was mined and merged,
        and the (new, old) scores on the selection split where there is one.
    """
    tables = wheel.settings.tables
    mixture = lesson.mixture
    mined = ""
    if tables.negatives.enabled:
        found = tables.negatives.mine(mixture.pairs, wheel.encoder(champion.model), wheel.progress)
        mixture = replace(mixture, pairs=found.pairs, digest=memory_digest(found.pairs))
        mined = found.reason
    training = tables.finetune.fit(
        champion.model,
        mixture,
        output=folder / "trained",
        checkpoints=folder / "checkpoints",
        max_length=tables.model.max_length,
        progress=wheel.progress,
        cache=wheel.embeddings,
    )
    merge = tables.merge if lesson.selection.sets else replace(tables.merge, shares=())
    judge = selection_judge(wheel, lesson)
    merged = merge.choose(champion.model, training.folder, judge, output=folder / "merged")
    selection = {blend.share: (blend.new, blend.old) for blend in merged.curve}.get(merged.share)
    if selection is None and lesson.selection.sets:
        selection = judge(merged.folder)
    return {
        "folder": merged.folder.name,
        "selection": list(selection) if selection else None,
        "steps": training.steps,
        "seconds": training.seconds,
        "precision": training.precision,
        "pairs": training.pairs,
        "held": training.held,
        "log": [dict(row) for row in training.log],
        "negatives": mined,
        "merge": merged.reason,
        "share": merged.share,
        "curve": [asdict(blend) for blend in merged.curve],
    }


def selection_judge(wheel: Wheel, lesson: Lesson) -> Judge:
    """Return what scores a model folder on the pairs set aside."""
    tables = wheel.settings.tables
    return lesson.selection.judge(
        tables.model.max_length,
        cache=wheel.embeddings,
        metric=tables.gate.metric,
        progress=wheel.progress,
    )


def bootstrap_version(wheel: Wheel, cycle: str, started: datetime, path: Path) -> VersionFolder:
    """Make the first version: the base model with history as its memory and reference.

    Raises
    ------
    DataFault
        No history and no reference texts: there is nothing that the base model could be held to.
    """
    tables = wheel.settings.tables
    model = path.parent / "base"
    if not model.exists():
        fetch_base(_base(wheel, tables.model.base), model, max_length=tables.model.max_length)
    history = wheel.store.pairs(role="history")
    reference = wheel.store.traffic(role="reference") or queries_as_traffic(history)
    if not reference:
        raise DataFault(
            "data.history and data.reference are both empty: drift needs a past to compare with; "
            "name files with labelled pairs or texts of the quiet past (anchorhold.toml)"
        )
    anchors = wheel.anchors(None)
    queries = [text for each in anchors for text in each.queries.values()]
    memory, _ = tables.leakage.clean(history, queries)
    return _write(
        wheel,
        path,
        model=model,
        parent=None,
        cycle=cycle,
        started=started,
        cut=wheel.store.last_sequence(),
        memory=tables.memory.absorb([], memory, _encode(wheel, model)),
        reference=tables.observe.remember([], reference),
        learned_anchors=[],
        scored_on=anchors,
    )


def candidate_version(
    wheel: Wheel,
    parent: Version,
    window: Window,
    lesson: Lesson,
    trained: Path,
    cycle: str,
    started: datetime,
    path: Path,
) -> VersionFolder:
    """Make the candidate's version: what would be true if it were promoted."""
    tables = wheel.settings.tables
    champion = wheel.folder(parent)
    fresh: Sequence[Traffic] = wheel.store.traffic(
        role="recent", after=window.after, until=window.until
    ) or queries_as_traffic(lesson.learned)
    learned_anchors = champion.learned_anchors()
    scored_on = lesson.anchors
    if lesson.new_task is not None:
        learned_anchors = tables.learned_anchors.keep(learned_anchors, lesson.new_task, cycle)
        scored_on = [lesson.new_task, *scored_on]
    return _write(
        wheel,
        path,
        model=trained,
        parent=parent.number,
        cycle=cycle,
        started=started,
        cut=window.until,
        memory=tables.memory.absorb(lesson.memory, lesson.learned, _encode(wheel, champion.model)),
        reference=tables.observe.remember(_reference_left(wheel, champion), fresh),
        learned_anchors=learned_anchors,
        scored_on=scored_on,
    )


def _reference_left(wheel: Wheel, champion: VersionFolder) -> list[Traffic]:
    """Return the champion's reference without what was discarded since it was accepted."""
    gone = {*wheel.store.discarded_traffic()}
    gone |= {*queries_as_traffic(wheel.store.discarded_pairs())}
    return [text for text in champion.reference() if text not in gone]


def _write(
    wheel: Wheel,
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
    encoder = wheel.encoder(model)
    probes = wheel.settings.tables.observe.probe_texts(reference)
    card: Scorecard = wheel.scores_of(encoder, scored_on)
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


def _encode(wheel: Wheel, model: Path) -> Encode | None:
    """Return what divides the memory into regions, where that is asked for."""
    return wheel.encoder(model).encode if wheel.settings.tables.memory.regions else None


def _base(wheel: Wheel, named: str) -> str:
    """Return the base as a folder where the workspace or the machine has it, else as a hub id."""
    inside = wheel.settings.root / named
    return str(inside) if inside.is_dir() else named
