"""The lesson of one cycle: what it learns from, and what it is measured on."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from pipeline.cycle.held_out import HeldOutQueries
from pipeline.cycle.kinds import excluded_kinds
from pipeline.cycle.screening import screen_labels
from pipeline.registry import VersionFolder
from pipeline.results import (
    DerivedResult,
    HoldOutResult,
    Leaked,
    LessonResult,
    ScreenedResult,
    SourceCounts,
    Window,
)
from pipeline.store import Store
from pipeline.workspace import AnchorSets, Encoders, Settings
from training.evaluation import EvaluationSet, Selection, by_source
from training.pairs import (
    Encode,
    Leakage,
    LeakageGuard,
    Memory,
    Mixture,
    Pair,
    forget,
    memory_digest,
    normalised,
)

NEW_TASK = "new"
KNOWN_ITEMS = "proxy/known-items"


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
    proxies
        Evaluation sets that were made without labels.
    derived
        What was made of documents and served logs; None where there are none.
    asked
        Queries of the log by which the champion can be centred; empty where that is no candidate.
    frozen
        Those of the anchors that were made in this cycle, because there was none; a promoted
        version holds them.
    given
        Whether the candidate was given: nothing of this was learned.
    hold_out
        Which queries are held out, and why as many; None where nothing was learned.
    screened
        What the screens of labelled pairs found; None where nothing was learned.
    held
        Labelled pairs that are held back.
    apart
        Remembered pairs that are not replayed, as they share a document or group with a held-out
        one.
    """

    mixture: Mixture
    shortage: str
    new_task: EvaluationSet | None
    anchors: list[EvaluationSet]
    leakage: Leakage
    learned: list[Pair]
    memory: list[Pair]
    selection: Selection
    proxies: list[EvaluationSet] = field(default_factory=list)
    derived: DerivedResult | None = None
    asked: tuple[str, ...] = ()
    frozen: list[EvaluationSet] = field(default_factory=list)
    given: bool = False
    hold_out: HoldOutResult | None = None
    screened: ScreenedResult | None = None
    held: tuple[Pair, ...] = ()
    apart: frozenset[Pair] = frozenset()

    @property
    def without_labels(self) -> bool:
        """Whether pairs that nobody labelled are trained on."""
        return self.derived is not None and bool(self.derived.kinds)

    def following(self, settings: Settings) -> Self:
        """Return the lesson with the mix that a strategy draws."""
        mixture = settings.tables.mix.draw(self.selection.recent, self.selection.memory)
        return replace(self, mixture=mixture)

    @property
    def measured_on(self) -> list[EvaluationSet]:
        """The new task, the old ones and the proxies."""
        return [*self.labelled, *self.proxies]

    @property
    def labelled(self) -> list[EvaluationSet]:
        """The new task and the old ones."""
        return [*([self.new_task] if self.new_task else []), *self.anchors]

    def to_hold(self, learned: Sequence[EvaluationSet]) -> EvaluationSet | None:
        """Return what becomes an anchor set if the candidate is promoted; None where nothing does.

        Without labels these are the known items, which no model had a part in, as far as no
        learned set holds them already.
        """
        known = [each for each in self.proxies if each.name == KNOWN_ITEMS]
        if not (self.without_labels and known):
            return self.new_task
        held = {normalised(text) for each in learned for text in each.queries.values()}
        asked = known[0].queries.items()
        fresh = [key for key, text in asked if normalised(text) not in held]
        return known[0].of_queries(fresh) if fresh else self.new_task

    def overlap(self, guard: LeakageGuard) -> int:
        """Return how many pairs of the mix still repeat a query that is measured on.

        The pairs were cleaned before the mix was drawn, so this must be 0; the gate refuses a
        candidate where it is not. Proxies count where a promotion may rest on them.
        """
        counted = self.measured_on if self.without_labels else self.labelled
        queries = [text for each in counted for text in each.queries.values()]
        _, leakage = guard.clean(self.mixture.pairs, queries)
        return leakage.exact + leakage.near

    def facts(self) -> LessonResult:
        """Return the counts for the record."""
        return LessonResult(
            recent=self.mixture.recent,
            replayed=self.mixture.replayed,
            memory=len(self.memory),
            held_out_queries=len(self.new_task.queries) if self.new_task else 0,
            leaked=Leaked(exact=self.leakage.exact, near=self.leakage.near),
            leaked_examples=self.leakage.examples,
            sources=self._sources(),
            data_sets=(
                ("mix", self.mixture.digest, "training", len(self.mixture.pairs)),
                ("memory", memory_digest(self.memory), "replay", len(self.memory)),
                *(
                    (each.name, each.digest, "evaluation", len(each.queries))
                    for each in self.measured_on
                ),
            ),
            derived=self.derived,
            hold_out=self.hold_out,
            screened=self.screened,
        )

    def _sources(self) -> tuple[SourceCounts, ...]:
        """Return how many pairs of each source are trained on, the largest first."""
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for pair, replayed in zip(self.mixture.pairs, self.mixture.from_memory, strict=True):
            counts[pair.source]["replayed" if replayed else "recent"] += 1
        ordered = sorted(counts.items(), key=lambda each: (-each[1].total(), each[0]))
        return tuple(
            SourceCounts(source=source, recent=found["recent"], replayed=found["replayed"])
            for source, found in ordered
        )


