"""Intake: files and data sets into the store, and what is wrong with them into quarantine."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, overload

from pydantic import Field
from pydantic.dataclasses import dataclass

from pipeline.intake.batches import checked, joined
from pipeline.intake.columns import Columns
from pipeline.intake.corpus_files import find_corpus
from pipeline.intake.document_ids import UNKNOWN, DocumentIds
from pipeline.intake.from_documents import take_pages
from pipeline.intake.from_logs import LogFile
from pipeline.intake.live_lines import LiveLog
from pipeline.intake.non_answers import NonAnswers
from pipeline.intake.opening import open_source
from pipeline.intake.page_rules import PageRules
from pipeline.intake.postponed import POSTPONED, is_over
from pipeline.intake.read_by import ReadBy, pages, records
from pipeline.intake.record_rules import RecordRules
from pipeline.intake.report import IntakeReport, report_of
from pipeline.intake.sources import Source, find_sources
from pipeline.intake.tables import parquet_names
from pipeline.intake.traces import PREFIX as TRACES
from pipeline.intake.traces import OpenTraces, TraceSource, take_traces
from pipeline.intake.unread import unread_files
from pipeline.results import IntakeCounts, IntakeResult, LogCounts
from pipeline.store import Arrivals, Fault, FileProgress, Kind, Role, Store, Traffic
from training.faults import DataFault
from training.pairs import Pair
from training.settings import SETTINGS
from training.unlabelled import ServedQuery

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]

DATA_KEYS: Mapping[str, tuple[Kind, Role]] = {
    "corpus": ("document", "recent"),
    "history": ("pair", "history"),
    "reference": ("traffic", "reference"),
    "traffic": ("traffic", "recent"),
    "log": ("served", "recent"),
    "pairs": ("pair", "recent"),
}
"""Key of the `[data]` table -> what its files hold, and what for; in the order of reading.

