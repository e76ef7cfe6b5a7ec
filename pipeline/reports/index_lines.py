"""Indexes and what they find, as a person reads it."""

from collections.abc import Iterator

from pipeline.machine.plain_text import on_one_line
from pipeline.results import (
    CycleIndex,
    Found,
    IndexBuilt,
    IndexEstimate,
    IndexStatus,
    IndexStatusResult,
    SearchResult,
)


def built(result: IndexBuilt) -> Iterator[str]:
    """Yield what was done for an index."""
    done = [f"{result.encoded} encoded", f"{result.unchanged} unchanged"]
    done += [f"{result.given} given"] if result.given else []
    done += [f"{result.removed} removed"] if result.removed else []
    yield (
        f"index of version {result.version}: {result.documents} documents ({', '.join(done)}) in "
        f"{result.seconds:.1f} s{_approximate(result.recall)}"
    )
    if result.estimated_seconds is not None:
        yield f"  estimated: {result.estimated_seconds:.1f} s"
    if result.from_scratch:
        yield f"  built from scratch: {result.from_scratch}"


def estimated(result: IndexEstimate) -> Iterator[str]:
    """Yield what the build of an index would cost."""
    yield (
        f"index of version {result.version}: {result.documents} documents, about {result.missing} "
        f"to write and {result.to_encode} to encode"
    )
    workers = f"{result.workers} worker{'s' * (result.workers > 1)}"
    measured = f", measured on {result.timed} texts" if result.timed else ""
    price = "" if result.price is None else f"; price {result.price:.2f}"
    yield (
        f"  about {result.seconds / 60:.1f} min with {workers}{measured}; "
        f"{result.bytes / 1e6:.0f} MB on disk{price}"
    )


def indexed(result: CycleIndex) -> Iterator[str]:
    """Yield what a cycle did for the index."""
    if result.promoted is not None:
        yield f"  version {result.promoted}, which had waited for its index, was promoted first"
    for each in result.built:
        yield from (f"  {line}" for line in built(each))
    yield from (f"warning: {fault}" for fault in result.faults)


def about_index(status: IndexStatus) -> str:
    """Return the state of an index."""
    named = f" ({', '.join(status.aliases)})" if status.aliases else ""
    if status.stale:
        state = f"cannot be searched: its vectors have {status.stale}"
    elif status.behind:
        state = f"behind by {status.behind}"
    else:
        state = "up to date"
    made = status.made.isoformat(timespec="seconds")
    return (
        f"index of version {status.version}{named}: {status.documents} documents, {state}; made "
        f"{made}{_approximate(status.recall)}"
    )


def all_indexes(result: IndexStatusResult) -> Iterator[str]:
    """Yield the state of each index, and what is missing."""
    yield f"{result.documents} documents; indexes in {result.uri}; index.mode is {result.mode}"
    yield from map(about_index, result.indexes)
    if result.champion not in [each.version for each in result.indexes]:
        yield f"version {result.champion} serves and has no index: `anchorhold index build`"
    for version in result.unfinished:
        yield f"version {version}: its build was interrupted: `anchorhold index build {version}`"


def searched(result: SearchResult) -> Iterator[str]:
    """Yield what a search found."""
    table = "" if result.searched == result.version else f", in the index of {result.searched}"
    yield f"version {result.version}{table}: {len(result.found)} documents"
    for place, each in enumerate(result.found, start=1):
        yield f"{place:3d}. {each.score:.3f}  {on_one_line(each.id)}  {_heading(each)}"
        if each.title and each.snippet:
            yield f"            {each.snippet}"


def _heading(each: Found) -> str:
    return each.title or each.snippet or "(not in the store any more)"


def _approximate(recall: float | None) -> str:
    return "" if recall is None else f"; approximate search, recall@10 {recall:.3f}"
