"""What would decide soonest where a verdict is inconclusive: the task, how many queries, a setting.

Of the comparisons that are open, the one that needs most queries limits the verdict: a promotion
requires all of them.
"""

import math
from collections.abc import Iterable, Sequence

from pipeline.gate.bounds import POWER
from pipeline.gate.chances import Rules, proposed_margin, proposed_queries
from pipeline.gate.comparable import evaluation_set, is_new
from pipeline.results import Comparison, Verdict, threshold_of
from training.evaluation import LEARNED

WAITING_FOR_MORE = (
    "only later promotions add some: a larger learned_anchors.minimum_queries waits for them, and "
    "nothing protects the set until then"
)
_ENOUGH = "so that four of five equally good candidates pass"


def limiting(verdict: Verdict) -> Comparison | None:
    """Return the comparison that keeps a verdict inconclusive; None where none does."""
    if verdict.outcome != "inconclusive":
        return None
    return most_needed([each for each in verdict.comparisons if is_open(each)])


def is_open(made: Comparison) -> bool:
    """Return whether a comparison must pass, does not, and shows no harm either."""
    return made.judged and not made.holds and not made.fails and made.rule != "proxy"


def most_needed(undecided: Sequence[Comparison]) -> Comparison | None:
    """Return the open comparison that needs most further queries."""
    return max(undecided, key=_more, default=None)


def inconclusive_in_a_row(verdicts: Iterable[Verdict | None]) -> tuple[str, int]:
    """Return what limited the newest verdicts, and how many in a row it did; "" and 0 for none.

    Parameters
    ----------
    verdicts
        Verdicts of cycles that trained, newest first.
    """
    task, count = "", 0
    for verdict in verdicts:
        made = limiting(verdict) if verdict else None
        if made is None or (count and made.task != task):
            break
        task, count = made.task, count + 1
    return task, count


def row_warning(verdicts: Iterable[Verdict | None], rules: Rules) -> list[str]:
    """Return a warning where the same task kept several verdicts in a row inconclusive.

    Parameters
    ----------
    verdicts
        As in `inconclusive_in_a_row`.
    rules
        Settings of the gate.
    """
    task, count = inconclusive_in_a_row(verdicts)
    if count < row_that_warns(rules):
        return []
    return [
        f"the last {count} candidates stayed inconclusive because of {task}; the next one will "
        "probably, too, unless its queries or its margin change (`anchorhold status` says how)"
    ]


def row_that_warns(rules: Rules) -> int:
    """Return from how many inconclusive cycles in a row on, it is no longer chance.

    An equally good candidate passes with 80 % on a set of the proposed size; so many of them stay
    inconclusive in a row less often than the gate errs.

    Examples
    --------
    >>> from pipeline.gate.gate import Gate
    >>> row_that_warns(Gate()), row_that_warns(Gate(confidence=0.99))
    (2, 3)
    """
    return max(2, math.ceil(math.log(1.0 - rules.confidence) / math.log(1.0 - POWER)))


def soonest(undecided: Sequence[Comparison], rules: Rules) -> str:
    """Return in one sentence what would decide soonest, and which setting would change that.

    Parameters
    ----------
    undecided
        The comparisons that keep the verdict open; not empty.
    rules
        Settings of the gate.
    """
    made = max(undecided, key=_more)
    name = made.task + (" (against the origin)" if made.rule == "floor" else "")
    if math.isinf(_more(made)):
        lead = f"{name} keeps it open, and more queries like its {made.queries} would not decide it"
        setting = _setting(made, rules)
        return lead + (f"; {setting}, {_ENOUGH}" if setting else "")
    lead = f"{name} " + ("decides" if len(undecided) == 1 else "needs most")
    more = f"about {_planned(made, rules)} more queries like its {made.queries}"
    if is_new(made.task):
        return (
            f"{lead}: hold out {more} (more labelled pairs, or a larger holdout.maximum or "
            f"holdout.share), {_ENOUGH}"
        )
    if evaluation_set(made.task).startswith(LEARNED):
        return f"{lead}: {more}; {WAITING_FOR_MORE}"
    setting = _setting(made, rules)
    return f"{lead}: label {more}" + (f", or {setting}" if setting else "") + f", {_ENOUGH}"


def _planned(made: Comparison, rules: Rules) -> int:
    """Return how many further queries let four of five equally good candidates pass.

    As many as would lift this very bound over the threshold (`needs`) let only about half of them
    pass: the next bound scatters around this one.
    """
    threshold = threshold_of(made.rule, made.margin)
    wanted = proposed_queries(rules, threshold, spread=made.spread, mean=made.difference)
    return max(wanted or 0, made.needs or 0) - made.queries


def _setting(made: Comparison, rules: Rules) -> str:
    """Return the margin that would let the next equally good candidate pass; "" for none."""
    # A wider margin would undo what the floor is for.
    if made.rule != "no worse" or evaluation_set(made.task).startswith(LEARNED):
        return ""
    margin = proposed_margin(rules, made.queries, spread=made.spread)
    if margin is None or margin <= made.margin:
        return ""
    return (
        f"set max_drop = {margin:g} (now {made.margin:g}) for {evaluation_set(made.task)} before "
        "the next candidate"
    )


def _more(made: Comparison) -> float:
    """Return how many further queries would settle a comparison; infinite where none would."""
    if made.needs is None:
        return math.inf
    return made.needs - made.queries
