"""Approval in MLflow: a tag on a version that waits is the decision of a person."""

import logging
from collections.abc import Sequence
from datetime import datetime

from pipeline.cycle.promotion import APPROVAL, Champions, answer
from pipeline.cycle.record import record_decision
from pipeline.registry import CANDIDATE, Version
from pipeline.results import MoveResult, Serving
from pipeline.store import Store

_APPROVED_BY = "anchorhold.approved_by"
_LONGEST_NAME = 100
_BY_APPROVAL = "approved in MLflow by "
"""Begins the reason of a move."""

logger = logging.getLogger(__name__)


def settle_approvals(champions: Champions, store: Store, now: datetime) -> Serving | None:
    """Do what people decided in MLflow about versions that wait; return the version promoted.

    Where several are approved, the newest becomes the champion: the others were compared with one
    that serves no longer. An unfinished cycle is finished first, because it compares with the
    champion that it began with. Tags without an effect are logged, a sentence each.

    Parameters
    ----------
    champions
        Moves the champion.
    store
        Where cycles are.
    now
        The present, for the history.

    Raises
    ------
    ChampionMoved
        Somebody moved the champion in the meantime.
    """
    answered = _answered(champions)
    for sentence in _without_effect(champions, answered):
        logger.warning("%s", sentence)
    if not answered or store.unfinished_cycle() is not None:
        return None
    for version in answered:
        if answer(version) == "rejected" and CANDIDATE in version.aliases:
            decision = f"rejected in MLflow by {_approver(version)}"
            record_decision(champions.registry, version, "refused", decision, now)
            champions.registry.drop_candidate(version)
    approved = [each for each in champions.awaiting_approval() if answer(each) == "approved"]
    if not approved:
        return None
    champion = champions.registry.champion()
    move = champions.install(
        approved[-1],
        expected=champion.number if champion else None,
        action="promote",
        reason=f"{_BY_APPROVAL}{_approver(approved[-1])}",
        now=now,
        who=_named(approved[-1]),
    )
    return move.champion


def approved_by(move: MoveResult | None) -> Serving | None:
    """Return the version that an approval promoted, where a move is one."""
    return move.champion if move is not None and move.reason.startswith(_BY_APPROVAL) else None


def approvals(champions: Champions) -> list[str]:
    """Say what the tags of approval lead to, a sentence each."""
    answered = _answered(champions)
    if not answered:
        return []
    served = {move.version for move in champions.store.promotions()}
    told = [
        f"version {each.number} is approved in MLflow by {_approver(each)}: the next "
        "`anchorhold run` promotes it"
        for each in champions.awaiting_approval()
        if answer(each) == "approved"
    ]
    told += [
        f"version {each.number} was rejected in MLflow by {_approver(each)}"
        for each in answered
        if answer(each) == "rejected" and each.number not in served
    ]
    return [*told, *_without_effect(champions, answered)]


def _answered(champions: Champions) -> list[Version]:
    """Return the versions with a tag of approval, whatever it says; mostly there are none."""
    return [each for each in champions.registry.versions() if answer(each)]


def _without_effect(champions: Champions, answered: Sequence[Version]) -> list[str]:
    """Name the tags of approval that change nothing, and why, a sentence each."""
    if not answered:
        return []
    champion = champions.registry.champion()
    served = {move.version for move in champions.store.promotions()}
    waiting = [each.number for each in champions.awaiting_approval()]
    told = []
    for each in answered:
        value = answer(each)
        if value not in ("approved", "rejected"):
            told.append(
                f"version {each.number} has the tag {APPROVAL} = {value[:_LONGEST_NAME]!r}; "
                "allowed are approved and rejected"
            )
        elif value == "approved" and each.number not in (*served, *waiting):
            told.append(
                f"version {each.number} has the tag {APPROVAL} = 'approved', which changes "
                f"nothing: it {champions.objection(each, champion)}"
            )
    return told


def _approver(version: Version) -> str:
    """Return who decided, in words."""
    return _named(version) or "MLflow tag"


def _named(version: Version) -> str:
    """Return who decided: MLflow keeps no user of a tag, so people name themselves in another."""
    return " ".join(version.tags.get(_APPROVED_BY, "").split())[:_LONGEST_NAME]
