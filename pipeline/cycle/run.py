"""One cycle: from intake to a recorded outcome, resumed where it was interrupted."""

import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pipeline.cycle.adoption import first_version, note_adoption, version_to_adopt
from pipeline.cycle.alerts import finish_and_tell
from pipeline.cycle.approval import approved_by, settle_approvals
from pipeline.cycle.attempts import attempt
from pipeline.cycle.awaiting_index import indexed_by, settle_awaiting_index
from pipeline.cycle.canary import refuse_second, settle_canary
from pipeline.cycle.candidacy import Candidacy
from pipeline.cycle.centring import lesson_of
from pipeline.cycle.check import find, window_of
from pipeline.cycle.checked_texts import checked_texts
from pipeline.cycle.cosines import with_cosines
from pipeline.cycle.cut_short import cut_short, no_candidate
from pipeline.cycle.erasing import finish_erasing
from pipeline.cycle.given import STAGE as GIVEN
from pipeline.cycle.given import (
    Given,
    checked_candidate,
    consider,
    decision_on,
    refuse_unfinished,
)
from pipeline.cycle.guard import guard_champion, rolled_back_by
from pipeline.cycle.history import keep_history_head
from pipeline.cycle.indexing import Indexing, index_of_cycle, unless_not_ready
from pipeline.cycle.journal import Journal
from pipeline.cycle.lesson import prepare_lesson
from pipeline.cycle.new_version import NewVersion, register
from pipeline.cycle.promotion import Champions
from pipeline.cycle.record import close_record, open_record
from pipeline.cycle.retention import tidy
from pipeline.cycle.stages import (
    STAGED,
    STAGES,
    Bootstrapped,
    Checked,
    Settled,
    Spent,
    Strategies,
    WorkLost,
)
from pipeline.cycle.taking_in import take_in
from pipeline.cycle.unlabelled import with_unlabelled
from pipeline.cycle.window import gather
from pipeline.machine import peak_memory_megabytes, size_of_folder
from pipeline.registry import UnknownVersion, Version, VersionFolder, keep_files_in
from pipeline.results import (
    CheckedTexts,
    CycleResult,
    DecisionResult,
    IntakeResult,
    LessonResult,
    MoveResult,
    Outcome,
    Serving,
    Window,
)
from pipeline.workspace import OpenWorkspace
from training.faults import NoEmbedding, NonFiniteLoss

logger = logging.getLogger(__name__)


def run_candidate(opened: OpenWorkspace, given: str, now: datetime) -> CycleResult:
    """Take another encoder through a cycle, in the place of a trained candidate.

    Parameters
    ----------
    opened
        The open workspace, held exclusively.
    given
        Folder or hub id of the encoder.
    now
        The present.

    Raises
    ------
    DataFault
        There is no champion yet, another cycle is unfinished, or the encoder is refused before a
        cycle begins; or another candidate is on trial as canary.
    """
    if refuse_unfinished(opened, given):
        return run_cycle(opened, now)
    refuse_second(opened.store)
    with checked_candidate(opened, given, opened.settings.state / STAGED) as candidate:
        return run_cycle(opened, now, candidate=candidate)


