"""The harmless part of the form of texts: what can be undone without touching their words."""

from collections.abc import Sequence

import numpy as np
import scipy
from numpy.typing import NDArray

from drift_triggers.statistics.view import folded
from drift_triggers.text_shape import common_words_of, distances, plain, script_of, shape

KEPT = 0.8
"""Share of the nearest known texts that must stay, relative to the reference; harmless forms keep
0.87 to 1.13 of them (docs/measurements/detection.md)."""
_LARGEST = 2000
_COMPARED = 200
_NEIGHBOURS = 5


def undone(text: str) -> str:
    """Return a text without case, punctuation, quotation marks, emphasis and spacing.

    Examples
    --------
    >>> undone("**WHERE**  is \u00abmy card\u00bb??")
    'where is my card'
    >>> undone("?!")
    '?!'
    """
    return folded(text.replace("_", " ")) or text


def only_form_changed(recent: Sequence[str], reference: Sequence[str]) -> bool:
    """Say whether texts clearly differ in what `undone` removes, and in no other measure of form.

    Repetitions count once; of many texts, some evenly spread ones are compared.
    """
    known, texts = _some(reference), _some(recent)
    if min(len(known), len(texts)) < 20:
        return False
    common, script = common_words_of(known, 30), script_of(known)
    if not _differ(*(_measures(side, common, script) for side in (known, texts))):
        return False
    bare = ([undone(text) for text in side] for side in (known, texts))
    return not _differ(*(_measures(side, common, script) for side in bare))


def neighbours_kept(
    reference: tuple[NDArray[np.float32], NDArray[np.float32]],
    recent: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> float:
    """Return how many of the five nearest known texts stay when the form of all texts is undone.

    Parameters
    ----------
    reference, recent
        Unit vectors of the texts as they are, and of the same texts undone.

    Returns
    -------
    The mean share for the recent texts divided by that for the reference texts: 1 where undoing the
    form changes as little for the ones as for the others.
    """
    rows = [_spread(len(side[0]), _COMPARED) for side in (reference, recent)]
    own, other = (
        [
            _nearest(vectors[chosen], known, chosen if side is reference else None)
            for vectors, known in zip(side, reference, strict=True)
        ]
        for side, chosen in zip((reference, recent), rows, strict=True)
    )
    usual = _shared(*own)
    return _shared(*other) / usual if usual else 0.0


def _some(texts: Sequence[str]) -> list[str]:
    distinct = list(dict.fromkeys(texts))
    return [distinct[row] for row in _spread(len(distinct), _LARGEST)]


def _spread(count: int, largest: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, max(0, count - 1), min(count, largest)).astype(np.int64))


def _measures(texts: Sequence[str], common: frozenset[str], script: str) -> NDArray[np.float64]:
    """Return the measures of form, and the characters that these leave out: blanks, final marks."""
    left_out = [len(text) - len(plain(text)) for text in texts]
    return np.column_stack([shape(texts, common, script), left_out])


def _differ(before: NDArray[np.float64], now: NDArray[np.float64]) -> bool:
    """Say whether a measure differs by more than a tenth of the texts, and not by chance."""
    second = np.arange(len(before) + len(now)) >= len(before)
    moved = float(distances(np.vstack([before, now]), second[:, None]).max())
    size = len(before) * len(now) / len(second)
    p_value = float(scipy.stats.kstwobign.sf(moved * np.sqrt(size))) * before.shape[1]
    return moved > 0.1 and p_value <= 0.001


def _nearest(
    texts: NDArray[np.float32], known: NDArray[np.float32], own: NDArray[np.int64] | None
) -> NDArray[np.int64]:
    cosines = texts @ known.T
    if own is not None:
        cosines[np.arange(len(own)), own] = -np.inf
    return np.argsort(-cosines, axis=1, kind="stable")[:, :_NEIGHBOURS]


def _shared(left: NDArray[np.int64], right: NDArray[np.int64]) -> float:
    return float(np.mean([np.isin(*pair).mean() for pair in zip(left, right, strict=True)]))
