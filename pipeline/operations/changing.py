"""The verbs by which a person changes what serves and what is learned, each with a dry run."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from pipeline.cycle import Champions, Indexing
from pipeline.operations.accept import accept_texts
from pipeline.operations.circumstances import Folder, person
from pipeline.operations.discard import Records, discard_records
from pipeline.operations.erase import Meant, erase_records
from pipeline.operations.export import export_version
from pipeline.operations.foresee import (
    foresee_first_run,
    foresee_promotion,
    foresee_rollback,
    foresee_run,
)
from pipeline.operations.opening import Opening
from pipeline.registry import identity_at
from pipeline.reports.counted import counted
from pipeline.results import (
    AcceptResult,
    DiscardResult,
    EraseResult,
    ExportResult,
    Foreseen,
    MoveResult,
    RunEstimate,
)
from pipeline.workspace import OpenWorkspace


class Changing(Opening):
    """A workspace that a person changes; `Workspace` adds the other verbs."""

    def run_estimate(self) -> RunEstimate:
        """Say what `run` would do now, and what it would cost; nothing is stored."""
        if not identity_at(self._settings.state):
            return foresee_first_run(self._settings, self._clock())
        with self._opened("run") as opened:
            return foresee_run(opened, self._clock())

    def promote(
        self,
        version: int | str,
        *,
        reason: str,
        force: bool = False,
        who: str | None = None,
        dry_run: bool = False,
    ) -> MoveResult:
        """Make a version the champion by hand.

        Parameters
        ----------
        version
            Number or alias.
        reason
            Why; the promotion history keeps it.
        force
            Also if it did not pass the gate, or was rolled back.
        who
            Who decides, for the history; by default, the user of this process.
        dry_run
            Only tell what would change, and what it would cost.
        """
        with self._opened("promote", writes=not dry_run) as opened:
            who = who or person()
            if dry_run:
                foreseen = foresee_promotion(opened, version, reason=reason, force=force)
                return foreseen.changed(who=who)
            now = self._clock()
            champions = Champions.of(opened)
            move = champions.promote(version, reason=reason, force=force, now=now, who=who)
            return Indexing(opened).after_move(move, now)

    def rollback(
        self,
        version: int | str | None = None,
        *,
        reason: str = "rolled back by hand",
        who: str | None = None,
        dry_run: bool = False,
    ) -> MoveResult:
        """Return to the champion before, or to a version that served before.

        Parameters
        ----------
        version
            Number or alias; by default, the champion before.
        reason, who
            Why and who decides, for the promotion history; by default, the user of this process.
        dry_run
            Only tell what would change, and what it would cost.
        """
        with self._opened("rollback", writes=not dry_run) as opened:
            who = who or person()
            if dry_run:
                return foresee_rollback(opened, version, reason=reason).changed(who=who)
            now = self._clock()
            move = Champions.of(opened).roll_back(version, reason=reason, now=now, who=who)
            return Indexing(opened).after_move(move, now)

    def discard(
        self,
        *,
        cycle: str | None = None,
        source: str | None = None,
        file: str | None = None,
        pair: str | None = None,
        reason: str,
        undo: bool = False,
        who: str | None = None,
        dry_run: bool = False,
    ) -> DiscardResult:
        """Exclude records from learning and drift checks, or include them again.

        Nothing is deleted. Exactly one of `cycle`, `source`, `file` and `pair` names the records.

        Parameters
        ----------
        cycle
            The pairs that this cycle was the first to see, such as "0003".
        source, file
            All stored records of a source or a file.
        pair
            The pair with this identifier.
        reason
            Why; the log keeps it.
        undo
            Include again what was excluded by the same name.
        who
            Who did it, for the log; by default, the user of this process.
        dry_run
            Only tell what would be excluded, or included again.
        """
        records = Records(cycle=cycle, source=source, file=file, pair=pair)
        who, now = who or person(), self._clock()
        with (
            self._opened("discard", writes=not dry_run) as opened,
            _kept(opened, dry_run=dry_run),
        ):
            done = discard_records(
                opened.store, opened.versions, records, undo=undo, reason=reason, who=who, now=now
            )
        would = "excluded" if done.action == "discard" else "included again"
        told = f"{counted(done)} of the {done.kind} {done.name!r} would be {would}"
        return done.changed(foreseen=_entry(told)) if dry_run else done

    def erase(
        self,
        *,
        id: str | None = None,
        source: str | None = None,
        text_like: str | None = None,
        reason: str,
        who: str | None = None,
        dry_run: bool = False,
    ) -> EraseResult:
        """Remove records for good from everything that is kept; it cannot be undone.

        Exactly one of `id`, `source` and `text_like` names the records. Files of the user's own
        are not changed: the result names their lines.

        Parameters
        ----------
        id
            The pair, text, document or line of a log with this id.
        source
            All records of a source.
        text_like
            All records with a text that contains this; case, punctuation and spaces do not count.
        reason
            Why; the log keeps it, so it must not repeat what is erased.
        who
            Who did it, for the log; by default, the user of this process.
        dry_run
            Only tell what would go.
        """
        meant = Meant(id=id, source=source, text=text_like)
        who, now = who or person(), self._clock()
        with self._opened("erase", writes=not dry_run) as opened:
            return erase_records(opened, meant, reason=reason, who=who, now=now, dry_run=dry_run)

    def accept(
        self,
        *,
        reason: str = "accepted by hand",
        undo: bool = False,
        who: str | None = None,
        dry_run: bool = False,
    ) -> AcceptResult:
        """Take the texts that the last cycle checked into the reference, or take that back.

        Parameters
        ----------
        reason, who
            Why and who, for the log; by default, the user of this process.
        undo
            Take the last acceptance back.
        dry_run
            Only tell what would count as known.
        """
        who, now = who or person(), self._clock()
        with (
            self._opened("accept", writes=not dry_run) as opened,
            _kept(opened, dry_run=dry_run),
        ):
            done = accept_texts(opened, undo=undo, reason=reason, who=who, now=now)
        would = "count as known" if done.action == "accept" else "no longer count as known"
        told = f"{done.texts} texts of cycle {done.cycle} would {would}"
        return done.changed(foreseen=_entry(told)) if dry_run else done

    def export(
        self, version: int | str, directory: Folder, *, dry_run: bool = False
    ) -> ExportResult:
        """Write the plain sentence-transformers folder of a version.

        Parameters
        ----------
        version
            Number or alias.
        directory
            Folder to make.
        dry_run
            Only tell how large it would be.
        """
        with self._opened("export") as opened:
            return export_version(opened.versions, str(version), Path(directory), dry_run=dry_run)


def _entry(told: str) -> Foreseen:
    """Return a change of the log, which names records and copies none."""
    return Foreseen(changes=(told, "an entry would be added to the log"), seconds=0.0)


def _kept(opened: OpenWorkspace, *, dry_run: bool) -> AbstractContextManager[None]:
    """Let the store forget what the block writes, in a dry run."""
    return opened.store.rehearsal() if dry_run else nullcontext()
