"""The result of `anchorhold demo`: the story it told, and where its report is."""

from pipeline.results.cycle import CycleResult
from pipeline.results.result import Result


class StoryStep(Result):
    """One step of the story.

    Attributes
    ----------
    step
        What happened.
    cycle
        The cycle that handled it; empty where there was none.
    outcome
        How it ended.
    champion
        The version that served after it.
    why
        The reason in one sentence.
    """

    step: str
    cycle: str
    outcome: str
    champion: int
    why: str


class DemoPart(Result):
    """One of the two stories of a demonstration.

    Attributes
    ----------
    cycles
        Its cycles, oldest first.
    story
        What happened, step by step.
    workspace, report
        Its folder, and the report of the cycle that promoted.
    mlflow
        The command that shows it in MLflow.
    """

    cycles: tuple[CycleResult, ...]
    story: tuple[StoryStep, ...]
    workspace: str
    report: str
    mlflow: str


class DemoResult(DemoPart):
    """A demonstration: the story with labelled pairs, and the one without.

    Attributes
    ----------
    cycles, story, workspace, report, mlflow
        As for each part: the story with labelled pairs.
    without_labels
        The story from documents and a log alone.
    """

    without_labels: DemoPart
