"""Which versions may have been trained on records that are erased: weights cannot be edited."""

from collections.abc import Iterable, Mapping

from pipeline.registry import Facts, Version
from pipeline.results import CycleResult
from pipeline.store import Erasable, Store
from pipeline.workspace import NAMED

REMEMBERS = (
    "their weights may still remember what they learned, and weights cannot be edited: to be rid "
    "of that, let an earlier version serve (`anchorhold rollback`) and run a cycle, which trains "
    "without the records; then delete these versions in MLflow"
)
ALL_REMEMBER = (
    "their weights may still remember what they learned, and weights cannot be edited; no earlier "
    "version serves in their place: begin again from the base model"
)


def trained_on(
    store: Store,
    plan: Erasable,
    versions: Iterable[tuple[Version, Facts]],
    remembered: Mapping[int, int],
) -> tuple[int, ...]:
    """Return the numbers of the versions that learned from the records, or from one that did.

    Which pairs a training drew is not recorded, so that all count that it could have drawn.

    Parameters
    ----------
    store
        The store.
    plan
        What is erased.
    versions
        The versions of the workspace with their facts, oldest first.
    remembered
        Number of a version -> how many of the records its memory holds.
    """
    found: set[int] = set()
    pairs = min(plan.rows.get("pairs", ()), default=None)
    others = [min(plan.rows[name]) for name in ("served", "documents") if plan.rows.get(name)]
    for version, facts in versions:
        if facts.parent is None or NAMED in version.tags:
            continue  # It was made of a base or given, not trained here.
        direct = bool(remembered.get(version.number))
        direct |= pairs is not None and pairs <= facts.cut
        direct |= any(each <= facts.cut for each in others) and _made_pairs(store, version)
        if direct or facts.parent in found:
            found.add(version.number)
    return tuple(sorted(found))


def _made_pairs(store: Store, version: Version) -> bool:
    """Say whether the cycle of a version learned from pairs that it made of documents and logs."""
    row = store.cycle(version.cycle)
    if row is None or not row.outcome:
        return True
    lesson = CycleResult.of_store(row.result).lesson
    return bool(lesson and lesson.derived and lesson.derived.kinds)
