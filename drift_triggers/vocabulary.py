"""Words that the tokenizer splits: pieces per word, unknown pieces, new terms."""

from collections import Counter
from typing import ClassVar

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.signal import Observation, Signal, Word
from drift_triggers.statistics.dependence import Dependence, Scatter
from drift_triggers.statistics.view import View

TESTS = 2


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class Vocabulary:
    """Fire when the tokenizer splits recent texts into more pieces, or when new terms spread.

    Two tests share the p-value. *Pieces per word* of each text are compared by a one-sided rank
    test (Mann-Whitney); an unknown piece counts as three, as its meaning is lost. *New terms* are
    words of two or more pieces that occur in no reference text and in more recent texts than
    chance allows (hypergeometric test, corrected for the number of words). The effect must exceed
    what whole topics of the reference show against the rest. Repeated texts count once.

    Notes
    -----
    The effect of pieces is twice the excess over one half of the probability that a recent text is
    split more than a reference text, 0 to 1. The effect of terms is the share of recent texts with
    a new term, 0 to 1. The signal shows the test that exceeds its limit more. Not measured without
    ``Sample.words`` on both sides, or when a side has fewer than ``minimum_texts`` distinct texts.

    References
    ----------
    ``scipy.stats.mannwhitneyu`` for pieces, ``scipy.stats.hypergeom`` for terms.

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers import Observation, Sample, Vocabulary
    >>> rows = np.eye(60, dtype=np.float32)
    >>> def sample(word, pieces):
    ...     words = tuple(((f"n{n}", 1, False), (word, pieces, False)) for n in range(60))
    ...     return Sample(tuple(f"n{n} {word}" for n in range(60)), rows, words=words)
    >>> Vocabulary().check(Observation(sample("covid", 2), sample("cough", 1))).examples
    ('covid (2 pieces, 60 texts)',)
    >>> Vocabulary().check(Observation(sample("cold", 1), sample("cough", 1))).fired
    False
    """

    name: ClassVar[str] = "vocabulary"

    significance: float = Field(default=0.001, gt=0.0, lt=0.5)
    """Largest p-value, corrected for the two tests, that may fire."""
    minimum_effect: float = Field(default=0.2, gt=0.0, lt=1.0)
    """Effect that must be exceeded, 0 to 1; below it, little meaning is lost."""
    quiet_quantile: float = Field(default=0.95, gt=0.5, lt=1.0)
    """Share of drift-free splits of the reference whose effect must be smaller, 0.5 to 1."""
    splits: int = Field(default=60, ge=20)
    """Number of drift-free splits of the reference; of 60, three lie above the 95 % quantile."""
    minimum_texts: int = Field(default=20, ge=10)
    """Distinct texts that each side needs; in fewer, no new term can reach ``significance``."""
    largest_sample: int = Field(default=2000, ge=100)
    """Largest number of distinct texts to use per side, evenly spread in time: bounds time and
    memory."""

    def check(self, observation: Observation) -> Signal:
        """Compare how the tokenizer splits recent and reference texts."""
        observation.require_texts()
        if observation.recent.words is None or observation.reference.words is None:
            return Signal.unmeasured(self.name, "no words of a tokenizer were given")
        recent = View.of(observation.recent, self.largest_sample)
        reference = View.of(observation.reference, self.largest_sample)
        fewest = min(recent.distinct, reference.distinct)
        if fewest < self.minimum_texts:
            return Signal.too_few(self.name, fewest, self.minimum_texts, "distinct texts")
        texts = [observation.reference.words[row] for row in reference.rows]
        texts += [observation.recent.words[row] for row in recent.rows]
        now = np.arange(len(texts)) >= len(reference.rows)
        dependence = Dependence.of(recent, reference)
        run = dependence.session_texts
        pieces = np.array([pieces_per_word(words) for words in texts])
        terms, presence = _split_terms(texts)
        finer, finer_p = _finer(
            pieces[~now], pieces[now], dependence.scatter(pieces[~now], pieces[now])
        )
        shares, chances, chosen = _emerging(presence, now[:, None], run, self.significance)
        share, share_p, emerging = shares[0], chances[0], np.flatnonzero(chosen[0]).tolist()

        splits = reference.ground.quiet_splits(
            len(recent.rows),
            None,
            self.splits,
            np.random.default_rng([observation.seed, 5]),
            dependence.past_windows,
        )
        known, held = scipy.stats.rankdata(pieces[~now]), presence[: len(reference.rows)]
        quiet = np.array(
            [
                [_order(known[column], len(known)) for column in splits.T],
                _emerging(held, splits, run, self.significance)[0],
            ]
        )
        limits = np.maximum(self.minimum_effect, np.quantile(quiet, self.quiet_quantile, axis=1))
        views = ((finer, finer_p, limits[0]), (share, share_p, limits[1]))
        effect, p_value, threshold = max(views, key=lambda view: view[0] - view[2])
        p_value = float(np.clip(TESTS * p_value, 1e-300, 1.0))
        fired = bool(p_value <= self.significance and effect > threshold)
        counts = presence[now].sum(axis=0)
        unknown = [
            np.mean([any(lost for _, _, lost in words) for words in side])
            for side in (texts[: len(reference.rows)], texts[len(reference.rows) :])
        ]
        reason = (
            f"pieces per word {pieces[~now].mean():.2f} -> {pieces[now].mean():.2f}, texts with "
            f"unknown pieces {unknown[0]:.0%} -> {unknown[1]:.0%}, {len(emerging)} new terms in "
            f"{share:.0%} of the texts (effect {effect:.2f}, limit {threshold:.2f}; "
            f"p = {p_value:.2g})"
        )
        most = sorted(emerging, key=lambda column: (-counts[column], terms[column][0]))[:8]
        return Signal(
            self.name,
            fired,
            f"the vocabulary changed: {reason}" if fired else reason,
            p_value=p_value,
            effect=float(effect),
            threshold=float(threshold),
            cause="vocabulary" if fired else None,
            examples=tuple(
                f"{terms[column][0]} ({terms[column][1]} pieces, {int(counts[column])} texts)"
                for column in most
            ),
        )


