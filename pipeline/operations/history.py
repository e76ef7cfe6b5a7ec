"""The history of a workspace, read from its store: all cycles, and what was decided."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.machine import size_of_folder
from pipeline.reports import HISTORY_FILE, REPORT_FILE, write_history_page
from pipeline.results import (
    HistoryCycle,
    HistoryResult,
    PastDecision,
    cosine_points,
    past_cycles,
    task_points,
)
from pipeline.store import Promotion, Store
from pipeline.workspace import Settings
from training.whole_files import written

_SECONDS_PER_DAY = 86400


def history_of(settings: Settings, store: Store) -> HistoryResult:
    """Return all finished cycles and all decisions, as reports may show them.

    Parameters
    ----------
    settings
        Of the workspace.
    store
        Its store.
    """
    past = past_cycles(store)[::-1]
    moves = store.promotions()
    served = {move.version for move in moves}
    price = settings.tables.compute.price_per_hour
    cycles = tuple(
        HistoryCycle.of(
            each, served=served, price_per_hour=price, report=_report(settings.state, each.id)
        )
        for each in past
    )
    unfinished = store.unfinished_cycle()
    metric = settings.tables.gate.metric
    found = HistoryResult(
        model=settings.tables.model.name,
        champion=moves[-1].version if moves else None,
        outcomes=_counted(cycles),
        cycles=cycles,
        unfinished=unfinished.id if unfinished else None,
        scores=tuple(point for each in past for point in task_points(each.result, metric)),
        cosines=tuple(point for each in past for point in cosine_points(each.result)),
        decisions=tuple(
            sorted((*_moves(moves, cycles), *_by_persons(store)), key=lambda each: each.at)
        ),
        without_report=sum(each.report is None for each in cycles),
        disk_bytes=size_of_folder(settings.state),
    )
    return settings.shown_texts(found)


def write_history(settings: Settings, store: Store) -> HistoryResult:
    """Write the page of all cycles, and the same as JSON beside it.

    Raises
    ------
    DataFault
        They cannot be written.
    """
    page = settings.state / HISTORY_FILE
    found = history_of(settings, store)
    found = found.changed(page=str(page), data=str(page.with_suffix(".json")))
    write_history_page(page, found)
    with written(page.with_suffix(".json")) as file:
        file.write_text(json.dumps(found.to_json(), indent=1), encoding="utf-8")
    return found


def report_file(state: Path, cycle: str) -> Path:
    """Return where the report of a cycle is, whether it is there or not."""
    return state / "cycles" / cycle / REPORT_FILE


def _report(state: Path, cycle: str) -> str | None:
    path = report_file(state, cycle)
    return path.relative_to(state).as_posix() if path.is_file() else None


def _counted(cycles: Sequence[HistoryCycle]) -> dict[str, int]:
    """Return outcome -> number of cycles, the most frequent first."""
    counted: dict[str, int] = {}
    for each in cycles:
        counted[each.outcome] = counted.get(each.outcome, 0) + 1
    return dict(sorted(counted.items(), key=lambda item: -item[1]))


def _moves(moves: Sequence[Promotion], cycles: Sequence[HistoryCycle]) -> Iterator[PastDecision]:
    """Yield the moves of the champion, each with the first sign of drift before it."""
    since = None
    for move in moves:
        signs = [
            (cycle.started, each.trigger)
            for cycle in cycles
            for each in cycle.triggers
            if each.fired and each.p_value is not None
            if cycle.started <= move.at and (since is None or cycle.started >= since)
        ]
        first = signs[0] if signs and move.action in ("promote", "force") else None
        days = None
        if first is not None:
            days = round((move.at - first[0]).total_seconds() / _SECONDS_PER_DAY, 2)
        yield PastDecision(
            at=move.at,
            action=move.action,
            what=f"version {move.version}",
            version=move.version,
            previous=move.previous,
            cycle=move.cycle,
            who=move.who,
            reason=move.reason,
            warned_by=first[1] if first else None,
            warned_days=days,
        )
        since = move.at


def _by_persons(store: Store) -> Iterator[PastDecision]:
    """Yield which records were excluded or erased, and which texts were accepted."""
    for each in store.discards():
        yield PastDecision(
            at=each.at,
            action="discard" if each.action == "discard" else "undo discard",
            what=f"{each.kind} {each.name}",
            who=each.who,
            reason=each.reason,
        )
    for erasure in store.erasures():
        yield PastDecision(
            at=erasure.at,
            action="erase",
            what=f"{erasure.records} record{'' if erasure.records == 1 else 's'}",
            who=erasure.who,
            reason=erasure.reason,
        )
    for accepted in store.acceptances():
        yield PastDecision(
            at=accepted.at,
            action="accept" if accepted.action == "accept" else "undo accept",
            what=f"texts of cycle {accepted.cycle}" if accepted.cycle else "the first texts",
            who=accepted.who,
            reason=accepted.reason,
        )
