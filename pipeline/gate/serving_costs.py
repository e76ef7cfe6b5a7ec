"""What serving a model costs: the time to embed texts, and its size on disk."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from training.encoding import Encoder

ROUNDS = 7
"""Timed rounds of each model; the median of seven is not moved by three disturbed ones."""


@dataclass(frozen=True)
class Footprint:
    """What one model costs.

    Attributes
    ----------
    seconds
        Median time to embed the same texts.
    bytes
        Size of the model's weights.
    """

    seconds: float
    bytes: int


@dataclass(frozen=True)
class Costs:
    """Champion and candidate side by side.

    Examples
    --------
    >>> costs = Costs(Footprint(0.2, 1000), Footprint(0.3, 1000))
    >>> round(costs.ratio("latency"), 3), costs.ratio("size")
    (1.5, 1.0)
    >>> Costs(Footprint(0.0, 1000), Footprint(0.3, 1000)).ratio("latency") is None
    True
    """

    champion: Footprint
    candidate: Footprint

    def ratio(self, name: str) -> float | None:
        """Return the candidate's "latency" or "size" in the champion's; None if unknown."""
        unit = {"latency": "seconds", "size": "bytes"}[name]
        before, after = getattr(self.champion, unit), getattr(self.candidate, unit)
        known = math.isfinite(before) and math.isfinite(after) and before > 0 and after > 0
        return float(after / before) if known else None

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers: both footprints and their ratios."""
        ratios = {f"{name}_ratio": self.ratio(name) for name in ("latency", "size")}
        return {**asdict(self), **ratios}


def measure(
    champion: Path,
    candidate: Path,
    texts: Sequence[str],
    *,
    max_length: int | None,
    clock: Callable[[], float],
) -> Costs:
    """Embed the same texts with both models in turn, without caches, and take the medians.

    Taking turns lets whatever else the machine does disturb both alike.

    Parameters
    ----------
    champion, candidate
        Model folders.
    texts
        What both embed in every round.
    clock
        Seconds from a fixed point, such as `time.perf_counter`.
    """
    folders = (champion, candidate)
    encoders = [Encoder.load(folder, max_length=max_length) for folder in folders]
    spent: list[list[float]] = [[], []]
    # The first round warms both up and does not count.
    for number in range(ROUNDS + 1):
        for encoder, times in zip(encoders, spent, strict=True):
            began = clock()
            encoder.encode(texts)
            if number:
                times.append(clock() - began)
    before, after = (
        Footprint(median(times), sum(file.stat().st_size for file in folder.rglob("*.safetensors")))
        for folder, times in zip(folders, spent, strict=True)
    )
    return Costs(before, after)
