"""The given candidate: another encoder that takes the place of a trained one in a cycle."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Self

from pipeline.cycle.candidacy import Candidacy
from pipeline.cycle.check import window_of
from pipeline.cycle.cut_short import no_candidate
from pipeline.cycle.journal import Journal, Rehearsed
from pipeline.cycle.lesson import Lesson, prepare_lesson
from pipeline.cycle.new_version import NewVersion, notes_on, pairs_of
from pipeline.cycle.promotion import Champions
from pipeline.cycle.stages import STAGED, WorkLost
from pipeline.cycle.unlabelled import with_unlabelled
from pipeline.registry import Version, VersionFolder
from pipeline.results import (
    CycleResult,
    DecisionResult,
    LessonResult,
    Result,
    Serving,
    TrainingResult,
    Window,
)
from pipeline.workspace import Base, OpenWorkspace
from training.evaluation import further_dimensions
from training.faults import DataFault, NoEmbedding
from training.finetuning import try_base

STAGE = "given"
"""The stage of a cycle whose candidate is given; also the name of this way to make one."""

_WAY_OUT = "`anchorhold run` resumes it"


class Given(Result):
    """What a person gave as candidate, checked.

    Attributes
    ----------
    named
        As a person named it.
    tags
        Tags of its version.
    notes
        What a person should know of it, a sentence each.
    """

    named: str
    tags: dict[str, str]
    notes: tuple[str, ...] = ()

    def taken(self, staged: Path, journal: Journal) -> Self:
        """Move the model into the folder of its cycle."""
        place = journal.folder / _FOLDER
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(place, ignore_errors=True)
        staged.rename(place)
        return self

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the cycle neither checked nor trained, and what to know of the model."""
        return (
            f"{self.named} is given as candidate: nothing was checked or trained",
            *self.notes,
            "what it was trained on is not known here: if queries of these sets were part of "
            "it, its scores are too good",
        )


_FOLDER = Path("attempts") / STAGE


@contextmanager
def checked_candidate(
    opened: OpenWorkspace, given: str, folder: Path
) -> Iterator[tuple[Given, Path]]:
    """Fetch a model and refuse it where it cannot be a candidate; yield it with its folder.

    Parameters
    ----------
    opened
        The open workspace.
    given
        Folder or hub id, as a person named it.
    folder
        Where to put it while the block runs; whatever is there is removed, before and after.

    Raises
    ------
    DataFault
        There is no such model, it is refused as base models are, it is the champion already or was
        rolled back, or the settings ask for lengths that its vectors do not have.
    NoEmbedding
        It gives NaN or infinity for a text.
    """
    base, model = Base(opened.settings, given), opened.settings.tables.model
    champion = opened.versions.champion()
    # A process that was killed left what it had fetched.
    shutil.rmtree(folder, ignore_errors=True)
    try:
        fetched = folder / "model"
        base.fetch(fetched)
        _refuse_known(opened, base, champion, fetched)
        _refuse_lengths(opened, base, champion, fetched)
        old = opened.versions.folder(champion)
        pairs = [*old.memory(), *pairs_of(opened.anchor_sets.of(old))]
        tables = opened.settings.tables
        found = try_base(
            fetched,
            pairs,
            tables.finetune,
            max_length=model.max_length,
            name=base.called,
            device=opened.encoders.device,
        )
        notes = (f"{base.called}: {note}" for note in (*notes_on(base, fetched), *found))
        yield Given(named=base.named, tags=base.tags(fetched), notes=tuple(notes)), fetched
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _refuse_known(opened: OpenWorkspace, base: Base, champion: Version, fetched: Path) -> None:
    """Refuse what serves, and what a person or a canary rolled back."""
    identity = opened.encoders.fingerprint(fetched)
    if identity == opened.encoders.identity(opened.versions.folder(champion)):
        raise DataFault(
            f"{base.called} is the champion already: version {champion.number} has the same "
            "weights, tokenizer, pooling and prompts"
        )
    if twin := Champions.of(opened).rolled_back_twin(identity):
        raise DataFault(
            f"{base.called} is version {twin.number}, which was rolled back; only `anchorhold "
            f"promote {twin.number} --force` lets it serve again"
        )


def _refuse_lengths(opened: OpenWorkspace, base: Base, champion: Version, fetched: Path) -> None:
    """Refuse a model whose vectors do not have the lengths that are served and trained."""
    tables = opened.settings.tables
    whole = opened.encoders.load(fetched, base.called).dimensions
    served = opened.scores.further_dimensions(opened.versions.folder(champion))
    for setting, named in (
        ("model.dimensions", tables.model.dimensions),
        ("finetune.dimensions", tables.finetune.dimensions),
    ):
        try:
            found = further_dimensions(named, whole, setting)
        except DataFault as fault:
            raise DataFault(f"{base.called} gives vectors of {whole} dimensions: {fault}") from None
        if setting == "model.dimensions" and found != served:
            raise DataFault(
                f"{base.called} gives vectors of {whole} dimensions, which model.dimensions "
                f"{list(named)} holds as a shorter length of the champion's; take {whole} out, so "
                "that both are compared at the same lengths"
            )


