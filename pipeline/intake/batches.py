"""Records of one file in batches of bounded size: to store, no answers, or wrong."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pipeline.intake.bad_record import BadRecord
from pipeline.intake.document_ids import DocumentIds
from pipeline.intake.json_lines import Line
from pipeline.intake.record_rules import Expanded, RecordRules
from pipeline.intake.tables import Row
from pipeline.store import Fault, Record, Traffic
from training.pairs import Pair
from training.unlabelled import Document

_BATCH = 2_000


@dataclass
class Batch:
    """Records of one file: those to store, those that are no answers, and what is wrong."""

    records: list[Record] = field(default_factory=list)
    others: list[Record] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    characters: int = 0

    @property
    def is_full(self) -> bool:
        """Whether the next record belongs to another batch."""
        size = len(self.records) + len(self.others) + len(self.faults)
        return size >= _BATCH or self.characters > 10_000_000


def checked(entries: Iterable[Line | Row], rules: RecordRules, label: str) -> Iterator[Batch]:
    """Yield records and faults in batches of bounded size."""
    batch = Batch()
    for entry in entries:
        if batch.is_full:
            yield batch
            batch = Batch()
        try:
            if isinstance(entry.content, BadRecord):
                raise entry.content
            content = rules.read(entry.content)
        except BadRecord as bad:
            batch.faults.append(Fault(label, entry.number, str(bad)))
            continue
        more: tuple[Pair, ...] = ()
        kept = batch.records
        if isinstance(content, Expanded):
            kept = batch.records if content.answers else batch.others
            content, *rest = content.pairs
            more = tuple(rest)
        kept.append(Record(content, entry.number, more))
        batch.characters += _length(content) * (1 + len(more))
    yield batch


def joined(batch: Batch, ids: DocumentIds, label: str) -> Batch:
    """Return the batch with the texts of the documents that its pairs name."""
    others = ids.join(batch.others)
    unknown = [Fault(label, each.line, each.fault) for each in others if each.fault]
    return Batch(
        ids.join(batch.records),
        [each for each in others if not each.fault],
        [*batch.faults, *unknown],
    )


def _length(content: Pair | Traffic | Document) -> int:
    if isinstance(content, Pair):
        return len(content.query) + len(content.positive)
    return len(content.text)
