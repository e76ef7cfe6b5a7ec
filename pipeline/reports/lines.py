"""Results that people read as a few lines of text, without a table."""

import shlex
from collections.abc import Iterator, Sequence
from functools import singledispatch

from pipeline.machine.pace import shown
from pipeline.reports.counted import counted
from pipeline.reports.foreseen_lines import about_changes, about_run
from pipeline.reports.gate_lines import about_gate
from pipeline.reports.index_lines import all_indexes, built, estimated, searched
from pipeline.results import (
    AcceptResult,
    BackupResult,
    DeliveriesResult,
    DiscardResult,
    DoctorResult,
    EraseResult,
    ExportResult,
    GenerateResult,
    HistoryResult,
    IndexBuilt,
    IndexDropResult,
    IndexEstimate,
    IndexExportResult,
    IndexStatusResult,
    InitResult,
    InputPlace,
    MoveResult,
    QuarantineResult,
    ReportResult,
    RestoreResult,
    Result,
    RunEstimate,
    SearchResult,
    ServeResult,
    UiResult,
    WatchEvent,
    size,
)

_LINES = 20
"""Lines of one file that are named at most."""


@singledispatch
def lines_of(result: Result) -> Iterator[str]:
    """Yield the lines that show a result."""
    raise NotImplementedError(f"no text is defined for a {type(result).__name__}")


@lines_of.register
def _(result: MoveResult) -> Iterator[str]:
    if result.foreseen:
        yield from about_changes(result.foreseen)
        return
    before = result.previous.version if result.previous else "none"
    yield f"version {result.champion.version} serves now (before: {before})"
    yield from (f"warning: {warning}" for warning in result.warnings)


@lines_of.register
def _(result: QuarantineResult) -> Iterator[str]:
    read = result.read
    erased = f" + {read.erased} erased" if read.erased else ""
    yield (
        f"{read.seen} records read = {read.stored} stored + {read.known} known before + "
        f"{read.quarantined} in quarantine{erased}"
    )
    for file in result.files:
        yield f"{file.file}: {file.quarantined} of {file.seen} in quarantine"
    for each in result.records:
        yield f"  {each}"
    more = sum(file.quarantined for file in result.files) - len(result.records)
    if more > 0:
        yield f"  and {more} more (--limit)"


@lines_of.register
def _(result: DoctorResult) -> Iterator[str]:
    for repair in result.repairs:
        yield f"{'repaired' if repair.done else 'not repaired'} {repair.part}: {repair.says}"
        if repair.remedy:
            yield f"        to do: {repair.remedy}"
    for each in result.checks:
        yield f"{each.state:<7} {each.part}: {each.says}"
        if each.remedy:
            yield f"        to do: {each.remedy}"
    counts = [
        f"{count} {what}{'' if count == 1 else 's'}"
        for count, what in ((result.problems, "problem"), (result.warnings, "warning"))
        if count
    ]
    told = " and ".join(counts) or "the workspace can work"
    made = len(result.checks)
    yield f"{result.workspace}: {told} (checks made: {made}, in {result.seconds:.1f} s)"


@lines_of.register
def _(result: InitResult) -> Iterator[str]:
    for each in result.found:
        files = f" ({each.files} files)" if each.files > 1 else ""
        yield f"{each.key or 'left out'}: {each.path}{files}: {each.what}: {each.why}"
    if result.foreseen:
        yield from result.notes
        yield from about_changes(result.foreseen)
        return
    yield f"{result.settings} is written; folders: {', '.join(result.folders)}"
    yield from result.notes
    if result.outlook:
        yield from about_gate(result.outlook)
        yield from (f"warning: {warning}" for warning in result.outlook.warnings)
    keys = {each.key for each in result.found}
    if not result.found:
        yield "put labelled pairs, documents, texts or logs into these folders, then:"
    elif not keys & {"history", "reference", "traffic", "log"}:
        yield f"name such texts in {result.settings}, then:"
    yield f"anchorhold run --workspace {shlex.quote(result.workspace)}"


@lines_of.register
def _(result: DiscardResult) -> Iterator[str]:
    if result.foreseen:
        yield from about_changes(result.foreseen)
        return
    done = "excluded" if result.action == "discard" else "included again"
    yield (
        f"{counted(result)} of the {result.kind} {result.name!r} {done} (entry {result.number} of "
        "the log)"
    )
    total = result.discarded
    yield f"excluded in total: {counted(total)}; nothing is deleted"
    if result.champion and result.champion.in_memory:
        yield (
            f"the memory of version {result.champion.version} keeps {result.champion.in_memory} "
            "excluded pairs; the next candidate's will not"
        )


@lines_of.register
def _(result: EraseResult) -> Iterator[str]:
    would = "would be erased" if result.dry_run else "erased"
    entry = "" if result.number is None else f" (entry {result.number} of the log)"
    yield f"{result.records} record{'' if result.records == 1 else 's'} {would} for good{entry}"
    yield from (f"  {count:>6}  {place}" for place, count in result.removed.items() if count)
    if result.trained:
        yield f"versions that may have been trained on it: {', '.join(map(str, result.trained))}"
        yield result.remembers
    if result.inputs:
        yield "your own files still hold it; remove these lines there:"
        yield from (f"  {each}" for each in _input_lines(result.inputs))
    if result.more_inputs:
        yield f"  and {result.more_inputs} more lines"
    yield from (f"not erased: {each}" for each in result.left)


