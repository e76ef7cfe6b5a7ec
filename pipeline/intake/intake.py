"""Intake: files and data sets into the store, and what is wrong with them into quarantine."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Literal, overload

from pydantic import Field
from pydantic.dataclasses import dataclass

from pipeline.intake.bad_record import quoting
from pipeline.intake.columns import Columns
from pipeline.intake.corpus_files import find_corpus
from pipeline.intake.document_ids import UNKNOWN
from pipeline.intake.from_documents import take_pages
from pipeline.intake.from_logs import LogFile, holds_events
from pipeline.intake.from_records import RecordFile
from pipeline.intake.live_lines import LiveLog
from pipeline.intake.moments import seconds_at
from pipeline.intake.opening import open_source
from pipeline.intake.page_rules import PageRules
from pipeline.intake.postponed import POSTPONED, over_lines
from pipeline.intake.read_by import ReadBy, pages, records, redacted
from pipeline.intake.record_rules import RecordRules
from pipeline.intake.redacted import Redacted
from pipeline.intake.redaction import Mode, Redaction
from pipeline.intake.report import IntakeReport, replaced, report_of
from pipeline.intake.sources import Source, find_sources
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
    redact: Mode = "off"
    """What becomes of e-mail addresses, phone and card numbers, IBANs and IP addresses in records.

    "mask" writes their kind, such as [e-mail]; "tag" adds letters that tell two values apart. It
    happens before anything is stored. What is stored already stays as it is.
    """
    redactor: str = Field(default="", pattern=r"^$|^[\w.]+:\w+$")
    """Your own function "module:function", from text to text, called after `redact`."""
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
        redaction: Redaction | None = None,
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
        redaction
            What is taken out of records; None: what `redact` says, without a key of its own.

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
            sources.sort(key=holds_events)
        total = sum(source.size for source in sources) + (len(corpus.pages) if corpus else 0)
        report = IntakeReport()
        with progress(f"reading {role}", total) if progress else nullcontext(_no_step) as step:
            for source in sources:
                report += self._take(store, kind, role, source, now, redaction=redaction)
                step(source.size)
            if corpus and patterns:
                read_by = pages(self.section_characters, self.document_preprocessing)
                read_by |= redacted(self.redact, self.redactor)
                with self._quotes(redaction):
                    report += take_pages(store, corpus, self._pages(redaction), step, read_by)
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
        redaction: Redaction | None = None,
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
            report = self.read(store, kind, role, files, root, now, progress, redaction)
            if traces is not None:
                for each in traced:
                    with self._quotes(redaction):
                        report += self._take_traces(store, traces(each), now, redaction)
            found = {
                "files": report.files,
                "seen": report.seen,
                "stored": report.stored,
                "known": report.known,
                "quarantined": report.quarantined,
                "erased": report.erased,
                "redacted": report.redacted,
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
        self,
        path: Path,
        kind: Literal["pair"],
        now: datetime,
        documents: Store | None = None,
        redaction: Redaction | None = None,
    ) -> tuple[list[Pair], list[Fault]]: ...

    @overload
    def parse(
        self,
        path: Path,
        kind: Literal["traffic"],
        now: datetime,
        documents: None = None,
        redaction: Redaction | None = None,
    ) -> tuple[list[Traffic], list[Fault]]: ...

    @overload
    def parse(
        self,
        path: Path,
        kind: Literal["served"],
        now: datetime,
        documents: None = None,
        redaction: Redaction | None = None,
    ) -> tuple[list[ServedQuery], list[Fault]]: ...

    def parse(
        self,
        path: Path,
        kind: Kind,
        now: datetime,
        documents: Store | None = None,
        redaction: Redaction | None = None,
    ) -> tuple[list[Pair] | list[Traffic] | list[ServedQuery], list[Fault]]:
        """Return the records of one file and what is wrong with the others; keep nothing.

        The rules are those of `read`, except that a last line without its line end is final.
        `documents` is the store whose documents pairs may name; `redaction` is as for `read`.
        """
        source = Source.of(path, str(path), structured=kind == "served")
        with Store.open("sqlite://") as scratch:
            self._take(
                scratch,
                kind,
                "recent",
                source,
                now,
                complete=True,
                documents=documents,
                redaction=redaction,
            )
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
        redaction: Redaction | None = None,
    ) -> IntakeReport:
        columns = Columns(kind)
        log = self._log_file(store, source.label, now) if kind == "served" else None
        refused = store.refusals_of(kind, role, source.label, POSTPONED)
        over = over_lines(refused, seconds_at(now))
        read = None if over else store.progress(kind, role, source.label)
        before = read or FileProgress(source.label)
        reading = open_source(
            source, columns, before, max_line_bytes=self.max_line_bytes, complete=complete
        )
        with self._quotes(redaction), reading as reader:
            if reader is None:
                return IntakeReport(unchanged=1)
            with store.arriving(kind, role, source.label) as arrivals:
                arrivals.read_by = self.read_by(kind)
                arrivals.forgive(over, POSTPONED)
                arrivals.unended, arrivals.goes_on = reader.unended, reader.goes_on
                kept = self._redacted(redaction, arrivals)
                if log:
                    log.take(reader.entries, columns, arrivals, kept)
                    left_out, noticed, counts = log.left_out, log.tally.remarks, log.tally.result
                else:
                    rules = self._rules(columns, now)
                    taken = RecordFile(source.label, rules, documents or arrivals)
                    taken.take(reader, arrivals, kept)
                    left_out, noticed, counts = taken.left_out, taken.remarks, LogCounts()
                self._refuse_if_too_bad(arrivals, source.label, left_out)
                arrivals.progress = reader.progress()
            remarks = (*reader.remarks(), *noticed, *replaced(arrivals))
            report = report_of(source.label, arrivals.total, arrivals.first_fault, remarks)
            named = tuple(f"{source.label}: {each}" for each in columns.remarks)
        return replace(report, warnings=(*report.warnings, *named), log=counts)

    def _take_traces(
        self, store: Store, source: TraceSource, now: datetime, redaction: Redaction | None
    ) -> IntakeReport:
        log, rules = self._log_file(store, source.label, now), self._rules(Columns("traffic"), now)
        kept, read_by = Redacted(self._redaction(redaction)), self.read_by("served")
        added, fault = take_traces(store, source, log, rules, now, read_by, kept)
        remarks = log.tally.remarks
        if fault:
            remarks += (f"could not be read: {fault}; the next run reads on from there",)
        report = report_of(source.label, added, None, remarks)
        return replace(report, log=log.tally.result)

    def live_log(
        self, store: Store, label: str, now: datetime, redaction: Redaction | None = None
    ) -> LiveLog:
        """Return what takes lines of a log that are in no file, under a name in its place."""
        log, rules = self._log_file(store, label, now), self._rules(Columns("traffic"), now)
        kept = Redacted(self._redaction(redaction))
        return LiveLog(store, log, rules, self.read_by("served"), kept)

    def _redaction(self, given: Redaction | None) -> Redaction:
        if given is None and self.redactor:
            raise ValueError("intake.redactor is set: the function must be given with `redaction`")
        return given or Redaction(self.redact)

    def _redacted(self, given: Redaction | None, arrivals: Arrivals) -> Redacted:
        """Return what is taken out of records of a file, and what was out of stored ones."""
        way = redacted(self.redact, self.redactor)
        return Redacted.as_before(self._redaction(given), way, arrivals.ways_read())

    def _quotes(self, given: Redaction | None) -> AbstractContextManager[None]:
        """Let messages quote values without what is taken out of records."""
        redaction = self._redaction(given)
        return nullcontext() if redaction.is_off else quoting(redaction)

    def _pages(self, given: Redaction | None) -> PageRules:
        redacted = Redacted(self._redaction(given))
        return PageRules(self.section_characters, self.max_text_characters, redacted)

    def _rules(self, columns: Columns, now: datetime) -> RecordRules:
        return RecordRules(columns, self.max_text_characters, seconds_at(now), self.future_hours)

    def _log_file(self, store: Store, label: str, now: datetime) -> LogFile:
        # A query of a log is a text of the traffic.
        rules = self._rules(Columns("traffic"), now)
        return LogFile(label, rules, clicks=self.click_actions, has_corpus=bool(store.some_ids(1)))

    def read_by(self, kind: Kind) -> ReadBy:
        """Return what the texts of records depend on; a check tells when that changes."""
        of_documents = kind == "document"
        declared = self.document_preprocessing if of_documents else self.text_preprocessing
        return records(declared) | redacted(self.redact, self.redactor)

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


def _no_step(_: int) -> None:
    """Show no progress."""