def run_cycle(
    opened: OpenWorkspace,
    now: datetime,
    *,
    adopt: bool = False,
    candidate: tuple[Given, Path] | None = None,
) -> CycleResult:
    """Run one cycle, or resume an interrupted one, and return what `anchorhold run` prints.

    Everything before the promotion only adds; the promotion moves one pointer, last. A cycle that
    was killed is resumed from its journal and ends as if it had not been. A text that a model has
    no finite embedding for ends the cycle as blocked, and raises `NoEmbedding`.

    Parameters
    ----------
    opened
        The open workspace, held exclusively.
    now
        The present; a resumed cycle keeps the present it began with.
    adopt
        Whether a new workspace takes over the champion of another one.
    candidate
        A candidate that is given, and its folder; by default one is trained if drift calls for it.
    """
    computing = opened.computing  # before anything begins, for a device that is not there
    logger.info("models compute on %s", computing)
    store, state = opened.store, opened.settings.state
    champions = replace(Champions.of(opened), told_by_cycle=True)
    finished = champions.finish_interrupted_move()
    keep_history_head(store, opened.registry)
    for left in finish_erasing(opened, now):
        logger.warning("%s", left)
    adopted = version_to_adopt(opened, adopt)
    keep_files_in(opened.registry, opened.settings.artifacts)
    found = Settled() if adopted else _settle(opened, champions, finished, now)
    champion = None if adopted else opened.versions.champion_if_any()
    row = store.unfinished_cycle() or store.begin_cycle(now)
    journal = Journal(store, row, state / "cycles" / row.id, now, opened.progress)
    if candidate is not None:
        given, folder = candidate
        journal.once(GIVEN, lambda: given.taken(folder, journal), Given)
    with store.together():
        settled = journal.once("settled", lambda: found, Settled)
        champions.forget_move()
    intake = take_in(opened, journal)
    cycle = _Cycle(opened, journal, open_record(opened.registry, journal), intake)
    fault: Exception | None = None
    if champion is None or (champion.cycle == row.id and not journal.known("window")):
        result = cycle.bootstrap(adopted)
    else:
        try:
            result = cycle.consider(champion) or cycle.learn(champion)
        except (NoEmbedding, UnknownVersion, WorkLost) as found:
            result, fault = cycle.end(champion, found), found
    Indexing(opened).stage_of_champion(journal, result.champion.version)
    on_trial = store.running_canary()
    if on_trial is not None:
        # A version that was deleted in MLflow ends its canary, not the cycle.
        with suppress(UnknownVersion):
            Indexing(opened).stage_of_champion(journal, on_trial.candidate)
    result = with_cosines(opened, journal, result)
    spent = journal.once(
        "spent",
        lambda: Spent(
            peak_memory_megabytes=peak_memory_megabytes(), disk_bytes=size_of_folder(state)
        ),
        Spent,
    )
    result = result.changed(
        index=index_of_cycle(opened, journal, settled.indexed),
        seconds=journal.seconds(STAGES),
        peak_memory_megabytes=spent.peak_memory_megabytes,
        disk_bytes=spent.disk_bytes,
        computing=computing,
        approved=settled.approved,
        canary=settled.canary,
        rolled_back=settled.rolled_back,
    )
    close_record(opened, journal, cycle.run, result)
    finish_and_tell(store, opened.settings.tables.gate, result, now)
    freed = tidy(opened, now)
    if isinstance(fault, NoEmbedding):
        raise fault
    return result.changed(freed=freed if freed.deleted or freed.warnings else None)


def _settle(
    opened: OpenWorkspace, champions: Champions, finished: MoveResult | None, now: datetime
) -> Settled:
    """Do, in this order, what people, indexes and users decided since the last cycle.

    A move of an interrupted run, finished by this one, was not told yet.
    """
    store, tables = opened.store, opened.settings.tables
    approval, share = tables.gate.approval, tables.canary.share
    return Settled(
        approved=unless_not_ready(lambda: settle_approvals(champions, store, now))
        or approved_by(finished),
        indexed=unless_not_ready(lambda: settle_awaiting_index(opened, champions, now))
        or indexed_by(finished),
        canary=unless_not_ready(lambda: settle_canary(champions, approval, share, now)),
        rolled_back=unless_not_ready(lambda: guard_champion(opened, champions, now))
        or rolled_back_by(finished),
    )


