"""The results of `anchorhold index` and `anchorhold search`."""

from pipeline.results.foreseen import Foreseen
from pipeline.results.moment import Moment
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
    encoded, given, unchanged, removed
        Documents that were encoded, whose vector was given, that were in it already, and that were
        taken out.
    digest
        sha256 of the sorted digests of all ids and texts.
    from_scratch
        Why an index that was there was not continued; empty where it was.
    approximate, recall
        Whether it is searched approximately, and then the share of the exact first ten found.
    seconds
        How long it took.
    estimated_seconds
        How long it was estimated to take, before it began; None where it was not: a small one.
    """

    version: int
    fingerprint: str
    preparation: str
    dimensions: int
    similarity: str
    documents: int
    encoded: int
    given: int = 0
    unchanged: int
    removed: int
    digest: str
    from_scratch: str = ""
    approximate: bool = False
    recall: float | None = None
    seconds: float = 0.0
    estimated_seconds: float | None = None


class IndexEstimate(Result):
    """What the build of an index would cost.

    Attributes
    ----------
    version
        The version of the model.
    documents
        Documents that there are.
    missing
        Those that the index lacks or has in an earlier version, estimated on a sample.
    to_encode
        Those of them whose vector is not in the cache either.
    timed
        Texts whose encoding was timed.
    workers
        Workers that encode at once.
    seconds
        How long the build would take.
    bytes
        Size of the index on disk.
    price
        What the workers would cost, in the currency of `compute.price_per_hour`; None without it.
    """

    version: int
    documents: int
    missing: int
    to_encode: int
    timed: int
    workers: int
    seconds: float
    bytes: int
    price: float | None = None


class CycleIndex(Result):
    """What a cycle did for the index of the documents.

    Attributes
    ----------
    built
        The indexes that it built or brought up to date.
    faults
        Why one could not be, a sentence each.
    promoted
        The version that had waited for its index and was promoted before the cycle.
    """

    built: tuple[IndexBuilt, ...] = ()
    faults: tuple[str, ...] = ()
    promoted: int | None = None


class IndexStatus(Result):
    """The index of one version.

    Attributes
    ----------
    version, aliases
        The version.
    documents
        Documents in it.
    behind
        Documents that are new, changed or gone since.
    stale
        Why it must be built again before it can be searched; empty where it can be.
    made
        When it was built or brought up to date.
    fingerprint, preparation, dimensions, similarity
        The space of its vectors.
    approximate, recall
        Whether it is searched approximately, and then the share of the exact first ten found.
    """

    version: int
    aliases: tuple[str, ...] = ()
    documents: int
    behind: int
    stale: str = ""
    made: Moment
    fingerprint: str
    preparation: str
    dimensions: int
    similarity: str
    approximate: bool = False
    recall: float | None = None


class IndexStatusResult(Result):
    """The indexes of a workspace.

    Attributes
    ----------
    mode, uri
        What a promotion does with the index, and where the tables are.
    documents
        Documents that there are now.
    indexes
        The whole ones, in order of versions.
    unfinished
        Versions whose first build was interrupted; `anchorhold index build` continues it.
    champion
        The version that serves.
    """

    mode: str
    uri: str
    documents: int
    indexes: tuple[IndexStatus, ...]
    unfinished: tuple[int, ...] = ()
    champion: int


class IndexDropResult(Result):
    """An index that was deleted.

    Attributes
    ----------
    version
        Whose it was.
    documents
        Documents in it; null where it was not whole.
    foreseen
        What would change, where it was only asked for (`--dry-run`); None where it was done.
    """

    version: int
    documents: int | None = None
    foreseen: Foreseen | None = None


class IndexExportResult(Result):
    """An index that was written to a file.

    Attributes
    ----------
    version, file
        Whose it is, and the Parquet file.
    documents, dimensions
        Number and length of the vectors.
    fingerprint
        Identity of their space; the file's metadata holds the whole stamp.
    foreseen
        What would change, where it was only asked for (`--dry-run`); None where it was done.
    """

    version: int
    file: str
    documents: int
    dimensions: int
    fingerprint: str
    foreseen: Foreseen | None = None


class Found(Result):
    """A document that was found.

    Attributes
    ----------
    id
        Its id.
    score
        Its similarity to the query; higher is more alike.
    title, snippet, url
        What it says, without control characters; empty where the store has it no longer.
    """

    id: str
    score: float
    title: str = ""
    snippet: str = ""
    url: str = ""


class SearchResult(Result):
    """What an index finds for a query.

    Attributes
    ----------
    query
        What was asked.
    version
        The version that encoded the query.
    searched
        The version whose index was searched: an older one where a bridge leads to it.
    found
        The documents, the most similar first.
    """

    query: str
    version: int
    searched: int
    found: tuple[Found, ...]
