"""Moving the champion: by the gate, by hand, and back again; each move is in the history."""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from pipeline.cycle.history import keep_history_head
from pipeline.cycle.indexing import Indexing
from pipeline.cycle.move import Move
from pipeline.cycle.record import record_decision
from pipeline.cycle.recorded_verdict import verdict_on
from pipeline.registry import Registry, Version
from pipeline.results import MoveResult
from pipeline.store import Action, Promotion, Store
from pipeline.workspace import NAMED, OpenWorkspace, Versions
from training.faults import DataFault

ROLLED_BACK = "anchorhold.rolled_back"
"""Tag that shows in MLflow why a version was left; the promotion history is what counts."""

_DONE = {
    "bootstrap": "registered",
    "adopt": "taken over",
    "promote": "promoted",
    "force": "promoted against the gate",
    "rollback": "returned to",
}
"""What the description of a version says of an action."""

CANARY = "anchorhold.canary"
"""Tag that shows in MLflow what became of a version's canary; the store is what counts."""

APPROVAL = "anchorhold.approval"
"""Tag by which a person approves or rejects, in MLflow, a version that waits."""


def answer(version: Version) -> str:
    """Return what the tag of approval says: "approved", "rejected", "" or something else."""
    return version.tags.get(APPROVAL, "").strip().lower()


def rolled_back(moves: Sequence[Promotion]) -> dict[int, str]:
    """Return version -> reason for the versions that were rolled back and not forced since.

    The promotion history is the mark: it cannot be lost, and an edit of it is detected.
    """
    marked: dict[int, str] = {}
    for move in moves:
        if move.action == "rollback" and move.previous is not None:
            marked[move.previous] = move.reason
        if move.action == "force":
            marked.pop(move.version, None)
    return marked


