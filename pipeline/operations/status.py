"""Status: who serves, what waits, what happened last, and what is unfinished."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pipeline.cycle import Champions, rolled_back, verify_history
from pipeline.gate import anchor_powers, overuse_warning
from pipeline.registry import VersionFolder
from pipeline.results import past_cycles
from pipeline.workspace import OpenWorkspace
from training.faults import DataFault


def status_now(opened: OpenWorkspace, now: datetime) -> dict[str, Any]:
    """Return the state of a workspace; read-only."""
    champion = opened.versions.champion()
    folder = opened.versions.folder(champion)
    facts = folder.facts()
    store = opened.store
    unfinished = store.unfinished_cycle()
    waiting = {
        "pairs": store.count_pairs(role="recent", after=facts.cut),
        "traffic": store.count_traffic(role="recent", after=facts.cut),
    }
    counts = store.counts()
    return {
        "model": opened.settings.tables.model.name,
        "champion": {
            "version": champion.number,
            "cycle": facts.cycle,
            "fingerprint": facts.fingerprint,
            "age_days": round(max(0.0, now.timestamp() - facts.learned_at) / 86400, 2),
        },
        "waiting": waiting,
        "records": {
            "pairs": _split(counts.pairs, counts.discarded.pairs, waiting["pairs"]),
            "traffic": _split(counts.traffic, counts.discarded.traffic, waiting["traffic"]),
        },
        "quarantined": counts.quarantined,
        **_anchors(opened, folder),
        "awaiting_approval": [
            {"version": each.number, "cycle": each.cycle}
            for each in Champions(opened.registry, store, opened.settings.state).awaiting_approval()
        ],
        "rolled_back": [
            {"version": version, "reason": reason}
            for version, reason in rolled_back(store.promotions()).items()
        ],
        "cycles": [
            {
                "cycle": row.id,
                "outcome": row.outcome,
                "started": row.started.isoformat(timespec="seconds"),
                "champion": row.result["champion"]["version"],
            }
            for row in store.cycles(limit=11)
            if row.outcome
        ],
        "history": asdict(verify_history(store, opened.registry)),
        "unfinished": unfinished.id if unfinished else None,
        "promotions": [
            {
                "version": move.version,
                "previous": move.previous,
                "action": move.action,
                "reason": move.reason,
                "at": move.at.isoformat(timespec="seconds"),
            }
            for move in store.promotions()[-10:]
        ],
    }


def _anchors(opened: OpenWorkspace, champion: VersionFolder) -> dict[str, Any]:
    """Say what the anchor sets can vouch for, and what keeps the gate from being meaningful."""
    gate = opened.settings.tables.gate
    try:
        sets = opened.anchor_sets.of(champion)
    except DataFault as fault:
        return {"anchors": [], "gate": {"meaningful": False, "warnings": [str(fault)]}}
    found = anchor_powers(sets, gate, opened.anchor_sets.margins, past_cycles(opened.store))
    warnings = [each.reason for each in found if not (each.can_vouch and each.meaningful)]
    warnings += [overuse_warning(each.anchor, each.judged, gate) for each in found if each.worn]
    if not found:
        warnings = ["there is no anchor set: nothing can ever be promoted"]
    meaningful = bool(found) and all(each.can_vouch and each.meaningful for each in found)
    return {
        "anchors": [each.to_json() for each in found],
        "gate": {"meaningful": meaningful, "warnings": warnings},
    }


def _split(per_role: Mapping[str, int], discarded: int, waiting: int) -> dict[str, int]:
    """Say where the stored records are; the last three add up to the first."""
    stored = sum(per_role.values())
    learned = stored - discarded - waiting
    return {"stored": stored, "learned": learned, "waiting": waiting, "discarded": discarded}
