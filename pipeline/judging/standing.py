"""The standing: what the answers so far say, how sure it is, and how many more it will take."""

from dataclasses import dataclass

import numpy as np

from pipeline.judging.confidence import Floats, Integers, Lines, estimate, interval, log_wealth
from pipeline.results import Finding

_FUTURES = 48
_FARTHEST = 3_000
"""Lines ahead at which a forecast ends."""
_DOUBT = 1.5
"""Answers of each kind that a forecast adds, so that it trusts few answers little."""


@dataclass(frozen=True)
class Standing:
    """What answers say about two versions.

    The preference is the share of the lines of the log for which the second version's results are
    better, less the share for which the first one's are.

    Attributes
    ----------
    finding
        The verdict.
    preference, low, high
        The estimate, and an interval that holds at any time at which people stop.
    certainty
        In [0, 1]: while it is undecided, the confidence at which the last answer would have decided
        which version is better; afterwards that of the interval.
    answers
        How many there are.
    expected
        How many more the verdict is expected to need; None where the log holds too few.
    """

    finding: Finding
    preference: float
    low: float
    high: float
    certainty: float
    answers: int
    expected: int | None


def standing(lines: Lines, answers: Floats, *, margin: float, confidence: float) -> Standing:
    """Return what the answers to the first questions say.

    Parameters
    ----------
    lines
        The lines of the log in the order in which they are gone through.
    answers
        (answers,): 1 where the second version's results are better, -1 where the first one's are,
        0 where neither.
    margin
        Smallest preference that is relevant.
    confidence
        Of the interval, in (0, 1).

    Examples
    --------
    >>> lines = Lines.of([None if number % 4 else (number // 4, 1.0) for number in range(1000)])
    >>> now = standing(lines, np.ones(12), margin=0.05, confidence=0.95)
    >>> now.finding, now.preference, now.expected
    ('second is better', 0.25, 0)
    """
    low, high = interval(lines, answers, confidence)
    finding = _finding(low, high, margin)
    decided = finding != "undecided"
    return Standing(
        finding,
        estimate(lines, answers),
        low,
        high,
        confidence if decided else _certainty(lines, answers),
        len(answers),
        0 if decided else _expected(lines, answers, margin, confidence),
    )


def _finding(low: float, high: float, margin: float) -> Finding:
    if low > 0:
        return "second is better"
    if high < 0:
        return "first is better"
    return "no relevant difference" if -margin < low and high < margin else "undecided"


def _certainty(lines: Lines, answers: Floats) -> float:
    now = max(float(log_wealth(lines, each, 0.0)[-1]) for each in (answers, -answers))
    return max(0.0, 1 - 2 * float(np.exp(-now)))


def _expected(lines: Lines, answers: Floats, margin: float, confidence: float) -> int | None:
    """Return the median number of further answers in simulated futures; None beyond the log.

    Each future draws its own shares of the three answers from what the answers so far leave
    possible, then its answers from these.
    """
    seen = len(answers)
    far = min(lines.needing(seen) + _FARTHEST, len(lines.questions))
    ahead = Lines(lines.questions[:far], lines.scales[:far], lines.zeros[: far + 1])
    generator = np.random.default_rng(seen)
    counts = np.array([(answers == value).sum() for value in (-1, 0, 1)])
    shares = generator.dirichlet(counts + _DOUBT, _FUTURES).cumsum(axis=1)
    drawn = generator.random((_FUTURES, ahead.count - seen))
    future = (drawn[:, :, None] > shares[:, None, :2]).sum(axis=2) - 1.0
    known = np.broadcast_to(answers, (_FUTURES, seen))
    needed = answers_needed(
        ahead, np.concatenate([known, future], axis=1), margin=margin, confidence=confidence
    )
    median = float(np.median(needed))
    return max(1, int(median) - seen) if np.isfinite(median) else None


def answers_needed(lines: Lines, answers: Floats, *, margin: float, confidence: float) -> Floats:
    """Return after how many answers there is a verdict; infinity where there never is.

    Parameters
    ----------
    lines
        The lines of the log.
    answers
        (futures, answers): the answers to all questions.
    margin, confidence
        As in `standing`.
    """
    threshold = np.log(2 / (1 - confidence))
    # As many answers are known before and after each line that needs one.
    after: Integers = np.maximum.accumulate(lines.questions) + 1
    asked = np.repeat(np.append(0, after), 2)[1:]

    def crossed(values: Floats, mean: float) -> Floats:
        reached = log_wealth(lines, values, mean) >= threshold
        first: Floats = np.where(reached.any(axis=-1), asked[reached.argmax(axis=-1)], np.inf)
        return first

    better = np.minimum(crossed(answers, 0.0), crossed(-answers, 0.0))
    alike = np.maximum(crossed(answers, -margin), crossed(-answers, -margin))
    needed: Floats = np.minimum(better, alike)
    return needed
