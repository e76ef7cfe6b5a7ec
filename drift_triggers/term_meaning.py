"""Watched terms are used in another sense than before."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.signal import Observation, Sample, Signal
from drift_triggers.slices import Slice, most_moved, share_p_value
from drift_triggers.statistics.clusters import document_counts, telling_words
from drift_triggers.statistics.view import View, folded


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class TermMeaning:
    """Fire when a watched term occurs in other texts than before: "server", machine or waiter.

    The recent texts that contain the term (whole words, upper or lower case) are compared with the
    reference texts that contain it, by ``embedding_shift`` with its default settings, corrected for
    the number of terms. A sense that the reference knows does not fire, however often it occurs
    now. The reason shows the neighbours of the term on each side: the words that its texts contain
    more often than the others.

    Notes
    -----
    Effect and threshold are those of ``embedding_shift`` for the term with the clearest result. Not
    measured without watched terms, or when no term has ``minimum_texts`` texts on both sides.

    References
    ----------
    Neighbourhoods at two times as a measure of meaning: Hamilton et al. 2016 (arXiv 1606.02821).

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers import Observation, Sample, TermMeaning
    >>> def sample(seed, beside, centre):
    ...     rows = np.random.default_rng(seed).normal(0.0, 1.0, (120, 8))
    ...     rows[:60, 0] += centre
    ...     rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    ...     texts = [f"the server {beside} {row}" for row in range(60)] + [f"{seed}"] * 60
    ...     return Sample(tuple(texts), rows.astype(np.float32))
    >>> known, same = sample(2, "rack is down", -9.0), sample(3, "rack is hot", -9.0)
    >>> [TermMeaning(watch_terms=("server",)).check(Observation(recent, known)).fired
    ...  for recent in (sample(1, "brought wine", 9.0), same)]
    [True, False]
    """

    name: ClassVar[str] = "term_meaning"

    watch_terms: tuple[str, ...] = Field(default=(), strict=False)
    """Words or phrases to watch; none by default."""
    significance: float = Field(default=0.001, gt=0.0, lt=0.5)
    """Largest p-value, corrected for the number of terms, that may fire."""
    minimum_texts: int = Field(default=20, ge=20)
    """Distinct texts with a term that each side needs; fewer cannot show another sense."""
    largest_sample: int = Field(default=2000, ge=100)
    """Largest number of distinct texts to use per side, evenly spread in time: bounds time and
    memory."""

    def check(self, observation: Observation) -> Signal:
        """Compare the recent texts that contain a term with the reference texts that contain it."""
        if not self.watch_terms:
            return Signal.unmeasured(self.name, "no terms are watched (watch_terms)")
        observation.require_texts()
        before = _Window.of(observation.reference, self.largest_sample)
        now = _Window.of(observation.recent, self.largest_sample)
        told, slices = {}, {}
        for term in self.watch_terms:
            if not folded(term):
                raise ValueError(f"watch_terms must contain letters or digits, got {term!r}")
            old, new = before.having(term), now.having(term)
            chance = share_p_value(int(old.sum()), len(old), int(new.sum()), len(new))
            told[term] = (
                f"{term!r} in {old.sum()} of {len(old)} -> {new.sum()} of {len(new)} texts "
                f"(p = {min(1.0, chance * len(self.watch_terms)):.2g})"
            )
            if min(old.sum(), new.sum()) >= self.minimum_texts:
                slices[term] = Slice(before.rows[old], now.rows[new])
                cosine = _cosine(before.embeddings[old], now.embeddings[new])
                told[term] += (
                    f", centres at cosine {cosine:.2f}, "
                    f"beside {_listed(before.beside(term))} -> {_listed(now.beside(term))}"
                )
        if not slices:
            needed = f"each side needs {self.minimum_texts} texts with a term"
            return Signal.unmeasured(self.name, f"{'; '.join(told.values())}; {needed}")
        term, found = most_moved(
            observation,
            slices,
            significance=self.significance,
            largest_sample=self.largest_sample,
        )
        first = [told.pop(term), *told.values()]
        verb = "is used in another sense" if found.fired else "changed most"
        return replace(
            found,
            trigger=self.name,
            reason=f"{term!r} {verb}: {'; '.join(first[:5])}; {found.reason}",
            cause="temporal" if found.fired else None,
        )


class _Window:
    """The distinct texts of one side, without case and punctuation."""

    def __init__(self, sample: Sample, view: View) -> None:
        self.rows, self.embeddings = view.rows, view.embeddings
        self._texts = [f" {folded(sample.texts[row])} " for row in view.rows]

    @classmethod
    def of(cls, sample: Sample, largest: int) -> "_Window":
        return cls(sample, View.of(sample, largest))

    def having(self, term: str) -> NDArray[np.bool_]:
        return np.array([f" {folded(term)} " in text for text in self._texts])

    def beside(self, term: str) -> list[str]:
        """Return the words that texts with the term contain more often than the others."""
        chosen = self.having(term)
        texts = [text for text, has in zip(self._texts, chosen, strict=True) if has]
        others = [text for text, has in zip(self._texts, chosen, strict=True) if not has]
        words = telling_words(
            document_counts(texts), len(texts), document_counts(others), max(1, len(others))
        )
        return [word for word in words if word not in folded(term).split()][:4]


def _cosine(before: NDArray[np.float32], now: NDArray[np.float32]) -> float:
    old, new = before.mean(axis=0), now.mean(axis=0)
    return float(old @ new / max(1e-12, float(np.linalg.norm(old) * np.linalg.norm(new))))


def _listed(words: list[str]) -> str:
    # Quoted, so that a report that must not show words of texts can tell them.
    return ", ".join(map(repr, words)) or "no words of its own"
