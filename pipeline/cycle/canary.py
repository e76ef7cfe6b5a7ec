"""The canary of a candidate that passed the gate: begun, looked at, and ended with its reason."""

from dataclasses import asdict
from datetime import datetime, timedelta

from pipeline.cycle.canary_keys import look
from pipeline.cycle.promotion import CANARY, Champions, answer
from pipeline.cycle.record import record_decision
from pipeline.gate import Canary, Finding
from pipeline.registry import CANDIDATE, UnknownVersion, Version
from pipeline.results import CanaryResult, CanaryState, DecisionResult
from pipeline.store import CanaryRow, Store
from training.faults import DataFault


def begin_canary(
    champions: Champions,
    canary: Canary,
    champion: Version,
    candidate: Version,
    cycle: str,
    now: datetime,
) -> str:
    """Begin the canary of a candidate, and say so in a sentence; repeating it changes nothing."""
    row = champions.store.begin_canary(
        candidate.number, champion.number, cycle, asdict(canary), now
    )
    champions.registry.tag(candidate, {CANARY: "running"})
    return on_trial(row)


def on_trial(row: CanaryRow) -> str:
    """Say that a version is on trial, and until when."""
    canary = Canary(**row.settings)
    what = "is compared unseen for" if canary.shadow else "answers"
    return (
        f"version {row.candidate} is on trial as canary since "
        f"{row.began.isoformat(timespec='minutes')}: it {what} {canary.share:.0%} of the users for "
        f"at most {canary.maximum_hours:g} hours"
    )


def without_a_second(store: Store, decision: DecisionResult) -> DecisionResult:
    """Return a decision that trains nothing while a canary runs: one candidate at a time."""
    row = store.running_canary()
    if row is None or not decision.train:
        return decision
    reason = f"{on_trial(row)}; no other candidate is trained before it ends"
    return decision.changed(train=False, reasons=(reason, *decision.reasons))


def refuse_second(store: Store) -> None:
    """Raise DataFault while a canary runs: no candidate is given before it ends."""
    row = store.running_canary()
    if row is not None:
        raise DataFault(
            f"{on_trial(row)}; give another candidate when `anchorhold run` has ended it"
        )


def canary_now(champions: Champions, now: datetime) -> CanaryResult | None:
    """Return what the canary that runs shows now; None where none runs. Nothing is changed."""
    row = champions.store.running_canary()
    if row is None:
        return None
    finding, result = _found(champions.store, row, now, keep=False)
    follows = {
        "harm": "the next `anchorhold run` ends it and the champion stays",
        "too few": "the next `anchorhold run` ends it and the champion stays",
        "no worse": "the next `anchorhold run` promotes it",
        "in time": "the next `anchorhold run` ends it",
        "running": "it goes on",
    }
    return result.changed(reason=f"{finding.reason}: {follows[finding.decision]}")


def harm_now(store: Store, row: CanaryRow, now: datetime) -> str:
    """Count what arrived since the last look and return what harm it shows; "" for none.

    This is the look of a running service: it keeps what it counts, and ends nothing.
    """
    canary = Canary(**row.settings)
    evidence, _ = look(store, row, canary, now.timestamp(), keep=True)
    metric = canary.harms(evidence)
    if not metric:
        return ""
    metrics = canary.judge(evidence, 0.0).metrics
    return next(each.reason for each in metrics if each.name == metric)


