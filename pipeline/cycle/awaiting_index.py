"""Versions that passed the gate and wait for their index: each run tries to build it again."""

import logging
import time
from datetime import datetime, timedelta

from pipeline.cycle.canary import begin_canary
from pipeline.cycle.indexing import AWAITS_INDEX, Indexing
from pipeline.cycle.promotion import Champions
from pipeline.registry import Version
from pipeline.results import MoveResult, Serving
from pipeline.workspace import OpenWorkspace

_BUILT = "built"
_LATER = "its index was built later"
"""Ends the reason of a move."""

logger = logging.getLogger(__name__)


def awaits_index(version: Version) -> bool:
    """Say whether a version waits for its index."""
    return version.tags.get(AWAITS_INDEX, _BUILT) != _BUILT


def settle_awaiting_index(
    opened: OpenWorkspace, champions: Champions, now: datetime
) -> Serving | None:
    """Build the index that a version waits for and promote it; return it if it serves now.

    An unfinished cycle is finished first, because it compares with the champion that it began with;
    a canary ends first.

    Parameters
    ----------
    opened
        The open workspace.
    champions
        Moves the champion.
    now
        The present, for the history.

    Raises
    ------
    ChampionMoved
        Somebody moved the champion in the meantime.
    """
    if opened.store.unfinished_cycle() is not None or opened.store.running_canary() is not None:
        return None
    # One listing tells that there are none, as there mostly are.
    if not any(awaits_index(each) for each in opened.registry.versions()):
        return None
    waiting = [each for each in champions.awaiting_approval() if awaits_index(each)]
    if not waiting:
        return None
    version, champion = waiting[-1], opened.registry.champion()
    if any(row.candidate == version.number for row in opened.store.canaries()):
        # A run was killed behind the beginning of its canary, which had an index.
        opened.registry.tag(version, {AWAITS_INDEX: _BUILT})
        return None
    began = time.monotonic()
    fault = Indexing(opened).before_promotion(version, now).fault
    now += timedelta(seconds=time.monotonic() - began)
    if fault:
        opened.registry.tag(version, {AWAITS_INDEX: fault})
        logger.warning("version %s waits on: %s", version.number, fault)
        return None
    tables, serving = opened.settings.tables, None
    if tables.canary.share and champion is not None:
        begin_canary(champions, tables.canary, champion, version, version.cycle, now)
    elif not tables.gate.approval:
        serving = champions.install(
            version,
            expected=champion.number if champion else None,
            action="promote",
            reason=f"passed the gate in cycle {version.cycle}; {_LATER}",
            now=now,
        ).champion
    # Last: a run that is killed before it leaves the version to the next one.
    opened.registry.tag(version, {AWAITS_INDEX: _BUILT})
    return serving


def indexed_by(move: MoveResult | None) -> Serving | None:
    """Return the version that had waited for its index, where a move promoted one."""
    return move.champion if move is not None and move.reason.endswith(_LATER) else None
