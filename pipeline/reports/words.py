"""How pages name tasks, triggers and comparisons: in words that need no manual."""

from pipeline.reports.drawing import Tone
from pipeline.results import Comparison, threshold_of

TRIGGERS = {
    "embedding_shift": "Meaning overall",
    "out_of_distribution": "New topics",
    "vocabulary": "New words",
    "text_shape": "Form of the texts",
    "slow_drift": "Slow drift",
    "term_meaning": "Meaning of watched terms",
    "source_shift": "One source alone",
    "instability": "Stability of embeddings",
    "similarity_shift": "Similarity of answers",
    "quality_drop": "Retrieval quality",
    "space_mismatch": "Embedding space",
    "feedback_loop": "Own output as input",
    "data_quality": "Broken records",
    "preprocessing": "What made the texts",
    "fresh_data": "New labelled pairs",
    "model_age": "Age of the model",
}
"""What each trigger looks at; a trigger of the user's own keeps its name."""

FAMILIES = {
    "Distribution of the texts": (
        "embedding_shift", "out_of_distribution", "vocabulary", "text_shape", "slow_drift",
        "source_shift",
    ),
    "Relations between texts": (
        "similarity_shift", "term_meaning", "instability", "space_mismatch",
    ),
    "Retrieval quality": ("quality_drop",),
    "Records and schedule": (
        "data_quality", "preprocessing", "feedback_loop", "fresh_data", "model_age",
    ),
}  # fmt: skip
"""What the triggers measure, by kind."""


def trigger_name(trigger: str) -> str:
    """Return what a trigger looks at, in words.

    Examples
    --------
    >>> trigger_name("vocabulary"), trigger_name("my_own")
    ('New words', 'my_own')
    """
    return TRIGGERS.get(trigger, trigger)


def task_name(task: str) -> str:
    """Return a task as people call it.

    Examples
    --------
    >>> task_name("new"), task_name("new/source=faq"), task_name("anchor/learned-0003")
    ('New task', 'New task, source=faq', 'Learned in cycle 0003')
    >>> task_name("anchor/support/language=en"), task_name("proxy/clicks")
    ('Old task support, language=en', 'Proxy clicks')
    """
    kind, *rest = task.split("/")
    if kind == "new":
        return ", ".join(["New task", *rest])
    if kind == "anchor" and rest and rest[0].startswith("learned-"):
        return ", ".join([f"Learned in cycle {rest[0].removeprefix('learned-')}", *rest[1:]])
    name = {"anchor": "Old task", "proxy": "Proxy"}.get(kind)
    if name is None or not rest:
        return task
    return ", ".join([f"{name} {rest[0]}", *rest[1:]])


def comparison_name(made: Comparison) -> str:
    """Return what a comparison is about."""
    name = task_name(made.task)
    return f"{name}, vs. the first version" if made.rule == "floor" else name


def asked(made: Comparison) -> str:
    """Return what a comparison requires, in words.

    Examples
    --------
    >>> made = Comparison.model_construct(rule="no worse", margin=0.02, judged=True)
    >>> asked(made)
    'may lose less than 0.02'
    """
    if made.rule == "gain":
        return f"must gain more than {made.margin:g}"
    if made.rule == "proxy":
        return f"a gain above {made.margin:g} counts"
    lose = f"may lose less than {made.margin:g}"
    return lose if made.judged else f"only refused if it loses more than {made.margin:g}"


def said(made: Comparison) -> tuple[str, Tone]:
    """Return what the data say of a comparison, and whether that is good news.

    Examples
    --------
    >>> def compared(low, high, needs=None, holds=False):
    ...     return Comparison.model_construct(
    ...         rule="no worse", margin=0.02, low=low, high=high, holds=holds, needs=needs,
    ...         judged=True, difference=(low + high) / 2,
    ...     )
    >>> [said(compared(-0.01, 0.01, holds=True)), said(compared(-0.09, -0.03))]
    [('pass', 'good'), ('fail', 'bad')]
    >>> [said(compared(-0.05, 0.03, needs=400)), said(compared(-0.09, 0.01))]
    [('too few queries', 'open'), ('not shown', 'open')]
    """
    if made.fails:
        return "fail", "bad"
    if not made.judged and made.rule != "proxy":
        return "no harm shown", "plain"
    if made.holds:
        return "pass", "good"
    if made.needs is not None:
        return "too few queries", "open"
    if made.rule == "gain" and made.difference <= threshold_of(made.rule, made.margin):
        return "no gain shown", "open"
    return "not shown", "open"
