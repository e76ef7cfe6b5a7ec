"""Lines of a log as they are answered: stored as those of a file are, with what users did later."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.intake.bad_record import BadRecord, quoting, shortened
from pipeline.intake.from_logs import LogFile, Read
from pipeline.intake.record_rules import RecordRules
from pipeline.intake.redacted import Redacted
from pipeline.intake.served_lines import Line, read_line, storable
from pipeline.store import Arrivals, Fault, Store


@dataclass(frozen=True, slots=True)
class Later:
    """What a user did with the results of a line, or what was made of them, after it was served."""

    id: str
    """Id of the line."""
    clicked: tuple[str, ...] = ()
    """Results by id, or by text where they have none."""
    feedback: Mapping[str, int] | None = None
    """Result -> 1 or -1."""
    answer: str = ""
    """What a generating system answered."""


class LiveLog:
    """Writes the lines of one source; made by `Intake.live_log`.

    The limits of texts and the ids of documents are those of the moment when it was made.

    Parameters
    ----------
    store
        Where the lines go.
    log
        Reads lines as those of a file with the name of the source.
    rules
        The rules of their texts.
    read_by
        What their texts depend on, noted with them.
    redacted
        What is taken out of them, after what the log takes out.
    """

    def __init__(
        self,
        store: Store,
        log: LogFile,
        rules: RecordRules,
        read_by: Mapping[str, str | int],
        redacted: Redacted,
    ) -> None:
        self._store, self._log, self._rules, self._read_by = store, log, rules, read_by
        self._redacted = redacted

    def write(self, lines: Sequence[Mapping[str, object]], later: Sequence[Later] = ()) -> None:
        """Store lines and what came later, all in one transaction; repeating it changes nothing.

        Parameters
        ----------
        lines
            Named as the plain lines of a log are.
        later
            What users did with these lines, or with lines that were stored before.
        """
        with (
            quoting(self._redacted.redaction),
            self._store.arriving("served", "recent", self._log.label) as arrivals,
        ):
            arrivals.read_by = self._read_by
            read = arrivals.progress.lines
            self._log.take_retrievals(self._each(lines, read + 1), arrivals, self._redacted)
            arrivals.progress = replace(arrivals.progress, lines=read + len(lines))
            amended = sum(self._add(each, arrivals) for each in later)
            told = Counter(events=len(later), amended=amended)
            arrivals.became = Counter(arrivals.became) + told

    def _each(self, lines: Sequence[Mapping[str, object]], first: int) -> Iterator[Read]:
        for number, fields in enumerate(lines, first):
            try:
                yield Read(number, _plain(read_line(fields, self._rules)))
            except BadRecord as bad:
                yield Read(number, bad)

    def _add(self, later: Later, arrivals: Arrivals) -> bool:
        answer, redacted = "", self._redacted
        try:
            answer = storable(redacted.answer(later.answer), self._rules)
        except BadRecord as bad:
            place = arrivals.progress.lines
            reason = f"the answer to the query {shortened(later.id)} {bad}"
            arrivals.add([], [Fault(self._log.label, place, reason)])
        id = redacted.redaction.id(later.id)
        clicked = [redacted.result(name) for name in later.clicked]
        rated = {redacted.result(name): given for name, given in (later.feedback or {}).items()}
        return arrivals.add_later(id, clicked, rated, answer)


def _plain(line: Line) -> Line:
    """Return a line whose names every engine can hold; a file could not even name others."""
    for each in line.query.shown if line.query else ():
        if not is_plain(each.id):
            raise BadRecord(f"a result has the id {shortened(each.id)}; it must be valid Unicode")
    return line


def is_plain(name: str) -> bool:
    r"""Return whether every engine can hold a name.

    Examples
    --------
    >>> is_plain("d2"), is_plain("d\ud800"), is_plain("d\0")
    (True, False, False)
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in name
