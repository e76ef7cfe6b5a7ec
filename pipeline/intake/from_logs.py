"""A served log on its way into the store: every format becomes lines, events join their lines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from pydantic_core import from_json

from pipeline.intake import openinference, ubi
from pipeline.intake.bad_record import BadRecord, shortened
from pipeline.intake.columns import Columns
from pipeline.intake.json_lines import Line as RawLine
from pipeline.intake.log_tally import LogTally
from pipeline.intake.log_values import plain
from pipeline.intake.record_rules import Content, RecordRules
from pipeline.intake.redacted import AS_THEY_ARE, Redacted
from pipeline.intake.served_lines import Joined, Line, Pick, join, read_line, together
from pipeline.intake.sources import Source
from pipeline.intake.tables import Row, parquet_names
from pipeline.store import Arrivals, Fault, Record
from training.unlabelled import Shown

_BATCH = 2_000
_NAMED_IDS = 1_000
_COUNTED_USERS = 100_000
_FLOOD_LINES, _FLOOD_SHARE = 1_000, 0.2
_LONGEST_ID = 200
"""Characters of a text that may be an id as well."""
_BULK = {"index", "create", "update", "delete"}


class Read(NamedTuple):
    """A line of a log with its number in the file, or what is wrong with it."""

    number: int
    line: Line | BadRecord


class _Good(NamedTuple):
    number: int
    line: Line


class LogFile:
    """One file of a log, in any of the formats, read into the store in batches.

    Parameters
    ----------
    label
        Name of the file.
    rules
        The rules of texts of the traffic.
    clicks
        Actions of UBI events that are clicks.
    has_corpus
        Whether ids can be compared with those of the documents.

    Attributes
    ----------
    left_out : int
        Faults that are no bad records: their lines are stored, or belong to no stored line.
    """

    def __init__(
        self,
        label: str,
        rules: RecordRules,
        *,
        clicks: Sequence[str],
        has_corpus: bool,
    ) -> None:
        self.label, self.left_out = label, 0
        self._rules, self._columns = rules, Columns("served")
        self._clicks, self._has_corpus = tuple(clicks), has_corpus
        self.tally = LogTally()
        self._known: set[str] = set()
        self._waiting: list[_Good] = []
        self._redacted = AS_THEY_ARE

    def take(
        self,
        entries: Iterable[RawLine | Row],
        columns: Columns,
        arrivals: Arrivals,
        redacted: Redacted,
    ) -> None:
        """Store all lines as they may be kept, and what was done with lines served before."""
        self._columns, self._redacted = columns, redacted
        self._add(self._each(entries), arrivals)

    def take_retrievals(
        self, reads: Iterable[Read], arrivals: Arrivals, redacted: Redacted
    ) -> None:
        """Store lines that were read from traces, as they may be kept."""
        self._redacted = redacted
        self._add(self._counted(reads), arrivals)

    def _add(self, reads: Iterable[Read], arrivals: Arrivals) -> None:
        before = self.tally.counts.copy()
        batch: list[_Good] = []
        faults: list[Fault] = []
        characters = 0
        for number, line in reads:
            if not isinstance(line, BadRecord) and line.query is None:
                line = self._later(line)
            if isinstance(line, BadRecord):
                faults.append(Fault(self.label, number, str(line)))
            else:
                batch.append(_Good(number, line))
                characters += _size(line)
            if len(batch) + len(faults) >= _BATCH or characters > 10_000_000:
                self._store(batch, faults, arrivals)
                batch, faults, characters = [], [], 0
        self._store(batch, faults, arrivals)
        self._finish(arrivals)
        arrivals.became = self.tally.counts - before

    def _later(self, line: Line) -> Line | BadRecord:
        try:
            return self._redacted.later(line)
        except BadRecord as bad:
            return bad

    def _counted(self, reads: Iterable[Read]) -> Iterator[Read]:
        for read in reads:
            self.tally.counts["lines"] += 1
            yield read

    def _each(self, entries: Iterable[RawLine | Row]) -> Iterator[Read]:
        for entry in entries:
            self.tally.counts["lines"] += 1
            try:
                lines = self._lines(entry)
            except BadRecord as bad:
                lines = [bad]
            self.tally.counts["passed_over"] += not lines
            for line in lines:
                yield Read(entry.number, line)

    def _lines(self, entry: RawLine | Row) -> Sequence[Line | BadRecord]:
        if isinstance(entry.content, BadRecord):
            raise entry.content
        record = _record(entry.content, self._rules)
        if _is_bulk_header(record):
            return []
        inner = record.get("_source")
        if isinstance(inner, Mapping):
            record = {"_id": record.get("_id"), **inner}
        if ubi.is_event(record):
            self.tally.note_format("UBI", entry.number)
            found = ubi.event_line(record, self._clicks)
            if isinstance(found, str):
                self.tally.actions[found] += 1
                return []
            return [found]
        spans = openinference.spans_within(record)
        if spans is not None:
            self.tally.note_format("OpenInference", entry.number)
            return [self._span(each) for each in openinference.span_fields(spans)]
        if ubi.is_query(record):
            self.tally.note_format("UBI", entry.number)
            if not record["user_query"]:
                return []  # A page of recommendations, say, that nobody asked for in words.
            return [read_line(self._fields(ubi.query_of(record)), self._rules)]
        self.tally.note_format("plain lines", entry.number)
        fields = self._fields(record)
        self.tally.other_names.update(
            (column, field)
            for field, column in self._columns.plan(tuple(record)).fields.items()
            if column != field
        )
        return [read_line(fields, self._rules)]

    def _span(self, fields: Mapping[str, object]) -> Line | BadRecord:
        # One span of many that cannot be read spoils only itself.
        try:
            query = openinference.query_within(fields["query"])
            return read_line({**fields, "query": query}, self._rules)
        except BadRecord as bad:
            return bad

    def _fields(self, record: Mapping[str, object]) -> dict[str, object]:
        plan = self._columns.plan(tuple(record))
        return {field: record[column] for field, column in plan.fields.items()}

    def _store(self, batch: Sequence[_Good], faults: list[Fault], arrivals: Arrivals) -> None:
        known = self._known_ids(batch, arrivals)
        records: list[Record] = []
        notes: list[Fault] = []
        late = [read for read in batch if read.line.query is None]
        for read in batch:
            notes += [Fault(self.label, read.number, remark) for remark in read.line.remarks]
            notes += self._unknown_ids(read, known)
            if read.line.query is None:
                continue
            query = replace(read.line.query, shown=_resolved(read.line.query.shown, known))
            joined = join(read.line.done, query.shown)
            notes += self._told(joined, read.number)
            query = replace(query, clicked=joined.clicked, feedback=joined.feedback)
            self.tally.count(query)
            try:
                records.append(self._redacted.record(Record(query, read.number)))
            except BadRecord as bad:
                faults.append(Fault(self.label, read.number, str(bad)))
        before = arrivals.total.stored
        arrivals.add(records, faults)
        self.tally.counts["texts"] += arrivals.total.stored - before
        self._note_down(notes, arrivals)
        self.tally.counts["events"] += len(late)
        self._waiting += self._amend(late, arrivals)

    def _note_down(self, notes: Sequence[Fault], arrivals: Arrivals) -> None:
        """Put into quarantine what makes no line a bad one."""
        before = arrivals.total.quarantined
        arrivals.add([], notes)
        self.left_out += arrivals.total.quarantined - before

    def _known_ids(self, batch: Sequence[_Good], arrivals: Arrivals) -> set[str] | None:
        """Return the ids in a batch that documents have; None where there is no corpus."""
        if not self._has_corpus:
            return None
        asked = [
            name for name in _ids(batch) if not (name in self._known or name in self.tally.unknown)
        ]
        self._known |= arrivals.known_documents(asked)
        return self._known

    def _unknown_ids(self, read: _Good, known: set[str] | None) -> list[Fault]:
        """Name the ids that no document has, each once in a file."""
        if known is None:
            return []
        unknown = self.tally.unknown
        fresh = [name for name in _ids([read]) if not (name in known or name in unknown)]
        if read.line.query:
            texts = {each.text for each in read.line.query.shown if not each.id}
            fresh = [name for name in fresh if name not in texts]
        named = fresh[: max(0, _NAMED_IDS - len(unknown))]
        unknown.update(fresh)
        self.tally.counts["unknown_ids"] += len(fresh)
        return [
            Fault(
                self.label,
                read.number,
                f"no document of the corpus has the id {shortened(name)}; the line is stored "
                "without its text",
            )
            for name in named
        ]

    def _told(self, joined: Joined, number: int) -> list[Fault]:
        self.tally.counts["not_shown"] += len(joined.not_shown)
        self.tally.counts["contradictions"] += len(joined.contradicting)
        reasons = [
            f"{shortened(name)} was clicked or rated, but was not shown; that is left out"
            for name in joined.not_shown
        ]
        reasons += [
            f"{shortened(name)} is rated both 1 and -1; both are left out"
            for name in joined.contradicting
        ]
        return [Fault(self.label, number, reason) for reason in reasons]

    def _amend(self, late: Sequence[_Good], arrivals: Arrivals) -> list[_Good]:
        """Add what was done to lines that are stored; return what belongs to none."""
        stored = arrivals.served_named([read.line.id for read in late])
        of: dict[str, list[_Good]] = {}
        for read in late:
            if read.line.id in stored:
                of.setdefault(read.line.id, []).append(read)
        changed, notes = {}, []
        for id, reads in of.items():
            reads.sort(key=lambda read: (read.line.moment or 0.0, read.number))
            before, done = stored[id], together([read.line.done for read in reads])
            shown = _extended(before.shown, done.seen)
            joined = join(done, shown, others={} if done.whole else dict(before.feedback))
            notes += self._told(joined, reads[0].number)
            clicked = tuple(dict.fromkeys((*before.clicked, *joined.clicked)))
            after = replace(before, shown=shown, clicked=clicked, feedback=joined.feedback)
            if after != before:
                changed[id] = after
        arrivals.amend(changed)
        self.tally.counts["amended"] += len(changed)
        self._note_down(notes, arrivals)
        return [read for read in late if read.line.id not in stored]

    def _finish(self, arrivals: Arrivals) -> None:
        """Try once more what came before its query; put away what belongs to no stored line."""
        notes = [
            Fault(
                self.label,
                read.number,
                f"no served line has the id {shortened(read.line.id)}; clicks and ratings must "
                "name a query that was read before, or in the same file",
            )
            for read in self._amend(self._waiting, arrivals)
        ]
        self._waiting = []
        self._note_down(notes, arrivals)


def holds_events(source: Source) -> bool:
    """Return whether a file begins with events, which belong to queries of other files."""
    if source.path is None:
        return False
    if source.path.suffix.lower() == ".parquet":
        return "action_name" in parquet_names(source.path, source.label)
    with source.opened() as stream:
        begun = stream.read(10_000)
    return b"action_name" in begun and b"user_query" not in begun


def _record(content: Content, rules: RecordRules) -> dict[str, object]:
    if isinstance(content, bytes):
        try:
            found = from_json(content)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            rules.read(content)  # It says what is wrong with it.
            raise BadRecord(f"the line is {shortened(content)}, not an object")
        return found
    return {name: plain(value) for name, value in content.items() if value is not None}


def _is_bulk_header(record: Mapping[str, object]) -> bool:
    """Return whether a line is one of those that OpenSearch wants before each record."""
    return len(record) == 1 and all(
        name in _BULK and isinstance(value, Mapping) and ("_index" in value or "_id" in value)
        for name, value in record.items()
    )


def _ids(batch: Iterable[_Good]) -> list[str]:
    """Return what may be ids of documents in lines; texts without an id may be ids with spaces."""
    found: dict[str, None] = {}
    for read in batch:
        query, done = read.line.query, read.line.done
        for each in query.shown if query else ():
            if len(name := each.id or each.text) <= _LONGEST_ID:
                found[name] = None
        for pick in (*done.clicked, *done.seen, *(pick for pick, _ in done.rated)):
            if 0 < len(pick.name) <= _LONGEST_ID:
                found[pick.name] = None
    return list(found)


def _resolved(shown: Sequence[Shown], known: set[str] | None) -> tuple[Shown, ...]:
    """Return results by id where the corpus has their text."""
    if known is None:
        return tuple(shown)
    return tuple(
        Shown(each.id or each.text, "", each.score) if (each.id or each.text) in known else each
        for each in shown
    )


def _extended(shown: Sequence[Shown], seen: Sequence[Pick]) -> tuple[Shown, ...]:
    """Return what was shown, with what a page reports as seen behind it."""
    names = {each.id or each.text for each in shown}
    in_order = sorted(seen, key=lambda pick: pick.place)
    fresh = dict.fromkeys(pick.name for pick in in_order if pick.name not in names)
    return (*shown, *(Shown(name) for name in fresh if name))


def _size(line: Line) -> int:
    query = line.query
    if query is None:
        return 100
    return len(query.query) + len(query.answer) + sum(len(each.text) + 50 for each in query.shown)
