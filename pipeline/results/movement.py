"""How far one version moves the texts of evaluation sets from where another one has them."""

from pipeline.results.result import Result


class SetMovement(Result):
    """How far the texts of one evaluation set moved.

    Attributes
    ----------
    task, digest
        The set and its sha256.
    texts
        Documents and queries that were compared.
    cosine, quantiles
        Mean cosine between the old and the new vector of a text, and the 5 %, 25 %, 50 %, 75 % and
        95 % quantiles; None and empty where the lengths differ.
    neighbours
        Share of the nine documents nearest to a document that are the same in both spaces.
    results
        Share of the ten documents found for a query that both versions find.
    pair_correlation
        Rank correlation of the cosines of the same pairs of texts in both spaces, -1 to 1; None
        where all are alike.
    pair_change
        Mean absolute difference of these cosines.
    """

    task: str
    digest: str
    texts: int
    cosine: float | None
    quantiles: tuple[float, ...]
    neighbours: float | None
    results: float | None
    pair_correlation: float | None
    pair_change: float | None


class SpaceMovement(Result):
    """How far a version moved the texts of the anchor sets; shown, and deciding nothing.

    Attributes
    ----------
    old, new
        The version that was there, and the one that was made.
    sets
        By evaluation set.
    aligned_mean
        Mean cosine after the rotation that fits best on other texts (orthogonal Procrustes): what
        is left is more than a turned space. None of fewer texts than dimensions.
    fitted_on
        Texts that the rotation could be fitted on.
    """

    old: int
    new: int
    sets: tuple[SetMovement, ...]
    aligned_mean: float | None
    fitted_on: int
