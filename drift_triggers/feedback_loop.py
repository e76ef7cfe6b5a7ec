"""The system reads its own output: self-generated text, repeated answers, less diversity."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from drift_triggers.signal import Observation, Signal
from drift_triggers.statistics.view import View, folded

SHINGLE = 8
"""Words in a row that count as copied: too many for people to write them by chance."""


def effective_diversity(embeddings: NDArray[np.float32]) -> float:
    """Return the effective number of different texts, 1 to n.

    This is the exponential of the entropy of the eigenvalues of the cosine matrix divided by n, the
    Vendi score (Friedman and Dieng 2023).

    Parameters
    ----------
    embeddings
        Unit vectors, shape ``(n, dimensions)``, at least one.
    """
    rows = embeddings.astype(np.float64)
    gram = (rows.T @ rows if rows.shape[1] < len(rows) else rows @ rows.T) / len(rows)
    values = np.clip(np.linalg.eigvalsh(gram), 0.0, None)
    return float(np.exp(scipy.stats.entropy(values)))


def concentration(documents: Sequence[str]) -> float:
    """Return the probability that two answers drawn at random are the same document."""
    _, counts = np.unique(np.array(documents), return_counts=True)
    size = len(documents)
    return float((counts * (counts - 1)).sum() / max(1, size * (size - 1)))


def repeats_of(texts: Sequence[str], answers: Sequence[str]) -> list[bool]:
    """Return which texts repeat an answer: as a whole, or half of their runs of eight words.

    Examples
    --------
    >>> answer = "to replace a lost card open the app and choose replace"
    >>> repeats_of([f"{answer}, he wrote", "where is the app"], [answer])
    [True, False]
    """
    whole = {folded(answer) for answer in answers} - {""}
    shingles = {shingle for answer in whole for shingle in _shingles(answer)}
    found = []
    for text in map(folded, texts):
        parts = _shingles(text)
        shared = sum(part in shingles for part in parts)
        found.append(text in whole or (bool(parts) and shared * 2 >= len(parts)))
    return found


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class FeedbackLoop:
    """Block when too much of the input is the system's own output.

    Fires when the share of recent texts that are marked as self-generated, or that repeat a past
    answer, exceeds ``maximum_share``; likewise the share of new documents that do. Also fires when
    recent texts are less diverse than nearly all quiet windows of the reference *and* the answers
    concentrate on fewer documents; each of these alone has harmless reasons. Without served
    documents this narrowing is not measured, and the reason says so. A feedback loop grows by
    training on its own output, so this trigger blocks.

    Notes
    -----
    The effect is the largest of these shares, 0 to 1; there is no p-value. Not measured without
    marks, past answers and served documents of both periods, or with fewer than ``minimum_texts``.

    References
    ----------
    Models degrade when trained on their own output: Shumailov et al. 2024 (Nature 631, 755-759).

    Examples
    --------
    >>> import numpy as np
    >>> from drift_triggers import FeedbackLoop, Observation, Sample
    >>> rows = np.eye(40, dtype=np.float32)
    >>> sample = Sample(tuple(f"text {n}" for n in range(40)), rows)
    >>> marked, unmarked = tuple(n < 20 for n in range(40)), (False,) * 40
    >>> FeedbackLoop().check(Observation(sample, sample, self_generated=marked)).reason
    'the system reads its own output: 50% of 40 texts are marked as self-generated (limit 20%)'
    >>> FeedbackLoop().check(Observation(sample, sample, self_generated=unmarked)).fired
    False
    """

    name: ClassVar[str] = "feedback_loop"

    maximum_share: float = Field(default=0.2, gt=0.0, lt=1.0)
    """Largest share of own output among recent texts, 0 to 1."""
    quiet_quantile: float = Field(default=0.01, gt=0.0, lt=0.5)
    """Share of drift-free splits of the reference whose diversity may be smaller, 0 to 0.5."""
    concentration_ratio: float = Field(default=2.0, gt=1.0)
    """Factor by which the probability that two answers are the same document must grow."""
    minimum_texts: int = Field(default=20, ge=10)
    """Texts, and answers, that each side needs; a share of fewer says little."""
    largest_sample: int = Field(default=2000, ge=100)
    """Largest number of distinct texts to use per side, evenly spread in time: bounds time and
    memory."""

    def check(self, observation: Observation) -> Signal:
        """Search the recent texts for own output, and compare diversity with the reference."""
        observation.require_texts()
        texts = observation.recent.texts
        marks = observation.self_generated
        if marks and len(marks) != len(texts):
            raise ValueError(f"self_generated must have {len(texts)} entries, got {len(marks)}")
        served = (observation.served_before, observation.served_recently)
        documents = all(side is not None and side.documents for side in served)
        if not marks and not observation.own_answers and not documents:
            missing = (
                "no marks of self-generated texts, past answers or served documents were given"
            )
            return Signal.unmeasured(self.name, missing)
        if len(texts) < self.minimum_texts:
            return Signal.too_few(self.name, len(texts), self.minimum_texts, "texts")
        copies = repeats_of(texts, observation.own_answers)
        marked = sum(marks) / len(texts)
        copied = sum(copies) / len(texts)
        allowed = f"(limit {self.maximum_share:.0%})"
        told = []
        if marked > self.maximum_share:
            told.append(
                f"{marked:.0%} of {len(texts)} texts are marked as self-generated {allowed}"
            )
        if copied > self.maximum_share:
            told.append(f"{copied:.0%} of {len(texts)} texts repeat past answers {allowed}")
        loaded = repeats_of(observation.new_documents, observation.own_answers)
        written = sum(loaded) / len(loaded) if len(loaded) >= self.minimum_texts else 0.0
        if written > self.maximum_share:
            told.append(
                f"{written:.0%} of {len(loaded)} new documents repeat past answers {allowed}"
            )
        narrow, view = self._narrowing(observation)
        if narrow:
            told.append(view)
        own = [
            text
            for text, one, two in zip(texts, marks or copies, copies, strict=True)
            if one or two
        ]
        if written > self.maximum_share:
            new = zip(observation.new_documents, loaded, strict=True)
            own += [text for text, repeats in new if repeats]
        reason = (
            "the system reads its own output: " + "; ".join(told)
            if told
            else (
                f"{marked:.0%} marked as self-generated, {copied:.0%} repeat past answers; {view}"
            )
        )
        return Signal(
            self.name,
            bool(told),
            reason,
            effect=max(marked, copied, written),
            threshold=self.maximum_share,
            cause="feedback_loop" if told else None,
            examples=tuple(own[:5]),
            blocks=bool(told),
        )

    def _narrowing(self, observation: Observation) -> tuple[bool, str]:
        before, now = observation.served_before, observation.served_recently
        if before is None or now is None or not (before.documents and now.documents):
            return False, "narrowing not measured: no served documents were given"
        recent = View.of(observation.recent, self.largest_sample)
        reference = View.of(observation.reference, self.largest_sample)
        size = min(len(recent.rows), len(reference.rows) // 3)
        if min(size, len(before.documents), len(now.documents)) < self.minimum_texts:
            return False, "narrowing not measured: too few texts or served documents"
        generator = np.random.default_rng([observation.seed, 7])
        diversity = effective_diversity(
            recent.embeddings[generator.permutation(len(recent.rows))[:size]]
        )
        splits = reference.ground.quiet_splits(size, None, 60, generator)
        quiet = [
            # Diversity grows with size: splits with fewer texts cannot be compared.
            effective_diversity(reference.embeddings[column][:size])
            for column in splits.T
            if column.sum() >= 0.9 * size
        ]
        low = float(np.quantile(quiet, self.quiet_quantile)) if quiet else 0.0
        told = f"effective diversity {diversity:.1f} of {size} (limit {low:.1f})"
        wide, tight = concentration(before.documents), concentration(now.documents)
        told += f", probability of the same document twice {wide:.3f} -> {tight:.3f}"
        return diversity < low and tight > self.concentration_ratio * max(wide, 1e-6), told


def _shingles(text: str) -> set[str]:
    words = text.split()
    return {" ".join(words[start : start + SHINGLE]) for start in range(len(words) - SHINGLE + 1)}
