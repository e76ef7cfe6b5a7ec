"""How the gate words a comparison: the metric, and the bound beside what is required."""

from pipeline.results import Comparison, threshold_of


def metric_name(metric: str) -> str:
    """Return a metric as people write it.

    Examples
    --------
    >>> metric_name("ndcg_at_10"), metric_name("map")
    ('nDCG@10', 'map')
    """
    return {"ndcg_at_10": "nDCG@10", "mrr_at_10": "MRR@10", "recall_at_10": "recall@10"}.get(
        metric, metric
    )


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
