"""The promotion history, verified against the head that the model keeps in MLflow.

Each row of the history covers the rows before it, so a changed row breaks the chain, unless whoever
changed it computes the whole chain anew. The registered model keeps the number of rows and the last
hash as a tag, in another database, where that shows.
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
        Whether the head in MLflow confirms it. Not so in a workspace from before the head was kept
        there, until a cycle or a promotion writes it.
    """

    rows: int
    verified: bool


def verify_history(store: Store, registry: Registry) -> History:
    """Compare the promotion history with itself and with its head in MLflow; read-only.

    The head may be behind the history by the moves after which a process was killed, but it must be
    the head that the history had then.

    Raises
    ------
    HistoryBroken
        A row was changed, added in the middle or removed; the message says which, as far as can be
        known.
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
            f"{registry.name} confirms {kept.rows} rows; the rows at the end were removed"
        )
    if HistoryHead(kept.rows, moves[kept.rows - 1].hash if kept.rows else "") != kept:
        raise HistoryBroken(
            f"row {kept.rows} of the promotion history has not the hash that the registered model "
            f"{registry.name} confirms; one of the rows 1 to {kept.rows} was changed and all "
            "hashes after it were computed anew"
        )
    return History(rows, verified=True), head, kept
