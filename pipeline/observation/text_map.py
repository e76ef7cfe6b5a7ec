"""The map of a check: known and recent texts on a plane, their groups with terms, by source."""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drift_triggers.signal import Observation, Sample
from drift_triggers.statistics.clusters import document_counts, far_from
from drift_triggers.statistics.view import View
from drift_triggers.vocabulary import pieces_per_word
from pipeline.observation.compared import compared, example_of
from pipeline.results import TextGroup, TextMap, TextSource

_DRAWN = 300  # texts per side: more dots hide one another, and the page grows
_GROUPS = range(3, 9)  # more than eight numbers on a map are not read
_EXAMPLES = 3
_TERMS = 4
_SOURCES = 12


def text_map(observation: Observation) -> TextMap | None:
    """Lay known and recent texts on a plane; None where a side has fewer than ten distinct texts.

    Both sides count alike, however many texts they have. Principal components give the plane.
    Groups are those of k-means, as many as separate best by their silhouette. The same observation
    gives the same map.

    References
    ----------
    ``sklearn.decomposition.PCA``, ``sklearn.cluster.KMeans``, ``sklearn.metrics.silhouette_score``,
    ``sklearn.feature_extraction.text.TfidfVectorizer``.
    """
    observation.require_texts()
    sides = compared(observation)
    if sides is None:
        return None
    known, recent = sides
    far = far_from(known, recent)
    random = np.random.default_rng([observation.seed, 17])
    chosen_known, chosen = (_some(len(view.rows), random) for view in (known, recent))
    vectors = np.concatenate([known.embeddings[chosen_known], recent.embeddings[chosen]])
    is_recent = np.arange(len(vectors)) >= len(chosen_known)
    is_far = np.concatenate([np.zeros(len(chosen_known), dtype=bool), far[chosen]])
    places, kept = _plane(vectors, is_recent)
    texts = [observation.reference.texts[known.rows[row]] for row in chosen_known]
    texts += [observation.recent.texts[recent.rows[row]] for row in chosen]
    labels = _labels(vectors, is_recent, observation.seed)
    return TextMap(
        method="PCA",
        kept=kept,
        known=_rounded(places[~is_recent]),
        recent=_rounded(places[is_recent & ~is_far]),
        far=_rounded(places[is_far]),
        far_share=float(far.mean()),
        compared=(len(known.rows), len(recent.rows)),
        groups=_groups(texts, vectors, places, labels, is_recent, is_far),
        sources=_sources(observation.recent, recent, far),
        known_pieces=_pieces(observation.reference, known.rows),
    )


def _some(count: int, random: np.random.Generator) -> NDArray[np.int64]:
    if count <= _DRAWN:
        return np.arange(count)
    return np.sort(random.choice(count, _DRAWN, replace=False))


def _plane(
    vectors: NDArray[np.float32], is_recent: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], float | None]:
    """Return places on a plane, (texts, 2), and the share of the variance that it keeps."""
    from sklearn.decomposition import PCA

    # As many of either side: the larger one would decide alone what the plane shows.
    sides = [np.flatnonzero(side) for side in (~is_recent, is_recent)]
    size = min(map(len, sides))
    both = np.concatenate(
        [side[np.linspace(0, len(side) - 1, size).round().astype(int)] for side in sides]
    )
    with np.errstate(invalid="ignore"):  # texts without any difference have no variance to keep
        fitted = PCA(n_components=2, svd_solver="full").fit(vectors[both].astype(np.float64))
    share = float(fitted.explained_variance_ratio_.sum())
    return fitted.transform(vectors), share if np.isfinite(share) else None


