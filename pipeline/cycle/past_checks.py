"""What earlier checks found, as far as this one depends on it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from drift_triggers.policy import PastCheck, Policy
from pipeline.cycle.window import arrived_since, same_records_left
from pipeline.results import TRAINED, PastCycle, each_past_cycle
from pipeline.store import Store
from training.evaluation import Scorecard

_LATELY = 10
"""Checks that are read back, at least; chosen, not measured. `quality_drop` shows six of them."""


def lately(store: Store, policy: Policy, now: datetime) -> list[PastCycle]:
    """Return the finished cycles that a decision may depend on, newest first.

    Only cycles with signals count towards those that are enough: where runs are scheduled often,
    many find nothing new between two checks.
    """
    found, checked = [], 0
    for cycle in each_past_cycle(store):
        # A clock that was set back gives a start in the future; `Policy` counts the distance, too.
        hours = abs(now - cycle.started) / timedelta(hours=1)
        if checked >= max(_LATELY, policy.persistence) and hours > policy.cooldown_hours:
            break
        checked += bool(cycle.result.decision.signals)
        found.append(cycle)
    return found


def past_hit_rates(past: Sequence[PastCycle], today: Scorecard) -> Mapping[str, tuple[float, ...]]:
    """Return each anchor set's hit rate at the checks so far and now, oldest first."""
    rates: dict[str, list[float]] = {}
    for cycle in reversed(past):
        for name, rate in cycle.result.decision.hit_rates.items():
            rates.setdefault(name, []).append(rate)
    return {
        name: (*rates.get(name, ()), task.mean("recall_at_10"))
        for name, task in today.tasks.items()
    }


def past_looks(
    store: Store,
    past: Sequence[PastCycle],
    champion: int,
    minimum_pairs: int,
    *,
    known: int = 0,
) -> list[PastCheck]:
    """Return the earlier decisions about the data of one champion, oldest first.

    A launch counts for the cool-down until enough to train on again has arrived, or some of what
    it trained on was excluded.

    Parameters
    ----------
    store
        Where records are.
    past
        The finished cycles, newest first.
    champion
        Number of the champion.
    minimum_pairs
        How many pairs a training needs.
    known
        Sequence number up to which texts are known: what was found in them confirms nothing.
    """
    looks, enough = [], False
    for cycle in past:
        window, decision = cycle.result.window, cycle.result.decision
        if window and window.champion == champion and decision.signals:
            launched = cycle.result.outcome in TRAINED
            if launched and not enough:
                # More has arrived since each earlier one: nobody needs to count again.
                enough = store.count_pairs(role="recent", after=window.until) >= minimum_pairs
            looks.append(
                PastCheck(
                    hours=cycle.started.timestamp() / 3600,
                    signals=() if window.until <= known else decision.signals,
                    launched=launched
                    and not enough
                    and same_records_left(store, window)
                    and arrived_since(store, cycle, window.until) < minimum_pairs,
                    fresh=bool(cycle.result.fresh),
                )
            )
    return looks[::-1]