Documents come first, as pairs and logs may name them.
"""


@dataclass(frozen=True, config=SETTINGS)
class Intake:
    r"""Read records, each once: new ones are stored, bad ones go to quarantine with their reason.

    A record is one JSON object per line (`.jsonl`, `.ndjson`), or one row (`.csv`, `.tsv`,
    `.parquet`, `hf:<dataset>[:<split>]`, a folder that `datasets` saved). Pairs have `query` and
    `positive`, and may have `negative`, several of both, a `label` or `score`, and a `group`
    (conversation, customer) that a split keeps together; traffic has `text`, and may have `session`
    and `user`; documents have `text`, and may have `title` and `url`; all may have `id`, `source`,
    and `timestamp` as ISO 8601 (UTC if it names no zone) or in seconds or milliseconds since 1970.
    Anything else is ignored, with a warning for names that come close to one of these. Documents
    are also read from folders of pages, and pairs may name them by id.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "today.jsonl"
    >>> _ = path.write_text('{"text": "where is my card"}\n{"text": 7}\n')
    >>> texts, faults = Intake(max_bad_share=0.5).parse(path, "traffic", datetime(2024, 5, 1))
    >>> [text.text for text in texts], faults[0].line, faults[0].reason
    (['where is my card'], 2, 'text is a number (7); it must be a text')
    >>> folder.cleanup()
    """

    max_line_bytes: int = Field(default=1_000_000, ge=1_000, le=100_000_000)
    """Longest line of a JSONL file and longest row of a CSV file, in bytes."""
    max_text_characters: int = Field(default=100_000, ge=1, le=10_000_000)
    """Longest text, in characters."""
    max_bad_share: float = Field(default=0.1, ge=0, le=1)
    """Share of a file's new records that may be bad; one more line in a good file always may."""
    section_characters: int = Field(default=2_000, ge=0, le=100_000)
    """Longest document of a text, Markdown or HTML file, in characters; 0: no file is cut.

    Longer files are cut at their headings.
    """
    future_hours: float = Field(default=24.0, ge=0, le=87_600)
    """How far a timestamp may lie ahead of the clock, in hours.

    A record that lies further ahead is refused until its time comes; then its file is read again.
    """
    click_actions: tuple[str, ...] = Field(
        default=("click", "click_through", "add_to_cart", "watch", "purchase"), strict=False
    )
    """Actions of User Behavior Insights events that are clicks."""
    text_preprocessing: str = Field(default="", max_length=200)
    """Name and version of what cleans queries and pairs before they are in your files; any text.

    Change it when that changes: a check then says that the pipeline changed.
    """
    document_preprocessing: str = Field(default="", max_length=200)
    """The same for documents: what parses, cleans and cuts them before they are in your files."""
    feedback_days: float = Field(default=30.0, ge=0, le=3_650)
    """How old a trace in MLflow may be when it is rated, in days; later ratings are not seen."""

    def read(
        self,
        store: Store,
        kind: Kind,
        role: Role,
        patterns: Sequence[str],
        root: Path,
        now: datetime,
        progress: Progress | None = None,
    ) -> IntakeReport:
        """Take in what is new in the files of the patterns, in the order of their names.

        Each file is one transaction, together with the place it was read to; an interruption
        leaves whole files, and the next reading continues behind them. A JSONL file that grew is
        read from where it ended; a file that was rewritten is read again, and what is stored
        already counts as known.

        Parameters
        ----------
        patterns
            Files, patterns with wildcards (`**` for folders within folders), `hf:<dataset>`; for
            documents also folders.
        root
            Folder to which relative patterns are relative; files below it are known by their path
            from there.
        now
            The present, against which timestamps are checked.
        progress
            Opened with the number of bytes to read, then called with the bytes of each file.

        Raises
        ------
        DataFault
            A file is missing or cannot be read as what it is, or too many of its new records are
            bad: nothing of this file is stored.
        """
        corpus = find_corpus(patterns, root) if kind == "document" else None
        if corpus:
            sources = corpus.sources
        else:
            sources = find_sources(patterns, root, structured=kind == "served")
        if kind == "served":
            sources.sort(key=_holds_events)
        total = sum(source.size for source in sources) + (len(corpus.pages) if corpus else 0)
        report = IntakeReport()
        with progress(f"reading {role}", total) if progress else nullcontext(_no_step) as step:
            for source in sources:
                report += self._take(store, kind, role, source, now)
                step(source.size)
            if corpus and patterns:
                rules = PageRules(self.section_characters, self.max_text_characters)
                read_by = pages(self.section_characters, self.document_preprocessing)
                report += take_pages(store, corpus, rules, step, read_by)
        if corpus and (report.files or not (corpus.sources or corpus.pages)):
            report = replace(report, warnings=(*report.warnings, *corpus.remarks))
        if kind == "document" and report.stored:
            # Pairs that name the new documents may be in quarantine.
            store.read_again("pair", UNKNOWN)
        return report

    def read_all(
        self,
        store: Store,
        patterns: Mapping[str, Sequence[str]],
        root: Path,
        now: datetime,
        progress: Progress | None = None,
        traces: OpenTraces | None = None,
    ) -> IntakeResult:
        """Take in the files of the keys of `[data]`, documents first, and return the counts.

        Parameters and faults are those of `read`; `patterns` are the keys of `DATA_KEYS`, and
        `traces` opens what they name as `mlflow:<experiment>`.
        """
        counts: dict[str, IntakeCounts] = {}
        log = LogCounts()
        warnings: tuple[str, ...] = ()
        for name, (kind, role) in DATA_KEYS.items():
            named = patterns.get(name, ())
            traced = [each for each in named if kind == "served" and each.startswith(TRACES)]
            files = [each for each in named if each not in traced]
            report = self.read(store, kind, role, files, root, now, progress)
            if traces is not None:
                for each in traced:
                    report += self._take_traces(store, traces(each), now)
            found = {
                "files": report.files,
                "seen": report.seen,
                "stored": report.stored,
                "known": report.known,
                "quarantined": report.quarantined,
                "erased": report.erased,
            }
            if kind == "served":
                log = report.log.changed(**found)
            else:
                counts[name] = IntakeCounts(**found)
            warnings += report.warnings
        warnings += tuple(unread_files(patterns, root))
        return IntakeResult(**counts, log=log, warnings=warnings)

    @overload
    def parse(
        self, path: Path, kind: Literal["pair"], now: datetime, documents: Store | None = None
    ) -> tuple[list[Pair], list[Fault]]: ...

    @overload
    def parse(
        self, path: Path, kind: Literal["traffic"], now: datetime
    ) -> tuple[list[Traffic], list[Fault]]: ...

    @overload
    def parse(
        self, path: Path, kind: Literal["served"], now: datetime
    ) -> tuple[list[ServedQuery], list[Fault]]: ...

    def parse(
        self, path: Path, kind: Kind, now: datetime, documents: Store | None = None
    ) -> tuple[list[Pair] | list[Traffic] | list[ServedQuery], list[Fault]]:
        """Return the records of one file and what is wrong with the others; keep nothing.

        The rules are those of `read`, except that a last line without its line end is final.
        `documents` is the store whose documents pairs may name.
        """
        source = Source.of(path, str(path), structured=kind == "served")
        with Store.open("sqlite://") as scratch:
            self._take(scratch, kind, "recent", source, now, complete=True, documents=documents)
            faults = scratch.quarantine()[::-1]
            if kind == "served":
                return scratch.served(), faults
            return (scratch.pairs() if kind == "pair" else scratch.traffic()), faults

    def _take(
        self,
        store: Store,
        kind: Kind,
        role: Role,
        source: Source,
        now: datetime,
        *,
        complete: bool = False,
        documents: Store | None = None,
    ) -> IntakeReport:
        columns = Columns(kind)
        # A query of a log is a text of the traffic.
        rules = self._rules(Columns("traffic") if kind == "served" else columns, now)
        log = self._log_file(store, source.label, rules) if kind == "served" else None
        over = self._over(store, kind, role, source.label, now)
        read = None if over else store.progress(kind, role, source.label)
        before = read or FileProgress(source.label)
        reading = open_source(
            source, columns, before, max_line_bytes=self.max_line_bytes, complete=complete
        )
        with reading as reader:
            if reader is None:
                return IntakeReport(unchanged=1)
            with store.arriving(kind, role, source.label) as arrivals:
                arrivals.read_by = self.read_by(kind)
                arrivals.forgive(over, POSTPONED)
                arrivals.unended, arrivals.goes_on = reader.unended, reader.goes_on
                others = NonAnswers(source.label)
                if log:
                    log.take(reader.entries, columns, arrivals)
                ids = DocumentIds(documents or arrivals)
                refused = arrivals.refused_lines(UNKNOWN) if kind == "pair" else set()
                for batch in () if log else checked(reader.entries, rules, source.label):
                    if kind == "pair":
                        batch = joined(batch, ids, source.label)
                    others.keep(batch.others)
                    arrivals.add(batch.records, batch.faults)
                others.add_to(arrivals)
                left_out = log.left_out if log else others.left_out
                self._refuse_if_too_bad(arrivals, source.label, left_out)
                if refused and not reader.goes_on:
                    arrivals.forgive(refused - ids.still_unknown, UNKNOWN)
                arrivals.progress = reader.progress()
        noticed = log.tally.remarks if log else (*others.remarks, *ids.remarks)
        remarks = (*reader.remarks(), *noticed, *_replaced(arrivals))
        report = report_of(source.label, arrivals.total, arrivals.first_fault, remarks)
        named = tuple(f"{source.label}: {each}" for each in columns.remarks)
        counts = log.tally.result if log else LogCounts()
        return replace(report, warnings=(*report.warnings, *named), log=counts)

    def _over(self, store: Store, kind: Kind, role: Role, file: str, now: datetime) -> set[int]:
        """Return the lines that were refused as they lay in the future, and no longer do."""
        refused = store.refusals_of(kind, role, file, POSTPONED)
        return {each.line for each in refused if is_over(each.reason, _seconds(now))}

    def _take_traces(self, store: Store, source: TraceSource, now: datetime) -> IntakeReport:
        rules = self._rules(Columns("traffic"), now)
        log = self._log_file(store, source.label, rules)
        added, fault = take_traces(store, source, log, rules, now, self.read_by("served"))
        remarks = log.tally.remarks
        if fault:
            remarks += (f"could not be read: {fault}; the next run reads on from there",)
        report = report_of(source.label, added, None, remarks)
        return replace(report, log=log.tally.result)

    def live_log(self, store: Store, label: str, now: datetime) -> LiveLog:
        """Return what takes lines of a log that are in no file, under a name in its place."""
        rules = self._rules(Columns("traffic"), now)
        log = self._log_file(store, label, rules)
        return LiveLog(store, log, rules, self.read_by("served"))

    def _rules(self, columns: Columns, now: datetime) -> RecordRules:
        return RecordRules(columns, self.max_text_characters, _seconds(now), self.future_hours)

    def _log_file(self, store: Store, label: str, rules: RecordRules) -> LogFile:
        return LogFile(label, rules, clicks=self.click_actions, has_corpus=bool(store.some_ids(1)))

    def read_by(self, kind: Kind) -> ReadBy:
        """Return what the texts of records depend on; a check tells when that changes."""
        of_documents = kind == "document"
        return records(self.document_preprocessing if of_documents else self.text_preprocessing)

    def _refuse_if_too_bad(self, arrivals: Arrivals, label: str, left_out: int) -> None:
        # A text that is labelled as no answer is no mistake of the file.
        bad = arrivals.total.quarantined - left_out
        new = bad + arrivals.total.stored
        # One bad line at the end of a file that brought good records does not count against it.
        lone = bad == 1 and arrivals.total.known + arrivals.earlier.stored > 0
        if bad > self.max_bad_share * new and not (lone and self.max_bad_share):
            raise DataFault(
                f"{label}: {bad} of {new} new records are bad, at most {self.max_bad_share:.0%} "
                f"may be (intake.max_bad_share); nothing of this file was stored; the first: "
                f"{arrivals.first_fault}"
            )


def _seconds(now: datetime) -> float:
    """Return seconds since the epoch; a moment without a zone counts as UTC."""
    return (now if now.tzinfo else now.replace(tzinfo=UTC)).timestamp()


def _replaced(arrivals: Arrivals) -> tuple[str, ...]:
    """Return one sentence on the documents that were those of other files before."""
    if not arrivals.replaced:
        return ()
    files = ", ".join(file or "no file" for file, _ in arrivals.replaced.most_common(3))
    return (
        f"holds newer versions of {arrivals.replaced.total()} documents that came from {files}; "
        "an id names one document in all files",
    )


def _holds_events(source: Source) -> bool:
    """Return whether a file begins with events, which belong to queries of other files."""
    if source.path is None:
        return False
    if source.path.suffix.lower() == ".parquet":
        return "action_name" in parquet_names(source.path, source.label)
    with source.opened() as stream:
        begun = stream.read(10_000)
    return b"action_name" in begun and b"user_query" not in begun


def _no_step(_: int) -> None:
    """Show no progress."""
