"""Making a version: the folder of the base model, or of a candidate with all it learned."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from pipeline.cycle.first_anchors import first_anchors
from pipeline.cycle.first_texts import FirstTexts, first_texts
from pipeline.cycle.journal import Journal
from pipeline.cycle.lesson import Lesson, regions_encoder
from pipeline.cycle.screening import held_back_by
from pipeline.cycle.window import later_reference
from pipeline.observation import queries_as_traffic
from pipeline.registry import Facts, Registry, Version, VersionFolder
from pipeline.results import Window
from pipeline.store import Store, Traffic
from pipeline.workspace import AnchorSets, Base, OpenWorkspace, Scores, Settings
from training.encoding import Encoder, is_bare, stored_prompts, unused_prompts
from training.evaluation import EvaluationSet, further_dimensions
from training.faults import DataFault
from training.finetuning import try_base
from training.pairs import Pair


@dataclass(frozen=True)
class NewVersion:
    """Makes the version of one cycle: what would be true if it were promoted.

    Attributes
    ----------
    settings, store, scores
        The parts of the workspace that it works with.
    cycle, started
        The cycle that makes it, and when that began.
    path
        The folder to make.
    """

    settings: Settings
    store: Store
    scores: Scores
    cycle: str
    started: datetime
    path: Path

    @classmethod
    def of_cycle(cls, opened: OpenWorkspace, journal: Journal) -> Self:
        """Return what makes the version of a cycle."""
        return cls(
            opened.settings,
            opened.store,
            opened.scores,
            journal.cycle,
            journal.started,
            journal.folder / "version",
        )

    def of_base(self, anchor_sets: AnchorSets) -> tuple[VersionFolder, tuple[str, ...]]:
        """Make the first version: the base model with history as its memory and reference.

        Returns
        -------
        tuple
            The version, and sentences about the base that a person should read.

        Raises
        ------
        DataFault
            The base is refused or cannot be trained, or no pair of the history and no text has
            arrived: nothing to compare recent data with.
        """
        # Before a model is fetched, which takes minutes.
        first = first_texts(self.store)
        model = self.path.parent / "base"
        try:
            if not model.exists():
                Base(self.settings).fetch(model)
            return self._of_fetched(model, anchor_sets, first)
        except DataFault:
            # The next run must fetch it again: it may be mended by then, or another one be named.
            shutil.rmtree(model, ignore_errors=True)
            raise

    def _of_fetched(
        self, model: Path, anchor_sets: AnchorSets, first: FirstTexts
    ) -> tuple[VersionFolder, tuple[str, ...]]:
        tables, encoders = self.settings.tables, self.scores.encoders
        history = self.store.pairs(role="history")
        frozen, about_anchors = first_anchors(self.store, tables)
        anchors = anchor_sets.with_learned(frozen)
        base = Base(self.settings)
        name = base.called
        found = try_base(
            model,
            [*history, *pairs_of(anchors)],
            tables.finetune,
            max_length=tables.model.max_length,
            name=name,
            device=encoders.device,
        )
        queries = [text for each in anchors for text in each.queries.values()]
        memory, _ = tables.leakage.clean(history, queries)
        known = tables.observe.remember([], first.texts)
        encoder = encoders.load(model, name)
        # Every check needs these vectors: one that is missing would block them all.
        encoder.encode([each.text for each in known], progress=self.scores.progress)
        folder = self._write(
            model=model,
            encoder=encoder,
            parent=None,
            cut=first.cut,
            known=first.known,
            memory=tables.memory.absorb(
                [], memory, regions_encoder(tables.memory, encoders, model)
            ),
            reference=known,
            learned_anchors=frozen,
            scored_on=anchors,
        )
        about_base = (f"{name}: {note}" for note in (*notes_on(base, model), *found))
        return folder, (*about_base, *about_anchors, *first.notes(tables.observe))

    def of_adopted(self, champion: VersionFolder, anchor_sets: AnchorSets) -> VersionFolder:
        """Make the first version of what another workspace's champion is and knows.

        All that is stored here is new to it: a cut is a number of one store.
        """
        return self._write(
            model=champion.model,
            encoder=self.scores.encoders.load(champion.model),
            parent=None,
            cut=0,
            memory=champion.memory(),
            reference=champion.reference(),
            learned_anchors=champion.learned_anchors(),
            scored_on=anchor_sets.of(champion),
            learned_at=champion.facts().learned_at,
        )

    def of_candidate(
        self,
        parent: Version,
        champion: VersionFolder,
        window: Window,
        lesson: Lesson,
        trained: Path,
        anchor_sets: AnchorSets,
    ) -> VersionFolder:
        """Make the candidate's version.

        Parameters
        ----------
        parent, champion
            The version it was trained from, and that version's folder.
        window, lesson
            What it learned from.
        trained
            Its model.
        anchor_sets
            What it must not forget.
        """
        tables = self.settings.tables
        # More than the reference can hold are not needed: years may lie between two trainings.
        fresh: Sequence[Traffic] = self.store.traffic(
            role="recent",
            after=window.known,
            until=window.until,
            spread=tables.observe.reference,
        ) or queries_as_traffic(lesson.learned)
        learned_anchors = [*champion.learned_anchors(), *lesson.frozen]
        if (to_hold := lesson.to_hold(learned_anchors)) is not None:
            learned_anchors = tables.learned_anchors.keep(learned_anchors, to_hold, self.cycle)
        encode = regions_encoder(tables.memory, self.scores.encoders, champion.model)
        return self._write(
            model=trained,
            encoder=self.scores.encoders.load(trained),
            parent=parent.number,
            cut=window.until,
            passed_over=champion.facts().passed_over + window.pairs - window.used,
            held_back=held_back_by(self.store, champion, lesson.held, tables.labelled),
            memory=tables.memory.absorb(lesson.memory, lesson.learned, encode),
            reference=tables.observe.remember(self._known(champion, window), fresh),
            learned_anchors=learned_anchors,
            # Its own learned sets, not the champion's: later scores are compared with these.
            scored_on=[
                *([lesson.new_task] if lesson.new_task else []),
                *lesson.proxies,
                *anchor_sets.with_learned(learned_anchors),
            ],
        )

    def of_given(
        self, parent: Version, champion: VersionFolder, lesson: Lesson, model: Path, name: str
    ) -> VersionFolder:
        """Make the version of a candidate that was given.

        It knows what the champion knows, in its own space: memory and reference are texts. It has
        learned nothing since, so that the cut and the age stay the champion's.

        Parameters
        ----------
        parent, champion
            The version it is compared with, and that version's folder.
        lesson
            What it is measured on.
        model, name
            Its model, and what messages call it.

        Raises
        ------
        NoEmbedding
            It gives NaN or infinity for a text that it is measured on, or that a check needs.
        """
        facts, encoder = champion.facts(), self.scores.encoders.load(model, name)
        reference = self._left(champion)
        encoder.encode([each.text for each in reference], progress=self.scores.progress)
        return self._write(
            model=model,
            encoder=encoder,
            parent=parent.number,
            cut=facts.cut,
            known=facts.known,
            passed_over=facts.passed_over,
            held_back=facts.held_back,
            memory=lesson.memory,
            reference=reference,
            learned_anchors=champion.learned_anchors(),
            scored_on=lesson.measured_on,
            learned_at=facts.learned_at,
        )

    def _known(self, champion: VersionFolder, window: Window) -> list[Traffic]:
        """Return the champion's reference with what was added, without what was excluded since."""
        added = later_reference(self.store, window.after, window.until, window.accepted)
        return self.settings.tables.observe.extend(self._left(champion), added)

    def _left(self, champion: VersionFolder) -> list[Traffic]:
        """Return the champion's reference without what was excluded since."""
        gone = {*self.store.discarded_traffic()}
        gone |= {*queries_as_traffic(self.store.discarded_pairs())}
        return [text for text in champion.reference() if text not in gone]

    def _write(
        self,
        *,
        model: Path,
        encoder: Encoder,
        parent: int | None,
        cut: int,
        memory: list[Pair],
        reference: list[Traffic],
        learned_anchors: list[EvaluationSet],
        scored_on: list[EvaluationSet],
        learned_at: float | None = None,
        known: int = 0,
        passed_over: int = 0,
        held_back: tuple[int, ...] = (),
    ) -> VersionFolder:
        trained = self.settings.tables.finetune.dimensions
        further_dimensions(trained, encoder.dimensions, "finetune.dimensions")
        probes = self.settings.tables.observe.probe_texts(reference)
        return VersionFolder.write(
            self.path,
            model=model,
            facts=Facts(
                cycle=self.cycle,
                parent=parent,
                cut=cut,
                fingerprint=encoder.fingerprint,
                tokenizer=encoder.tokenizer,
                learned_at=self.started.timestamp() if learned_at is None else learned_at,
                max_length=self.settings.tables.model.max_length,
                precision=self.settings.tables.model.precision,
                known=known,
                passed_over=passed_over,
                held_back=held_back,
            ),
            memory=memory,
            reference=reference,
            probes=(probes, encoder.unit_vectors(probes)),
            learned_anchors=learned_anchors,
            scorecard=self.scores.of_encoder(encoder, model, scored_on),
        )


