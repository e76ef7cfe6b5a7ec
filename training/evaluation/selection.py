"""The selection split: pairs kept out of training, by which one of several models is chosen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from training.encoding import Encoder
from training.evaluation.evaluate import Evaluate
from training.evaluation.evaluation_set import EvaluationSet
from training.pairs import By, HoldOut, Pair, normalised
from training.progress import Progress, no_progress
from training.settings import SETTINGS


@plain_dataclass(frozen=True)
class Selection:
    """The pairs left to train on, and two evaluation sets of the pairs taken out."""

    recent: tuple[Pair, ...]
    """Recent pairs left to train on."""
    memory: tuple[Pair, ...]
    """Remembered pairs left to train on."""
    sets: tuple[EvaluationSet, ...]
    """The sets "selection/new" and "selection/old"; empty if nothing was taken out."""

    def judge(
        self,
        load: Callable[[Path], Encoder],
        *,
        metric: str = "ndcg_at_10",
        progress: Progress = no_progress,
    ) -> Callable[[Path], tuple[float, float]]:
        """Return a function that scores a model folder on (new, old) selection pairs.

        Parameters
        ----------
        load
            Loads the encoder of a model folder.
        metric
            Which metric to return the mean of.
        progress
            Shows how many texts are encoded.
        """
        by_query = self.by_query(load, metric=metric, progress=progress)

        def scores(folder: Path) -> tuple[float, float]:
            new, old = by_query(folder)
            return float(new.mean()), float(old.mean())

        return scores

    def by_query(
        self,
        load: Callable[[Path], Encoder],
        *,
        metric: str = "ndcg_at_10",
        progress: Progress = no_progress,
    ) -> Callable[[Path], tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Return a function that scores a model folder on each (new, old) selection query.

        The parameters are those of `judge`; both arrays are in the order of the queries, which is
        the same for all models.
        """

        def scores(folder: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            card = Evaluate().score(load(folder), self.sets, progress)
            new, old = (
                np.asarray(card.tasks[given.name].metrics[metric], np.float64)
                for given in self.sets
            )
            return new, old

        return scores


def preferred(scores: Mapping[str, tuple[float, float]], champion: tuple[float, float]) -> str:
    """Return the name with the best new score among those that keep the champion's old score.

    If none keeps it, return the one with the best old score.

    Parameters
    ----------
    scores
        Name -> (new, old) scores on the selection split.
    champion
        The champion's (new, old).

    Examples
    --------
    >>> preferred({"naive": (0.9, 0.6), "replay": (0.8, 0.7)}, champion=(0.5, 0.7))
    'replay'
    """
    holding = {name: new for name, (new, old) in scores.items() if old >= champion[1]}
    if holding:
        return max(holding, key=lambda name: holding[name])
    return max(scores, key=lambda name: scores[name][1])


@dataclass(frozen=True, config=SETTINGS)
class Select:
    """Take some recent and some remembered queries out of training, to choose a model by them.

    Examples
    --------
    >>> recent = [Pair(f"n{i}", f"new {i}", f"answer {i}") for i in range(300)]
    >>> memory = [Pair(f"o{i}", f"old {i}", f"reply {i}") for i in range(300)]
    >>> selection = Select().split(recent, memory)
    >>> [given.name for given in selection.sets], len(selection.recent) < 300
    (['selection/new', 'selection/old'], True)
    """

    share: float = Field(default=0.1, gt=0.0, le=0.5)
    """Share of the queries to take out of each side."""
    minimum: int = Field(default=20, ge=1)
    """Minimum number of queries to take out of each side (never more than half)."""
    maximum: int = Field(default=100, ge=1)
    """Maximum number of queries to take out of each side."""
    seed: int = 1
    """Seed of the hash; it must differ from the hold-out's, or both would choose alike."""

    def split(self, recent: Sequence[Pair], memory: Sequence[Pair], by: By = "query") -> Selection:
        """Return what is left to train on, and the selection sets.

        A selected query that occurs on both sides is left out of both, and so is what shares its
        document or group. Without memory nothing is taken out: there is no forgetting to measure.

        Parameters
        ----------
        recent, memory
            What may be trained on.
        by
            What is never on both sides, as in `HoldOut`.
        """
        hold_out = self._hold_out(by)
        left_recent, new = hold_out.split(recent)
        left_memory, old = hold_out.split(memory)
        if not new or not old:
            return Selection(tuple(recent), tuple(memory), ())
        left_recent, left_memory = (
            hold_out.apart(left, [*new, *old]) for left in (left_recent, left_memory)
        )
        sets = (
            EvaluationSet.from_pairs("selection/new", new, left_recent),
            EvaluationSet.from_pairs("selection/old", old, left_memory),
        )
        selected = {normalised(pair.query) for pair in (*new, *old)}
        return Selection(
            tuple(pair for pair in left_recent if normalised(pair.query) not in selected),
            tuple(pair for pair in left_memory if normalised(pair.query) not in selected),
            sets,
        )

    def remembered(
        self, memory: Sequence[Pair], by: By = "query"
    ) -> tuple[list[Pair], EvaluationSet | None]:
        """Return what is left of the memory to train on, and the selection set of the old side.

        The set is None without memory.
        """
        left, old = self._hold_out(by).split(memory)
        if not old:
            return list(memory), None
        return left, EvaluationSet.from_pairs("selection/old", old, left)

    def _hold_out(self, by: By) -> HoldOut:
        return HoldOut(
            share=self.share, minimum=self.minimum, maximum=self.maximum, by=by, seed=self.seed
        )
