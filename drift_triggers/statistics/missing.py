"""Which fields recent records lack more, or less, often than known ones."""

from dataclasses import dataclass
from typing import Literal

import scipy

from drift_triggers.signal import FieldFacts

Change = Literal["", "gone", "new", "more missing", "less missing"]
TOLD: dict[Change, str] = {
    "": "is filled as before",
    "gone": "is gone",
    "new": "is new",
    "more missing": "is missing more often",
    "less missing": "is missing less often",
}
"""Each change as the end of a sentence."""


@dataclass(frozen=True)
class FieldChange:
    """How often one field is missing; pairs of numbers are (known, recent)."""

    field: str
    """Name of the field."""
    missing: tuple[float | None, float | None]
    """Share of the records that lack it; None where there are no records."""
    p_value: float | None
    """Probability of at least this difference if nothing changed; None without records to test."""
    change: Change
    """What clearly changed: "gone" where none has it any more, "new" where none had it before."""


def field_changes(
    facts: FieldFacts, *, significance: float = 1e-4, minimum_change: float = 0.05
) -> tuple[FieldChange, ...]:
    """Compare how often each field is missing (Fisher's exact test, Bonferroni).

    Records count as independent. Where a whole source lacks a field, a change of the mix of
    sources is a change of the field, and is told as such.

    Parameters
    ----------
    significance
        Largest p-value, corrected for the number of fields, that counts as a change.
    minimum_change
        Smallest difference of the shares that counts, 0 to 1.

    Examples
    --------
    >>> found = field_changes(FieldFacts(200, 100, {"session": (0, 100), "user": (100, 49)}))
    >>> [(each.field, each.missing, each.change) for each in found]
    [('session', (0.0, 1.0), 'gone'), ('user', (0.5, 0.49), '')]
    """
    found = []
    for name, (before, now) in sorted(facts.missing.items()):
        if not facts.known or not facts.recent:
            shares = [
                lacking / size if size else None
                for lacking, size in ((before, facts.known), (now, facts.recent))
            ]
            found.append(FieldChange(name, (shares[0], shares[1]), None, ""))
            continue
        known, recent = before / facts.known, now / facts.recent
        table = [[before, facts.known - before], [now, facts.recent - now]]
        chance = min(1.0, float(scipy.stats.fisher_exact(table).pvalue) * len(facts.missing))
        change: Change = ""
        if chance <= significance and abs(recent - known) > minimum_change:
            change = "more missing" if recent > known else "less missing"
            change = "gone" if now == facts.recent else "new" if before == facts.known else change
        found.append(FieldChange(name, (known, recent), chance, change))
    return tuple(found)
