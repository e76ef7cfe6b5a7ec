"""Hard negatives: for each pair a text that the model takes for an answer but that is none."""

from collections.abc import Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from training.encoding import TextEncoder
from training.pairs import LabelledTexts, Pair
from training.progress import Progress, no_progress
from training.settings import SETTINGS


@plain_dataclass(frozen=True)
class Mined:
    """Pairs with the negatives that were found for them."""

    pairs: tuple[Pair, ...]
    mined: int
    """Pairs for which a negative was found."""
    skipped: int
    """Pairs without one: every text is labelled, or too close to the positive to be trusted."""

    @property
    def reason(self) -> str:
        """What was found, as a sentence."""
        return f"hard negatives for {self.mined} pairs, no reliable one for {self.skipped}"


@dataclass(frozen=True, config=SETTINGS)
class Negatives:
    """Mine one hard negative for each pair among the positives of the others.

    The negative of a query is the nearest text that is no answer by the labels and whose similarity
    is below the positive's by `relative_margin`. Nearer texts are too often unlabelled answers
    (positive-aware mining, NV-Retriever, Moreira et al. 2024). A pair that has a negative keeps it.

    Examples
    --------
    >>> Negatives(enabled=True).relative_margin
    0.05
    """

    enabled: bool = False
    """Whether to mine hard negatives; training then has a third text per pair."""
    relative_margin: float = Field(default=0.05, ge=0.0, le=1.0)
    """How far below the positive's similarity a negative's must be, as a share of the former."""
    rows_at_once: int = Field(default=512, ge=1)
    """Queries compared with all texts at once; fewer need less RAM."""

    def mine(
        self, pairs: Sequence[Pair], encoder: TextEncoder, progress: Progress = no_progress
    ) -> Mined:
        """Return the pairs in their order, with the negatives that were found.

        Parameters
        ----------
        encoder
            The model whose mistakes are mined.
        """
        lacking = [row for row, pair in enumerate(pairs) if not pair.negative]
        if not self.enabled or not lacking:
            return Mined(tuple(pairs), 0, 0)
        labels = LabelledTexts(pairs)
        texts = sorted({pair.positive for pair in pairs})
        names = [labels.name(text) for text in texts]
        place = {text: column for column, text in enumerate(texts)}
        documents = encoder.encode(texts, kind="document", progress=progress)
        queries = encoder.encode(
            [pairs[row].query for row in lacking], kind="query", progress=progress
        )
        found = list(pairs)
        mined = 0
        for start in range(0, len(lacking), self.rows_at_once):
            rows = lacking[start : start + self.rows_at_once]
            part = queries[start : start + self.rows_at_once]
            similarities = encoder.similarity.between(part, documents)
            own = similarities[np.arange(len(rows)), [place[pairs[row].positive] for row in rows]]
            limit = own - self.relative_margin * np.abs(own)
            refused = labels.answers(rows, names) | (similarities > limit[:, None])
            similarities[refused] = -np.inf
            for row, column, usable in zip(
                rows, similarities.argmax(1), np.asarray(~refused.all(1)), strict=True
            ):
                if usable:
                    found[row] = replace(pairs[row], negative=texts[column])
                    mined += 1
        return Mined(tuple(found), mined, len(lacking) - mined)
