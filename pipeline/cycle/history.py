"""The promotion history, verified against the head that the model keeps in MLflow.

The hash of each row covers the rows before it, so a changed row breaks the chain, unless whoever
changed it computes the whole chain anew. The registered model keeps the number of rows and the last
hash as a tag, in another database, which reveals that.
"""

from dataclasses import dataclass

from pipeline.registry import Registry
from pipeline.store import HistoryBroken, HistoryHead, Store


@dataclass(frozen=True)
class History:
    """A promotion history whose chain is whole.

    Attributes
    ----------
    rows
        Number of rows.
    verified
        Whether the head in MLflow confirms it. False where MLflow has no head yet; the next cycle
        or promotion writes it.
    """

    rows: int
    verified: bool


def verify_history(store: Store, registry: Registry) -> History:
    """Verify the promotion history and compare it with its head in MLflow; read-only.

    The head may be behind: a process that is killed after a move does not write it. It must be a
    head that the history once had.

    Raises
    ------
    HistoryBroken
        A row was changed, inserted or removed; the message narrows down which.
    """
    return _verified(store, registry)[0]


def keep_history_head(store: Store, registry: Registry) -> None:
    """Verify the promotion history and bring its head in MLflow up to date.

    Raises
    ------
    HistoryBroken
        As for `verify_history`; the head in MLflow stays as it was.
    """
    _, head, kept = _verified(store, registry)
    if head.rows and head != kept:
        registry.set_history_head(head.rows, head.hash)


def _verified(store: Store, registry: Registry) -> tuple[History, HistoryHead, HistoryHead | None]:
    # The head is read first: what is appended after that only makes it fall behind.
    found = registry.history_head()
    kept = None if found is None else HistoryHead(*found)
    rows = store.verify_promotions()
    moves = store.promotions()[:rows]
    head = HistoryHead(rows, moves[-1].hash if moves else "")
    if kept is None:
        return History(rows, verified=not rows), head, None
    if kept.rows > rows:
        raise HistoryBroken(
            f"the promotion history ends with row {rows}, but the registered model "
            f"{registry.name} confirms {kept.rows} rows: rows at the end were removed; restore the "
            "store and MLflow from one backup"
        )
    if HistoryHead(kept.rows, moves[kept.rows - 1].hash if kept.rows else "") != kept:
        raise HistoryBroken(
            f"row {kept.rows} of the promotion history does not have the hash that the registered "
            f"model {registry.name} confirms: one of the rows 1 to {kept.rows} was changed and the "
            "hashes were computed anew; restore the store and MLflow from one backup"
        )
    return History(rows, verified=True), head, kept
