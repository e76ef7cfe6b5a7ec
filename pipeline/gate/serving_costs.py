"""What serving a model costs: the time to embed texts, and its size on disk."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from pipeline.results import ServingCost, ServingCosts
from training.encoding import Encoder

ROUNDS = 7
"""Timed rounds of each model; three disturbed ones do not move the median of seven."""


def measure(
    champion: Path,
    candidate: Path,
    texts: Sequence[str],
    *,
    load: Callable[[Path], Encoder],
    clock: Callable[[], float],
) -> ServingCosts:
    """Embed the same texts with both models in turn, without caches, and take the medians.

    Taking turns means that whatever else the machine does disturbs both alike.

    Parameters
    ----------
    champion, candidate
        Model folders.
    texts
        What both embed in every round.
    load
        Loads a model folder, without a cache.
    clock
        Seconds from a fixed point, such as `time.perf_counter`.
    """
    folders = (champion, candidate)
    encoders = [load(folder) for folder in folders]
    spent: list[list[float]] = [[], []]
    # The first round warms both up and does not count.
    for number in range(ROUNDS + 1):
        for encoder, times in zip(encoders, spent, strict=True):
            began = clock()
            encoder.encode(texts)
            if number:
                times.append(clock() - began)
    before, after = (
        ServingCost(
            seconds=median(times),
            bytes=sum(file.stat().st_size for file in folder.rglob("*.safetensors")),
        )
        for folder, times in zip(folders, spent, strict=True)
    )
    return ServingCosts(champion=before, candidate=after)
