"""What commands would change, and what that would cost: the work of `--dry-run`."""

from collections.abc import Collection
from datetime import datetime

from pipeline.cycle import Champions, Indexing, check_now
from pipeline.operations.doctor_versions import disk_needed, index_size
from pipeline.registry import Version, copy_of, size_of_files
from pipeline.results import (
    TRAINED,
    Foreseen,
    IntakeResult,
    MoveResult,
    Outcome,
    RunEstimate,
    Serving,
    each_past_cycle,
    size,
)
from pipeline.store import Action, Store
from pipeline.workspace import OpenWorkspace, Settings

_UNTRAINED: tuple[Outcome, ...] = ("quiet", "blocked", "insufficient_data")
_COPIES = 2
"""Of a version: MLflow's, and the checked local one. That of the cycle is made of links."""


def foresee_run(opened: OpenWorkspace, now: datetime) -> RunEstimate:
    """Say what a cycle would take in, whether it would train, and for how long.

    Nothing is stored; only the cache of vectors and scores may grow, as in a check.
    """
    unfinished = opened.store.unfinished_cycle()
    with opened.store.rehearsal():
        intake = opened.take_in(now)
    if unfinished:
        resumed = f"cycle {unfinished.id} would be resumed, with the data that it began with"
        seconds, basis = _time(opened.store, TRAINED)
        foreseen = Foreseen(changes=(resumed,), seconds=seconds, basis=basis)
        return RunEstimate(resumes=unfinished.id, intake=intake, foreseen=foreseen)
    champion = opened.versions.champion_if_any()
    if champion is None:
        return RunEstimate(bootstraps=True, intake=intake, foreseen=_first(opened.settings, intake))
    decision = check_now(opened, traffic=None, pairs=None, now=now)
    changes = [_stored(intake)]
    if not decision.train or decision.shortage:
        why = decision.shortage or decision.reasons[0]
        changes.append(f"a cycle without a training would be recorded: {why}")
        seconds, basis = _time(opened.store, _UNTRAINED)
        foreseen = Foreseen(changes=tuple(changes), seconds=seconds, basis=basis)
        return RunEstimate(intake=intake, decision=decision, foreseen=foreseen)
    folder = opened.versions.folder(champion)
    changes.append(
        f"a candidate would be trained from version {champion.number}, and promoted if it passes"
    )
    peak, _ = disk_needed(folder, index_size(opened.settings))
    changes.append(f"about {size(peak)} of disk would be taken at once")
    seconds, basis = _time(opened.store, TRAINED)
    kept = _COPIES * size_of_files(opened.registry, champion.run_id, "version")
    return RunEstimate(
        intake=intake,
        decision=decision,
        foreseen=Foreseen(
            changes=tuple(changes),
            seconds=seconds,
            bytes=kept + index_size(opened.settings),
            basis=" and ".join(each for each in (basis, "the size of the champion") if each),
        ),
    )


def foresee_first_run(settings: Settings, now: datetime) -> RunEstimate:
    """Say what the first run of a workspace that was never used would take in."""
    tables = settings.tables
    with Store.open("sqlite://") as store:
        intake = tables.intake.read_all(
            store, tables.data.places, settings.root, now, redaction=settings.redaction
        )
    return RunEstimate(bootstraps=True, intake=intake, foreseen=_first(settings, intake))


def foresee_move(
    opened: OpenWorkspace, version: Version, champion: Version | None, action: Action, reason: str
) -> MoveResult:
    """Say what a move of the champion would change."""
    indexing, number = Indexing(opened), version.number
    before = f"instead of version {champion.number}" if champion else "as the first champion"
    changes = [f"version {number} would serve {before}"]
    if action == "rollback" and champion:
        changes.append(f"version {champion.number} would serve again only by `promote --force`")
    fetched, seconds, basis = 0, 0.0, ""
    if not copy_of(opened.registry, number).is_dir():
        fetched = size_of_files(opened.registry, version.run_id, "version")
        changes.append(f"its files would be fetched ({size(fetched)})")
    elif indexing.builds and opened.store.count_documents() and not indexing.is_current(version):
        cost = indexing.estimate(version)
        fetched, seconds, basis = cost.bytes, cost.seconds, "some documents that were encoded now"
        changes.append(f"{cost.missing} documents would be added to its index")
    return MoveResult(
        champion=Serving(version=number),
        previous=Serving(version=champion.number) if champion else None,
        action=action,
        reason=reason,
        foreseen=Foreseen(changes=tuple(changes), seconds=seconds, bytes=fetched, basis=basis),
    )


def foresee_promotion(
    opened: OpenWorkspace, reference: int | str, *, reason: str, force: bool
) -> MoveResult:
    """Say what a promotion by hand would change; its faults are those of the promotion."""
    version, champion = Champions.of(opened).promotable(reference, force=force)
    action: Action = "force" if force else "promote"
    return foresee_move(opened, version, champion, action, reason)


def foresee_rollback(
    opened: OpenWorkspace, reference: int | str | None, *, reason: str
) -> MoveResult:
    """Say what a rollback would change; its faults are those of the rollback."""
    version, champion = Champions.of(opened).version_to_return_to(reference)
    return foresee_move(opened, version, champion, "rollback", reason)


def _first(settings: Settings, intake: IntakeResult) -> Foreseen:
    base = settings.tables.model.base
    first = f"the base model {base!r} would be registered as version 1, and serve"
    return Foreseen(changes=(_stored(intake), first))


def _stored(intake: IntakeResult) -> str:
    counts = (intake.history, intake.reference, intake.pairs, intake.traffic, intake.corpus)
    stored = sum(each.stored for each in (*counts, intake.log))
    refused = sum(each.quarantined for each in (*counts, intake.log))
    return f"{stored} new records would be stored, and {refused} go into quarantine"


def _time(store: Store, outcomes: Collection[Outcome]) -> tuple[float | None, str]:
    """Return how long the last cycle of such an outcome took, and which it was."""
    last = next(each_past_cycle(store, outcomes), None)
    if last is None:
        return None, ""
    return last.result.seconds.get("total"), f"cycle {last.id}"
