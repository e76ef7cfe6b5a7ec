"""After a promotion: a version that serves its users worse than the one before is rolled back."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from pipeline.cycle.canary_keys import successes
from pipeline.cycle.fresh_quality import FRESH, MOST_PAIRS
from pipeline.cycle.promotion import Champions
from pipeline.gate import Guard
from pipeline.registry import RegistryFault, UnknownVersion, Version, VersionFolder
from pipeline.results import MoveResult, RolledBackVersion
from pipeline.store import Promotion, Store
from pipeline.workspace import OpenWorkspace
from training.evaluation import EvaluationSet
from training.faults import DataFault
from training.pairs import Pair

_BY_ITSELF = "by itself: "
"""What the reason of a rollback begins with that no person asked for."""
_MOST_LINES = 50_000
"""Lines of one version that are read; chosen, not measured."""

logger = logging.getLogger(__name__)


def guard_champion(
    opened: OpenWorkspace, champions: Champions, now: datetime
) -> RolledBackVersion | None:
    """Roll the champion back if it did harm since its promotion; return what was left.

    Only a version that the gate promoted is watched, not one that a person forced. An unfinished
    cycle is finished first. A second rollback in the same hours is left to people, so that nothing
    swings to and fro.

    Parameters
    ----------
    opened
        The open workspace, held exclusively.
    champions
        Moves the champion.
    now
        The present.
    """
    guard, store = opened.settings.tables.guard, opened.store
    moves = store.promotions()
    if not guard.enabled or not moves or store.unfinished_cycle() is not None:
        return None
    last = moves[-1]
    watched = last.action == "promote" and last.previous is not None
    # Right after a move, nothing can have changed; the next run is the first check.
    if not watched or not 0.0 < _hours(last, now) <= guard.hours:
        return None
    serving = opened.registry.serving()
    if serving is None or serving.number != last.version:
        return None
    harm = feedback_loss(store, guard, last, now) or _golden_loss(opened, serving, last)
    if not harm:
        return None
    lately = [
        move
        for move in moves
        if move.action == "rollback"
        and move.reason.startswith(_BY_ITSELF)
        and _hours(move, now) <= guard.hours
    ]
    if lately:
        logger.warning(
            "version %d does harm (%s) and is not rolled back: version %d was, %.0f hours ago; "
            "`anchorhold rollback` does it",
            last.version,
            harm,
            lately[-1].previous,
            _hours(lately[-1], now),
        )
        return None
    reason = f"{_BY_ITSELF}{harm}"
    try:
        champions.roll_back(None, reason=reason, now=now)
    except (DataFault, UnknownVersion) as fault:
        logger.warning("version %d does harm (%s) and stays: %s", last.version, harm, fault)
        return None
    return RolledBackVersion(version=last.version, reason=reason)


def rolled_back_by(move: MoveResult | None) -> RolledBackVersion | None:
    """Return the version that was left, where a move is a rollback of the guard."""
    if move is None or move.previous is None or move.action != "rollback":
        return None
    if not move.reason.startswith(_BY_ITSELF):
        return None
    return RolledBackVersion(version=move.previous.version, reason=move.reason)


def feedback_loss(store: Store, guard: Guard, last: Promotion, now: datetime) -> str:
    """Say by how much the success of users fell with a promotion; "" where nothing shows it.

    Users count as they do in a canary; those before it are of as many hours as the guard watches.

    Parameters
    ----------
    store
        Where the served lines are.
    guard
        What counts as a loss.
    last
        The promotion.
    now
        The present.
    """
    if last.previous is None:
        return ""
    moved, window = last.at.timestamp(), guard.settle_minutes * 60.0
    earlier = (last.at - timedelta(hours=guard.hours)).timestamp()
    settled = now.timestamp() - 2 * window
    served = store.versions_served
    old = [line for _, line in served((last.previous,), since=earlier, latest=_MOST_LINES)]
    # The first ones: what was counted once must not change, so that the bounds hold at each check.
    new = [line for _, line in served((last.version,), since=moved, earliest=_MOST_LINES)]
    before, known = successes(old, since=earlier, until=min(moved, settled), window=window)
    after, rated = successes(new, since=moved, until=settled, window=window)
    # Where nothing is recorded, a log without clicks says nothing about users.
    return guard.loss(before, after) if known and rated else ""


def _golden_loss(opened: OpenWorkspace, serving: Version, last: Promotion) -> str:
    """Say where the version before does better on what is labelled anew; "" where nothing shows it.

    That is golden sets that changed since the promotion, and labelled pairs that arrived since it
    learned. On all else the gate has compared the two.
    """
    new, tables = opened.versions.folder(serving), opened.settings.tables
    fresh = opened.store.pairs(role="recent", after=new.facts().cut, latest=MOST_PAIRS)
    sets = labelled_anew(opened, new, fresh, tables.gate.minimum_queries)
    if not sets:
        return ""
    try:
        before = opened.registry.version(last.previous or 0)
        old = opened.versions.folder(before)
    # Without the version before, nothing can be compared, and nothing rolled back to.
    except RegistryFault as fault:
        logger.warning("the champion is not compared with the version before: %s", fault)
        return ""
    looks = 1 + opened.store.count_cycles(since=last.at)
    gate = replace(tables.gate, confidence=tables.guard.golden_confidence(looks, len(sets)))
    then, now = opened.scores.of(old, sets).tasks, opened.scores.of(new, sets).tasks
    for each in sets:
        margin = gate.margin_of(each.name, opened.anchor_sets.margins)
        change = gate.differences(then[each.name], now[each.name])
        high = gate.bounds(change)[1]
        if high < -margin:
            return (
                f"{each.name}: {gate.metric} differs by {change.mean():+.3f} from version "
                f"{before.number} (upper bound {high:+.3f}, {len(change)} queries)"
            )
    return ""


def labelled_anew(
    opened: OpenWorkspace, champion: VersionFolder, recent: Sequence[Pair], fewest: int
) -> list[EvaluationSet]:
    """Return what neither the champion nor the version before was compared on yet.

    Parameters
    ----------
    champion
        Its scores and memory.
    recent
        Labelled pairs that arrived since it learned, oldest first; the newest are used.
    fewest
        Queries that a set needs.
    """
    known = {task.set_digest for task in champion.scorecard().tasks.values()}
    sets = [
        each
        for each in opened.anchor_sets.of(champion)
        if each.digest not in known and len(each.queries) >= fewest
    ]
    fresh = list(recent)[-MOST_PAIRS:]
    if len({pair.query for pair in fresh}) >= fewest:
        others = champion.memory()[:MOST_PAIRS]
        size = len(fresh) + len(others)
        sets.append(EvaluationSet.from_pairs(FRESH, fresh, others, maximum_documents=size))
    return sets


def _hours(move: Promotion, now: datetime) -> float:
    return (now - move.at) / timedelta(hours=1)
