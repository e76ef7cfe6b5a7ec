"""The service's quality by its users: what they click and how they rate, before and now."""

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from drift_triggers.signal import Quality
from pipeline.observation.served import Answered
from training.unlabelled import ServedQuery, Shown
from training.unlabelled.votes import Ballot

Score = Callable[[ServedQuery], float | None]
"""What one line says of the answer, 0 to 1; None: nothing."""


def click_quality(answered: Answered, ballot: Ballot) -> dict[str, Quality]:
    """Return how users took to the answers of the reference period and of the recent window.

    A user has one score per task: the mean over the queries asked, each of which counts once. So
    neither one busy user nor a long session makes a difference. Clicks on the first result do not
    depend on how far people read; clicks on any result fall when answers move down, too. The users
    of both periods are compared as if they were different ones, which is cautious.

    Parameters
    ----------
    answered
        What was served.
    ballot
        Tells programs from people.

    Returns
    -------
    dict
        Task -> scores per user in order of their first line. A task without scores in one of the
        periods is left out: where a log has no click at all, it does not record them.

    Examples
    --------
    >>> shown = (Shown("a"), Shown("b"))
    >>> lines = [ServedQuery(f"question {n}", shown, ("a",), user=f"u{n}") for n in range(30)]
    >>> worse = [ServedQuery(f"question {n}", shown, ("b",), user=f"u{n}") for n in range(30)]
    >>> found = click_quality(Answered(before=lines, recent=worse), Ballot())
    >>> {task: float(each.now.mean()) for task, each in found.items()}
    {'clicks on the first result': 0.0, 'clicks on any result': 1.0}
    """
    periods = [[*ballot.people(lines)] for lines in (answered.before, answered.recent)]
    recording = [{line.source for line, _ in period if line.clicked} for period in periods]
    clicked = recording[0] & recording[1]
    tasks: dict[str, Score] = {
        "clicks on the first result": lambda line: _first(line, clicked),
        "clicks on any result": lambda line: _any(line, clicked),
        "ratings": _ratings,
    }
    found = {}
    for task, score in tasks.items():
        before, now = (_by_user(period, score) for period in periods)
        if len(before) and len(now):
            found[task] = Quality(before, now, paired=False, unit="users")
    return found


def _first(line: ServedQuery, recorded: set[str]) -> float | None:
    if not line.shown or line.source not in recorded:
        return None
    return float(_name(line.shown[0]) in line.clicked)


def _any(line: ServedQuery, recorded: set[str]) -> float | None:
    if not line.shown or line.source not in recorded:
        return None
    return float(bool(line.clicked))


def _ratings(line: ServedQuery) -> float | None:
    votes = [vote > 0 for _, vote in line.feedback]
    return sum(votes) / len(votes) if votes else None


def _name(result: Shown) -> str:
    return result.id or result.text


def _by_user(lines: Sequence[tuple[ServedQuery, str]], score: Score) -> NDArray[np.float64]:
    """Return (users,): the mean over the queries of each, in order of the users' first lines."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for line, user in lines:
        value = score(line)
        if value is not None:
            found[user][line.query].append(value)
    return np.array(
        [np.mean([np.mean(values) for values in queries.values()]) for queries in found.values()],
        dtype=np.float64,
    )
