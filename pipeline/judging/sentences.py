"""Sentences on what answers say: blind while people answer, with versions afterwards."""

from pipeline.judging.questions import Questions
from pipeline.judging.standing import Standing


def certainty(now: Standing, margin: float) -> str:
    """Say how sure the verdict is and how many more answers it expects, without naming a version.

    Examples
    --------
    >>> certainty(Standing("undecided", 0.08, -0.03, 0.2, 0.81, 24, 37), 0.05)
    'Undecided, 81 % sure that one version is better; about 37 more answers expected.'
    """
    if now.finding == "no relevant difference":
        return f"Decided: no relevant difference (less than {margin:g} of the queries)."
    if now.finding != "undecided":
        return "Decided: one version is better. More answers make the interval narrower."
    expected = "the log probably holds too few queries for a verdict"
    if now.expected is not None:
        # Forecasts are no more exact than that.
        about = now.expected if now.expected < 50 else round(now.expected, -1)
        expected = f"about {about} {'more ' * bool(now.answers)}answers expected"
    if not now.answers:
        return f"No answers yet; {expected}."
    if now.certainty < 0.5:
        return f"Undecided; {expected}."
    return f"Undecided, {100 * now.certainty:.0f} % sure that one version is better; {expected}."


def summary(now: Standing, questions: Questions, confidence: float, margin: float) -> str:
    """Return the verdict in one sentence, with the versions.

    Examples
    --------
    >>> import numpy as np
    >>> from pipeline.judging.confidence import Lines
    >>> questions = Questions(3, 4, 1, 0, {}, (), Lines.of([None]), 0)
    >>> now = Standing("second is better", 0.12, 0.04, 0.2, 0.95, 41, 0)
    >>> print(summary(now, questions, 0.95, 0.05))
    version 4 is better than version 3: preference +0.120 of the queries (95 % interval +0.040 to
    +0.200), 41 blind answers
    """
    first, second = f"version {questions.first}", f"version {questions.second}"
    verdict = {
        "second is better": f"{second} is better than {first}",
        "first is better": f"{first} is better than {second}",
        "no relevant difference": f"no relevant difference between {first} and {second}",
        "undecided": f"undecided between {first} and {second}",
    }[now.finding]
    if now.finding in ("second is better", "first is better") and (
        -margin < now.low and now.high < margin
    ):
        verdict += f", by less than the margin of {margin:g}"
    answers = f"{now.answers} blind answer{'s' * (now.answers != 1)}"
    return (
        f"{verdict}: preference {now.preference:+.3f} of the queries ({confidence * 100:g} % "
        f"interval {now.low:+.3f} to {now.high:+.3f}), {answers}"
    )
