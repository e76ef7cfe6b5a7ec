"""The serving pair: which index a version searches, and through which bridge."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.search.bridge import Bridge, Floats, bridges_of
from pipeline.search.index import Hit, Index
from pipeline.search.indexes import Indexes
from pipeline.search.stamp import IndexMissing, SpaceMismatch
from training.faults import DataFault


@dataclass(frozen=True)
class ServingPair:
    """The index that the queries of a version search.

    Attributes
    ----------
    table_version
        The version whose index it is.
    index
        The index, open.
    bridge
        Maps the version's vectors into the space of the index; None where they are of it.
    """

    table_version: int
    index: Index
    bridge: Bridge | None

    def search(self, vectors: Floats, k: int = 10) -> list[list[Hit]]:
        """Return the first k documents for each query vector, (queries, dimensions), best first."""
        return self.index.search(self.bridge.apply(vectors) if self.bridge else vectors, k)


def pair_for(indexes: Indexes, version_number: int, fingerprint: str) -> ServingPair | None:
    """Return what serves a version: its own index or, until that is whole, an older one bridged.

    Parameters
    ----------
    indexes
        The indexes of the workspace.
    version_number, fingerprint
        The version, and the space of its queries.

    Returns
    -------
    ServingPair or None
        None where there is neither.

    Raises
    ------
    SpaceMismatch
        Its index is of another space, and no bridge leads to an older one.
    """
    mismatch: SpaceMismatch | None = None
    try:
        index = indexes.open(version_number, fingerprint)
        return ServingPair(version_number, index, None)
    except IndexMissing:
        pass
    except SpaceMismatch as fault:
        mismatch = fault
    for old, file in bridges_of(bridges_folder(indexes), version_number).items():
        try:
            bridge = Bridge.load(file)
            bridge.check(new=fingerprint, old=bridge.old)
            return ServingPair(old, indexes.open(old, bridge.old), bridge)
        except DataFault:
            # Of another space, damaged, or to an index that is gone: an older one may do.
            continue
    if mismatch is not None:
        raise mismatch
    return None


def bridges_folder(indexes: Indexes) -> Path:
    """Return the folder of the bridges: beside the tables, unless those are remote."""
    uri = indexes.tables.uri
    return indexes.state / "bridges" if "://" in uri else Path(uri)
