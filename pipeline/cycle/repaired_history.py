"""Repairing what MLflow lost of the champion: its alias and the head of the promotion history."""

from collections.abc import Iterator

from pipeline.cycle.history import keep_history_head, verify_history
from pipeline.registry import UnknownVersion
from pipeline.results import Repair
from pipeline.workspace import OpenWorkspace


def repair_champion(opened: OpenWorkspace) -> Iterator[Repair]:
    """Give the alias back to the version that the promotion history ends with, if none has it.

    The history decides only where MLflow confirms it. An alias that names another version stays:
    somebody may have meant it.

    Raises
    ------
    HistoryBroken
        The history was changed.
    ModelDamaged
        The files of that version are not whole.
    """
    store, registry = opened.store, opened.registry
    history, moves = verify_history(store, registry), store.promotions()
    if not moves or store.intended_move() or registry.serving() is not None:
        return
    last = moves[-1].version
    lost = f"no version has the alias champion, and the promotion history ends with version {last}"
    try:
        version = registry.version(last)
    except UnknownVersion:
        numbers = ", ".join(str(each.number) for each in registry.versions()) or "none is left"
        says = f"{lost}, which was deleted in MLflow"
        remedy = f"anchorhold promote VERSION --reason … ({numbers}), or restore a backup"
        yield Repair.left("champion", says, remedy)
        return
    if not history.verified:
        says = f"{lost}; MLflow has lost the head of the history too, and cannot confirm it"
        yield Repair.left("champion", says, f"anchorhold promote {last} --force --reason …")
        return
    registry.fetch(version)
    registry.promote(version, expected=None)
    yield Repair.made(
        "champion", f"version {last} has its alias champion again, as the promotion history says"
    )


def repair_history_head(opened: OpenWorkspace) -> Iterator[Repair]:
    """Write the head of a whole promotion history to MLflow, where it is missing or behind.

    Raises
    ------
    HistoryBroken
        The history was changed; nothing is written.
    """
    store, registry = opened.store, opened.registry
    before = registry.history_head()
    keep_history_head(store, registry)
    if registry.history_head() != before:
        rows = store.verify_promotions()
        yield Repair.made("champion", f"MLflow confirms the promotion history of {rows} rows again")
