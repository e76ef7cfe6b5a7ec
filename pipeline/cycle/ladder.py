"""The ladder: all candidates of a cycle, and how likely each of them passes the gate."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.cycle.lesson import Lesson
from pipeline.gate import Condition, Foretold
from pipeline.workspace import Tables, margins_of
from training.evaluation import EvaluationSet, preferred
from training.retention import worth

Floats = NDArray[np.float64]
ByQuery = Callable[[Path], tuple[Floats, Floats]]


def foretold_of(tables: Tables, lesson: Lesson) -> Foretold:
    """Return what foretells the verdict on the candidates of a lesson.

    The new task decides; where it has too few queries, the proxies do. Slices, further lengths and
    the comparison with the origin are left out: they concern all candidates of a cycle alike.
    """
    gate = tables.gate
    margins = margins_of(tables.anchors)
    new = [lesson.new_task] if lesson.new_task else []
    if not any(_size(each) >= gate.minimum_queries for each in new):
        new = [*lesson.proxies] or new
    return Foretold(
        gate,
        tuple(Condition(_size(each), gate.min_gain) for each in new),
        tuple(
            Condition(_size(each), -gate.margin_of(each.name, margins)) for each in lesson.anchors
        ),
    )


def _size(given: EvaluationSet) -> int:
    return len(given.queries)


class SelectionScores:
    """Scores models on the selection split, each of them once.

    Parameters
    ----------
    by_query
        Scores a model folder on each query of both sides.
    champion
        The folder that every model is compared with.
    foretold
        Foretells the verdict.
    """

    def __init__(self, by_query: ByQuery, champion: Path, foretold: Foretold) -> None:
        self._by_query, self._champion, self._foretold = by_query, champion, foretold
        self._known: dict[Path, tuple[Floats, Floats]] = {}

    def __call__(self, folder: Path) -> tuple[float, float]:
        """Return the mean scores of a model folder: (new, old)."""
        new, old = self._of(folder)
        return float(new.mean()), float(old.mean())

    def chance(self, folder: Path) -> float:
        """Return the chance of a model folder to pass the gate."""
        (new, old), (new_before, old_before) = self._of(folder), self._of(self._champion)
        return self._foretold.of(new - new_before, old - old_before)

    def _of(self, folder: Path) -> tuple[Floats, Floats]:
        if folder not in self._known:
            self._known[folder] = self._by_query(folder)
        return self._known[folder]


def most_promising(
    scores: Mapping[str, tuple[float, float]],
    chances: Mapping[str, float | None],
    champion: tuple[float, float],
) -> str:
    """Return the name of the candidate that is sent to the gate.

    Parameters
    ----------
    scores
        Name -> (new, old) scores on the selection split.
    chances
        Name -> chance to pass the gate; None for trainings of a cycle that an earlier version of
        the product began.
    champion
        The champion's (new, old).

    Examples
    --------
    >>> most_promising(
    ...     {"naive": (0.9, 0.6), "replay": (0.8, 0.7)}, {"naive": 0.1, "replay": 0.8}, (0.5, 0.7)
    ... )
    'replay'
    """
    known: Sequence[str] = [name for name in scores if chances.get(name) is not None]
    if len(known) < len(scores):
        return preferred(scores, champion)
    return max(known, key=lambda name: worth(scores[name][0] - champion[0], chances[name] or 0.0))
