"""How much less texts that belong together say than as many independent ones.

Real traffic comes in sessions, and the mix of its topics changes from day to day. A test that takes
each text for an independent witness finds drift where there is none. Here the tests learn what to
allow for: the groups that must stay together in a permutation, and the scatter of a count or a mean
over windows, taken from the sessions and the whole days of the reference. Where nothing speaks for
dependence, nothing is allowed for: independent texts lose no power.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from drift_triggers.statistics.known_ground import KnownGround, Regions
from drift_triggers.statistics.two_sample import stratified_ranks
from drift_triggers.statistics.view import EVIDENCE, FEWEST_DAYS, View

SESSION = 8
"""Places within which texts of one session follow one another; farther apart, a file is sorted."""
FEWEST_WINDOWS, ENOUGH_WINDOWS = 3, 8
"""Past windows that can tell how much windows differ, and that tell it well enough."""
PRIOR_FREEDOM = 8.0
"""Degrees of freedom given to "days differ as their sessions do", beside those of the days."""


@dataclass(frozen=True)
class Scatter:
    """How much a mean over a window scatters, and how well that is known."""

    ratio: float
    """Variance divided by that of as many independent texts."""
    freedom: float = math.inf
    """Degrees of freedom of the estimate; infinite when it is not estimated."""

    def p_value(self, score: float) -> float:
        """Return the one-sided p-value of a standard score of independent texts."""
        return self.tail(score / math.sqrt(self.ratio))

    def tail(self, score: float) -> float:
        """Return the one-sided p-value of a standard score that allows for the ratio already."""
        found = (
            scipy.special.ndtr(-score)
            if math.isinf(self.freedom)
            else scipy.special.stdtr(self.freedom, -score)
        )
        return float(np.clip(found, 1e-300, 1.0))


@dataclass(frozen=True, eq=False)
class Dependence:
    """How the texts of a reference and of a recent window hang together."""

    recent: View
    reference: View

    @classmethod
    def of(cls, recent: View, reference: View) -> "Dependence":
        """Return the dependence of two views, found once for all triggers."""
        if reference not in recent.beside:
            recent.beside[reference] = cls(recent, reference)
        found: Dependence = recent.beside[reference]
        return found

    @cached_property
    def run(self) -> int:
        """Consecutive texts that count as one where no session is named: 1 unless both sides do.

        A reference that was stored sorted by topic must not make a calm window seem bursty, and a
        window with bursts where the reference had none is itself a change.
        """
        return min(self.recent.run, self.reference.run) if self.in_order else 1

    @property
    def in_order(self) -> bool:
        """Whether the order of the reference is that of its time, as far as can be known.

        Without times it may be sorted by topic: labelled pairs beside traffic that has times, or
        texts whose nearest neighbours lie farther away than within a session.
        """
        if self.reference.in_time:
            return True
        return not self.recent.in_time and self.reference.reach <= 2 * SESSION

    @cached_property
    def ground(self) -> KnownGround:
        """What the reference covers, each text without the neighbours that belong to it."""
        ground = self.reference.ground
        reach = min(self.recent.reach, self.reference.reach)
        if not reach or ground.together or not self.in_order:
            return ground
        # Who asks a third time is found farther away than most. A stretch as long as the window
        # stands for its day.
        count, size = len(self.reference.rows), len(self.recent.rows)
        day = (np.arange(count) // size,) if count >= FEWEST_DAYS * size else ()
        key = (4 * reach, len(day) and size)
        if key not in self.reference.remembered:
            self.reference.remembered[key] = KnownGround(self.reference.embeddings, day, key[0])
        found: KnownGround = self.reference.remembered[key]
        return found

    @cached_property
    def groups(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Group of each reference text and of each recent text: a session, or a stretch of a few.

        Stretches that split runs scatter too little (by a factor 1 - run / (3 stretch) in
        variance): three runs per stretch keep nine tenths of it.
        """
        run = self.run
        alone = run
        if run == 1 and 0 < self.recent.reach <= SESSION:
            # The reference may be no traffic (labelled queries): the window has its sessions still.
            alone = self.recent.reach + 1
        found = []
        for view, length in ((self.reference, run), (self.recent, alone)):
            if view.sessions is not None:
                found.append(view.sessions)
            else:
                found.append(np.arange(len(view.rows)) // (1 if length == 1 else 3 * length))
        return found[0], found[1]

    @cached_property
    def pooled_groups(self) -> NDArray[np.int64] | None:
        """Group of each text, reference first; None when each text is a group of its own."""
        known, seen = self.groups
        if len(np.unique(known)) == len(known) and len(np.unique(seen)) == len(seen):
            return None
        return np.concatenate([known, seen + known.max() + 1])

    @property
    def dependent(self) -> bool:
        """Whether anything speaks for texts that belong together."""
        named = int(self.reference.sessions is not None)
        by_day = len(self.ground.together) > named
        return self.pooled_groups is not None or by_day or self.ground.reach > 0

    @cached_property
    def session_texts(self) -> int:
        """Number of texts that count as one in a test that can count only whole texts."""
        named = [
            view.session_texts
            for view in (self.recent, self.reference)
            if view.sessions is not None
        ]
        if named:
            return max(named)
        return max(self.run, math.ceil(_weight(self.groups[1]) / 3))

    @cached_property
    def past_windows(self) -> NDArray[np.bool_] | None:
        """Parts of the reference that were such windows: its days, or stretches as long."""
        n, size = len(self.reference.rows), len(self.recent.rows)
        if self.reference.days is not None:
            # Whole days in a row, together about as long as the recent window; of a long one, at
            # least as long as leaves enough of them.
            sizes, least = np.bincount(self.reference.days), min(size / 2, n / ENOUGH_WINDOWS)
            window, filled = np.zeros(len(sizes), dtype=np.int64), 0
            for day in range(1, len(sizes)):
                filled += sizes[day - 1]
                window[day] = window[day - 1] + (filled >= least)
                filled *= int(window[day] == window[day - 1])
            member = window[self.reference.days]
            full = np.flatnonzero(np.bincount(member) >= least)
        elif self.run > 1:
            member, full = np.arange(n) // size, np.arange(n // size)
        else:
            return None
        return np.asarray(member[:, None] == full) if len(full) >= FEWEST_WINDOWS else None

    def scatter(self, known: NDArray[Any], seen: NDArray[Any], least: float = 1.0) -> Scatter:
        """Return how much the mean of a score over the recent window scatters without drift.

        Texts of one group scatter together. Days differ by more than their groups do; how much
        the days of the reference tell, few days inaccurately: their variance is drawn towards that
        of the groups, as in a moderated t test (Smyth 2004), and the tail follows Student's law.

        Parameters
        ----------
        known
            Score of each reference text, as a new text would get it.
        seen
            Score of each recent text.
        least
            Smallest ratio.
        """
        weight = _weight(self.groups[1])
        inner = [least]
        for labels, scores in zip(self.groups, (known, seen), strict=True):
            inner.append(1.0 + _correlation(labels, np.asarray(scores, float)) * (weight - 1.0))
        within = max(inner)
        windows = self.past_windows
        if windows is None:
            return Scatter(within)
        values = np.asarray(known, float)
        spread = float(values.var())
        if spread <= 0.0:
            return Scatter(within)
        sizes = windows.sum(axis=0)
        means = values @ windows / sizes
        days = len(sizes)
        centre = float(means @ sizes / sizes.sum())
        between = float(sizes @ np.square(means - centre)) / (days - 1) / spread
        if not self.dependent and scipy.stats.chi2.sf(between * (days - 1), days - 1) > 0.01:
            return Scatter(within)
        freedom = PRIOR_FREEDOM + days - 1
        drawn = (PRIOR_FREEDOM * within + (days - 1) * between) / freedom
        longer = len(self.recent.rows) / float(sizes.mean())
        return Scatter(within + max(0.0, drawn - within) * longer, freedom)


def farther_than_usual(dependence: Dependence, regions: Regions) -> float:
    """Return the p-value of "the recent texts are farther than usual for their regions".

    More texts from a sparse but known region are a change of mix, not a new topic.
    """
    ground, novelty = dependence.ground, dependence.recent.novelty(dependence.reference)
    ranks, p_value = ground.regional_ranks(novelty, regions)
    own, _ = stratified_ranks(ground.own, regions.own, ground.own, regions.own)
    scatter = dependence.scatter(own, ranks)
    if scatter == Scatter(1.0):
        return p_value
    return scatter.p_value(float(scipy.stats.norm.isf(p_value)))


def ks_p_values(
    known: NDArray[np.float64],
    seen: NDArray[np.float64],
    distances: NDArray[np.float64],
    dependence: Dependence,
) -> NDArray[np.float64]:
    """Return the p-value of the Kolmogorov-Smirnov distance of each measure (its limit law).

    Parameters
    ----------
    known, seen
        Measures of the reference texts and of the recent texts, shape ``(texts, measures)``.
    distances
        Distance of each measure, shape ``(measures,)``.
    """
    size = len(known) * len(seen) / (len(known) + len(seen))
    found = []
    for column, distance in enumerate(distances):
        # What the mean rank scatters, the whole distribution scatters.
        ranks = scipy.stats.rankdata(np.concatenate([known[:, column], seen[:, column]]))
        scatter = dependence.scatter(ranks[: len(known)], ranks[len(known) :])
        p_value = float(scipy.stats.kstwobign.sf(distance * math.sqrt(size / scatter.ratio)))
        if not math.isinf(scatter.freedom):
            p_value = scatter.tail(float(scipy.stats.norm.isf(max(p_value, 1e-300))))
        found.append(p_value)
    return np.array(found)


def order_ratio(values: NDArray[np.float64]) -> float:
    """Return the variance of a mean of values in order of time, beside that of independent ones.

    Autocorrelations are summed up to the first that is within three standard errors of zero.
    """
    centred = values - values.mean()
    energy = float(np.square(centred).sum())
    ratio = 1.0
    for lag in range(1, len(values) // 10):
        together = float((centred[lag:] * centred[:-lag]).sum())
        if energy <= 0.0 or together < EVIDENCE * energy / math.sqrt(len(values)):
            break
        ratio += 2.0 * together / energy
    return ratio


def _weight(labels: NDArray[np.int64]) -> float:
    """Return the size of the group of an average text."""
    sizes = np.unique(labels, return_counts=True)[1]
    return float(np.square(sizes).sum() / sizes.sum())


def _correlation(labels: NDArray[np.int64], values: NDArray[np.float64]) -> float:
    """Return the correlation of scores within groups, 0 to 1."""
    centred = values - values.mean()
    energy = float(np.square(centred).sum())
    member = np.unique(labels, return_inverse=True)[1]
    sums = np.bincount(member, centred)
    weight = _weight(labels)
    if energy <= 0.0 or weight <= 1.0:
        return 0.0
    return min(1.0, max(0.0, (float(np.square(sums).sum()) / energy - 1.0) / (weight - 1.0)))
