"""Histories for tests: cycles of every outcome, versions, moves of the champion, and texts."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.results import HistoryResult

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
OUTCOMES = ("quiet", "promoted", "rejected", "inconclusive", "blocked", "insufficient_data")
TRIGGERS = tuple(f"trigger_{number}" for number in range(15))


def made_history(
    count: int, *, text: str = "all is well", hours: float = 24, tasks: int = 1, triggers: int = 2
) -> HistoryResult:
    """Return a history of so many cycles, whose every text is `text`."""
    cycles = [_cycle(number, text, hours, triggers) for number in range(count)]
    moves = [each for each in cycles if each["outcome"] in ("bootstrapped", "promoted")]
    return HistoryResult.model_validate(
        {
            "model": text,
            "champion": moves[-1]["candidate"] if moves else None,
            "outcomes": {name: sum(e["outcome"] == name for e in cycles) for name in OUTCOMES},
            "cycles": cycles,
            "unfinished": f"{count + 1:04d}",
            "scores": [point for each in moves for point in _scores(each, text, tasks)],
            "cosines": [point for each in moves for point in _cosines(each, text, tasks)],
            "decisions": [_move(each, text) for each in moves]
            + [{"at": BEGAN, "action": "discard", "what": text, "who": text, "reason": text}],
            "disk_bytes": 123_456_789,
        }
    )


def _cycle(number: int, text: str, hours: float, triggers: int) -> dict[str, Any]:
    outcome = OUTCOMES[number % len(OUTCOMES)] if number else "bootstrapped"
    trigger = {"effect": (number * 7 % 11) / 11, "threshold": 0.5, "p_value": 0.01}
    return {
        "cycle": f"{number + 1:04d}",
        "started": BEGAN + timedelta(hours=hours * number),
        "outcome": outcome,
        "champion": number // len(OUTCOMES) + 1,
        "candidate": number + 1 if outcome in ("promoted", "bootstrapped", "rejected") else None,
        "reason": text,
        "cause": "concept",
        "terms": [text, text],
        "triggers": [
            {**trigger, "trigger": name, "fired": trigger["effect"] > 0.5}
            for name in TRIGGERS[:triggers]
        ],
        "hit_rates": {"anchor/first": 0.9, f"anchor/{text}": 0.8},
        "pairs_in": 40,
        "texts_in": 400,
        "documents_in": 10,
        "quarantined": number % 3,
        "waiting": 40 * (number % 9),
        "learned": 200 if outcome == "promoted" else 0,
        "seconds": {"total": 30.0 + number % 60},
        "encoded": 10,
        "peak_memory_megabytes": 900.0,
        "disk_bytes": 10_000_000 + 1000 * number,
        "price": 0.01,
        "report": f"cycles/{number + 1:04d}/report.html" if number % 2 else None,
    }


def _scores(cycle: dict[str, Any], text: str, tasks: int) -> list[dict[str, Any]]:
    about = {"version": cycle["candidate"], "cycle": cycle["cycle"], "metric": "ndcg_at_10"}
    measured = {"score": 0.8, "before": 0.75, "champion": 1, "low": 0.01, "high": 0.09}
    names = [*(f"anchor/{number}" for number in range(tasks)), f"anchor/{text}", "new"]
    return [{**about, **measured, "task": name, "queries": 50} for name in names]


def _cosines(cycle: dict[str, Any], text: str, tasks: int) -> list[dict[str, Any]]:
    spread = {"relevant": [0.5, 0.6, 0.7, 0.8, 0.9], "random": [0.0, 0.1, 0.2, 0.3, 0.4]}
    about = {"version": cycle["candidate"], "cycle": cycle["cycle"], **spread}
    return [{**about, "task": f"anchor/{name}"} for name in (*range(tasks), text)]


def _move(cycle: dict[str, Any], text: str) -> dict[str, Any]:
    return {
        "at": cycle["started"],
        "action": "bootstrap" if cycle["cycle"] == "0001" else "promote",
        "what": f"version {cycle['candidate']}",
        "version": cycle["candidate"],
        "previous": 1,
        "cycle": cycle["cycle"],
        "reason": text,
        "warned_by": text,
        "warned_days": 2.0,
    }
