"""The result of `anchorhold judge`: what people's answers say about two versions."""

from typing import Literal

from pipeline.results.result import Result
from pipeline.results.versions_compared import NamedVersion

Finding = Literal["second is better", "first is better", "no relevant difference", "undecided"]
"""Verdict of a blind comparison."""


class JudgeResult(Result):
    """The answers to a blind comparison of two versions, and what they say.

    Preferences are shares of the lines of the log: those for which the second version's results are
    better, less those for which the first one's are.

    Attributes
    ----------
    judging
        Number of the comparison.
    first, second
        The versions.
    finding
        The verdict.
    summary
        The verdict in one sentence.
    preference, low, high
        The estimated preference, and an interval that holds whenever people stop.
    confidence, margin
        Confidence of the interval, and the smallest preference that is relevant.
    certainty
        While it is undecided, the confidence at which the last answer would have decided which
        version is better; afterwards that of the interval.
    expected
        How many more answers the verdict is expected to need; None where the log holds too few.
    answers
        How many there are.
    second_better, first_better, same, none
        How often each answer was given; "none" says that neither side had a good result.
    lines, differing, questions
        Lines of the log that were compared, those for which the results differ, and the questions
        that these make.
    anchors
        Folder of the evaluation set that was written; None where none was.
    sheet
        The CSV file that was written or read; None where none was.
    next
        Sentences on what can be done with the answers.
    """

    judging: int
    first: NamedVersion
    second: NamedVersion
    finding: Finding
    summary: str
    preference: float
    low: float
    high: float
    confidence: float
    margin: float
    certainty: float
    expected: int | None
    answers: int
    second_better: int
    first_better: int
    same: int
    none: int
    lines: int
    differing: int
    questions: int
    anchors: str | None = None
    sheet: str | None = None
    next: tuple[str, ...] = ()
