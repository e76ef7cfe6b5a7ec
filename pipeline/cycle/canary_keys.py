"""What the served lines say of a canary: one outcome per user, session or query, each counted once.

Whoever looks counts what it can: what is counted never changes, so that no look depends on how
often others looked. Whether a key's queries came without results, and slowly, is counted when it is
first seen, because a broken candidate must be found within minutes. Whether they led to a click is
counted once the user has had the time.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pipeline.gate import Canary, Evidence, Outcomes
from pipeline.store import CanaryKey, CanaryRow, Store
from training.unlabelled import ServedQuery

_SLOWEST = 0.95
"""Share of the champion's answers that are not slow; chosen, not measured."""
_FEWEST_SECONDS = 100
_MOST_SECONDS = 5_000
"""Times that the threshold is taken from, at least and at most; chosen, not measured."""

Line = tuple[int, ServedQuery]
"""A served line and its number of the sequence."""


def key_of(line: ServedQuery) -> str:
    """Return the digest of what a line is divided by: the user, else the session, else the query.

    Examples
    --------
    >>> line = ServedQuery("where is my card", session="s1")
    >>> key_of(line) == digest_of_key("s1")
    True
    """
    return digest_of_key(line.user or line.session or line.query or line.id)


def digest_of_key(key: str) -> str:
    """Return what stands for a user, a session or a query in the store."""
    return hashlib.blake2b(key.encode("utf-8", "backslashreplace"), digest_size=16).hexdigest()


def look(
    store: Store, row: CanaryRow, canary: Canary, now: float, *, keep: bool
) -> tuple[Evidence, Sequence[CanaryKey]]:
    """Count what arrived; return all that is known, and the keys that it is known of.

    Parameters
    ----------
    store
        Where lines and keys are.
    row, canary
        The canary and its settings.
    now
        Seconds since the epoch.
    keep
        Whether the store keeps what was counted; otherwise nothing is changed.
    """
    keys: Sequence[CanaryKey] = store.canary_keys(row.number)
    after = replace(row, slow_above=row.slow_above or _slow_above(store, row, canary))
    changed: list[CanaryKey] = []
    # In shadow mode the service counts, as it alone knows both answers.
    if not canary.shadow:
        lines = store.versions_served((row.champion, row.candidate), after=row.cut)
        after, changed = count(after, keys, lines, canary, now)
    # A key that is not settled yet keeps the cut where it is, while others are new.
    if keep and (changed or after != row) and not store.count_keys(row, changed, after):
        # Another process looked in the meantime, and counted the same.
        keys, changed = store.canary_keys(row.number), []
    by_key = {(each.key, each.candidate): each for each in (*keys, *changed)}
    keys = sorted(by_key.values(), key=lambda each: each.number)
    return evidence(keys, paired=canary.shadow), keys


def count(
    row: CanaryRow,
    known: Sequence[CanaryKey],
    lines: Sequence[Line],
    canary: Canary,
    now: float,
) -> tuple[CanaryRow, list[CanaryKey]]:
    """Return the canary after a look, and the keys that are new or have a new outcome.

    The versions are compared from the first line on that the candidate answered: before it, a
    service may still have been loading it, so that chance divided nobody.

    Parameters
    ----------
    row, canary
        The canary and its settings.
    known
        The keys that are counted already.
    lines
        What both versions served behind the canary's cut, oldest first.
    now
        Seconds since the epoch.
    """
    changed: dict[str, CanaryKey] = {}
    if not row.started:
        begun = next((each for each in lines if each[1].version == row.candidate), None)
        if begun is None:
            return replace(row, cut=lines[-1][0] if lines else row.cut), []
        # Its key was not divided by chance either: it is known and counts nowhere.
        beginner = CanaryKey(key_of(begun[1]), candidate=True, number=0, first=0.0)
        changed[beginner.key] = beginner
        row = replace(row, started=begun[0], cut=begun[0])
        lines = [each for each in lines if each[0] > row.started]
    held = {each.key: each for each in (*known, *changed.values())}
    number = max((each.number for each in held.values()), default=0)
    settled = max((each.settled for each in held.values()), default=0)
    waits = []
    window = canary.settle_minutes * 60.0
    for key, its in _by_key(lines).items():
        seen = held.get(key)
        if seen is not None and (not seen.number or seen.settled):
            continue
        place, first = its[0]
        if seen is None:
            number += 1
            moment = first.timestamp or 0.0
            seen = CanaryKey(key, first.version == row.candidate, number, moment)
            answered = _within(seen, its, row, window)
            empty = _mean([float(not each.shown) for each in answered])
            seen = replace(seen, empty=empty, slow=_slow(answered, row.slow_above))
            changed[key] = seen
        if now < seen.first + 2 * window:
            waits.append(place)
            continue
        settled += 1
        answered = _within(seen, its, row, window)
        changed[key] = replace(
            seen,
            settled=settled,
            failure=_mean([_failed(each) for each in answered]),
            rated=any(each.clicked or each.feedback for each in answered),
        )
    cut = min(waits) - 1 if waits else max((place for place, _ in lines), default=row.cut)
    return replace(row, cut=max(row.cut, cut)), list(changed.values())


