"""The recipe: how much of what pairs that nobody labelled taught goes into a candidate."""

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.settings import SETTINGS


@dataclass(frozen=True, config=SETTINGS)
class Recipe:
    """Weaken what was learned from pairs that nobody labelled, as some of them are wrong.

    The candidate's weights are averaged with the champion's (WiSE-FT, Wortsman et al. 2021), and
    part of the mean of the log's queries is taken off all vectors, as `Centre` does. Half of both
    kept 80 % of the largest gain on two collections, and passed the gate in five of six trainings:
    more than any other setting tried (docs/measurements/unlabelled.md).

    Examples
    --------
    >>> Recipe(blend=1.0).blend
    1.0
    """

    blend: float = Field(default=0.5, gt=0.0, le=1.0)
    """Share of the trained weights in the candidate; the rest is the champion's."""
    centre: float = Field(default=0.5, ge=0.0, le=1.0)
    """Share of the mean of the log's queries that is taken off the candidate's vectors, where
    `[centre]` is enabled (0: none)."""
