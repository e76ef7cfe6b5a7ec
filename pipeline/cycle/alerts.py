"""What a finished cycle tells people who are needed: each state once, until it changes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from drift_triggers.statistics.missing import TOLD
from pipeline.gate import Gate, overuse_warning
from pipeline.results import TRAINED, CycleResult, Measures, PastCycle, past_cycles
from pipeline.store import Store

_MOST_REASONS = 10
_LONGEST_REASON = 500
"""What fits into a message that people read; chosen, not measured."""

_WAITS = {
    "awaiting_approval": "for a person: anchorhold promote {} --reason …",
    "awaiting_index": "until its index can be built",
    "awaiting_canary": "while a share of the traffic tries it",
}
"""Why a candidate that passed does not serve yet."""

Found = dict[str, dict[str, dict[str, Any]]]


def finish_and_tell(store: Store, gate: Gate, result: CycleResult, now: datetime) -> None:
    """Close a cycle, and leave its alerts in the same transaction."""
    found = alerts_of(result, past_cycles(store, limit=1, outcomes=TRAINED), gate)
    with store.together():
        store.finish_cycle(result.cycle, result.outcome, result.to_json())
        store.settle_alerts(found, now)


def alerts_of(result: CycleResult, earlier: Sequence[PastCycle], gate: Gate) -> Found:
    """Return kind -> subject -> body of what is true after a cycle.

    A kind with nothing in it is over. A kind that is missing stays as it was: a quiet cycle says
    nothing about the last candidate.

    Parameters
    ----------
    result
        The cycle.
    earlier
        The finished cycles before it, newest first.
    gate
        Its budget of uses of an anchor set.
    """
    champion = str(result.champion.version)
    found: Found = {"blocked": {}, "insufficient_data": {}}
    if result.outcome == "blocked":
        guards = ", ".join(sorted(result.decision.blocked_by))
        summary = f"training is blocked by {guards} until somebody has looked at the data"
        found["blocked"] = {guards: _body(result, summary)}
    if result.outcome == "insufficient_data":
        summary = "training is called for, but there is nothing, or too little, to learn from"
        found["insufficient_data"] = {champion: _body(result, summary)}
    found |= _after_canary(result)
    if result.decision.signals:
        found |= _after_check(result)
    if result.outcome not in TRAINED:
        return found
    found |= {kind: {} for kind in ("rejected", "inconclusive", *_WAITS)}
    candidate = f"version {result.candidate.version}" if result.candidate else "the candidate"
    if result.waits and result.candidate:
        number = result.candidate.version
        summary = f"{candidate} passed the gate and waits {_WAITS[result.waits].format(number)}"
        found[result.waits] = {str(number): _body(result, summary)}
    elif result.outcome == "rejected":
        summary = f"{candidate} was rejected; version {champion} still serves"
        found["rejected"] = {f"{champion}: {_broken(result)}": _body(result, summary)}
    elif _inconclusive(result) and _inconclusive_before(result, earlier):
        summary = f"{candidate} is inconclusive, as the one before it was"
        found["inconclusive"] = {champion: _body(result, summary)}
    if result.verdict:
        found["overused_anchors"] = {
            each.anchor: _body(result, overuse_warning(each.anchor, each.judged, gate))
            for each in result.verdict.reuse
            if each.judged > gate.reuse_budget
        }
    return found


def _after_check(result: CycleResult) -> Found:
    """Return what a check found that starts no training: drift, and data that came otherwise."""
    decision = result.decision
    found: Found = {"drift": {}, "changed_data": {}}
    # What blocks, and what a training follows, have alerts of their own.
    if result.outcome == "quiet" and decision.fired:
        fired = ", ".join(sorted(decision.fired))
        cause = decision.cause.cause if decision.cause else "unknown"
        summary = f"drift without a training: {fired} (cause {cause}, source {decision.source})"
        found["drift"] = {fired: _body(result, summary)}
    changed = _changed_data(decision.measures)
    if changed:
        summary = f"the data came otherwise than before: {'; '.join(changed.values())}"
        found["changed_data"] = {", ".join(changed): _body(result, summary)}
    return found


def _changed_data(measures: Measures | None) -> dict[str, str]:
    """Return what changed about the records, by a name that stays, each in a sentence."""
    found: dict[str, str] = {}
    for made in measures.preprocessing if measures else ():
        if made.changed_share:
            share = f"{100 * made.changed_share:.0f} %"
            told = f"{share} of the recent {made.records} were made in another way"
            found[f"preprocessing of {made.records}"] = told
    for each in measures.fields if measures else ():
        if each.change in ("gone", "more missing"):
            told = f"{each.field!r} of {each.records} {TOLD[each.change]}"
            found[f"{each.records}.{each.field}"] = told
    return found


def _after_canary(result: CycleResult) -> Found:
    """Return what is true once a canary has ended."""
    canary = result.canary
    if canary is None or canary.state == "running":
        return {}
    number = canary.candidate
    found: Found = {"awaiting_canary": {}}
    if canary.state == "passed":
        waits = _WAITS["awaiting_approval"].format(number)
        summary = f"version {number} passed its canary and waits {waits}"
        found["awaiting_approval"] = {str(number): _body(result, summary)}
    elif canary.state == "stopped":
        summary = f"version {number} was stopped as canary: {canary.reason}"
        found["rejected"] = {f"canary {number}": _body(result, summary)}
    return found


def _broken(result: CycleResult) -> str:
    """Name the tasks that a candidate failed; other ones make it news again."""
    compared = result.verdict.comparisons if result.verdict else ()
    return ", ".join(sorted({each.task for each in compared if each.fails}))


def _inconclusive(result: CycleResult) -> bool:
    """Say whether nobody can tell, rather than that something is still awaited."""
    return result.outcome == "inconclusive" and not result.waits


def _inconclusive_before(result: CycleResult, earlier: Sequence[PastCycle]) -> bool:
    """Say whether the training before this one was inconclusive too, against the same champion."""
    for each in earlier:
        if each.result.outcome in TRAINED:
            return _inconclusive(each.result) and each.result.champion == result.champion
    return False


def _body(result: CycleResult, summary: str) -> dict[str, Any]:
    reasons = result.verdict.reasons if result.verdict else result.decision.reasons
    return {
        "summary": summary,
        "cycle": result.cycle,
        "champion": result.champion.version,
        "candidate": result.candidate.version if result.candidate else None,
        "source": result.source,
        "reasons": [each[:_LONGEST_REASON] for each in reasons[:_MOST_REASONS]],
    }
