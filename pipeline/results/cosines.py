"""How similar a version finds queries and documents of its anchor sets."""

from pipeline.results.result import Result

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Which quantiles of the similarities are kept."""


class SetCosines(Result):
    """Similarities on one evaluation set: the cosine, or what the model declares instead.

    Attributes
    ----------
    task, digest, queries
        The set, its sha256 and the number of its queries.
    relevant
        Of queries and their relevant documents: the 5 %, 25 %, 50 %, 75 % and 95 % quantiles.
    random
        Of queries and as many documents that are not relevant to them, drawn by chance.
    edges, relevant_counts, random_counts
        Both as a histogram: the edges of its bins, and the number of similarities in each; empty in
        results of versions that recorded none.
    """

    task: str
    digest: str
    queries: int
    relevant: tuple[float, ...]
    random: tuple[float, ...]
    edges: tuple[float, ...] = ()
    relevant_counts: tuple[int, ...] = ()
    random_counts: tuple[int, ...] = ()


class VersionCosines(Result):
    """Similarities of one version on the anchor sets."""

    version: int
    sets: tuple[SetCosines, ...]
