"""The new records are not fit to train on: a guard."""

from collections import Counter
from collections.abc import Mapping
from typing import ClassVar, Literal

import scipy
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.signal import FieldFacts, Observation, PairFacts, Signal
from drift_triggers.statistics.missing import TOLD, field_changes
from drift_triggers.statistics.view import folded


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class DataQuality:
    """Block training on records that seem broken, and say what is wrong.

    Compares shares with the limits below: records that intake refused, pairs with an empty side,
    pairs that repeat or contradict one another more than the history did, columns that nearly all
    of the history fills and the new records lack, and a source that sends nothing while the others
    continue (a new source in its place is a change, not a fault). Columns that are new, and columns
    that disappeared but were rarely filled, are reported and do not block.

    Fields of texts, documents and served lines are compared too: one that is missing clearly more
    often than before is reported, and blocks where ``block_on`` names the kind of the records.

    Notes
    -----
    Has no p-value and no effect: the policy does not count it as a test. Not measured with fewer
    than ``minimum_records`` new records, in which only a missing source can block.

    References
    ----------
    ``scipy.stats.binom`` for the missing source.

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers import DataQuality, Observation, PairFacts, Sample
    >>> none = Sample((), np.empty((0, 3), np.float32))
    >>> broken, sound = PairFacts(records=100, quarantined=30), PairFacts(records=100)
    >>> DataQuality().check(Observation(none, none, recent_pairs=broken)).reason
    'the data seem broken: intake refused 30 of 100 records (limit 10%)'
    >>> DataQuality().check(Observation(none, none, recent_pairs=sound)).fired
    False
    """

    name: ClassVar[str] = "data_quality"

    maximum_refused: float = Field(default=0.1, gt=0.0, lt=1.0)
    """Largest share of records that intake may refuse, 0 to 1."""
    maximum_missing: float = Field(default=0.05, gt=0.0, lt=1.0)
    """Largest share of records that may lack a column, above the share of the history, 0 to 1; only
    for columns that at most this share of the history lacks. Also the largest share of pairs with
    an empty side."""
    optional_columns: tuple[str, ...] = Field(default=("negative",), strict=False)
    """Columns that may appear and disappear; hard negatives are often mined for a history only."""
    maximum_repeated: float = Field(default=0.5, gt=0.0, le=1.0)
    """Largest share of pairs that repeat another one, above the share of the history, 0 to 1."""
    maximum_conflicting: float = Field(default=0.05, gt=0.0, le=1.0)
    """Largest share of queries with a text labelled both right and wrong, above the share of the
    history, 0 to 1."""
    minimum_records: int = Field(default=20, ge=1)
    """Number of records needed to judge a share."""
    significance: float = Field(default=1e-4, gt=0.0, lt=0.5)
    """Probability, if nothing changed, below which a missing source blocks, and a field counts as
    missing more often; tested daily."""
    block_on: tuple[Literal["texts", "documents", "log"], ...] = Field(default=(), strict=False)
    """Kinds of records, besides pairs, whose missing fields block; those of others are reported."""

    def check(self, observation: Observation) -> Signal:
        """Compare the new records with the limits and with the history."""
        recent, history = observation.recent_pairs, observation.reference_pairs or PairFacts()
        lacked, fields = self._fields(observation.fields)
        count = 0 if recent is None else max(recent.records, len(recent.pairs))
        wrong = list(lacked)
        told: list[str] = []
        if recent is not None and count:
            if min(recent.records, recent.quarantined) < 0 or recent.quarantined > max(
                recent.records, 0
            ):
                raise ValueError(
                    "quarantined must be from 0 to records, "
                    f"got {recent.quarantined} of {recent.records}"
                )
            lacking, told = self._columns(recent, history)
            wrong += [*self._records(recent), *lacking, *self._pairs(recent, history)]
            wrong += [text for text in [self._silence(recent, history)] if text]
        if not wrong and not fields:
            if not count:
                return Signal.unmeasured(self.name, "no new records of labelled pairs were given")
            if count < self.minimum_records:
                return Signal.too_few(self.name, count, self.minimum_records, "new records")
        if not wrong:
            sound = [f"{count} records seem sound"] if count else []
            return Signal(self.name, False, "; ".join([*sound, *told, *fields]))
        return Signal(
            self.name,
            True,
            "the data seem broken: " + "; ".join([*wrong, *told, *fields]),
            cause="data_quality",
            examples=() if recent is None else tuple(sorted(_contradicted(recent))[:5]),
            blocks=True,
        )

    def _fields(self, facts: Mapping[str, FieldFacts]) -> tuple[list[str], list[str]]:
        """Return which fields block as they are missing, and what else is told of fields."""
        wrong: list[str] = []
        told: list[str] = []
        for kind, each in facts.items():
            if min(each.known, each.recent) < self.minimum_records:
                continue
            changes = field_changes(
                each, significance=self.significance, minimum_change=self.maximum_missing
            )
            for found in changes:
                if not found.change:
                    continue
                before, now = (share or 0.0 for share in found.missing)
                said = (
                    f"{kind}: {found.field!r} {TOLD[found.change]} (missing in {before:.0%} of "
                    f"{each.known} known and {now:.0%} of {each.recent} recent ones)"
                )
                blocks = kind in self.block_on and found.change in ("gone", "more missing")
                (wrong if blocks else told).append(said)
            if not any(found.change for found in changes):
                told.append(f"the fields of {each.recent} {kind} are filled as before")
        return wrong, told

    def _records(self, recent: PairFacts) -> list[str]:
        limit = self.maximum_refused * recent.records
        if recent.records < self.minimum_records or recent.quarantined <= limit:
            return []
        return [
            f"intake refused {recent.quarantined} of {recent.records} records "
            f"(limit {self.maximum_refused:.0%})"
        ]

    def _columns(self, recent: PairFacts, history: PairFacts) -> tuple[list[str], list[str]]:
        """Return what is wrong with the columns, and which of their changes are only reported."""
        wrong: list[str] = []
        told: list[str] = []
        if recent.records < self.minimum_records:
            return wrong, told
        size = max(1, history.records)
        gone = history.fields - recent.fields if recent.fields else frozenset()
        fresh = recent.fields - history.fields if history.fields else frozenset()
        for column in sorted(history.fields | set(recent.missing)):
            before = history.missing.get(column, 0) / size
            lacking = recent.records if column in gone else recent.missing.get(column, 0)
            usual = before <= self.maximum_missing and column not in self.optional_columns
            if column in fresh or lacking <= (before + self.maximum_missing) * recent.records:
                continue
            if not usual:
                told += [f"column {column!r} no longer arrives"] if column in gone else []
            elif column in gone:
                wrong.append(
                    f"the schema changed: column {column!r}, which {1 - before:.0%} of the history "
                    "fills, no longer arrives (if intended, add it to "
                    "triggers.data_quality.optional_columns)"
                )
            else:
                wrong.append(
                    f"{lacking} of {recent.records} records lack column {column!r}, {before:.0%} "
                    f"of the history do (limit {self.maximum_missing:.0%} more)"
                )
        return wrong, told + [f"column {column!r} is new" for column in sorted(fresh)]

    def _pairs(self, recent: PairFacts, history: PairFacts) -> list[str]:
        wrong: list[str] = []
        if len(recent.pairs) < self.minimum_records:
            return wrong
        empty = sum(not folded(query) or not positive.strip() for query, positive in recent.pairs)
        if empty > self.maximum_missing * len(recent.pairs):
            wrong.append(f"{empty} of {len(recent.pairs)} pairs have an empty side")
        for told, measure, limit in (
            ("of the pairs repeat another", _repeated, self.maximum_repeated),
            (
                "of the queries have a text labelled both right and wrong",
                _conflicting,
                self.maximum_conflicting,
            ),
        ):
            now, before = measure(recent), measure(history)
            if now > before + limit:
                wrong.append(f"{now:.0%} {told} ({before:.0%} in the history)")
        return wrong

    def _silence(self, recent: PairFacts, history: PairFacts) -> str:
        before, now = Counter(history.sources), Counter(recent.sources)
        for counts in (before, now):
            counts.pop("", None)
        if not before or not now or set(now) - set(before):
            return ""
        for source, count in before.most_common():
            chance = scipy.stats.binom.pmf(0, now.total(), count / before.total())
            if source not in now and chance <= self.significance:
                return (
                    f"source {source!r} stopped: {count / before.total():.0%} of the history, none "
                    f"of {now.total()} new pairs"
                )
        return ""


def _repeated(facts: PairFacts) -> float:
    distinct = {(folded(query), folded(positive)) for query, positive in facts.pairs}
    return 1.0 - len(distinct) / len(facts.pairs) if facts.pairs else 0.0


def _contradicted(facts: PairFacts) -> set[str]:
    right = {(folded(query), folded(positive)) for query, positive in facts.pairs}
    wrong = {(folded(query), folded(negative)) for query, negative in facts.negatives}
    return {query for query, _ in right & wrong}


def _conflicting(facts: PairFacts) -> float:
    queries = {folded(query) for query, _ in facts.pairs}
    return len(_contradicted(facts)) / len(queries) if queries else 0.0