def pieces_per_word(words: tuple[Word, ...]) -> float:
    """Return pieces per word of a text; an unknown piece counts as three, its meaning is lost."""
    if not words:
        return 1.0
    return sum(pieces + 2 * lost for _, pieces, lost in words) / len(words)


def _split_terms(
    texts: list[tuple[Word, ...]],
) -> tuple[list[tuple[str, int]], NDArray[np.float32]]:
    """Return (term, pieces) of words in several pieces, and 1 where a text contains a term."""
    pieces: dict[str, int] = {}
    counts: Counter[str] = Counter()
    rows = []
    for words in texts:
        cut = {word.casefold(): size for word, size, lost in words if size > 1 or lost}
        rows.append(cut)
        pieces |= cut
        counts.update(cut)
    # A term in fewer than three texts cannot be significant: leaving it out costs nothing.
    kept = [term for term, count in counts.items() if count >= 3 and not term.isdigit()]
    column = {term: place for place, term in enumerate(kept)}
    presence = np.zeros((len(texts), len(kept)), dtype=np.float32)
    for row, cut in enumerate(rows):
        presence[row, [column[term] for term in cut if term in column]] = 1.0
    return [(term, pieces[term]) for term in kept], presence


def _order(ranks: NDArray[np.float64], total: int) -> float:
    """Return how far these ranks are above the others of ``total``: 0 (not at all) to 1 (all)."""
    size = len(ranks)
    above = (float(ranks.sum()) - size * (size + 1) / 2) / (size * (total - size))
    return max(0.0, 2.0 * above - 1.0)


def _finer(
    before: NDArray[np.float64], now: NDArray[np.float64], scatter: Scatter
) -> tuple[float, float]:
    """Return how much more ``now`` is split, 0 to 1, and the one-sided p-value of a rank test."""
    test = scipy.stats.mannwhitneyu(now, before, alternative="greater", method="asymptotic")
    effect = max(0.0, 2.0 * float(test.statistic) / (len(now) * len(before)) - 1.0)
    return effect, scatter.p_value(float(scipy.stats.norm.isf(test.pvalue)))


def _emerging(
    presence: NDArray[np.float32], sides: NDArray[np.bool_], run: int, significance: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Find terms that occur on one side of a division of the texts only.

    Parameters
    ----------
    presence
        1 where a text contains a term, shape ``(texts, terms)``.
    sides
        True for the texts that count as recent, one division per column, ``(texts, divisions)``.

    Returns
    -------
    For each division the share of its recent texts with a new term and the smallest corrected
    p-value, both of shape ``(divisions,)``; and which terms are new, ``(divisions, terms)``.
    """
    counts = sides.T.astype(np.float32) @ presence
    absent = (counts > 0) & (counts == presence.sum(axis=0))
    division = np.nonzero(absent)[0]
    size = sides.sum(axis=0)
    chances = np.ones(counts.shape)
    seen = counts[absent] // run
    chances[absent] = counts.shape[1] * scipy.stats.hypergeom.sf(
        seen - 1, len(sides) // run, seen, (size // run)[division]
    )
    chosen = chances <= significance
    found = (presence @ chosen.T.astype(np.float32) > 0) & sides
    return found.sum(axis=0) / size, chances.min(axis=1, initial=1.0), chosen