def evidence(keys: Sequence[CanaryKey], *, paired: bool) -> Evidence:
    """Return what keys say, each metric in the order in which it became known."""
    counting = [each for each in keys if each.number]
    settled = sorted((each for each in counting if each.settled), key=lambda each: each.settled)
    recorded = any(each.rated for each in settled)
    return Evidence(
        failure=_outcomes(settled, "failure") if recorded else None,
        empty=_outcomes(counting, "empty"),
        slow=_outcomes(counting, "slow"),
        paired=paired,
    )


def successes(
    lines: Sequence[ServedQuery], *, since: float, until: float, window: float
) -> tuple[list[float], bool]:
    """Return the share of successful queries of each key that was first answered in a period.

    As in a canary, the lines of a key's first minutes count. So a later look finds the same values
    in the same order, and more behind them, except where a click comes later than a key is counted.

    Parameters
    ----------
    lines
        What one version served.
    since, until
        The period, in seconds since the epoch.
    window
        Seconds for which the lines of one key are collected.

    Returns
    -------
    (list of float, bool)
        In the order of their first lines; and whether anybody clicked or rated.
    """
    timed = [(each.timestamp, each) for each in lines if each.timestamp is not None]
    first: dict[str, float] = {}
    found: dict[str, list[float]] = {}
    recorded = False
    for moment, line in sorted(timed, key=lambda each: each[0]):
        if moment < since:
            continue
        key = key_of(line)
        begun = first.setdefault(key, moment)
        if begun <= until and moment <= begun + window:
            found.setdefault(key, []).append(1.0 - _failed(line))
            recorded = recorded or bool(line.clicked or line.feedback)
    return [float(np.mean(values)) for values in found.values()], recorded


def _by_key(lines: Sequence[Line]) -> Mapping[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for each in lines:
        if each[1].timestamp is not None:
            found.setdefault(key_of(each[1]), []).append(each)
    return found


def _within(
    seen: CanaryKey, its: Sequence[Line], row: CanaryRow, window: float
) -> list[ServedQuery]:
    """Return the lines of a key's first minutes, by the version that answered it first."""
    version = row.candidate if seen.candidate else row.champion
    return [
        line
        for _, line in its
        if line.version == version and (line.timestamp or 0.0) <= seen.first + window
    ]


def _slow(lines: Sequence[ServedQuery], above: float | None) -> float | None:
    """Return the share of slow answers; None where no time, or no threshold, is known."""
    timed = [] if above is None else [each.seconds for each in lines if each.seconds is not None]
    return _mean([float(seconds > (above or 0.0)) for seconds in timed])


def _failed(line: ServedQuery) -> float:
    """Return 0 where the user was served well: by ratings where there are any, else by clicks."""
    if line.feedback:
        return float(sum(vote for _, vote in line.feedback) <= 0)
    return float(not line.clicked)


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _outcomes(keys: Sequence[CanaryKey], name: str) -> Outcomes | None:
    rows = [(value, each.candidate) for each in keys if (value := getattr(each, name)) is not None]
    if not rows:
        return None
    bad, candidate = zip(*rows, strict=True)
    return Outcomes(np.array(bad, dtype=np.float64), np.array(candidate, dtype=np.bool_))


def _slow_above(store: Store, row: CanaryRow, canary: Canary) -> float | None:
    """Return the seconds above which an answer is slow; None while too few are known.

    Only lines that are counted nowhere later tell it.
    """
    if canary.max_seconds is not None:
        return canary.max_seconds
    until = None if canary.shadow else row.cut
    before = store.versions_served((row.champion,), until=until, latest=_MOST_SECONDS)
    seconds = [line.seconds for _, line in before if line.seconds is not None]
    return float(np.quantile(seconds, _SLOWEST)) if len(seconds) >= _FEWEST_SECONDS else None