def prepare_lesson(
    settings: Settings,
    store: Store,
    anchor_sets: AnchorSets,
    encoders: Encoders,
    champion: VersionFolder,
    window: Window,
) -> Lesson:
    """Split, clean and mix the pairs of the window with the champion's memory."""
    tables = settings.tables
    screening = screen_labels(settings, store, encoders, champion, window)
    recent = screening.pairs
    later_history = store.pairs(role="history", after=window.after, until=window.until)
    anchors = anchor_sets.of(champion)
    parting = HeldOutQueries.of(tables, store, window, recent)
    for fewest in (False, True):
        split = parting.split(recent, fewest=fewest)
        new_task = None
        if split.held_out:
            made = EvaluationSet.from_pairs(NEW_TASK, split.held_out, split.training)
            new_task = by_source(made, split.held_out)
        measured = [*anchors, *([new_task] if new_task else [])]
        queries = [text for each in measured for text in each.queries.values()]
        learned, leakage = tables.leakage.clean(split.training, queries)
        if not tables.mix.shortage(learned):
            break
    capped = tables.caps.apply(learned, tables.memory.generated_sources, screening.written)
    screening, learned = screening.capped(learned, capped), capped
    excluded = {pair.id for pair in store.discarded_pairs()}
    encode = regions_encoder(tables.memory, encoders, champion.model)
    kinds = excluded_kinds(store)
    remembered = [pair for pair in forget(champion.memory(), excluded) if pair.source not in kinds]
    replayable = tables.memory.absorb(remembered, later_history, encode)
    memory, _ = tables.leakage.clean(replayable, queries)
    replayed = tables.holdout.apart(memory, split.held_out)
    apart = frozenset(memory).difference(replayed)
    selection = Selection(tuple(learned), tuple(replayed), ())
    if tables.merge.shares or len(settings.strategies) > 1:
        selection = tables.select.split(learned, replayed, tables.holdout.by)
    return Lesson(
        mixture=tables.mix.draw(selection.recent, selection.memory),
        shortage=_shortage(tables.mix.shortage(learned), len(screening.held)),
        new_task=new_task,
        anchors=anchors,
        leakage=leakage,
        learned=learned,
        memory=memory,
        selection=selection,
        hold_out=parting.facts(split, len(apart)),
        apart=apart,
        screened=screening.facts,
        held=screening.held,
    )


def _shortage(reason: str, held: int) -> str:
    """Say that there is too little, and what of it is the screens' doing."""
    if not (reason and held):
        return reason
    return f"{reason} ({held} are held back: `lesson.screened` says why, `labelled.let_in` lets in)"


def regions_encoder(memory: Memory, encoders: Encoders, model: Path) -> Encode | None:
    """Return what divides the memory into regions, where that is asked for."""
    return encoders.load(model).unit_vectors if memory.regions else None