@dataclass(frozen=True)
class _Cycle:
    """The stages of one cycle in their order.

    Attributes
    ----------
    opened
        The open workspace.
    journal
        What is done already.
    run
        Its run in MLflow.
    intake
        What arrived.
    """

    opened: OpenWorkspace
    journal: Journal
    run: str
    intake: IntakeResult

    def bootstrap(self, adopted: Version | None) -> CycleResult:
        """Register the base model, or the champion of another workspace, as first version."""
        opened = self.opened
        what = "the base model"
        if adopted is not None:
            note_adoption(self.journal, adopted)
            what = f"version {adopted.number} of the workspace {adopted.workspace}"

        def make() -> Bootstrapped:
            new = NewVersion.of_cycle(opened, self.journal)
            folder, more, notes = first_version(opened, new, adopted)
            version = register(
                opened.registry, self.journal, self.run, folder, parent=None, more=more
            )
            Champions.of(opened).install(
                version,
                expected=adopted.number if adopted else None,
                action="adopt" if adopted else "bootstrap",
                reason=what,
                now=self.journal.started,
                cycle=self.journal.cycle,
            )
            scores = folder.scorecard().means()
            return Bootstrapped(version=version.number, scores=scores, notes=notes)

        made = self.journal.once("bootstrap", make, Bootstrapped)
        reasons = [f"{what} is registered as version {made.version} and serves", *made.notes]
        window = window_of(opened, opened.registry.version(made.version))
        pairs = opened.store.count_pairs(role="recent", after=window.after)
        texts = opened.store.count_traffic(role="recent", after=window.known)
        if pairs or texts:
            reasons.append(f"{pairs} pairs and {texts} texts wait for the next run")
        decision = DecisionResult(train=False, reasons=tuple(reasons))
        return self._result("bootstrapped", decision, made.version, scores=made.scores)

    def learn(self, champion: Version) -> CycleResult:
        """Check for drift and, if it is called for, train, measure, judge and promote."""
        journal, opened = self.journal, self.opened
        window = journal.once("window", lambda: window_of(opened, champion), Window)
        champion = opened.registry.version(window.champion)
        Indexing(opened).stage_of_champion(journal, champion.number)
        checked = journal.once("decision", lambda: self._check(window), Checked)
        if checked.decision.signals:
            journal.once("texts", lambda: checked_texts(opened, window), CheckedTexts)
        seen = self._result(
            "quiet", checked.decision, champion.number, fresh=checked.fresh, window=window
        )
        if checked.decision.blocked_by:
            return seen.changed(outcome="blocked")
        if not checked.decision.train:
            return seen
        return self._as_begun()._train(champion, window, seen)

    def consider(self, champion: Version) -> CycleResult | None:
        """Measure and judge the candidate that is given; None where none is."""
        given = self.journal.result(GIVEN, Given)
        if given is None:
            return None
        seen = self._result(
            "inconclusive", decision_on(self.opened, given, champion), champion.number
        )
        return consider(self.opened, self.journal, given, champion, seen)

    def end(self, champion: Version, fault: Exception) -> CycleResult:
        """End a cycle that cannot go on."""
        outcome, decision, verdict = cut_short(fault)
        return self._result(outcome, decision, champion.number).changed(verdict=verdict)

    def _train(self, champion: Version, window: Window, seen: CycleResult) -> CycleResult:
        journal, opened = self.journal, self.opened
        old = opened.versions.folder(champion)
        lesson = prepare_lesson(
            opened.settings, opened.store, opened.anchor_sets, opened.encoders, old, window
        )
        lesson = with_unlabelled(opened, journal, old, window, lesson)
        facts = journal.once("prepare", lesson.facts, LessonResult)
        if facts.derived and facts.derived.headroom:
            seen = seen.changed(decision=seen.decision.changed(headroom=facts.derived.headroom))
        if lesson.shortage:
            reasons = (*seen.decision.reasons, lesson.shortage)
            seen = seen.changed(decision=seen.decision.changed(reasons=reasons))
        # A model that needs no pairs is made only where something can show its gain.
        if lesson.shortage and not (lesson.asked and (lesson.new_task or lesson.proxies)):
            return seen.changed(outcome="insufficient_data", lesson=facts)
        try:
            training = attempt(opened, journal, self.run, old, lesson)
        except NonFiniteLoss as fault:
            return seen.changed(outcome="rejected", lesson=facts, verdict=no_candidate(fault))
        lesson = lesson_of(opened.settings, lesson, training)
        candidacy = Candidacy(opened, journal, champion, lesson, learned_from=window)

        def make() -> VersionFolder:
            trained = journal.folder / training.folder
            if not trained.is_dir():
                raise WorkLost(f"{trained} is gone")
            new = NewVersion.of_cycle(opened, journal)
            return new.of_candidate(champion, old, window, lesson, trained, opened.anchor_sets)

        run = training.run_id if opened.registry.has_run(training.run_id) else self.run
        candidate = candidacy.register(run, make, fired=seen.decision.fired)
        seen = seen.changed(
            lesson=lesson.facts(),
            training=training,
            candidate=Serving(version=candidate.number),
        )
        return candidacy.settle(candidate, seen)

    def _as_begun(self) -> "_Cycle":
        """Return the cycle with the strategies that it began with, whoever resumes it."""
        settings = self.opened.settings
        begun = self.journal.once(
            "strategies", lambda: Strategies(names=settings.strategies), Strategies
        )
        opened = self.opened.following(replace(settings, strategies=begun.names))
        return replace(self, opened=opened)

    def _check(self, window: Window) -> Checked:
        gathered = gather(self.opened.store, window, self.opened.settings.tables.observe)
        refused = self.intake.pairs.quarantined
        now = self.journal.started
        decision = find(self.opened, window.champion, gathered, now, refused_pairs=refused)
        return Checked(decision=decision, fresh=gathered.fresh)

    def _result(
        self,
        outcome: Outcome,
        decision: DecisionResult,
        champion: int,
        *,
        scores: dict[str, float] | None = None,
        fresh: bool | None = None,
        window: Window | None = None,
    ) -> CycleResult:
        return CycleResult(
            cycle=self.journal.cycle,
            outcome=outcome,
            decision=decision,
            champion=Serving(version=champion),
            scores=scores,
            fresh=fresh,
            window=window,
            intake=self.intake,
            seconds={},
            run_id=self.run,
        )
