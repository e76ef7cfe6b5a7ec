"""Status: who serves, what waits, what happened last, and what is unfinished."""

from datetime import datetime
from typing import Any

from pipeline.cycle import awaiting, rolled_back
from pipeline.gate import vouching, worn_out
from pipeline.registry import VersionFolder
from pipeline.workspace import Wheel
from training.faults import DataFault


def status_now(wheel: Wheel, now: datetime) -> dict[str, Any]:
    """Return the state of a workspace; read-only."""
    champion = wheel.champion()
    folder = wheel.folder(champion)
    facts = folder.facts()
    store = wheel.store
    unfinished = store.unfinished_cycle()
    waiting = {
        "pairs": store.count_pairs(role="recent", after=facts.cut),
        "traffic": store.count_traffic(role="recent", after=facts.cut),
    }
    counts = store.counts()
    return {
        "model": wheel.settings.tables.model.name,
        "champion": {
            "version": champion.number,
            "cycle": facts.cycle,
            "fingerprint": facts.fingerprint,
            "age_days": round(max(0.0, now.timestamp() - facts.learned_at) / 86400, 2),
        },
        "waiting": waiting,
        "records": {name: _split(counts, name, waiting[name]) for name in waiting},
        "quarantined": counts["quarantined"],
        **_anchors(wheel, folder),
        "awaiting_approval": [
            {"version": each.number, "cycle": each.cycle} for each in awaiting(wheel)
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


def _anchors(wheel: Wheel, champion: VersionFolder) -> dict[str, Any]:
    """Say what the anchor sets can vouch for, and what keeps the gate from being meaningful."""
    gate = wheel.settings.tables.gate
    try:
        sets = wheel.anchors(champion)
    except DataFault as fault:
        return {"anchors": [], "gate": {"meaningful": False, "warnings": [str(fault)]}}
    found = vouching(sets, gate, wheel.margins(), wheel.store.cycles())
    warnings = [each.reason for each in found if not (each.can_vouch and each.meaningful)]
    warnings += [worn_out(each.anchor, each.judged, gate) for each in found if each.worn]
    if not found:
        warnings = ["there is no anchor set: nothing can ever be promoted"]
    meaningful = bool(found) and all(each.can_vouch and each.meaningful for each in found)
    return {
        "anchors": [each.to_json() for each in found],
        "gate": {"meaningful": meaningful, "warnings": warnings},
    }


def _split(counts: dict[str, Any], name: str, waiting: int) -> dict[str, int]:
    """Say where the stored records are; the last three add up to the first."""
    stored, discarded = sum(counts[name].values()), counts["discarded"][name]
    learned = stored - discarded - waiting
    return {"stored": stored, "learned": learned, "waiting": waiting, "discarded": discarded}
