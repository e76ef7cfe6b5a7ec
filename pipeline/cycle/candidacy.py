"""Candidacy: the way of a model from a version that never served to its place or refusal."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.cycle.index_plan import plan_promotion
from pipeline.cycle.indexing import AWAITS_INDEX, Indexing
from pipeline.cycle.journal import Journal
from pipeline.cycle.judge import find_suspects, floor, judge, with_reuse
from pipeline.cycle.lesson import Lesson
from pipeline.cycle.new_version import register
from pipeline.cycle.notes import verdict_tags
from pipeline.cycle.outcome import promote_or_refuse
from pipeline.cycle.promotion import Champions
from pipeline.cycle.stages import Indexed, Promoted, SuspectsFound
from pipeline.gate import explain_suspects, row_warning, times_judged
from pipeline.registry import Version, VersionFolder
from pipeline.results import (
    TRAINED,
    CycleResult,
    IndexPlan,
    RegressionCounts,
    RegressionsResult,
    Serving,
    Verdict,
    Window,
    past_cycles,
)
from pipeline.workspace import OpenWorkspace
from training.faults import NoEmbedding

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Candidacy:
    """What becomes of one model: measured and registered, judged, and promoted or refused.

    Attributes
    ----------
    opened
        The open workspace.
    journal
        What is done already.
    champion
        The version that it is compared with.
    lesson
        What it is measured on, and what it learned from.
    learned_from
        The window whose pairs it learned from; None where this cycle taught it nothing.
    """

    opened: OpenWorkspace
    journal: Journal
    champion: Version
    lesson: Lesson
    learned_from: Window | None

    def register(
        self,
        run: str,
        make: Callable[[], VersionFolder],
        *,
        fired: Sequence[str] = (),
        more: Mapping[str, str] | None = None,
    ) -> Version:
        """Register the candidate with all that would be true if it were promoted.

        Parameters
        ----------
        run
            The run in MLflow that made its model.
        make
            Measures it and makes its folder.
        fired
            Names of the triggers that called for it.
        more
            Further tags.
        """
        registry = self.opened.registry

        def made() -> Serving:
            version = register(
                registry,
                self.journal,
                run,
                make(),
                parent=self.champion,
                fired=fired,
                more=more,
            )
            registry.set_candidate(version)
            return Serving(version=version.number)

        return registry.version(self.journal.once("evaluate", made, Serving).version)

    def settle(self, candidate: Version, seen: CycleResult) -> CycleResult:
        """Judge a registered candidate, promote or refuse it, and return how the cycle ends."""
        journal, opened = self.journal, self.opened
        old, new = opened.versions.folder(self.champion), opened.versions.folder(candidate)
        verdict = journal.once("verdict", lambda: self._verdict(candidate), Verdict)
        if not verdict.promote and self.learned_from is not None:
            window = self.learned_from
            found = journal.once(
                "suspects", lambda: self._suspects(old, new, window), SuspectsFound
            )
            verdict = verdict.changed(
                suspects=found.suspects, reasons=(*verdict.reasons, *found.reasons)
            )
        measured_on = self.lesson.measured_on
        worse = journal.once(
            "regressions",
            lambda: RegressionsResult.of(opened.scores.regressions(old, new, measured_on)),
            RegressionsResult,
        )
        plan = self._plan(candidate, verdict)
        indexed = Indexed()
        if verdict.promote:
            indexed = Indexing(opened).stage_of_candidate(journal, candidate)
        promoted = journal.once(
            "promote", lambda: self._promote(candidate, verdict, indexed.fault), Promoted
        )
        return seen.changed(
            outcome=promoted.outcome,
            champion=Serving(version=promoted.champion),
            verdict=verdict.changed(reasons=(*verdict.reasons, *promoted.reasons)),
            # The texts stay in the report: results are read again at every check.
            regressions=RegressionCounts(changes=worse.changes),
            plan=plan.without_texts() if plan else None,
            awaiting_approval=promoted.waits == "awaiting_approval",
            awaiting_index=promoted.waits == "awaiting_index",
            awaiting_canary=promoted.waits == "awaiting_canary",
        )

    def _plan(self, candidate: Version, verdict: Verdict) -> IndexPlan | None:
        """Plan what a promotion does to the index; None where nothing is promoted or indexed."""
        opened = self.opened
        if not verdict.promote or not opened.store.count_documents():
            return None
        try:
            return self.journal.once(
                "plan",
                lambda: plan_promotion(opened, self.champion, candidate, self.lesson.labelled),
                IndexPlan,
            )
        except NoEmbedding as fault:
            # Without an index to build, one odd document is no reason to refuse a version.
            logger.warning("there is no plan for the index: %s", fault)
            return None

    def rehearse(self, new: VersionFolder, seen: CycleResult) -> CycleResult:
        """Return how the cycle of a candidate would end; nothing is registered or promoted."""
        old, sets = self.opened.versions.folder(self.champion), self.lesson.measured_on
        verdict = self._judged(new)
        return seen.changed(
            outcome=verdict.outcome,
            verdict=verdict,
            regressions=RegressionCounts(
                changes=self.opened.scores.regressions(old, new, sets).changes
            ),
        )

    def _verdict(self, candidate: Version) -> Verdict:
        """Let the gate judge, and tag the candidate with what it says."""
        verdict = self._judged(self.opened.versions.folder(candidate))
        self.opened.registry.tag(candidate, verdict_tags(verdict))
        return verdict

    def _judged(self, new: VersionFolder) -> Verdict:
        """Return what the gate says of a candidate's folder."""
        opened, tables = self.opened, self.opened.settings.tables
        origin, lack = floor(opened.versions, self.champion)
        verdict = judge(
            tables.gate,
            opened.scores,
            opened.versions.folder(self.champion),
            new,
            origin,
            self.lesson,
            opened.anchor_sets.margins,
            tables.leakage,
        )
        past = past_cycles(opened.store, outcomes=TRAINED)
        row = row_warning([verdict, *(each.result.verdict for each in past)], tables.gate)
        verdict = verdict.changed(reasons=(*verdict.reasons, *lack, *row))
        return with_reuse(verdict, self.lesson, times_judged(past), tables.gate)

    def _suspects(self, old: VersionFolder, new: VersionFolder, window: Window) -> SuspectsFound:
        opened, tables = self.opened, self.opened.settings.tables
        ranked = find_suspects(
            tables.suspects, tables.gate, opened.scores, opened.store, old, new, self.lesson, window
        )
        reasons = explain_suspects(ranked, self.journal.cycle)
        return SuspectsFound(suspects=tuple(ranked), reasons=tuple(reasons))

    def _promote(self, candidate: Version, verdict: Verdict, no_index: str) -> Promoted:
        tables = self.opened.settings.tables
        promoted = promote_or_refuse(
            Champions.of(self.opened),
            self.journal,
            self.champion,
            candidate,
            verdict,
            approval=tables.gate.approval,
            no_index=no_index,
            canary=tables.canary,
        )
        if promoted.waits == "awaiting_index":
            self.opened.registry.tag(candidate, {AWAITS_INDEX: no_index})
        elif promoted.outcome != "promoted" and not promoted.waits:
            self.opened.registry.drop_candidate(candidate)
        return promoted
