"""Status: who serves, what waits, what happened last, and what is unfinished."""

from datetime import datetime
from typing import Any

from pipeline.wheel import Wheel


def status_now(wheel: Wheel, now: datetime) -> dict[str, Any]:
    """Return the state of a workspace; read-only."""
    champion = wheel.champion()
    facts = wheel.folder(champion).facts()
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


def _split(counts: dict[str, Any], name: str, waiting: int) -> dict[str, int]:
    """Say where the stored records are; the last three add up to the first."""
    stored, discarded = sum(counts[name].values()), counts["discarded"][name]
    learned = stored - discarded - waiting
    return {"stored": stored, "learned": learned, "waiting": waiting, "discarded": discarded}