def settle_canary(
    champions: Champions, approval: bool, share: float, now: datetime
) -> CanaryResult | None:
    """Look at the canary and do what follows; return what it showed, None where none runs.

    An unfinished cycle is finished first, because it compares with the champion it began with.

    Parameters
    ----------
    champions
        Moves the champion.
    approval
        Whether a candidate that passes waits for a person after its canary.
    share
        The share that the settings name today; 0 ends the canary.
    now
        The present.

    Raises
    ------
    ChampionMoved
        Somebody moved the champion in the meantime.
    """
    store = champions.store
    row = store.running_canary()
    if row is None or store.unfinished_cycle() is not None:
        return None
    finding, result = _found(store, row, now, keep=True)
    try:
        version = champions.registry.version(row.candidate)
    except UnknownVersion:
        return _ended(champions, row, None, result, ("ended", "it was deleted in MLflow"), now)
    over = _overtaken(champions, row, version, share)
    if over is not None:
        return _ended(champions, row, version, result, over, now)
    if row.harm or finding.decision == "harm":
        # What a service acted on is what its users saw.
        return _ended(champions, row, version, result, ("stopped", row.harm or finding.reason), now)
    if finding.decision == "running":
        return result
    keeps = Canary(**row.settings).on_timeout == "keep" and finding.decision == "in time"
    if finding.decision == "too few" or keeps:
        told = f"inconclusive: {finding.reason}; `anchorhold promote {row.candidate}` lets it serve"
        return _ended(champions, row, version, result, ("kept", told), now)
    if approval:
        told = f"{finding.reason}; `anchorhold promote {row.candidate}` or its approval in MLflow"
        return _ended(champions, row, version, result, ("passed", told), now)
    champions.install(
        version,
        expected=row.champion,
        action="promote",
        reason=f"canary: {finding.reason}",
        now=now,
    )
    return _ended(champions, row, version, result, ("promoted", finding.reason), now)


def _found(
    store: Store, row: CanaryRow, now: datetime, *, keep: bool
) -> tuple[Finding, CanaryResult]:
    """Look at a canary."""
    canary = Canary(**row.settings)
    evidence, keys = look(store, row, canary, now.timestamp(), keep=keep)
    hours = max(0.0, (now - row.began) / timedelta(hours=1))
    finding = canary.judge(evidence, hours)
    overlaps = [each.overlap for each in keys if each.overlap is not None]
    seen = evidence.failure or evidence.empty or evidence.slow
    return finding, CanaryResult(
        candidate=row.candidate,
        champion=row.champion,
        state="running",
        share=canary.share,
        shadow=canary.shadow,
        began=row.began,
        hours=round(hours, 3),
        candidate_keys=int(seen.candidate.sum()) if seen else 0,
        metrics=finding.metrics,
        overlap=sum(overlaps) / len(overlaps) if overlaps else None,
        reason=finding.reason,
    )


def _overtaken(
    champions: Champions, row: CanaryRow, version: Version, share: float
) -> tuple[CanaryState, str] | None:
    """Say why a canary is over, whatever it shows; None where it is not."""
    serving = champions.registry.serving()
    if serving is not None and serving.number == row.candidate:
        return "promoted", "it serves already"
    if serving is None or serving.number != row.champion:
        now = f"version {serving.number}" if serving else "none"
        return "ended", f"it was compared with version {row.champion}; the champion is now {now}"
    if answer(version) == "rejected":
        return "ended", "it was rejected in MLflow"
    mark = champions.barred(version)
    if mark:
        return "ended", mark
    if not share:
        return "ended", "canary.share is 0 now"
    return None


def _ended(
    champions: Champions,
    row: CanaryRow,
    version: Version | None,
    result: CanaryResult,
    became: tuple[CanaryState, str],
    now: datetime,
) -> CanaryResult:
    """Record what became of a canary in the store and in MLflow."""
    state, reason = became
    result = result.changed(state=state, reason=reason)
    if version is not None:
        _record(champions, version, result, now)
    champions.store.end_canary(row.number, state, now, result.to_json())
    return result


def _record(champions: Champions, version: Version, result: CanaryResult, now: datetime) -> None:
    registry = champions.registry
    registry.tag(version, {CANARY: f"{result.state}: {result.reason}"})
    metrics = {
        f"canary/{each.name}_{name}": float(getattr(each, name))
        for each in result.metrics
        for name in ("champion", "candidate", "difference", "low", "high")
    }
    if metrics:
        registry.log_metrics(version.run_id, metrics, step=0, at=now)
    if result.state in ("stopped", "kept", "ended") and CANDIDATE in version.aliases:
        registry.drop_candidate(version)
    if result.state != "promoted":
        outcome = {"stopped": "refused", "passed": "waiting"}.get(result.state, "not promoted")
        decision = f"canary {result.state}: {result.reason}"
        record_decision(registry, version, outcome, decision, now)
