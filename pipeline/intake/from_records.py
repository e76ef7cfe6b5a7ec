"""A file of pairs, texts or documents on its way into the store, in batches."""

from pipeline.intake.batches import checked, joined
from pipeline.intake.document_ids import UNKNOWN, DocumentIds, Lookup
from pipeline.intake.non_answers import NonAnswers
from pipeline.intake.opening import Reader
from pipeline.intake.record_rules import RecordRules
from pipeline.intake.redacted import Redacted
from pipeline.store import Arrivals


class RecordFile:
    """One file, whose records are checked, joined with their documents, redacted and stored.

    Parameters
    ----------
    label
        Name of the file.
    rules
        The rules of its records.
    lookup
        Where the documents are that pairs may name.
    """

    def __init__(self, label: str, rules: RecordRules, lookup: Lookup) -> None:
        self._label, self._rules = label, rules
        self._others, self._ids = NonAnswers(label), DocumentIds(lookup)

    @property
    def left_out(self) -> int:
        """Records in quarantine that are no mistake of the file, as labels say they match none."""
        return self._others.left_out

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should check, in sentences that begin after the name of the file."""
        return (*self._others.remarks, *self._ids.remarks)

    def take(self, reader: Reader, arrivals: Arrivals, redacted: Redacted) -> None:
        """Store all records.

        Parameters
        ----------
        reader
            The open file.
        arrivals
            Where to.
        redacted
            What is taken out of them; of pairs, once their documents are known by their ids.
        """
        of_pairs = self._rules.columns.kind == "pair"
        refused = arrivals.refused_lines(UNKNOWN) if of_pairs else set()
        for batch in checked(reader.entries, self._rules, self._label):
            if of_pairs:
                batch = joined(batch, self._ids, self._label)
            batch = redacted.batch(batch, self._label)
            self._others.keep(batch.others)
            arrivals.add(batch.records, batch.faults)
        self._others.add_to(arrivals)
        if refused and not reader.goes_on:
            arrivals.forgive(refused - self._ids.still_unknown, UNKNOWN)
