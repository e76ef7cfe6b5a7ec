"""The leakage guard: nothing that is measured on is trained on."""

from collections.abc import Sequence
from dataclasses import dataclass as plain_dataclass

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.pairs.near_duplicates import NearDuplicates
from training.pairs.pair import Pair, normalised
from training.settings import SETTINGS


@plain_dataclass(frozen=True)
class Leakage:
    """How many training pairs repeated an evaluation query, and examples of them."""

    exact: int
    """Pairs with a text that equals an evaluation query."""
    near: int
    """Pairs with a text that nearly repeats one."""
    examples: tuple[tuple[str, str], ...] = ()
    """(training text, evaluation query that it repeats)."""


@dataclass(frozen=True, config=SETTINGS)
class LeakageGuard:
    """Remove training pairs that repeat an evaluation query.

    A text repeats an evaluation query if it equals it or is a near duplicate (`NearDuplicates`).

    Examples
    --------
    >>> pairs = [Pair("1", "How do I block my card?", "a"), Pair("2", "what is the weather", "b")]
    >>> kept, leakage = LeakageGuard().clean(pairs, ["how do i block my card"])
    >>> [pair.id for pair in kept], leakage.exact
    (['2'], 1)
    """

    similarity: float = Field(default=NearDuplicates.similarity, gt=0.0, le=1.0)
    """Jaccard similarity of words or character runs from which two texts are near duplicates."""
    minimum_words: int = Field(default=NearDuplicates.minimum_words, ge=1)
    """Number of distinct words from which the overlap of words counts."""
    examples: int = Field(default=5, ge=0)
    """Maximum number of examples to report."""

    def clean(
        self, pairs: Sequence[Pair], evaluation_queries: Sequence[str]
    ) -> tuple[list[Pair], Leakage]:
        """Return the pairs that repeat no evaluation query, and the count of those that do."""
        shown = {normalised(query): query for query in reversed(evaluation_queries)}
        texts = {normalised(text) for pair in pairs for text in (pair.query, pair.positive)}
        fresh = sorted(texts - shown.keys())
        evaluated = sorted(shown)
        search = NearDuplicates(self.similarity, self.minimum_words)
        matches = search.matches([(text,) for text in fresh], [(text,) for text in evaluated])
        near = {fresh[row]: evaluated[match] for row, match in matches.items()}
        kept, exact_count, near_count = [], 0, 0
        examples: list[tuple[str, str]] = []
        for pair in pairs:
            keys = (normalised(pair.query), normalised(pair.positive))
            if repeated := [(key, shown[key]) for key in keys if key in shown]:
                exact_count += 1
            elif repeated := [(key, shown[near[key]]) for key in keys if key in near]:
                near_count += 1
            else:
                kept.append(pair)
                continue
            if len(examples) < self.examples:
                original = pair.query if repeated[0][0] == keys[0] else pair.positive
                examples.append((original, repeated[0][1]))
        return kept, Leakage(exact_count, near_count, tuple(examples))
