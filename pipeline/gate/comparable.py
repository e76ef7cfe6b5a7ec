"""Whether scorecards can be compared: the same tasks, queries and sets, and finite scores."""

from collections.abc import Iterable, Iterator

import numpy as np

from training.evaluation import Scorecard, TaskScores, dimensions_of

_ROUNDING = 1e-9


def is_new(task: str) -> bool:
    """Return whether a task is what is being learned ("new", "new/...") and must gain.

    Examples
    --------
    >>> is_new("new/french"), is_new("anchor/new")
    (True, False)
    """
    return task == "new" or task.startswith("new/")


def is_proxy(task: str) -> bool:
    """Return whether a task is an evaluation set made without labels ("proxy/...").

    Examples
    --------
    >>> is_proxy("proxy/lexical"), is_proxy("anchor/proxy")
    (True, False)
    """
    return task.startswith("proxy/")


def is_anchor(task: str) -> bool:
    """Return whether a task is an anchor set or a slice of one."""
    return task.startswith("anchor/")


def set_of_slice(task: str) -> str | None:
    """Return the evaluation set that a task is a slice of; None where it is a set itself.

    Slices are "anchor/<name>/<slice>", and "new/<column>=<value>" for the new task.

    Examples
    --------
    >>> [set_of_slice(each) for each in ("anchor/past/source=a/b", "new/source=forum")]
    ['anchor/past', 'new']
    >>> set_of_slice("anchor/past") is set_of_slice("new/french") is None
    True
    """
    if is_new(task):
        return "new" if "=" in task else None
    parts = task.split("/")
    return "/".join(parts[:2]) if len(parts) > 2 else None


def evaluation_set(task: str) -> str:
    """Return the evaluation set whose queries a task is scored on.

    Examples
    --------
    >>> [evaluation_set(each) for each in ("anchor/past/source=a", "anchor/past/dim-64", "new")]
    ['anchor/past', 'anchor/past', 'new']
    >>> evaluation_set("new/dim-64")
    'new'
    """
    whole = task.rpartition("/")[0] if dimensions_of(task) is not None else task
    return set_of_slice(whole) or whole


def new_first(task: str) -> tuple[bool, str]:
    """Return a key that sorts the new task before the old ones.

    Examples
    --------
    >>> sorted(["anchor/past", "new"], key=new_first)
    ['new', 'anchor/past']
    """
    return not is_new(task), task


def floor_of(origin: Scorecard | None, champion: Scorecard, task: str) -> TaskScores | None:
    """Return the origin's scores of an anchor set; None where it has none, or is the champion."""
    if origin is None or origin.fingerprint == champion.fingerprint:
        return None
    if is_new(task) or is_proxy(task):
        return None
    return origin.tasks.get(task)


def faults_of(
    champion: Scorecard,
    candidate: Scorecard,
    origin: Scorecard | None,
    metric: str,
    expected: Iterable[str],
    leaked: int,
    *,
    needs_new: bool = True,
) -> Iterator[str]:
    """Yield, as sentences, why these scores cannot be used to judge a candidate.

    Parameters
    ----------
    champion, candidate, origin
        Scores of the models; `origin` may be None, or lack tasks, which then have no floor.
    metric
        Name of the metric that must be there, finite and in [0, 1].
    expected
        Further names of tasks that must be there.
    leaked
        Training texts that are also evaluation queries.
    needs_new
        Whether a new task or proxies must be there.
    """
    names = {*champion.tasks, *candidate.tasks, *expected}
    if leaked:
        yield f"{leaked} training texts are also evaluation queries; none is allowed"
    if needs_new and not any(is_new(name) or is_proxy(name) for name in names):
        yield "there is no evaluation set of the new task"
    if not any(map(is_anchor, names)):
        yield "there is no anchor set; add one to the settings ([anchors.NAME])"
    for name in sorted(names, key=new_first):
        if not (is_new(name) or is_proxy(name) or is_anchor(name)):
            yield (
                f"{name}: neither a new task (new, new/...) nor an anchor set (anchor/...) nor a "
                "proxy (proxy/...)"
            )
            continue
        sides = {"champion": champion.tasks.get(name), "candidate": candidate.tasks.get(name)}
        floor = floor_of(origin, champion, name)
        if floor is not None:
            sides["origin"] = floor
        present = {who: scores for who, scores in sides.items() if scores is not None}
        if len(present) < len(sides):
            absent = " and the ".join(who for who in sides if who not in present)
            yield f"{name}: missing from the scores of the {absent}"
            continue
        for who, scores in present.items():
            fault = _fault_of(scores, metric) or _mismatch(present["champion"], scores)
            if fault:
                yield f"{name}: the {who} {fault}"


def _fault_of(scores: TaskScores, metric: str) -> str:
    """Return what is wrong with the scores of one model on one task; empty when nothing is."""
    queries = len(scores.query_ids)
    if not queries:
        return "was scored on no query"
    if len(set(scores.query_ids)) < queries:
        return "was scored on the same query more than once"
    if metric not in scores.metrics:
        return f"has no metric {metric}; there is: {', '.join(sorted(scores.metrics)) or 'none'}"
    values = np.asarray(scores.metrics[metric], np.float64)
    if values.shape != (queries,):
        return f"has {values.size} scores for {queries} queries"
    broken = np.flatnonzero(~np.isfinite(values))
    if len(broken):
        return (
            f"has {len(broken)} values of {metric} that are not finite, the first on query "
            f"{scores.query_ids[int(broken[0])]}"
        )
    if values.min() < -_ROUNDING or values.max() > 1 + _ROUNDING:
        return f"has values of {metric} outside [0, 1]: {values.min():g} to {values.max():g}"
    return ""


def _mismatch(champion: TaskScores, scores: TaskScores) -> str:
    """Return how the measurement differs from the champion's; empty when it does not."""
    if scores.set_digest != champion.set_digest:
        return "was scored on a different evaluation set from the champion"
    if scores.precision != champion.precision:
        return (
            f"was scored in {scores.precision}, the champion in {champion.precision}; set "
            'evaluate.precision = "float32" (anchorhold.toml) to score both alike'
        )
    if scores.query_ids != champion.query_ids:
        return "was scored on different queries, or in a different order, from the champion"
    return ""