def refuse_unfinished(opened: OpenWorkspace, given: str) -> bool:
    """Return whether an unfinished cycle has this candidate and is to be resumed.

    Raises
    ------
    DataFault
        Another cycle is unfinished.
    """
    unfinished = opened.store.unfinished_cycle()
    # A cycle that was killed before its first stage has no candidate yet.
    if unfinished is None or not (done := opened.store.stages(unfinished.id)):
        return False
    begun = done.get(STAGE)
    if begun is None:
        raise DataFault(f"cycle {unfinished.id} is unfinished; {_WAY_OUT}, then give the candidate")
    named = Given.of_store(begun["result"]).named
    if named != Base(opened.settings, given).named:
        raise DataFault(f"cycle {unfinished.id} with candidate {named!r} is unfinished; {_WAY_OUT}")
    return True


def consider(
    opened: OpenWorkspace, journal: Journal, given: Given, champion: Version, seen: CycleResult
) -> CycleResult:
    """Measure, register and judge the given candidate, and return how its cycle ends.

    Parameters
    ----------
    opened, journal
        The open workspace, and what is done already.
    given
        The candidate.
    champion
        What serves.
    seen
        The result so far.
    """
    window = journal.once("window", lambda: window_of(opened, champion), Window)
    champion = opened.registry.version(window.champion)
    old = opened.versions.folder(champion)
    lesson = _lesson(opened, journal, old, window)
    facts = journal.once("prepare", lesson.facts, LessonResult)
    seen = seen.changed(lesson=facts, training=_training(given, seen.run_id))
    candidacy = Candidacy(opened, journal, champion, lesson, learned_from=None)

    def make() -> VersionFolder:
        model = journal.folder / _FOLDER
        if not model.is_dir():
            raise WorkLost(f"{model} is gone")
        new = NewVersion.of_cycle(opened, journal)
        return new.of_given(champion, old, lesson, model, Base(opened.settings, given.named).called)

    try:
        candidate = candidacy.register(seen.run_id, make, more=given.tags)
    except NoEmbedding as fault:
        return seen.changed(outcome="rejected", verdict=no_candidate(fault))
    return candidacy.settle(candidate, seen.changed(candidate=Serving(version=candidate.number)))


def rehearse_candidate(opened: OpenWorkspace, given: str, now: datetime) -> CycleResult:
    """Say what the gate would say of a candidate; nothing is stored or registered."""
    champion = opened.versions.champion()
    with (
        tempfile.TemporaryDirectory(prefix="anchorhold-") as temporary,
        checked_candidate(opened, given, Path(temporary) / STAGED) as (found, model),
    ):
        journal, old = Rehearsed(model.parent, now), opened.versions.folder(champion)
        with opened.store.rehearsal():
            intake = opened.take_in(now)
            lesson = _lesson(opened, journal, old, window_of(opened, champion))
        seen = CycleResult(
            cycle=journal.cycle,
            outcome="rejected",
            decision=decision_on(opened, found, champion),
            champion=Serving(version=champion.number),
            intake=intake,
            seconds={},
            run_id="",
            lesson=lesson.facts(),
            training=_training(found, ""),
            dry_run=True,
        )
        new = NewVersion.of_cycle(opened, journal)
        called = Base(opened.settings, given).called
        try:
            folder = new.of_given(champion, old, lesson, model, called)
        except NoEmbedding as fault:
            return seen.changed(verdict=no_candidate(fault))
        candidacy = Candidacy(opened, journal, champion, lesson, learned_from=None)
        return candidacy.rehearse(folder, seen)


def decision_on(opened: OpenWorkspace, given: Given, champion: Version) -> DecisionResult:
    """Return the decision of a cycle that neither checks nor trains."""
    warnings = opened.warnings(champion)
    return DecisionResult(train=False, reasons=given.reasons, warnings=warnings)


def _lesson(
    opened: OpenWorkspace, journal: Journal, champion: VersionFolder, window: Window
) -> Lesson:
    """Return what the candidate is measured on; nothing is learned.

    What arrived stays new: the next cycle checks it, and trains on it, with whatever serves then.
    """
    lesson = prepare_lesson(
        opened.settings, opened.store, opened.anchor_sets, opened.encoders, champion, window
    )
    # Without a shortage no pairs are made of documents and logs, only proxies.
    lesson = with_unlabelled(opened, journal, champion, window, replace(lesson, shortage=""))
    nothing = opened.settings.tables.mix.draw([], [])
    return replace(lesson, mixture=nothing, learned=[], asked=(), given=True)


def _training(given: Given, run: str) -> TrainingResult:
    told = f"the candidate was given, not trained: {given.named}"
    return TrainingResult.untrained(STAGE, run, _FOLDER.as_posix(), told)
