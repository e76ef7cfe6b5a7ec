"""The settings of retention, `[keep]`: what stays of old versions, cycles, trainings and caches."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.settings import SETTINGS

All = Literal["all"]
Count = Annotated[int, Field(ge=0)] | All
"""How many of something stay: none besides those in use with 0, and every one with "all"."""


@dataclass(frozen=True, config=SETTINGS)
class Keep:
    """How many old versions, cycles and trainings keep their files, and how large the cache gets.

    What is in use always stays and is not counted. What happened stays for good: outcomes,
    verdicts, scores and the promotion history.

    Examples
    --------
    >>> Keep(champions="all", cycles=0).candidates
    5
    """

    champions: Count = 5
    """How many former champions stay, those that served last; 0: only those in use.

    "all" keeps every one. Always in use are champion, candidate, the version that a rollback
    returns to, the first champion, versions with any alias, and those that wait, are on trial or
    have an index.
    """
    candidates: Count = 5
    """How many versions that never served stay, the newest ones; 0: only those in use."""
    cycles: Count = 100
    """How many of the newest cycles keep reports and stages; those of versions that stay do too."""
    runs: Count = 100
    """How many of the newest cycles keep the runs of their trainings; a cycle's own run stays."""
    cache_gigabytes: Annotated[float, Field(ge=0)] | All = 20.0
    """Largest size of this machine's embedding cache, in 10^9 bytes.

    Beyond it, vectors are deleted, those of the champion last. 20 hold 13 million texts with 384
    numbers each. With 0, every cycle encodes all it needs anew.
    """
    automatic: bool = True
    """Whether `run` deletes old versions, cycles and trainings at its end, as `anchorhold gc` does.

    Caches, old indexes and leftovers are deleted at the end of a run in any case.
    """


def within(count: Count) -> int | None:
    """Return how many stay, as the end of a slice.

    Examples
    --------
    >>> [1, 2, 3][: within("all")], [1, 2, 3][: within(0)]
    ([1, 2, 3], [])
    """
    return None if count == "all" else count
