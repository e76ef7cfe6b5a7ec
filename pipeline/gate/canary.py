"""The canary: whether a candidate that serves a share of the traffic harms its users."""

from dataclasses import dataclass as plain_dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from pipeline.gate.anytime import Values, lower_mean, shows_more, upper_mean
from pipeline.results.canary import CanaryMetric
from training.settings import SETTINGS

Decision = Literal["running", "harm", "no worse", "in time", "too few"]
"""It goes on; it harms; its success is shown to be no worse; time is up, with or without enough."""

_METRICS = 3
"""The error is divided by this, however many metrics have data."""
_ALL = (-1.0, 1.0)
_SHOWN = {
    "success": "queries that led to a click or a good rating",
    "empty": "queries without results",
    "slow": "answers that were slow",
}


@plain_dataclass(frozen=True, eq=False)
class Outcomes:
    """One metric of the keys, in the order in which they were counted.

    Attributes
    ----------
    bad
        (keys,): mean over the queries of each key, in [0, 1]; 1 is bad.
    candidate
        (keys,): whether the candidate answered.
    """

    bad: Values
    candidate: NDArray[np.bool_]


@plain_dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of both versions; a metric without data is None.

    Attributes
    ----------
    failure
        Queries of each key without a click or a good rating; None where none was recorded.
    empty, slow
        Queries of each key without results, and those that were answered slowly.
    paired
        Whether both versions answered each key, as in shadow mode: then each key has two entries,
        the champion's first.
    """

    failure: Outcomes | None
    empty: Outcomes | None
    slow: Outcomes | None
    paired: bool = False


@plain_dataclass(frozen=True)
class Finding:
    """What a check of a canary says."""

    decision: Decision
    metrics: tuple[CanaryMetric, ...]
    reason: str


@dataclass(frozen=True, config=SETTINGS)
class Canary:
    """Try a candidate that passed the gate on a share of the traffic before it is promoted.

    Users are divided by chance: a key (the user, else the session, else the query) is answered by
    the candidate with the probability `share`. So each key estimates the difference of both
    versions without bias, by its outcome weighted with the inverse of its probability, less the
    mean of the keys before it; whatever changes over the day changes for both. The bounds of
    `pipeline.gate.anytime` hold at every check. Each of three metrics gets a third of the error.
    The candidate is stopped with a probability of at most ``1 - confidence`` where it is never
    worse than is tolerated, however often one checks.

    Examples
    --------
    >>> chance = np.random.default_rng(0)
    >>> candidate = chance.random(2000) < 0.2
    >>> failed = (chance.random(2000) < np.where(candidate, 0.8, 0.5)).astype(float)
    >>> evidence = Evidence(failure=Outcomes(failed, candidate), empty=None, slow=None)
    >>> found = Canary(share=0.2).judge(evidence, hours=5)
    >>> found.decision, found.metrics[0].harm
    ('harm', True)
    """

    share: float = Field(default=0.0, ge=0.0, le=0.5)
    """Share of users whom a candidate answers before it is promoted; 0: it is promoted at once."""
    shadow: bool = False
    """Whether the candidate's answers to the share are only compared and never shown."""
    minimum: int = Field(default=100, ge=2)
    """Users, sessions or queries that the candidate must have answered before it is promoted."""
    maximum_hours: float = Field(default=72.0, gt=0.0, le=8_760.0)
    """Hours after which the canary ends, whatever it knows."""
    settle_minutes: float = Field(default=30.0, ge=0.0, le=43_200.0)
    """Minutes during which the queries of one user are collected.

    Clicks count for as many minutes after that. A key without a click counts as a failure only
    after both, not while the user still reads.
    """
    margin: float = Field(default=0.05, gt=0.0, lt=1.0)
    """Loss of success within which a candidate is no worse, as a share of the queries."""
    max_loss: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Loss of success that is tolerated, as a share of the queries."""
    max_empty: float = Field(default=0.01, ge=0.0, lt=1.0)
    """Increase of queries without results that is tolerated, as a share of the queries."""
    max_slow: float = Field(default=0.05, ge=0.0, lt=1.0)
    """Increase of slow answers that is tolerated, as a share of the queries."""
    max_seconds: float | None = Field(default=None, gt=0.0, examples=[0.2])
    """An answer that takes longer, in seconds, is slow.

    Not set: longer than 95 % of the champion's earlier answers.
    """
    confidence: float = Field(default=0.95, gt=0.5, lt=1.0)
    """Confidence that a harmless candidate is not stopped, over all checks and metrics together."""
    on_timeout: Literal["promote", "keep"] = "promote"
    """What happens after `maximum_hours` if the data show neither harm nor its absence."""

    @property
    def alpha(self) -> float:
        """The error of each metric."""
        return (1.0 - self.confidence) / _METRICS

    def harms(self, evidence: Evidence) -> str:
        """Return which metric shows harm, or "": as `judge`, without the bounds that it shows."""
        for name, outcomes, tolerated in self._compared(evidence):
            steps, lowest, highest = self.steps(outcomes, evidence.paired)
            if not shows_more(steps, lowest, tolerated, self.alpha):
                continue
            if name != "success" or not shows_more(-steps, -highest, -self.margin, self.alpha):
                return name
        return ""

    def judge(self, evidence: Evidence, hours: float) -> Finding:
        """Compare both versions on all that is known, and say what follows.

        Parameters
        ----------
        evidence
            The outcomes so far.
        hours
            How long the canary has lasted.
        """
        metrics = tuple(
            self._metric(name, outcomes, tolerated, evidence.paired)
            for name, outcomes, tolerated in self._compared(evidence)
        )
        harm = [each for each in metrics if each.harm]
        if harm:
            return Finding("harm", metrics, harm[0].reason)
        seen = evidence.failure or evidence.empty or evidence.slow
        keys = int(seen.candidate.sum()) if seen else 0
        success = next((each for each in metrics if each.name == "success"), None)
        if keys >= self.minimum and success and -success.low < self.margin:
            return Finding("no worse", metrics, success.reason)
        if hours < self.maximum_hours:
            wanted = f"at least {self.minimum} are needed" if keys < self.minimum else "no harm yet"
            return Finding("running", metrics, f"{keys} users of the candidate so far; {wanted}")
        if keys < self.minimum:
            told = f"only {keys} users of the candidate in {hours:.0f} hours, {self.minimum} needed"
            return Finding("too few", metrics, told)
        unknown = "" if success else "; no click or rating was recorded, so success is not known"
        told = f"no harm in {hours:.0f} hours to {keys} users of the candidate{unknown}"
        return Finding("in time", metrics, told)

    def steps(self, outcomes: Outcomes, paired: bool = False) -> tuple[Values, Values, Values]:
        """Return what each key says of the candidate's badness less the champion's, and its limits.

        Returns
        -------
        (n,), (n,), (n,)
            The estimates, the lowest and the highest that each could be, known before the key.
        """
        bad, candidate = outcomes.bad, outcomes.candidate
        if paired:
            steps = bad[1::2] - bad[0::2]
            return steps, np.full(len(steps), -1.0), np.full(len(steps), 1.0)
        seen = np.arange(len(bad))
        before = (np.cumsum(bad) - bad + 0.5) / (seen + 1.0)
        rest = 1.0 - self.share
        steps = np.where(candidate, (bad - before) / self.share, (before - bad) / rest)
        lowest = -np.maximum(before / self.share, (1.0 - before) / rest)
        highest = np.maximum((1.0 - before) / self.share, before / rest)
        return steps, lowest, highest

    def _compared(
        self, evidence: Evidence
    ) -> list[tuple[Literal["success", "empty", "slow"], Outcomes, float]]:
        found: list[tuple[Literal["success", "empty", "slow"], Outcomes, float]] = []
        if evidence.failure is not None:
            found.append(("success", evidence.failure, self.max_loss))
        if evidence.empty is not None:
            found.append(("empty", evidence.empty, self.max_empty))
        if evidence.slow is not None:
            found.append(("slow", evidence.slow, self.max_slow))
        return [each for each in found if len(each[1].bad)]

    def _metric(
        self,
        name: Literal["success", "empty", "slow"],
        outcomes: Outcomes,
        tolerated: float,
        paired: bool,
    ) -> CanaryMetric:
        steps, lowest, highest = self.steps(outcomes, paired)
        low = lower_mean(steps, lowest, self.alpha, _ALL)
        high = upper_mean(steps, highest, self.alpha, _ALL)
        harm = low > tolerated and not (name == "success" and high < self.margin)
        champion, candidate = _mean(outcomes, False), _mean(outcomes, True)
        if name == "success":
            champion, candidate, low, high = 1 - champion, 1 - candidate, -high, -low
        difference = candidate - champion
        shown = (
            f"{name}: {_SHOWN[name]}, {candidate:.1%} with the candidate and {champion:.1%} with "
            f"the champion (difference {difference:+.1%}, bounds {low:+.1%} … {high:+.1%}, valid "
            "at every check)"
        )
        return CanaryMetric(
            name=name,
            champion=champion,
            candidate=candidate,
            difference=difference,
            low=low,
            high=high,
            keys=len(outcomes.bad) // 2 if paired else len(outcomes.bad),
            harm=harm,
            reason=f"{shown}: harm" if harm else shown,
        )


def _mean(outcomes: Outcomes, candidate: bool) -> float:
    """Return the mean of one version; 0 where it answered nobody yet."""
    chosen = outcomes.bad[outcomes.candidate == candidate]
    return float(chosen.mean()) if len(chosen) else 0.0
