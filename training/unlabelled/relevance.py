"""Relevance of shown results: what clicks and ratings say once position and noise are known."""

from dataclasses import dataclass as plain_dataclass
from dataclasses import replace

import numpy as np
import scipy
from numpy.typing import NDArray

from training.unlabelled.propensities import Impressions, Propensities

_ROUNDS = 500
_DRAWS = 200
_SETTLED = 1e-4
_BELIEF = 20.0
"""Looks that the starting rates count: a log with few repeated queries moves them little."""
_ANSWER, _OTHER = 0.6, 0.05
"""Starting rates of clicks on what was looked at: on an answer, and on another text."""


@plain_dataclass(frozen=True, eq=False)
class Relevance:
    """What the users of a log think of each result, and how they click."""

    probability: NDArray[np.float64]
    """(results,): probability that it answers its query, given its ranks, clicks and ratings."""
    rank_free: NDArray[np.float64]
    """(results,): the same without what its ranks say: every rank is as likely to hold an answer.
    """
    support: NDArray[np.float64]
    """(results,): log of how much likelier an answer makes its clicks and ratings."""
    clicks_on_answers: float
    """How often an answer that was looked at was clicked, 0 to 1."""
    clicks_on_others: float
    """How often another text that was looked at was clicked, 0 to 1: the noise."""
    answers: float
    """Share of the shown results that are answers, 0 to 1."""


def relevance(
    impressions: Impressions,
    propensities: Propensities,
    ratings: NDArray[np.float64],
) -> Relevance:
    """Return the probability that each shown result is an answer.

    A result is an answer or it is not. It is looked at with the propensity of its position, and
    clicked, if looked at, at one rate if it is an answer and at another if it is not. Both rates,
    and the share of answers at each rank, are those of highest posterior likelihood (EM over the
    two classes). A result that is clicked in one of three looks is then weighed against noise
    clicks as what it is: evidence, the stronger the rarer noise clicks are in this log.

    Parameters
    ----------
    impressions
        What was shown and clicked; every number from 0 to that of `ratings` - 1 may be a result.
    propensities
        How often each position is looked at.
    ratings
        (results,): log of how much likelier an answer makes the ratings of each; 0: none.

    Examples
    --------
    >>> shown = np.repeat(np.arange(60), 20)
    >>> clicked = np.concatenate([np.arange(20) < 15 if n < 20 else np.arange(20) < 1
    ...                           for n in range(60)])
    >>> seen = Impressions(shown, np.zeros(1200, dtype=int), clicked, np.ones(1200))
    >>> found = relevance(seen, Propensities(np.ones(1), 0), np.zeros(60))
    >>> (found.probability > 0.9).sum(), round(found.clicks_on_answers, 1)
    (np.int64(20), 0.7)
    """
    results = len(ratings)
    rank = _usual_rank(impressions, results)
    seen, clicked = propensities.values[impressions.position], impressions.clicked
    rates = np.array([_OTHER, _ANSWER])
    # The last is the share of answers among results that were only rated.
    shares = np.full(int(rank.max(initial=0)) + 2, 0.2)
    for _ in range(_ROUNDS):
        support = _support(impressions, seen, rates, results) + ratings
        probability = scipy.special.expit(scipy.special.logit(shares)[rank] + support)
        before = np.concatenate((rates, shares))
        for kind, belief in enumerate((_OTHER, _ANSWER)):
            weight = probability if kind else 1.0 - probability
            weight = weight[impressions.result] * impressions.weight
            # Without a click it was looked at with this probability, with a click surely.
            unclicked = seen * (1.0 - rates[kind]) / (1.0 - seen * rates[kind])
            looks = (weight * np.where(clicked, 1.0, unclicked)).sum()
            clicks = (weight * clicked).sum()
            rates[kind] = (clicks + _BELIEF * belief) / (looks + _BELIEF)
        rates[0] = min(rates[0], 0.9 * rates[1])
        shares = _shares(probability, rank, len(shares))
        if np.abs(np.concatenate((rates, shares)) - before).max() < _SETTLED:
            break
    support = _support(impressions, seen, rates, results) + ratings
    answers = float(np.clip(probability.mean(), 1e-3, 1 - 1e-3)) if results else 0.0
    everywhere = scipy.special.logit(answers) if results else 0.0
    return Relevance(
        probability=scipy.special.expit(scipy.special.logit(shares)[rank] + support),
        rank_free=scipy.special.expit(everywhere + support),
        support=support,
        clicks_on_answers=float(rates[1]),
        clicks_on_others=float(rates[0]),
        answers=answers,
    )


def detection(
    impressions: Impressions,
    propensities: Propensities,
    found: Relevance,
    ratings: NDArray[np.float64],
    needed: float,
) -> NDArray[np.float64]:
    """Return (results,): how probable it was that clicks reveal each answer.

    Only those of results with the support that is needed count for anything.

    Parameters
    ----------
    impressions, propensities, ratings
        What `relevance` was computed from.
    found
        What it returned.
    needed
        Support from which a result is taken for an answer.
    """
    draw = np.random.default_rng(0)
    rows = np.flatnonzero((found.support >= needed)[impressions.result])
    shown = Impressions(
        impressions.result[rows],
        impressions.position[rows],
        impressions.clicked[rows],
        impressions.weight[rows],
    )
    seen = propensities.values[shown.position]
    rates = np.array([found.clicks_on_others, found.clicks_on_answers])
    revealed = np.zeros(len(ratings))
    for _ in range(_DRAWS):
        clicked = draw.random(len(seen)) < seen * rates[1]
        drawn = replace(shown, clicked=clicked)
        revealed += _support(drawn, seen, rates, len(ratings)) + ratings >= needed - 1e-9
    chance: NDArray[np.float64] = (revealed + 1.0) / (_DRAWS + 1.0)
    return chance


def _support(
    impressions: Impressions,
    seen: NDArray[np.float64],
    rates: NDArray[np.float64],
    results: int,
) -> NDArray[np.float64]:
    """Return (results,): log of how much likelier an answer makes the clicks of each."""
    click = np.log(rates[1] / rates[0])
    none = np.log1p(-seen * rates[1]) - np.log1p(-seen * rates[0])
    each = impressions.weight * np.where(impressions.clicked, click, none)
    return np.bincount(impressions.result, each, results).astype(np.float64)


def _usual_rank(impressions: Impressions, results: int) -> NDArray[np.int64]:
    """Return (results,): the band of ranks of each, -1 for those that were only rated.

    Bands are rank 1, 2 and 3, 4 to 7 and so on: shares of single ranks would follow chance.
    """
    weight = np.bincount(impressions.result, impressions.weight, results)
    total = np.bincount(impressions.result, impressions.weight * impressions.position, results)
    mean = np.divide(total, weight, out=np.zeros(results), where=weight > 0)
    return np.where(weight > 0, np.log2(np.rint(mean) + 1.0).astype(np.int64), -1)


def _shares(
    probability: NDArray[np.float64], rank: NDArray[np.int64], ranks: int
) -> NDArray[np.float64]:
    """Return (ranks,): the share of answers at each, ranks with few results near the mean."""
    overall = (probability.sum() + 1.0) / (len(probability) + 5.0)
    row = rank % ranks
    found = np.bincount(row, probability, ranks) + 5.0 * overall
    shares: NDArray[np.float64] = found / (np.bincount(row, minlength=ranks) + 5.0)
    return np.clip(shares, 1e-4, 1.0 - 1e-4)
