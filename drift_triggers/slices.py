"""Slices of the traffic, such as one source or the texts with a word, compared with their past."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import scipy
from numpy.typing import NDArray

from drift_triggers.embedding_shift import EmbeddingShift
from drift_triggers.signal import Observation, Sample, Signal

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Slice:
    """The rows of one slice of the traffic, in the reference and in the recent window."""

    reference: Rows
    """Rows of the reference, shape ``(texts,)``."""
    recent: Rows
    """Rows of the recent texts, shape ``(texts,)``."""


def part(sample: Sample, rows: Rows) -> Sample:
    """Return the texts of the given rows as a sample of their own, without sources and words."""

    def chosen(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names[row] for row in rows) if names else ()

    return Sample(
        tuple(sample.texts[row] for row in rows),
        sample.embeddings[rows],
        timestamps=None if sample.timestamps is None else sample.timestamps[rows],
        sessions=chosen(sample.sessions),
        users=chosen(sample.users),
    )


def most_moved(
    observation: Observation,
    slices: Mapping[str, Slice],
    *,
    significance: float,
    largest_sample: int,
) -> tuple[str, Signal]:
    """Test each slice with `embedding_shift` and return the one with the clearest result.

    Its p-value and its significance level are corrected for the number of slices (Bonferroni).

    Parameters
    ----------
    slices
        Name -> rows; at least one slice, each with enough texts for the test.
    significance
        Largest corrected p-value that may fire.
    largest_sample
        Largest number of texts to use per side of a slice.
    """
    worker = EmbeddingShift(significance=significance / len(slices), largest_sample=largest_sample)
    found = {}
    for name, each in slices.items():
        recent = part(observation.recent, each.recent)
        reference = part(observation.reference, each.reference)
        found[name] = worker.check(replace(observation, recent=recent, reference=reference))
    clear = {name: 1.0 if one.p_value is None else one.p_value for name, one in found.items()}
    name = min(found, key=lambda name: (not found[name].fired, clear[name]))
    if not found[name].measured:
        return name, found[name]
    return name, replace(found[name], p_value=min(1.0, clear[name] * len(slices)))


def share_p_value(before: int, reference: int, now: int, recent: int) -> float:
    """Return the p-value of two shares being equal (Fisher's exact test, two-sided).

    Parameters
    ----------
    before, reference
        Texts of the slice, and all texts, in the reference.
    now, recent
        The same in the recent window.

    Examples
    --------
    >>> share_p_value(10, 100, 12, 100) > 0.5
    True
    >>> share_p_value(10, 100, 60, 100) < 1e-9
    True
    """
    table = [[before, reference - before], [now, recent - now]]
    return float(scipy.stats.fisher_exact(table).pvalue)
