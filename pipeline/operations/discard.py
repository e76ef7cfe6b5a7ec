"""Excluding records from learning and drift checks by name, and including them again."""

from dataclasses import dataclass
from datetime import datetime

from pipeline.cycle import KINDS, checks
from pipeline.operations.named import only_named
from pipeline.results import (
    TRAINED,
    ChampionMemory,
    DiscardResult,
    ExcludedCounts,
    PastCycle,
    Window,
)
from pipeline.store import Discard, Named, Selection, Store
from pipeline.workspace import Versions
from training.faults import DataFault

_SHOWN = 20
"""Names listed at most when one is not found."""


@dataclass(frozen=True)
class Records:
    """The records that a person names; exactly one of the fields must be set.

    Attributes
    ----------
    cycle
        The pairs that this cycle was the first to train on or, where it did not train, the first
        to check.
    source, file
        All stored records of a source, or of a file as the store names it. A kind of pairs that
        nobody labelled, such as "consensus", is a source: no more of them are made.
    pair
        The pair with this identifier.
    """

    cycle: str | None = None
    source: str | None = None
    file: str | None = None
    pair: str | None = None

    def selection(self, store: Store) -> Selection:
        """Return what the store knows by the name.

        Raises
        ------
        DataFault
            Not exactly one name, or no such cycle, source, file or pair.
        """
        fields: dict[Named, str | None] = {
            "cycle": self.cycle,
            "source": self.source,
            "file": self.file,
            "id": self.pair,
        }
        kind, name = only_named(fields, "cycle, source, file and pair id")
        if kind == "cycle":
            return _of_cycle(name.zfill(4), [*checks(store)])
        # Pairs that nobody labelled are made anew in each cycle: their kind is excluded by name.
        made = KINDS if kind == "source" else ()
        _must_exist(kind, name, [*store.names(kind), *made])
        return Selection(kind, name)


def discard_records(
    store: Store,
    versions: Versions,
    records: Records,
    *,
    undo: bool = False,
    reason: str,
    who: str,
    now: datetime,
) -> DiscardResult:
    """Exclude records, or include them again; nothing is deleted.

    An excluded pair is never trained on, replayed or measured on again; the versions that exist
    already keep what they have.

    Parameters
    ----------
    store, versions
        Parts of the workspace.
    records
        Which records.
    undo
        Include again what was excluded by the same name.
    reason, who, now
        What the log keeps: why, the person's login name, and when.

    Raises
    ------
    DataFault
        There are no such records, nothing to undo, an empty reason, or an unfinished cycle after
        the first, which must finish with the records that it began with.
    """
    unfinished = store.unfinished_cycle()
    # Before the first version nothing has used them; a base may have no embedding for one.
    if unfinished and store.promotions():
        raise DataFault(
            f"cycle {unfinished.id} is unfinished and uses these records; finish it with "
            "`anchorhold run`, then discard"
        )
    if not reason.strip():
        raise DataFault("the reason is empty; it must say why, the log keeps it")
    selection = records.selection(store)
    if undo:
        _must_be_excluded(selection, store.discards())
        done = store.undo_discard(selection, reason, who, now)
    else:
        done = store.discard(selection, reason, who, now)
    counts = store.counts().discarded
    return DiscardResult(
        action=done.action,
        number=done.number,
        kind=done.kind,
        name=done.name,
        reason=done.reason,
        who=done.who,
        at=done.at,
        pairs=done.pairs,
        traffic=done.traffic,
        documents=done.documents,
        served=done.served,
        discarded=ExcludedCounts.model_validate(counts.model_dump()),
        champion=_champion_memory(store, versions),
    )


def _must_exist(kind: Named, name: str, known: list[str]) -> None:
    if name not in known:
        shown = ", ".join(repr(each) for each in known[:_SHOWN]) or "none"
        more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
        raise DataFault(f"no stored record has the {kind} {name!r}; there are: {shown}{more}")


def _of_cycle(cycle: str, past: list[tuple[PastCycle, Window]]) -> Selection:
    """Return the pairs that a cycle was the first to train on, or to check.

    Parameters
    ----------
    past
        Cycles that checked data, with their windows, newest first.
    """
    checked = {each.id: (window, each.result.outcome in TRAINED) for each, window in reversed(past)}
    if cycle not in checked:
        raise DataFault(
            f"no cycle {cycle!r} checked arrivals; those that did: {', '.join(checked) or 'none'}"
        )
    window, trained = checked[cycle]
    before = {}
    for each, (earlier, trained_then) in checked.items():
        if each == cycle:
            break
        if trained_then or not trained:
            before[each] = earlier.until
    after = max([window.after, *before.values()])
    if after >= window.until:
        first = next((each for each, until in before.items() if until >= window.until), None)
        raise DataFault(
            f"cycle {cycle} was not the first to see any pair: cycle {first} had seen them all; "
            f"discard cycle {first}"
            if first
            else f"cycle {cycle} saw no pair: none had arrived since the champion was trained"
        )
    return Selection("cycle", cycle, after, window.until)


def _must_be_excluded(selection: Selection, log: list[Discard]) -> None:
    last = {(each.kind, each.name): each.action for each in log}
    if last.get((selection.kind, selection.name)) != "discard":
        open_ones = [f"{kind} {name!r}" for (kind, name), what in last.items() if what == "discard"]
        raise DataFault(
            f"there is no discard of the {selection.kind} {selection.name!r} to undo; discarded "
            f"are: {', '.join(open_ones) or 'none'}"
        )


def _champion_memory(store: Store, versions: Versions) -> ChampionMemory | None:
    champion = versions.registry.champion()
    if champion is None:
        return None
    excluded = {pair.id for pair in store.discarded_pairs()}
    held = sum(pair.id in excluded for pair in versions.folder(champion).memory())
    return ChampionMemory(version=champion.number, in_memory=held)
