"""The quarantine: which records were refused and why, beside what became of the others."""

from pipeline.results import FileRecords, IntakeCounts, QuarantineResult, RefusedRecord
from pipeline.store import Store, StoreCounts
from training.faults import DataFault


def quarantined(store: Store, file: str | None, limit: int) -> QuarantineResult:
    """Return the newest refused records, of one file or of all.

    Raises
    ------
    DataFault
        No file of this name was read.
    """
    counts = store.counts()
    if file is not None and all(each.file != file for each in counts.files):
        raise DataFault(f"{file}: no file of this name was read; name one as `quarantine` lists it")
    return QuarantineResult(
        read=read_ever(counts),
        files=tuple(
            FileRecords.model_validate(each, from_attributes=True)
            for each in counts.files
            if each.quarantined and file in (None, each.file)
        ),
        records=tuple(
            RefusedRecord.model_validate(each, from_attributes=True)
            for each in store.quarantine(limit, file)
        ),
    )


def read_ever(counts: StoreCounts) -> IntakeCounts:
    """Return what became of all records that were read."""
    return IntakeCounts(
        files=len(counts.files),
        seen=counts.seen,
        stored=counts.stored,
        known=counts.known,
        quarantined=counts.quarantined,
        erased=counts.erased,
    )