def _input_lines(inputs: Sequence[InputPlace]) -> Iterator[str]:
    """Yield each file once, with the numbers of its lines."""
    lines: dict[str, list[str]] = {}
    for each in inputs:
        lines.setdefault(each.file, []).append(str(each.line) if each.line else "all")
    for file, numbers in lines.items():
        more = f" and {len(numbers) - _LINES} more" if len(numbers) > _LINES else ""
        yield f"{file}: {', '.join(numbers[:_LINES])}{more}"


@lines_of.register
def _(result: GenerateResult) -> Iterator[str]:
    yield f"{result.model} at {result.url}: {result.reason}"
    if result.dry_run:
        yield "nothing was sent; ask with `anchorhold generate`"
    else:
        yield f"{result.answered} of {result.documents} documents are answered; `run` uses them"


@lines_of.register
def _(result: AcceptResult) -> Iterator[str]:
    if result.foreseen:
        yield from about_changes(result.foreseen)
        return
    fired = f", where {', '.join(result.fired)} fired" if result.fired else ""
    now = "count as known from now on" if result.action == "accept" else "no longer count as known"
    yield (
        f"{result.texts} texts of cycle {result.cycle}{fired}, {now} (entry {result.number} of "
        f"the log); version {result.champion.version} serves on"
    )
    if result.later:
        yield f"{result.later} texts arrived after that check and are not part of it"
    yield from result.notes


@lines_of.register
def _(result: RunEstimate) -> Iterator[str]:
    yield from about_run(result)


@lines_of.register
def _(result: IndexBuilt) -> Iterator[str]:
    yield from built(result)


@lines_of.register
def _(result: IndexEstimate) -> Iterator[str]:
    yield from estimated(result)


@lines_of.register
def _(result: IndexStatusResult) -> Iterator[str]:
    yield from all_indexes(result)


@lines_of.register
def _(result: SearchResult) -> Iterator[str]:
    yield from searched(result)


@lines_of.register
def _(result: IndexDropResult) -> Iterator[str]:
    if result.foreseen:
        yield from about_changes(result.foreseen)
        return
    documents = "" if result.documents is None else f" of {result.documents} documents"
    yield f"the index{documents} of version {result.version} is deleted"


@lines_of.register
def _(result: IndexExportResult) -> Iterator[str]:
    if result.foreseen:
        yield from about_changes(result.foreseen)
        return
    yield (
        f"{result.documents} vectors of {result.dimensions} dimensions, of version "
        f"{result.version}, are written to {result.file}"
    )


@lines_of.register
def _(result: ExportResult) -> Iterator[str]:
    if result.foreseen:
        yield from about_changes(result.foreseen)
        return
    yield f"version {result.version} is written to {result.directory}"


@lines_of.register
def _(result: BackupResult) -> Iterator[str]:
    yield from (f"not in the backup: {each}" for each in result.left_out)
    if result.foreseen:
        yield from about_changes(result.foreseen)
        return
    yield f"{result.file} is written: {result.files} files, {size(result.bytes)}"
    yield f"sha256 of its manifest: {result.digest}"
    yield f"restore it elsewhere: anchorhold restore {shlex.quote(result.file)}"


@lines_of.register
def _(result: RestoreResult) -> Iterator[str]:
    of = f"the backup of {result.at.isoformat(timespec='seconds')}"
    yield f"{of} is whole: {result.files} files, {size(result.bytes)}"
    yield f"sha256 of its manifest: {result.digest}"
    yield from (f"not in the backup: {each}" for each in result.left_out)
    yield from (f"note: {each}" for each in result.notes)
    if result.foreseen:
        yield from about_changes(result.foreseen)
        return
    yield f"{result.workspace} is restored; see it:"
    yield f"anchorhold status --workspace {shlex.quote(result.workspace)}"


@lines_of.register
def _(result: ReportResult) -> Iterator[str]:
    yield f"report of cycle {result.cycle}: {result.report}"
    if result.signature:
        yield f"signature: {result.signature.state} ({result.signature.reason})"


@lines_of.register
def _(result: HistoryResult) -> Iterator[str]:
    outcomes = ", ".join(
        f"{count} {name.replace('_', ' ')}" for name, count in result.outcomes.items()
    )
    yield f"{len(result.cycles)} cycles{': ' if outcomes else ''}{outcomes}"
    if result.unfinished:
        yield f"cycle {result.unfinished} is unfinished; `anchorhold run` resumes it"
    yield f"report of all cycles: {result.page}"


@lines_of.register
def _(result: UiResult) -> Iterator[str]:
    yield f"{result.requests} pages were served"


@lines_of.register
def _(result: WatchEvent) -> Iterator[str]:
    following = ""
    if result.next_seconds is not None:
        following = f"; next check for new data in {shown(result.next_seconds)}"
    yield f"{result.at.isoformat(timespec='seconds')}  {result.message}{following}"


@lines_of.register
def _(result: DeliveriesResult) -> Iterator[str]:
    for each in result.deliveries:
        yield f"{each.channel}: {each.error or 'delivered'}"
    if not result.deliveries:
        yield "no receiver is set: [promotion] and [alerts] take a command, a webhook, or both"


@lines_of.register
def _(result: ServeResult) -> Iterator[str]:
    last = f"version {result.version} served last" if result.version else "no version was loaded"
    yield f"{result.address}: {result.requests} requests, {result.swaps} swaps; {last}"
    if result.load_failures:
        yield f"{result.load_failures} times a version could not be loaded"
