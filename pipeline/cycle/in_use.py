"""The versions that must stay whatever `[keep]` says, and why."""

from collections.abc import Iterator, Sequence

from pipeline.cycle.awaiting_index import awaits_index
from pipeline.cycle.indexing import Indexing
from pipeline.cycle.promotion import Champions, rolled_back, version_before
from pipeline.registry import CANDIDATE, CHAMPION, PREVIOUS, Version
from pipeline.results import Window
from pipeline.store import Store
from pipeline.workspace import OpenWorkspace
from training.faults import DataFault

_ALIASES = {
    CHAMPION: "it serves",
    CANDIDATE: "it is the candidate",
    PREVIOUS: "it served before the champion",
}


def versions_in_use(opened: OpenWorkspace, versions: Sequence[Version]) -> dict[int, str]:
    """Return why versions must stay, by their number.

    Parameters
    ----------
    opened
        The open workspace.
    versions
        All versions that the workspace made.

    Raises
    ------
    AnchorholdError
        It cannot be told, for example because the place of the indexes does not answer.
    """
    found: dict[int, str] = {}
    for number, why in _in_use(opened, versions):
        found.setdefault(number, why)
    return found


def _in_use(opened: OpenWorkspace, versions: Sequence[Version]) -> Iterator[tuple[int, str]]:
    store, champions = opened.store, Champions.of(opened)
    for each in versions:
        for alias in sorted(each.aliases, key=lambda name: name not in _ALIASES):
            yield each.number, _ALIASES.get(alias, f"it has the alias {alias}")
    for move in store.promotions()[:1]:
        yield move.version, "it is the first champion, with which candidates are compared"
    yield from ((number, "a rollback returns to it") for number in _way_back(store, versions))
    running = store.running_canary()
    if running is not None:
        yield from ((each, "a canary runs") for each in (running.candidate, running.champion))
    for each in champions.awaiting_approval():
        yield each.number, "it passed the gate and waits"
    yield from ((each.number, "it waits for its index") for each in versions if awaits_index(each))
    meant = store.intended_move()
    if meant is not None:
        yield from (
            (each, "a move is unfinished") for each in (meant["version"], meant["previous"])
        )
    yield from _of_unfinished_cycle(store, versions)
    for judging in store.judgings()[-1:]:
        yield from ((each, "people judge it") for each in (judging.first, judging.second))
    yield from ((number, "its index is kept") for number in Indexing(opened).kept())


def _way_back(store: Store, versions: Sequence[Version]) -> Iterator[int]:
    """Yield where a rollback leads, and what the guard compares the champion with."""
    moves = store.promotions()
    for move in moves[-1:]:
        if move.previous is not None:
            yield move.previous
    for each in versions:
        if CHAMPION in each.aliases:
            try:
                yield version_before(each.number, moves, rolled_back(moves))
            except DataFault:
                return


def _of_unfinished_cycle(store: Store, versions: Sequence[Version]) -> Iterator[tuple[int, str]]:
    unfinished = store.unfinished_cycle()
    if unfinished is None:
        return
    why = f"cycle {unfinished.id} is unfinished"
    window = store.stage(unfinished.id, "window")
    if window is not None:
        yield Window.of_store(window["result"]).champion, why
    yield from ((each.number, why) for each in versions if each.cycle == unfinished.id)
