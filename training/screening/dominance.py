"""Dominance: a source that suddenly brings most of the pairs."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_MAJORITY = 0.5
"""Share from which a source decides what is learned, against all others together."""
_SIGNIFICANCE = 0.001
"""Chance with which a source that brings as much as in its strongest past part is named."""
_SMALLEST_PART = 30
"""Pairs of a part of the past from which its shares say something."""


@dataclass(frozen=True)
class Dominance:
    """A source with more than half of the pairs, and clearly more than ever before."""

    source: str
    share: float
    """Its share of the pairs, 0 to 1."""
    before: float
    """Its largest share in a part of the past, 0 to 1."""
    p_value: float
    """Chance of so many of its pairs, were its share that of its strongest past part."""


def dominant_source(sources: Sequence[str], past: Sequence[Mapping[str, int]]) -> Dominance | None:
    """Return the source that suddenly dominates, if there is one and others are beside it.

    The test is the exact binomial one, one-sided, of the source's share against its largest share
    in any part of the past. Pairs arrive in files and bursts, which is no independent evidence: the
    pairs count as so many fewer as there are fewer runs of one source than in a random order
    (`independent`). A source that was never there has one pair in the largest part. Without a past
    there is no answer.

    Parameters
    ----------
    sources
        The source of each pair, in the order of arrival.
    past
        Source -> pairs, for each part of the past, such as history and what each cycle learned.

    Examples
    --------
    >>> now = [*"ffffffdfff"] * 20
    >>> found = dominant_source(now, [{"d": 90, "f": 10}])
    >>> found.source, found.share, found.before
    ('f', 0.9, 0.1)
    >>> dominant_source(now, [{"d": 90, "f": 10}, {"d": 5, "f": 45}])
    """
    from scipy.stats import binomtest

    sizes, total = Counter(sources), len(sources)
    parts = [part for part in past if sum(part.values()) >= _SMALLEST_PART]
    if len(sizes) < 2 or not parts:
        return None
    source = max(sizes, key=lambda name: (sizes[name], name))
    share = sizes[source] / total
    before = max(part.get(source, 0) / sum(part.values()) for part in parts)
    floor = 1 / max(sum(part.values()) for part in parts)
    trials = independent(sources)
    test = binomtest(round(share * trials), trials, max(before, floor), "greater")
    chance = float(test.pvalue)
    if share <= _MAJORITY or chance >= _SIGNIFICANCE:
        return None
    return Dominance(source, share, before, chance)


def independent(sources: Sequence[str]) -> int:
    """Return how many independent pairs these are worth, by the runs of one source among them.

    In a random order of these sources there would be `1 + (n² - Σ nᵢ²) / n` runs (Wald and
    Wolfowitz, "On a test whether two samples are from the same population", 1940).

    Examples
    --------
    >>> independent([*"abab" * 25]), independent([*"a" * 50 + "b" * 50])
    (100, 3)
    """
    total = len(sources)
    runs = sum(1 for _ in itertools.groupby(sources))
    alike = sum(size**2 for size in Counter(sources).values())
    expected = 1 + (total**2 - alike) / max(1, total)
    return max(1, min(total, int(total * runs / expected)))
