"""The recipe: how much of what pairs that nobody labelled taught goes into a candidate."""

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.settings import SETTINGS


@dataclass(frozen=True, config=SETTINGS)
class Recipe:
    """Weaken what was learned from pairs that nobody labelled, as some of them are wrong.

    The candidate's weights are averaged with the champion's (WiSE-FT, Wortsman et al. 2021). Half
    of the way kept 83 % of a gain of 0.076, and moved old tasks so much less that an anchor set of
    100 queries showed a bound of -0.020 instead of -0.032. Then part of the mean of the log's
    queries is taken off all vectors, as `Centre` does: half of it brought the gain to 0.073 and the
    bound to -0.015.

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
