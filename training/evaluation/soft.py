"""Soft nDCG: what nDCG@10 is on average if the similarities were a little different."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.evaluation.evaluation_set import EvaluationSet

SOFT = "soft_ndcg_at_10"
"""Name of the metric."""
SHARE = 0.05
"""Temperature as a share of a model's own differences (docs/measurements/evidence.md)."""
DEEP = 50
"""Documents per query that take part; those farther down can hardly come among the first ten."""
_DEPTH = 10
_DIGITS = 4
GAINS = np.append(1 / np.log2(np.arange(2, _DEPTH + 2)), 0.0)  # at rank 1 to 10, and below
"""Discounted gain at rank 1 to 10, and below: that of one relevant document."""
_STEEPEST = 40.0  # temperatures; beyond, a sigmoid is 0 or 1


def temperature_of(similarities: NDArray[np.floating], share: float = SHARE) -> float:
    """Return the temperature at which a model's similarities are softened on one set.

    It is a share of what the model itself takes for a difference: the median, over the queries, of
    the similarity of the first document less that of the tenth. So a model whose similarities are
    all twice as large, or shifted, has the same soft scores. Labels have no part in it.

    Parameters
    ----------
    similarities
        (queries, documents), best first; at least one document.
    share
        Temperature per median difference.

    Examples
    --------
    >>> temperature_of(np.array([[0.9, 0.7], [0.8, 0.4], [0.5, 0.1]]), 0.1)
    0.04
    """
    last = min(_DEPTH, similarities.shape[1]) - 1
    spans = similarities[:, 0].astype(np.float64) - similarities[:, last]
    return float(np.round(share * np.median(spans), 12))


def soft_ndcg(
    similarities: NDArray[np.floating],
    grades: NDArray[np.floating],
    ideal: NDArray[np.float64],
    temperature: float,
) -> NDArray[np.float64]:
    """Return the soft nDCG@10 of each query.

    Each document is above another with a probability that is the sigmoid of the difference of their
    similarities, divided by the temperature, independently of the others. The result is the
    expectation of nDCG@10 under these probabilities: the rank of a document has a Poisson-binomial
    distribution (SoftRank: Taylor, Guiver, Robertson and Minka, "SoftRank: optimizing non-smooth
    rank metrics", WSDM 2008, with a logistic in place of their normal distribution). At a small
    temperature it is nDCG@10.

    Parameters
    ----------
    similarities
        (queries, documents): of the documents nearest to each query.
    grades
        (queries, documents): their grades; 0: not relevant.
    ideal
        (queries,): the discounted gain of the best ranking; 0 where nothing is relevant.
    temperature
        In units of the similarity; 0: nothing is softened but ties.

    Returns
    -------
    numpy.ndarray
        (queries,), in [0, 1], to four digits.

    Examples
    --------
    >>> close, clear = [0.80, 0.79, 0.10], [0.80, 0.30, 0.10]
    >>> second = np.array([[0, 1, 0], [0, 1, 0]])
    >>> soft_ndcg(np.array([close, clear]), second, np.ones(2), 0.02).round(3).tolist()
    [0.77, 0.631]
    """
    found = np.zeros(len(similarities))
    rows, places = np.nonzero(grades)
    gained = grades[rows, places] * _expected_gains(similarities[rows], places, temperature)
    np.add.at(found, rows, gained)
    shares = np.divide(found, ideal, out=np.zeros_like(found), where=ideal > 0)
    # The last digits depend on how many queries were compared at once.
    return np.asarray(np.clip(np.round(shares, _DIGITS), 0.0, 1.0))


def _expected_gains(
    similarities: NDArray[np.floating], places: NDArray[np.intp], temperature: float
) -> NDArray[np.float64]:
    """Return the expected discounted gain of one document of each row, (rows,)."""
    every = np.arange(len(places))
    own = similarities[every, places].astype(np.float64)
    ahead = similarities.astype(np.float64) - own[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.nan_to_num(ahead / temperature, nan=0.0)
    above = 1.0 / (1.0 + np.exp(-np.clip(steps, -_STEEPEST, _STEEPEST)))
    above[every, places] = 0.0
    # How many documents are above: 0 to 9, and 10 or more, where nothing is gained.
    ranks = np.zeros((len(places), _DEPTH + 1))
    ranks[:, 0] = 1.0
    for chance in above.T:
        moved = ranks * chance[:, None]
        ranks -= moved
        ranks[:, 1:] += moved[:, :-1]
        ranks[:, -1] += moved[:, -1]
    return np.asarray(ranks @ GAINS)


def grades_of(
    given: EvaluationSet,
    queries: Sequence[str],
    documents: Sequence[str],
    places: NDArray[np.int32],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the grades of what was found, and what the best ranking of each query gains.

    Parameters
    ----------
    queries, documents
        Ids, in the order of the rows of `places` and of the places themselves.
    places
        (queries, depth): what was found.

    Returns
    -------
    (numpy.ndarray, numpy.ndarray)
        (queries, depth) and (queries,).
    """
    grades, ideal = np.zeros(places.shape), np.zeros(len(queries))
    for row, query in enumerate(queries):
        judged = given.relevant.get(query, {})
        grades[row] = [max(0, judged.get(documents[place], 0)) for place in places[row]]
        best = sorted((max(0, grade) for grade in judged.values()), reverse=True)[:_DEPTH]
        ideal[row] = np.dot(best, GAINS[: len(best)])
    return grades, ideal
