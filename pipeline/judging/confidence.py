"""The confidence sequence: what answers about lines of a log say of all such lines, at any time."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SHARES = (0.03, 0.1, 0.25, 0.5, 0.9)
"""Shares of the largest safe bet; the wealth is the mean over them, so none has to be right."""

_HALVINGS = 40


@dataclass(frozen=True)
class Lines:
    """Lines of a log in a random order, and which question each of them needs.

    Most need none: what they would add is known to be 0. A question that an earlier line needed is
    not asked again.

    Attributes
    ----------
    questions
        (needing,): the question of each line that needs one; questions are numbered in the order
        in which they come up.
    scales
        (needing,): 1 / the probability with which the line was chosen to need it.
    zeros
        (needing + 1,): how many lines that need none come before each, and after the last.
    """

    questions: Integers
    scales: Floats
    zeros: Integers

    @classmethod
    def of(cls, needed: Sequence[tuple[int, float] | None]) -> "Lines":
        """Return the lines of a sequence: (question, scale), or None where none is needed.

        Examples
        --------
        >>> Lines.of([None, (0, 1.0), (0, 1.0), None, None]).zeros.tolist()
        [1, 0, 2]
        """
        zeros, found = [0], []
        for each in needed:
            if each is None:
                zeros[-1] += 1
            else:
                found.append(each)
                zeros.append(0)
        questions = np.array([question for question, _ in found], dtype=np.int64)
        scales = np.array([scale for _, scale in found], dtype=np.float64)
        return cls(questions, scales, np.array(zeros, dtype=np.int64))

    @property
    def count(self) -> int:
        """Number of questions."""
        return int(self.questions.max(initial=-1)) + 1

    @cached_property
    def limit(self) -> float:
        """The most that a line can add or take away."""
        return float(self.scales.max(initial=1.0))

    def needing(self, answered: int) -> int:
        """Return how many lines of `questions` are known when so many questions are answered."""
        later = np.flatnonzero(self.questions >= answered)
        return int(later[0]) if len(later) else len(self.questions)


def log_wealth(lines: Lines, answers: Floats, mean: float) -> Floats:
    """Return the logarithm of the wealth won by betting that the mean is above a given one.

    Before each line, fair bets are placed that it adds more than the mean. If the true mean is that
    or smaller, the wealth ever exceeds ``1 / p`` with probability p at most, whenever people look.

    Parameters
    ----------
    lines
        Lines in a random order.
    answers
        (..., answered): answers to the first questions, each in [-1, 1].
    mean
        The mean that is tested, in (-1, 1).

    Returns
    -------
    numpy.ndarray
        (..., 2 n + 1): the wealth before and after each of the n lines that need an answer and have
        one, and at the last line before the next question.

    Notes
    -----
    Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting" (JRSS B,
    2023), with a mixture of bets.
    """
    known = lines.needing(answers.shape[-1])
    added = answers[..., lines.questions[:known]] * lines.scales[:known] - mean
    zeros = lines.zeros[: known + 1]
    steps = np.empty((*added.shape[:-1], 2 * known + 1))
    paths = []
    for share in SHARES:
        # No line can take away more than the limit, so no bet loses all.
        bet = share / (lines.limit + mean)
        steps[..., ::2] = zeros * np.log1p(-bet * mean)
        steps[..., 1::2] = np.log1p(bet * added)
        paths.append(np.cumsum(steps, axis=-1))
    wealth = np.stack(paths)
    highest = wealth.max(axis=0)
    mixed: Floats = highest + np.log(np.exp(wealth - highest).mean(axis=0))
    return mixed


def interval(lines: Lines, answers: Floats, confidence: float) -> tuple[float, float]:
    """Return an interval for the mean of such lines that covers it at all times at once.

    Whoever looks after each answer, and stops when he likes, is wrong with probability
    ``1 - confidence`` at most.

    Parameters
    ----------
    lines
        Lines in a random order.
    answers
        (answered,): answers to the first questions, each in [-1, 1].
    confidence
        In (0, 1).

    Examples
    --------
    >>> lines = Lines.of([None if number % 2 else (number // 2, 1.0) for number in range(100)])
    >>> low, high = interval(lines, np.ones(20), 0.95)
    >>> print(f"{low:.2f} to {high:.2f}")
    0.24 to 0.74
    """
    threshold = float(np.log(2 / (1 - confidence)))
    return _lower(lines, answers, threshold), -_lower(lines, -answers, threshold)


def _lower(lines: Lines, answers: Floats, threshold: float) -> float:
    """Return the largest mean that the bets refute; -1 where they refute none."""
    low, high = -1.0, 1.0
    # The wealth falls as the mean that is tested grows.
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if log_wealth(lines, answers, middle).max() >= threshold:
            low = middle
        else:
            high = middle
    return low


def estimate(lines: Lines, answers: Floats) -> float:
    """Return the mean of what the lines known so far add.

    Examples
    --------
    >>> estimate(Lines.of([None, (0, 1.0), None, None, (1, 1.0)]), np.ones(1))
    0.25
    """
    known = lines.needing(len(answers))
    total = known + int(lines.zeros[: known + 1].sum())
    added = answers[lines.questions[:known]] * lines.scales[:known]
    return float(added.sum()) / total if total else 0.0
