"""Taking drifted texts into the reference by a person's word, and taking that back."""

from datetime import datetime

from pipeline.cycle import checks, known_until, texts_between
from pipeline.registry import Facts
from pipeline.results import AcceptResult, DecisionResult, Serving
from pipeline.store import Acceptance, Store
from pipeline.workspace import OpenWorkspace
from training.faults import DataFault

_NOT_BY_TEXTS = frozenset(
    ("quality_drop", "model_age", "fresh_data", "space_mismatch", "data_quality", "feedback_loop")
)
"""Triggers that do not compare texts with the reference: accepting texts does not answer them."""


def accept_texts(
    opened: OpenWorkspace, *, undo: bool = False, reason: str, who: str, now: datetime
) -> AcceptResult:
    """Let the texts of the last check count as known, or take the last acceptance back.

    The champion stays the same version: its reference grows as with files that are added to
    `data.reference`. Its cut stays too, so that pairs and served queries can still be learned.

    Parameters
    ----------
    undo
        Take the last acceptance back.
    reason, who, now
        What the log keeps.

    Raises
    ------
    DataFault
        Nothing was checked since, there is nothing to take back, the reason is empty, or a cycle
        is unfinished.
    """
    store = opened.store
    champion = opened.versions.champion()
    facts = opened.versions.folder(champion).facts()
    unfinished = store.unfinished_cycle()
    if unfinished:
        raise DataFault(
            f"cycle {unfinished.id} is unfinished and uses the reference; finish it with "
            "`anchorhold run`, then accept"
        )
    if not reason.strip():
        raise DataFault("the reason is empty; it must say why, the log keeps it")
    before = known_until(store, facts)
    if undo:
        entry = store.undo_acceptance(reason, who, now)
        if entry is None:
            raise DataFault("no texts are accepted, so there is nothing to take back")
        return _result(opened, entry, known_until(store, facts), facts, champion.number)
    entry = _accept_last_check(store, before, reason, who, now)
    return _result(opened, entry, before, facts, champion.number)


def _accept_last_check(
    store: Store, known: int, reason: str, who: str, now: datetime
) -> Acceptance:
    for past, window in checks(store):
        if window.until > known and texts_between(store, known, window.until):
            return store.accept(window.until, past.id, reason, who, now)
    raise DataFault(
        "no cycle has checked texts that are not known already; `anchorhold run` checks what has "
        "arrived, and `anchorhold accept` accepts what it checked"
    )


def _result(
    opened: OpenWorkspace, entry: Acceptance, known: int, facts: Facts, champion: int
) -> AcceptResult:
    store = opened.store
    decision = next(
        (past.result.decision for past, _ in checks(store) if past.id == entry.cycle), None
    )
    return AcceptResult(
        action=entry.action,
        number=entry.number,
        cycle=entry.cycle,
        texts=len(texts_between(store, known, entry.until)),
        fired=tuple(decision.fired) if decision else (),
        later=store.count_traffic(role="recent", after=entry.until),
        champion=Serving(version=champion),
        reason=entry.reason,
        who=entry.who,
        at=entry.at,
        notes=_notes(entry, decision, facts, champion),
    )


def _notes(
    entry: Acceptance, decision: DecisionResult | None, facts: Facts, champion: int
) -> tuple[str, ...]:
    if entry.action == "undo" and facts.cut >= entry.until:
        return (f"version {champion} was trained since then: its reference keeps these texts",)
    others = sorted(_NOT_BY_TEXTS.intersection(decision.fired if decision else ()))
    if entry.action == "accept" and others:
        return (f"accepting texts does not answer {', '.join(others)}: it may fire again",)
    return ()
