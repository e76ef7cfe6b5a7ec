"""The results of `anchorhold index` and `anchorhold search`."""

from pipeline.results.result import Result


class IndexBuilt(Result):
    """An index that was built or brought up to date.

    Attributes
    ----------
    version
        The version of the model.
    fingerprint, preparation, dimensions, similarity
        The space of its vectors.
    documents
        Documents in it.
    encoded, unchanged, removed
        Documents that were encoded, that were in it already, and that were taken out.
    digest
        sha256 of the sorted digests of all ids and texts.
    from_scratch
        Why an index that was there was not continued; empty where it was.
    approximate, recall
        Whether it is searched approximately, and then the share of the exact first ten found.
    seconds
        How long it took.
    """

    version: int
    fingerprint: str
    preparation: str
    dimensions: int
    similarity: str
    documents: int
    encoded: int
    unchanged: int
    removed: int
    digest: str
    from_scratch: str = ""
    approximate: bool = False
    recall: float | None = None
    seconds: float = 0.0