def _labels(
    vectors: NDArray[np.float32], is_recent: NDArray[np.bool_], seed: int
) -> NDArray[np.int64]:
    """Return the group of each text."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    distinct = len(np.unique(vectors.round(5), axis=0))
    weights = np.where(is_recent, 1 / is_recent.sum(), 1 / (~is_recent).sum())
    best, labels = -np.inf, np.zeros(len(vectors), dtype=np.int64)
    for count in (each for each in _GROUPS if each < distinct):
        fitted = KMeans(count, n_init=3, random_state=seed)
        found = fitted.fit_predict(vectors, sample_weight=weights)
        score = silhouette_score(vectors, found)
        if score > best:
            best, labels = score, found.astype(np.int64)
    return labels


def _groups(
    texts: list[str],
    vectors: NDArray[np.float32],
    places: NDArray[np.float64],
    labels: NDArray[np.int64],
    is_recent: NDArray[np.bool_],
    is_far: NDArray[np.bool_],
) -> tuple[TextGroup, ...]:
    terms = _terms(texts, labels)
    order = sorted(
        set(labels.tolist()), key=lambda each: -int((is_recent & (labels == each)).sum())
    )
    found = []
    for number, label in enumerate(order, 1):
        inside = labels == label
        fresh = inside & is_recent
        shown = np.flatnonzero(fresh if fresh.any() else inside)
        central = shown[np.argsort(-(vectors[shown] @ vectors[shown].mean(axis=0)), kind="stable")]
        middle = np.median(places[inside], axis=0)
        found.append(
            TextGroup(
                number=number,
                terms=terms[label],
                x=round(float(middle[0]), 4),
                y=round(float(middle[1]), 4),
                known=float(inside[~is_recent].mean()),
                recent=float(inside[is_recent].mean()),
                far=float(is_far[fresh].mean()) if fresh.any() else 0.0,
                distance=_distance(vectors[fresh]),
                examples=tuple(example_of(texts[row]) for row in central[:_EXAMPLES]),
            )
        )
    return tuple(found)


def _terms(texts: list[str], labels: NDArray[np.int64]) -> dict[int, tuple[str, ...]]:
    """Return for each group the words whose weight in it exceeds that elsewhere most.

    Words of many texts weigh little, so that none need a list of stop words of their language.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(tokenizer=_words, token_pattern=None, lowercase=False)
    groups = sorted(set(labels.tolist()))
    try:
        weights = words.fit_transform(texts)
    except ValueError:  # no text has a word
        return dict.fromkeys(groups, ())
    names = words.get_feature_names_out()
    found: dict[int, tuple[str, ...]] = {}
    # A word of one text names no group.
    common = np.asarray((weights > 0).sum(axis=0)).ravel() > 1
    for group in groups:
        inside = labels == group
        others = weights[~inside].mean(axis=0) if not inside.all() else 0.0
        more = np.asarray(weights[inside].mean(axis=0) - others).ravel()
        best = np.argsort(-more, kind="stable")
        chosen = [row for row in best if common[row] and more[row] > 0][:_TERMS]
        found[group] = tuple(str(names[row]) for row in chosen)
    return found


def _words(text: str) -> list[str]:
    return list(document_counts([text]))


def _distance(vectors: NDArray[np.float32]) -> float | None:
    """Return the mean cosine distance between two of these texts."""
    count = len(vectors)
    if count < 2:
        return None
    alike = float(np.square(vectors.sum(axis=0, dtype=np.float64)).sum()) - count
    return float(np.clip(1.0 - alike / (count * (count - 1)), 0.0, 2.0))


def _sources(sample: Sample, recent: View, far: NDArray[np.bool_]) -> tuple[TextSource, ...]:
    if not any(sample.sources):
        return ()
    names = np.array([sample.sources[row] for row in recent.rows], dtype=object)
    return tuple(
        TextSource(
            source=name,
            texts=count,
            far=float(far[names == name].mean()),
            pieces=_pieces(sample, recent.rows[names == name]),
        )
        for name, count in Counter(names.tolist()).most_common(_SOURCES)
    )


def _pieces(sample: Sample, rows: NDArray[np.int64]) -> float | None:
    if sample.words is None:
        return None
    return float(np.mean([pieces_per_word(sample.words[row]) for row in rows]))


def _rounded(places: NDArray[Any]) -> tuple[tuple[float, float], ...]:
    return tuple((round(float(x), 4), round(float(y), 4)) for x, y in places)