@dataclass(frozen=True)
class Champions:
    """Moves the champion of a workspace.

    Attributes
    ----------
    registry, store
        Where the alias and the history are.
    before_move
        What must be done before a version serves by a move that is no cycle's.
    after_move
        What is done with the version that serves now.
    told_by_cycle
        Whether a move by hand stays written down until the cycle that tells of it has begun.
    """

    registry: Registry
    store: Store
    before_move: Callable[[Version, Action, datetime], None]
    after_move: Callable[[Version], None]
    told_by_cycle: bool = False

    @classmethod
    def of(cls, opened: OpenWorkspace) -> Self:
        """Return what moves the champion of an open workspace."""
        indexing = Indexing(opened)
        return cls(opened.registry, opened.store, indexing.before_move, indexing.show)

    def install(
        self,
        version: Version,
        *,
        expected: int | None,
        action: Action,
        reason: str,
        now: datetime,
        cycle: str | None = None,
        who: str = "",
    ) -> MoveResult:
        """Make a version the champion, if the champion is still the expected one, and record it.

        Repeating a move that a killed process had begun ends in the same state, recorded once; a
        move by hand that nobody repeats is finished by `finish_interrupted_move`.

        Raises
        ------
        ChampionMoved
            Somebody else moved the champion in the meantime.
        HistoryBroken
            The promotion history was changed; nothing is moved.
        """
        keep_history_head(self.store, self.registry)
        known = {each.number for each in self.registry.versions()}
        move = Move(
            version=version.number,
            previous=expected if expected in known else None,
            action=action,
            reason=reason,
            at=now,
            who=who,
            moves=len(self.store.promotions()),
            cycle=cycle,
        )
        # The copy is fetched and its hashes are checked before anybody is sent to it.
        self.registry.fetch(version)
        if cycle is None:
            self.before_move(version, action, now)
            self.store.intend_move(move.to_json())
        self.store.confirm_hold()
        self.registry.promote(version, expected=expected)
        return self._complete(move, version)

    def finish_interrupted_move(self) -> MoveResult | None:
        """Finish a move by hand that was interrupted after the champion moved; return it.

        Everything that belongs to a move is done by then: the history, and the marks of the
        versions in MLflow. A move that was not made is forgotten.
        """
        meant = self.store.intended_move()
        if meant is None:
            return None
        move, champion = Move.of_store(meant), self.registry.serving()
        if champion is not None and champion.number == move.version:
            # The alias of the champion is moved first, that of the candidate is taken off after.
            self.registry.promote(champion, expected=champion.number)
            return self._complete(move, champion)
        self.forget_move()
        return None

    def forget_move(self) -> None:
        """Forget the move by hand that was written down: it is done and told, or was not made."""
        self.store.intend_move(None)

    def _complete(self, move: Move, version: Version) -> MoveResult:
        """Do what follows once the champion has moved; each step may be repeated."""
        self.after_move(version)
        if not move.is_in(self.store.promotions()):
            self.store.append_promotion(**move.entry())
        keep_history_head(self.store, self.registry)
        self._end_canary(version, move.at)
        if move.cycle is None:
            decision = f"{_DONE[move.action]}: {move.reason}"
            record_decision(self.registry, version, "approved", decision, move.at)
            self._mark(move)
            if not self.told_by_cycle:
                self.forget_move()
        return move.result()

    def _mark(self, move: Move) -> None:
        """Show in MLflow that a version was left, or serves again by force."""
        for each in self.registry.versions():
            if move.action == "rollback":
                if each.number == move.previous:
                    self.registry.tag(each, {ROLLED_BACK: move.reason})
            elif each.number == move.version and ROLLED_BACK in each.tags:
                self.registry.tag(each, {ROLLED_BACK: f"forced again: {move.reason}"})

    def barred(self, version: Version) -> str:
        """Say why a version must not be promoted again; empty when it may be.

        Descendants of a version that was rolled back share its weights and data. They are barred
        too, until a person forces one of the line.
        """
        moves = self.store.promotions()
        marked = rolled_back(moves)
        if not marked:
            return ""
        forced = {move.version for move in moves if move.action == "force"}
        versions = self._versions.with_pruned()
        parents = {str(each.number): each for each in versions}
        line: Version | None = version
        while line is not None and (line.number in marked or line.number not in forced):
            if line.number in marked:
                itself = line.number == version.number
                named = "it" if itself else f"its ancestor, version {line.number},"
                return f"{named} was rolled back ({marked[line.number]})"
            # A candidate that was given shares nothing with the version it was compared with.
            given = NAMED in line.tags
            line = None if given else parents.get(line.tags.get("anchorhold.parent", "none"))
        if version.number in forced or not (twin := _twin(versions, marked, _space(version))):
            return ""
        return f"version {twin.number}, the same model, was rolled back ({marked[twin.number]})"

    def rolled_back_twin(self, fingerprint: str) -> Version | None:
        """Return a version of an embedding space that was rolled back; None where none was."""
        marked = rolled_back(self.store.promotions())
        return _twin(self._versions.with_pruned(), marked, fingerprint) if marked else None

    def stopped(self, version: Version) -> str:
        """Say which harm ended the canary of a version; empty where none did, or it was forced."""
        forced = {move.version for move in self.store.promotions() if move.action == "force"}
        for row in self.store.canaries():
            if row.candidate == version.number and row.state == "stopped":
                return "" if version.number in forced else str(row.result.get("reason", row.harm))
        return ""

    def awaiting_approval(self) -> list[Version]:
        """Return the versions that passed against today's champion and wait for a person."""
        champion = self.registry.champion()
        served = {move.version for move in self.store.promotions()}
        return [
            each
            for each in self.registry.versions()
            if champion is not None
            and each.number not in served
            and verdict_on(self.store, each) == "promoted"
            and each.tags.get("anchorhold.parent") == str(champion.number)
            and answer(each) != "rejected"
            and not self.barred(each)
            and not self.stopped(each)
        ]

    def promotable(self, reference: int | str, *, force: bool) -> tuple[Version, Version | None]:
        """Return a version that a person may promote, and the one that serves; nothing is moved.

        Raises
        ------
        DataFault
            It is the champion already, or `force` is not given and it did not pass the gate, passed
            against another champion, or was rolled back, as may be one that it descends from.
        """
        version = self.registry.version(reference)
        # Also where a version serves that somebody else made: this is the way out.
        champion = self.registry.serving()
        if champion is not None and version.number == champion.number:
            raise DataFault(f"version {version.number} is the champion already; nothing to promote")
        why = self.objection(version, champion)
        if why and not force:
            raise DataFault(
                f"version {version.number} {why}; --force promotes it anyway, and the history "
                "keeps the reason"
            )
        return version, champion

    def promote(
        self, reference: int | str, *, reason: str, force: bool, now: datetime, who: str = ""
    ) -> MoveResult:
        """Promote a version that a person chose; it must be `promotable`."""
        finished = self.finish_interrupted_move()
        if finished is not None and finished.action != "rollback":
            version = self.registry.version(reference)
            if version.number == finished.champion.version:
                return finished
        version, champion = self.promotable(reference, force=force)
        return self.install(
            version,
            expected=champion.number if champion else None,
            action="force" if force else "promote",
            reason=reason,
            now=now,
            who=who,
        )

    def version_to_return_to(self, reference: int | str | None) -> tuple[Version, Version]:
        """Return a version that a rollback may return to, and the champion; nothing is moved.

        Raises
        ------
        DataFault
            There is no previous champion, or the version named never served or was rolled back.
        """
        champion = self._versions.champion()
        moves = self.store.promotions()
        marked = rolled_back(moves)
        if reference is None:
            reference = version_before(champion.number, moves, marked)
        version = self.registry.version(reference)
        served = {move.version for move in moves}
        if version.number == champion.number:
            raise DataFault(
                f"version {version.number} is the champion already; nothing to roll back"
            )
        if version.number not in served:
            former = ", ".join(map(str, sorted(served - {champion.number})))
            raise DataFault(
                f"version {version.number} never served; roll back to one that did ({former}), "
                "or use `anchorhold promote`"
            )
        if version.number in marked:
            raise DataFault(
                f"version {version.number} was rolled back itself ({marked[version.number]}); "
                "return to it with `anchorhold promote --force`"
            )
        return version, champion

    def roll_back(
        self, reference: int | str | None, *, reason: str, now: datetime, who: str = ""
    ) -> MoveResult:
        """Return to the previous champion, or to any earlier one that was not rolled back.

        The version that is left is marked: only a forced promotion lets it, or one that descends
        from it, serve again. The faults are those of `version_to_return_to`.
        """
        finished = self.finish_interrupted_move()
        if finished is not None and finished.action == "rollback":
            version = self.registry.version(reference or finished.champion.version)
            if version.number == finished.champion.version:
                return finished
        version, champion = self.version_to_return_to(reference)
        return self.install(
            version, expected=champion.number, action="rollback", reason=reason, now=now, who=who
        )

    def objection(self, version: Version, champion: Version | None) -> str:
        """Say why a version must not be promoted without force; empty when it may be."""
        served = {move.version for move in self.store.promotions()}
        if version.number not in served:
            verdict = verdict_on(self.store, version)
            parent = version.tags.get("anchorhold.parent", "none")
            if verdict != "promoted":
                return f"did not pass the gate (verdict: {verdict})"
            if champion is None or parent != str(champion.number):
                serving = champion.number if champion else "none"
                return f"passed against version {parent}, but the champion is now {serving}"
            if answer(version) == "rejected":
                return f"was rejected in MLflow (tag {APPROVAL})"
            harm = self.stopped(version)
            if harm:
                return f"was stopped as canary ({harm})"
        mark = self.barred(version)
        return f"must not be promoted again: {mark}" if mark else ""

    @property
    def _versions(self) -> Versions:
        return Versions(self.registry, self.store)

    def _end_canary(self, serving: Version, now: datetime) -> None:
        """End the canary that runs, if any: its candidate serves, or its champion does no more."""
        row = self.store.running_canary()
        if row is None:
            return
        promoted = row.candidate == serving.number
        state = "promoted" if promoted else "ended"
        reason = "it serves" if promoted else f"version {serving.number} serves"
        for each in self.registry.versions():
            if each.number == row.candidate:
                self.registry.tag(each, {CANARY: f"{state}: {reason}"})
                if not promoted:
                    decision = f"canary ended: {reason}"
                    record_decision(self.registry, each, "not promoted", decision, now)
        self.store.end_canary(row.number, state, now, {"reason": reason})


def _twin(versions: Iterable[Version], marked: Container[int], fingerprint: str) -> Version | None:
    """Return the first version of an embedding space that is marked."""
    twins = (each for each in versions if _space(each) == fingerprint)
    return next((each for each in twins if each.number in marked), None)


def _space(version: Version) -> str:
    return version.tags.get("anchorhold.fingerprint", "")


def version_before(champion: int, moves: Sequence[Promotion], marked: dict[int, str]) -> int:
    """Return the version that served before a champion and was not rolled back."""
    for move in reversed(moves):
        if move.version == champion and move.previous is not None and move.previous not in marked:
            return move.previous
    raise DataFault(
        f"no version that was not rolled back served before version {champion}; there is none to "
        "roll back to"
    )
