"""The scorecard: the metrics of one model, per task and query."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass as plain_dataclass
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@plain_dataclass(frozen=True)
class TaskScores:
    """The scores of one model on one task, per query."""

    query_ids: tuple[str, ...]
    """Ids of the queries."""
    metrics: Mapping[str, NDArray[np.float64]]
    """Metric name -> (queries,), in the order of `query_ids`."""
    set_digest: str
    """Digest of the evaluation set; only scores on equal sets are comparable."""
    precision: str = "float32"
    """Number format in which the model computed; only scores in equal formats are comparable."""

    def of_queries(self, chosen: Iterable[str]) -> Self:
        """Return the scores of some of the queries."""
        taken = np.isin(self.query_ids, list(chosen))
        return replace(
            self,
            query_ids=tuple(
                query for query, kept in zip(self.query_ids, taken, strict=True) if kept
            ),
            metrics={metric: values[taken] for metric, values in self.metrics.items()},
        )

    def mean(self, metric: str) -> float:
        """Return the mean over the queries; without queries it is undefined and `nan`."""
        values = self.metrics[metric]
        return float(values.mean()) if len(values) else float("nan")


@plain_dataclass(frozen=True)
class Scorecard:
    """The scores of one model on all tasks and slices."""

    fingerprint: str
    """Identity of the model's embedding space."""
    tasks: Mapping[str, TaskScores]
    """Task name -> its scores; a slice is a task "<set>/<slice>"."""

    def means(self) -> dict[str, float]:
        """Return "task/metric" -> mean."""
        return {
            f"{task}/{metric}": scores.mean(metric)
            for task, scores in self.tasks.items()
            for metric in scores.metrics
        }

    def to_json(self) -> dict[str, Any]:
        """Return a value for `json.dumps` from which `from_json` makes an equal scorecard."""
        tasks = {
            task: {
                "set_digest": scores.set_digest,
                "precision": scores.precision,
                "query_ids": list(scores.query_ids),
                "metrics": {metric: values.tolist() for metric, values in scores.metrics.items()},
            }
            for task, scores in self.tasks.items()
        }
        return {"fingerprint": self.fingerprint, "tasks": tasks}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], precision: str = "float32") -> "Scorecard":
        """Return the scorecard that `to_json` described.

        Parameters
        ----------
        precision
            Number format of scores that do not say it: those of earlier versions of this package.
        """
        tasks = {
            task: TaskScores(
                tuple(scores["query_ids"]),
                {
                    metric: np.array(values, dtype=np.float64)
                    for metric, values in scores["metrics"].items()
                },
                scores["set_digest"],
                scores.get("precision", precision),
            )
            for task, scores in value["tasks"].items()
        }
        return cls(value["fingerprint"], tasks)
