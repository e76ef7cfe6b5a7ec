"""Taking records out of learning and drift looks by name, and bringing them back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pipeline.cycle import checks
from pipeline.results import TRAINED
from pipeline.store import Discard, Named, Selection
from pipeline.workspace import OpenWorkspace
from training.faults import DataFault

_SHOWN = 20
"""Names listed at most when one is not found."""


def discard_records(
    opened: OpenWorkspace,
    *,
    cycle: str | None,
    source: str | None,
    file: str | None,
    pair: str | None,
    undo: bool,
    reason: str,
    who: str,
    now: datetime,
) -> dict[str, Any]:
    """Discard the records named by exactly one of cycle, source, file and pair, or bring them back.

    Nothing is deleted. A discarded pair is never trained on, replayed or measured on again; the
    versions made already keep what they have.

    Parameters
    ----------
    cycle
        Cycle whose pairs are meant: those it trained on first, or, where it did not train, those
        that it looked at first.
    source, file
        All pairs and texts of a source, or of a file as the store names it, that are stored now.
    pair
        The pair with this identifier.
    undo
        Bring back what a discard of the same name took out.
    who
        Login name of the person, for the log.

    Raises
    ------
    DataFault
        Not exactly one name, no such cycle, source, file or pair, nothing to undo, an empty reason,
        or an unfinished cycle, which must go on with the records that it began with.
    """
    unfinished = opened.store.unfinished_cycle()
    if unfinished:
        raise DataFault(
            f"cycle {unfinished.id} is unfinished and works with these records; finish it with "
            "`anchorhold run`, then discard"
        )
    if not reason.strip():
        raise DataFault("--reason is empty; it must say why, the log keeps it")
    selection = _selected(opened, {"cycle": cycle, "source": source, "file": file, "id": pair})
    if undo:
        done = _undone(opened, selection, reason, who, now)
    else:
        done = opened.store.discard(selection, reason, who, now)
    return _told(opened, done)


def _selected(opened: OpenWorkspace, named: Mapping[Named, str | None]) -> Selection:
    given = [(kind, name) for kind, name in named.items() if name is not None]
    if len(given) != 1:
        raise DataFault(
            "exactly one of --cycle, --source, --file and --id must be given, got "
            f"{' and '.join(f'--{kind}' for kind, _ in given) or 'none'}"
        )
    kind, name = given[0]
    if kind == "cycle":
        return _of_cycle(opened, name)
    _must_exist(kind, name, opened.store.names(kind))
    return Selection(kind, name)


def _must_exist(kind: Named, name: str, known: list[str]) -> None:
    if name not in known:
        shown = ", ".join(repr(each) for each in known[:_SHOWN]) or "none"
        more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
        raise DataFault(f"no stored record is of the {kind} {name!r}; there are: {shown}{more}")


def _of_cycle(opened: OpenWorkspace, cycle: str) -> Selection:
    """Return the pairs that a cycle was the first to train on, or to look at."""
    cycle = cycle.zfill(4)
    rows = {cycle.id: (cycle, window) for cycle, window in reversed(checks(opened.store))}
    if cycle not in rows:
        raise DataFault(
            f"no cycle {cycle!r} looked at arrivals; those that did: {', '.join(rows) or 'none'}"
        )
    meant, window = rows[cycle]
    trained = meant.result.outcome in TRAINED
    before = [
        (row, its)
        for row, its in rows.values()
        if (len(row.id), row.id) < (len(cycle), cycle)
        and (row.result.outcome in TRAINED or not trained)
    ]
    after = max([window.after, *(its.until for _, its in before)])
    if after >= window.until:
        first = next(row.id for row, its in before if its.until >= window.until)
        raise DataFault(
            f"cycle {cycle} met no pair first: cycle {first} had met them all; discard --cycle "
            f"{first}"
        )
    return Selection("cycle", cycle, after, window.until)


def _undone(
    opened: OpenWorkspace, selection: Selection, reason: str, who: str, now: datetime
) -> Discard:
    last = {(each.kind, each.name): each.action for each in opened.store.discards()}
    if last.get((selection.kind, selection.name)) != "discard":
        open_ones = [f"--{kind} {name}" for (kind, name), what in last.items() if what == "discard"]
        raise DataFault(
            f"there is no discard of the {selection.kind} {selection.name!r} to undo; there are: "
            f"{', '.join(open_ones) or 'none'}"
        )
    return opened.store.undo_discard(selection, reason, who, now)


def _told(opened: OpenWorkspace, done: Discard) -> dict[str, Any]:
    champion = opened.registry.champion()
    held = 0
    if champion is not None:
        discarded = {pair.id for pair in opened.store.discarded_pairs()}
        held = sum(pair.id in discarded for pair in opened.versions.folder(champion).memory())
    return {
        "action": done.action,
        "number": done.number,
        "kind": done.kind,
        "name": done.name,
        "reason": done.reason,
        "who": done.who,
        "at": done.at.isoformat(timespec="seconds"),
        "pairs": done.pairs,
        "traffic": done.traffic,
        "discarded": opened.store.counts().discarded.model_dump(),
        "champion": {"version": champion.number, "in_memory": held} if champion else None,
    }
