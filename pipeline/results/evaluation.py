"""The result of `anchorhold evaluate`: a version's scores now, beside those at acceptance."""

from pipeline.results.result import Result


class EvaluatedTask(Result):
    """One task of a version.

    Attributes
    ----------
    task, queries
        Its name and the number of its queries.
    now
        Mean of the metric today.
    accepted
        Mean when the version was accepted; None, like the three that follow, where it was not
        measured on the same set.
    difference, low, high
        Mean difference, paired by query, and its one-sided bounds at the gate's confidence.
    margin
        What the task may lose.
    fell
        Whether it lost more than that, at the gate's confidence.
    """

    task: str
    queries: int
    now: float
    accepted: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    margin: float
    fell: bool = False


class EvaluateResult(Result):
    """The scores of one version.

    Attributes
    ----------
    version, aliases
        Its number and its aliases.
    metric
        What the means are of.
    tasks
        One per evaluation set and slice.
    fell
        Names of the tasks that fell.
    notes
        Sentences on what cannot be compared, and the mean of a benchmark.
    run_id
        The run in MLflow that holds the scores.
    """

    version: int
    aliases: tuple[str, ...]
    metric: str
    tasks: tuple[EvaluatedTask, ...]
    fell: tuple[str, ...]
    notes: tuple[str, ...]
    run_id: str
