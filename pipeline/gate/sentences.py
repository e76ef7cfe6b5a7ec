"""How the gate words a comparison: the metric, the bound beside what is required, and chances."""

from pipeline.results import Comparison, metric_name, threshold_of


def sentence(made: Comparison, confidence: float, minimum_queries: int) -> str:
    """Return a comparison in one sentence.

    Parameters
    ----------
    made
        The comparison, without its reason.
    confidence
        Confidence of its one-sided bounds.
    minimum_queries
        Queries that a task needs before a candidate can pass on it.
    """
    against = " against the origin" if made.rule == "floor" else ""
    return (
        f"{made.task}: {metric_name(made.metric)} {made.champion:.3f} -> "
        f"{made.candidate:.3f}{against} (difference {made.difference:+.3f}, "
        f"{100 * confidence:g} % {bound_shown(made)}, {made.queries} queries{_beside(made)}): "
        f"{_ending(made, minimum_queries)}"
    )


def _beside(made: Comparison) -> str:
    if made.beside is None:
        return ""
    return (
        f"; beside it {metric_name(made.beside.metric)} {made.beside.difference:+.3f}, bounds "
        f"{made.beside.low:+.3f} and {made.beside.high:+.3f}"
    )


def _ending(made: Comparison, minimum_queries: int) -> str:
    threshold = threshold_of(made.rule, made.margin)
    if made.fails:
        return "does not pass" if made.rule == "gain" else "got worse"
    if made.rule == "proxy" and made.holds:
        return "shows a gain"
    if not made.judged and made.rule != "proxy":
        return "no harm shown (reported, not required)"
    if made.holds:
        return "passes"
    if no_gain(made, minimum_queries):
        return f"no gain above {made.margin:.3f} was measured"
    if made.queries < minimum_queries:
        short = f"inconclusive: at least {minimum_queries} queries are required"
        more = made.needs is not None and made.needs > minimum_queries
        return short + (f"; {_settled(made)}" if more else "")
    if made.needs is None and made.difference <= threshold:
        return (
            "inconclusive: the mean itself is below what is required, so more queries like "
            "these would not settle it"
        )
    if made.needs is None:
        return "inconclusive: more than a million queries like these would be needed"
    return f"inconclusive: {_settled(made)}"


def _settled(made: Comparison) -> str:
    """Say what the number of queries means that would just lift this bound over the threshold."""
    return f"with {made.needs} queries like these in all, about one in two such candidates passes"


def no_gain(made: Comparison, minimum_queries: int) -> bool:
    """Return whether a task that must gain did not, on enough queries to expect it.

    The candidate has to prove its gain: where the estimate itself shows none, more labels of
    the same kind would never promote it, so it is rejected rather than left open.
    """
    return (
        made.rule == "gain" and made.queries >= minimum_queries and made.difference <= made.margin
    )


def hundred(chance: float) -> str:
    """Return about how many of 100, in steps of 5 except near none and near all.

    Examples
    --------
    >>> [hundred(each) for each in (0.004, 0.034, 0.47, 0.996)]
    ['fewer than 1', 'about 3', 'about 45', 'over 99']
    """
    percent = 100 * chance
    if percent < 1:
        return "fewer than 1"
    if percent > 99:
        return "over 99"
    if 10 <= percent <= 90:
        return f"about {5 * round(percent / 5)}"
    return f"about {round(percent)}"


def bound_shown(made: Comparison) -> str:
    """Return the bound that decided, beside what is required."""
    if not (made.judged or made.fails or made.rule == "proxy"):
        return f"bounds {made.low:+.3f} and {made.high:+.3f}"
    threshold = threshold_of(made.rule, made.margin)
    value = made.high if made.fails else made.low
    shown, required = _told_apart(value, threshold)
    if made.fails:
        return f"upper bound {shown}, below the required {required}"
    relation = "above" if value > threshold else "not above"
    return f"lower bound {shown}, {relation} the required {required}"


def _told_apart(value: float, other: float) -> tuple[str, str]:
    """Return two numbers with as many digits as it takes to tell them apart, three at least.

    Examples
    --------
    >>> _told_apart(0.045, 0.02), _told_apart(-0.01996, -0.02)
    (('+0.045', '+0.020'), ('-0.01996', '-0.02000'))
    """
    for digits in (3, 4, 5, 6):
        shown = f"{value:+.{digits}f}", f"{other:+.{digits}f}"
        if shown[0] != shown[1]:
            break
    return shown
