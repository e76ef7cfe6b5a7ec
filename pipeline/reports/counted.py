"""Counts of records as a person reads them."""

from collections.abc import Iterator

from pipeline.results import DiscardResult, ExcludedCounts, StoredRecords


def counted(counts: DiscardResult | ExcludedCounts) -> str:
    """Return the counts of a discard; documents and logs only where there are any."""
    parts = [f"{counts.pairs} pairs", f"{counts.traffic} texts"]
    parts += [f"{counts.documents} versions of documents"] if counts.documents else []
    parts += [f"{counts.served} lines of logs"] if counts.served else []
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def stored(records: StoredRecords) -> Iterator[str]:
    """Yield a sentence on documents and on logs, and on each kind with excluded records."""
    documents = records.documents
    if documents.versions:
        yield (
            f"documents: {documents.documents}, in {documents.versions} stored versions, "
            f"{documents.discarded} of them excluded"
        )
    if records.served.stored:
        yield f"served log: {records.served.stored} lines; the query of each is a text as well"
    kinds = {"pairs": records.pairs, "traffic": records.traffic, "served log": records.served}
    for name, count in kinds.items():
        if count.discarded:
            yield (
                f"{name}: {count.stored} stored = {count.learned} learned + {count.waiting} "
                f"waiting + {count.discarded} excluded"
            )
