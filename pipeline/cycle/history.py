"""The promotion history, verified against its heads in MLflow and, where named, in a file.

The hash of each row covers the rows before it, so a changed row breaks the chain, unless whoever
changed it computes the whole chain anew. The registered model keeps the number of rows and the last
hash as a tag, in another database, which reveals that. Whoever can write to both can still forge a
history; a file out of their reach (`promotion.head_file`) reveals that too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.registry import Registry
from pipeline.store import HistoryBroken, HistoryHead, Promotion, Store


@dataclass(frozen=True)
class History:
    """A promotion history whose chain is whole.

    Attributes
    ----------
    rows
        Number of rows.
    verified
        Whether the heads elsewhere confirm it. False where a place has no head yet; the next cycle
        or promotion writes it.
    """

    rows: int
    verified: bool


def verify_history(store: Store, registry: Registry) -> History:
    """Verify the promotion history and compare it with its heads elsewhere; read-only.

    A head may be behind: a process that is killed after a move does not write it. It must be a
    head that the history once had.

    Raises
    ------
    HistoryBroken
        A row was changed, inserted or removed; the message narrows down which.
    """
    return _verified(store, registry)[0]


def keep_history_head(store: Store, registry: Registry) -> None:
    """Verify the promotion history and bring its heads elsewhere up to date.

    Raises
    ------
    HistoryBroken
        As for `verify_history`; the heads elsewhere stay as they were.
    """
    _, head, kept = _verified(store, registry)
    if not head.rows:
        return
    if kept[0].head != head:
        registry.set_history_head(head.rows, head.hash)
    if registry.head_file and kept[-1].head != head:
        move = store.promotions()[head.rows - 1]
        registry.head_file.add(
            head.rows, head.hash, model=registry.name, at=move.at.isoformat(), action=move.action
        )


@dataclass(frozen=True)
class _Kept:
    """A head of the history in another place; None where that has none yet."""

    place: str
    head: HistoryHead | None


def _kept(registry: Registry) -> list[_Kept]:
    """Return the heads of the history that are kept elsewhere, that in MLflow first."""
    found = [(f"the registered model {registry.name}", registry.history_head())]
    if registry.head_file:
        found.append((str(registry.head_file.path), registry.head_file.last()))
    return [_Kept(place, HistoryHead(*head) if head else None) for place, head in found]


def _verified(store: Store, registry: Registry) -> tuple[History, HistoryHead, list[_Kept]]:
    # The heads are read first: what is appended after that only makes them fall behind.
    elsewhere = _kept(registry)
    rows = store.verify_promotions()
    moves = store.promotions()[:rows]
    head = HistoryHead(rows, moves[-1].hash if moves else "")
    for kept in elsewhere:
        if kept.head is not None:
            _must_confirm(kept.place, kept.head, moves)
    verified = not rows or all(each.head is not None for each in elsewhere)
    return History(rows, verified=verified), head, elsewhere


def _must_confirm(place: str, kept: HistoryHead, moves: Sequence[Promotion]) -> None:
    if kept.rows > len(moves):
        raise HistoryBroken(
            f"the promotion history ends with row {len(moves)}, but {place} confirms {kept.rows} "
            "rows: rows at the end were removed; restore the store and MLflow from one backup"
        )
    if HistoryHead(kept.rows, moves[kept.rows - 1].hash if kept.rows else "") != kept:
        raise HistoryBroken(
            f"row {kept.rows} of the promotion history does not have the hash that {place} "
            f"confirms: one of the rows 1 to {kept.rows} was changed and the hashes were computed "
            "anew; restore the store and MLflow from one backup"
        )