def register(
    registry: Registry,
    journal: Journal,
    run: str,
    folder: VersionFolder,
    *,
    parent: Version | None,
    fired: Sequence[str] = (),
    more: Mapping[str, str] | None = None,
) -> Version:
    """Register the folder of a version.

    Parameters
    ----------
    registry, journal
        Where, and which cycle makes it.
    run
        The run in MLflow that made its model.
    folder, parent
        The version, and the champion that it is compared with; None for a first one.
    fired
        Names of the triggers that called for it.
    more
        Further tags.
    """
    facts = folder.facts()
    return registry.register(
        run,
        journal.cycle,
        folder.path,
        tags={
            "anchorhold.parent": str(parent.number) if parent else "none",
            "anchorhold.fingerprint": facts.fingerprint,
            "anchorhold.cut": str(facts.cut),
            "anchorhold.trigger": ", ".join(fired) or "none",
            **(more or {}),
        },
        dimension=folder.dimension(),
    )


def notes_on(base: Base, model: Path) -> Iterator[str]:
    """Yield what was chosen for a model that was not trained here where it leaves a choice.

    Parameters
    ----------
    base, model
        Where it came from, and the folder in which it was saved.
    """
    if unused := unused_prompts(*stored_prompts(model)):
        yield unused
    if is_bare(Path(base.place)):
        yield "a transformer without modules.json; its tokens are averaged (mean pooling)"


def pairs_of(anchors: Sequence[EvaluationSet]) -> Iterator[Pair]:
    """Yield a pair for each query of the anchor sets and its first relevant document."""
    for each in anchors:
        for query, text in each.queries.items():
            answers = [name for name in each.relevant.get(query, ()) if name in each.corpus]
            if answers:
                yield Pair(query, text, each.corpus[answers[0]])
