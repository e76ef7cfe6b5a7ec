"""Texts that a label says do not answer a query: negatives of a pair of that query."""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.intake.bad_record import shortened
from pipeline.store import Arrivals, Fault, Record
from training.pairs import Pair


class NonAnswers:
    """The non-answers of one file, until its answers are stored.

    Parameters
    ----------
    label
        Name of the file.

    Attributes
    ----------
    left_out : int
        Records that are in quarantine, as no pair gives an answer to their query.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self.left_out = 0
        self._used = 0
        self._kept: list[tuple[int, tuple[Pair, ...]]] = []

    @property
    def remarks(self) -> tuple[str, ...]:
        """One sentence on what the labels say."""
        if not self._used + self.left_out:
            return ()
        return (
            f"labels {self._used + self.left_out} records as no match: {self._used} became "
            f"negatives of a pair with the same query, {self.left_out} are left out",
        )

    def keep(self, records: Sequence[Record]) -> None:
        """Keep records whose positives do not answer their query."""
        for record in records:
            pairs = [each for each in (record.content, *record.more) if isinstance(each, Pair)]
            self._kept.append((record.line, tuple(pairs)))

    def add_to(self, arrivals: Arrivals) -> None:
        """Store each as the negative of the first pair of its query, or set it aside."""
        queries = list(dict.fromkeys(pairs[0].query for _, pairs in self._kept))
        positives = arrivals.positives_of(queries)
        records, faults = [], []
        for line, pairs in self._kept:
            known = positives.get(pairs[0].query, [])
            found = [
                replace(pair, positive=positive, negative=pair.positive)
                for pair in pairs
                if (positive := next((each for each in known if each != pair.positive), None))
                and pair.positive not in known
            ]
            if found:
                records.append(Record(found[0], line, tuple(found[1:])))
            else:
                reason = (
                    f"it is labelled as no match, and no pair gives an answer to "
                    f"{shortened(pairs[0].query)}; a text can only be the negative of a pair"
                )
                faults.append(Fault(self.label, line, reason))
        self._used = len(records)
        before = arrivals.total.quarantined
        arrivals.add(records, faults)
        self.left_out = min(len(faults), arrivals.total.quarantined - before)
