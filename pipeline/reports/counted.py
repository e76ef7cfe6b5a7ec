"""Counts of records as a person reads them."""

from collections.abc import Iterator

from pipeline.results import (
    DiscardResult,
    ExcludedCounts,
    IntakeCounts,
    LogCounts,
    MessagesStatus,
    StatusResult,
    StoredRecords,
)


def counted(counts: DiscardResult | ExcludedCounts) -> str:
    """Return the counts of a discard; documents and logs only where there are any."""
    parts = [f"{counts.pairs} pairs", f"{counts.traffic} texts"]
    parts += [f"{counts.documents} versions of documents"] if counts.documents else []
    parts += [f"{counts.served} lines of logs"] if counts.served else []
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def stored(records: StoredRecords, log: LogCounts) -> Iterator[str]:
    """Yield a sentence on documents and on logs, and on each kind with excluded records."""
    documents = records.documents
    if documents.versions:
        yield (
            f"documents: {documents.documents}, in {documents.versions} stored versions, "
            f"{documents.discarded} of them excluded"
        )
    if records.served.stored:
        yield (
            f"served log: {records.served.stored} lines, {log.with_results} with results, "
            f"{log.with_clicks} with clicks, {log.with_feedback} with feedback; the query of each "
            "is a text as well"
        )
    odd = {
        "ids that no document has": log.unknown_ids,
        "clicks or ratings of what was not shown": log.not_shown,
        "contradicting ratings": log.contradictions,
        "lines that say nothing about retrieval": log.passed_over,
    }
    if told := [f"{number} {name}" for name, number in odd.items() if number]:
        yield f"served log, left out: {', '.join(told)}"
    kinds = {"pairs": records.pairs, "traffic": records.traffic, "served log": records.served}
    for name, count in kinds.items():
        if count.discarded or count.passed_over or count.held_back:
            over = f" + {count.passed_over} passed over" if count.passed_over else ""
            over += f" + {count.held_back} held back" if count.held_back else ""
            yield (
                f"{name}: {count.stored} stored = {count.learned} learned + {count.waiting} "
                f"waiting + {count.discarded} excluded{over}"
            )


def in_quarantine(read: IntakeCounts) -> str:
    """Return how many records are in quarantine, and where there are some, of how many."""
    if not read.quarantined:
        return "0 records in quarantine"
    return f"{read.quarantined} of {read.seen} records in quarantine (`anchorhold quarantine`)"


def messages(found: MessagesStatus) -> Iterator[str]:
    """Yield a sentence on messages that wait, and a warning on those that were given up."""
    error = f"; the last error: {found.error}" if found.error else ""
    if found.waiting:
        yield f"{found.waiting} messages to receivers wait{error}"
    if found.given_up:
        yield f"warning: {found.given_up} messages to receivers were given up{error}"


def unfinished(result: StatusResult) -> Iterator[str]:
    """Yield what was begun and not ended, and what ends it."""
    if result.unfinished_erasure:
        yield "an erasure is unfinished; `anchorhold run` or `anchorhold erase` finishes it"
    if result.unfinished:
        yield f"cycle {result.unfinished} is unfinished; `anchorhold run` resumes it"
