"""The index by hand: built, listed, deleted, exported."""

from datetime import datetime
from pathlib import Path

from pipeline.cycle import Indexing
from pipeline.registry import CANDIDATE, CHAMPION, PREVIOUS
from pipeline.results import (
    Foreseen,
    IndexBuilt,
    IndexDropResult,
    IndexEstimate,
    IndexExportResult,
    IndexStatusResult,
)
from pipeline.search import Stamp
from pipeline.workspace import OpenWorkspace
from training.faults import DataFault

_SERVING = (CHAMPION, CANDIDATE, PREVIOUS)
_WORTH_AN_ESTIMATE = 10_000
"""Documents from which a build is estimated before it begins, which takes about ten seconds."""


def build_index(
    opened: OpenWorkspace, reference: str, now: datetime, vectors: Path | None
) -> IndexBuilt:
    """Build the index of a version, or bring it up to date, from vectors that the user has or not.

    Raises
    ------
    DataFault
        There are no documents, or the vectors are not the version's.
    """
    version = opened.versions.named(reference)
    estimated = _documents(opened) >= _WORTH_AN_ESTIMATE and vectors is None
    return Indexing(opened).build(version, now, vectors, estimated=estimated)


def estimate_index(opened: OpenWorkspace, reference: str) -> IndexEstimate:
    """Say what the build of an index would cost; nothing is kept.

    Raises
    ------
    DataFault
        There are no documents.
    """
    version = opened.versions.named(reference)
    _documents(opened)
    return Indexing(opened).estimate(version)


def _documents(opened: OpenWorkspace) -> int:
    """Return the number of documents; none is refused."""
    if found := opened.store.count_documents():
        return found
    raise DataFault(
        "there are no documents to build an index of; name them in data.corpus "
        "(anchorhold.toml) and call `anchorhold run`, which reads them"
    )


def index_status(opened: OpenWorkspace) -> IndexStatusResult:
    """Return the state of all indexes; nothing is changed."""
    indexing, indexes = Indexing(opened), opened.indexes
    known = {each.number: each for each in opened.registry.versions()}
    numbers = indexes.numbers()
    found = [
        status for each in numbers if each in known and (status := indexing.status(known[each]))
    ]
    whole = {each.version for each in found}
    return IndexStatusResult(
        mode=indexing.settings.mode,
        uri=indexing.settings.place,
        documents=opened.store.count_documents(),
        indexes=tuple(found),
        unfinished=tuple(each for each in numbers if each not in whole),
        champion=opened.versions.champion().number,
    )


def drop_index(opened: OpenWorkspace, reference: str, *, dry_run: bool = False) -> IndexDropResult:
    """Delete the index of a version that does not serve.

    Raises
    ------
    DataFault
        It is the champion's, the candidate's or the previous champion's, or there is none.
    """
    indexes = opened.indexes
    number = int(reference) if reference.isdecimal() else opened.versions.named(reference).number
    for version in opened.registry.versions():
        serving = [alias for alias in _SERVING if alias in version.aliases]
        if version.number == number and serving:
            raise DataFault(
                f"version {number} is the {serving[0]}, whose index is not deleted; to build it "
                f"again use `anchorhold index build {number}`"
            )
    stamp = indexes.stamp(number)
    documents = stamp.documents if stamp else None
    if dry_run:
        indexes.must_have(number)
        vectors = _vectors(stamp) if stamp else 0
        foreseen = Foreseen(
            changes=(f"the index of version {number} would be deleted",),
            bytes=-vectors,
            basis="its vectors; ids and their index take more",
        )
        return IndexDropResult(version=number, documents=documents, foreseen=foreseen)
    indexes.drop(number)
    return IndexDropResult(version=number, documents=documents)


def _vectors(stamp: Stamp) -> int:
    """Return the bytes of the vectors of an index: four a number."""
    return 4 * stamp.dimensions * stamp.documents


def export_index(
    opened: OpenWorkspace, reference: str, file: Path, *, dry_run: bool = False
) -> IndexExportResult:
    """Write ids and vectors of a whole index to a new Parquet file, or say what that would be."""
    version = opened.versions.named(reference)
    foreseen = None
    if dry_run:
        stamp = opened.indexes.exportable(version.number, file)
        foreseen = Foreseen(
            changes=(f"{stamp.documents} vectors would be written to {file}",),
            bytes=_vectors(stamp),
            basis="the vectors; the ids take more",
        )
    else:
        stamp = opened.indexes.export(version.number, file)
    return IndexExportResult(
        version=version.number,
        file=str(file),
        documents=stamp.documents,
        dimensions=stamp.dimensions,
        fingerprint=stamp.fingerprint,
        foreseen=foreseen,
    )
