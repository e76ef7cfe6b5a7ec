"""The result of `anchorhold compare`: versions side by side on every task."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.results.cycle import RegressionsResult
from pipeline.results.movement import SpaceMovement
from pipeline.results.plan import IndexPlan
from pipeline.results.result import Result
from training.faults import AnchorholdError

if TYPE_CHECKING:
    import pandas as pd


class NamedVersion(Result):
    """A version with its aliases."""

    version: int
    aliases: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Number and aliases, such as "2 (champion)"."""
        return f"{self.version}" + (f" ({', '.join(self.aliases)})" if self.aliases else "")


class ComparedSet(Result):
    """An evaluation set that the versions were scored on, and its sha256."""

    name: str
    digest: str


class Difference(Result):
    """How a version differs from the baseline on one task, paired by query.

    Attributes
    ----------
    difference
        Mean of the version minus the baseline.
    low, high
        One-sided bounds of the mean difference, each at the gate's confidence.
    better, worse, ties
        Queries whose score rose, fell or stayed.
    """

    difference: float
    low: float
    high: float
    better: int
    worse: int
    ties: int


class ComparedTask(Result):
    """One task.

    Attributes
    ----------
    task, queries
        Its name and the number of its queries.
    means
        The mean of each version.
    differences
        The difference of each version but the first from the first.
    """

    task: str
    queries: int
    means: tuple[float, ...]
    differences: tuple[Difference, ...]


class VersionRegressions(RegressionsResult):
    """What one version answers worse than the baseline.

    Attributes
    ----------
    version
        Its number.
    """

    version: int


class CompareResult(Result):
    """Versions side by side; the first is the baseline.

    Attributes
    ----------
    metric, confidence
        What the means and bounds are of.
    versions
        In the order in which they were named.
    sets, tasks
        What they were scored on, and their scores.
    regressions
        What each version but the first answers worse.
    notes
        Sentences on sets that changed since a version was accepted.
    plan
        What moving from the first to the last version means for an index of the documents; None
        where there are no documents.
    movement
        How far each version but the first moves the texts of the sets from where the first has
        them; empty in comparisons that encode nothing.
    page
        The HTML page that was written; None where none was asked for.
    """

    metric: str
    confidence: float
    versions: tuple[NamedVersion, ...]
    sets: tuple[ComparedSet, ...]
    tasks: tuple[ComparedTask, ...]
    regressions: tuple[VersionRegressions, ...]
    notes: tuple[str, ...]
    plan: IndexPlan | None = None
    movement: tuple[SpaceMovement, ...] = ()
    page: str | None = None

    def differences(self) -> Iterator[tuple[ComparedTask, NamedVersion, float, Difference]]:
        """Yield task, version, its mean and its difference from the baseline."""
        for task in self.tasks:
            columns = zip(self.versions[1:], task.means[1:], task.differences, strict=True)
            for version, mean, difference in columns:
                yield task, version, mean, difference

    def to_frame(self) -> "pd.DataFrame":
        """Return a table with one row per task and version that is compared with the baseline.

        Raises
        ------
        AnchorholdError
            pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise AnchorholdError(
                "to_frame needs pandas, which is not installed: pip install 'anchorhold[demo]'"
            ) from None
        return pd.DataFrame(
            [
                {
                    "task": task.task,
                    "queries": task.queries,
                    "baseline": self.versions[0].version,
                    "version": version.version,
                    "baseline_mean": task.means[0],
                    "mean": mean,
                    **difference.model_dump(),
                }
                for task, version, mean, difference in self.differences()
            ]
        )
