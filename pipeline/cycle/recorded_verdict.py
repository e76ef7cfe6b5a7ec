"""The verdict on a version: MLflow shows it, and what its cycle recorded in the store counts."""

from pipeline.registry import Version
from pipeline.store import Store

_VERDICT = "anchorhold.verdict"


def verdict_on(store: Store, version: Version) -> str:
    """Return "promoted" for a version that passed the gate, else what the gate said of it.

    Everybody who may write to MLflow can change a tag. A tag that says more than the cycle of the
    version recorded is not believed.

    Parameters
    ----------
    store
        Where cycles are recorded.
    version
        The version.
    """
    shown = version.tags.get(_VERDICT, "none")
    row = store.cycle(version.cycle) if shown == "promoted" else None
    result = row.result if row is not None else {}
    candidate, verdict = result.get("candidate") or {}, result.get("verdict") or {}
    if candidate.get("version") == version.number and verdict.get("promote") is False:
        recorded = result.get("outcome", "rejected")
        return f"{recorded}; the tag {_VERDICT} in MLflow says otherwise"
    return shown
