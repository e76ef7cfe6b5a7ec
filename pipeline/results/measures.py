"""What a check measured beside its triggers: numbers that are shown and decide nothing."""

from typing import Literal

from pipeline.results.result import Result

Records = Literal["texts", "pairs", "documents", "log"]


class ReadBy(Result):
    """How many records one preprocessing made.

    Attributes
    ----------
    fingerprint, name
        Its identity, and its parts in words.
    known, recent
        Records that the champion knows, and recent ones.
    """

    fingerprint: str
    name: str
    known: int
    recent: int


class PreprocessingMeasure(Result):
    """What made the texts of one kind of records.

    Attributes
    ----------
    records
        "texts" or "documents".
    changed_share
        Share of the recent ones made in a way in which no known one was; None where it is not
        recorded what made the known ones.
    read_by
        Each way, the most recent records first.
    """

    records: Records
    changed_share: float | None
    read_by: tuple[ReadBy, ...]


class GeometryMeasure(Result):
    """How two clouds of embeddings differ; pairs of numbers are (known, recent).

    Attributes
    ----------
    centre_moved
        Distance between their means, 0 to 2.
    variance
        Mean squared distance to the mean, 0 to 1.
    pairwise_distance
        Mean cosine distance between two texts, 0 to 2.
    intra_cluster_distance
        Mean cosine distance of a text to its five nearest neighbours, 0 to 2.
    """

    centre_moved: float
    variance: tuple[float, float]
    pairwise_distance: tuple[float, float]
    intra_cluster_distance: tuple[float, float]


class RegionMeasure(Result):
    """One region of the known texts.

    Attributes
    ----------
    known, recent
        Share of the known and of the recent texts in it.
    text
        The known text nearest to its centre.
    """

    known: float
    recent: float
    text: str


class OccupancyMeasure(Result):
    """How recent texts fill the regions of the known ones.

    Attributes
    ----------
    regions
        Number of regions, found among the known texts alone.
    texts
        Known and recent texts that were compared.
    total_variation
        Half of the sum of the differences between the shares, 0 (alike) to 1.
    by_chance
        What it would be on average if both were drawn from the same texts, each on its own.
    beyond_chance
        What is left of it, at least 0.
    jensen_shannon
        Divergence between the shares in bits, 0 to 1, of which chance makes a part as well.
    moved
        The regions whose share changed most.
    """

    regions: int
    texts: tuple[int, int]
    total_variation: float
    by_chance: float
    beyond_chance: float
    jensen_shannon: float
    moved: tuple[RegionMeasure, ...]


class SourceMeasure(Result):
    """How well the model knows the texts of one source; pairs of numbers are (known, recent).

    Attributes
    ----------
    source
        Its name; empty for texts without one.
    texts
        Distinct texts.
    far
        Share farther from the known texts than nine tenths of these are from one another.
    pieces
        Pieces of the tokenizer per word; None where no tokenizer is known.
    unknown
        Share of texts with a piece that the tokenizer does not know.
    """

    source: str
    texts: tuple[int, int]
    far: tuple[float | None, float | None]
    pieces: tuple[float | None, float | None]
    unknown: tuple[float | None, float | None]


class FieldMeasure(Result):
    """How many records of one kind lack one field; pairs of numbers are (known, recent).

    Attributes
    ----------
    records, field
        Which.
    counts
        Records that were compared.
    missing
        Share of them that lack it; None where there are no records.
    p_value
        Probability of at least this difference if nothing changed (Fisher's exact test, times the
        number of fields of this kind); None where a side has no records.
    change
        "gone" where none has it any more, "new" where none had it before, "more missing" and
        "less missing" where the difference is significant and not small, "" otherwise.
    """

    records: Records
    field: str
    counts: tuple[int, int]
    missing: tuple[float | None, float | None]
    p_value: float | None
    change: Literal["", "gone", "new", "more missing", "less missing"] = ""


class FormMeasure(Result):
    """Whether the form of the texts changed, what they are about, or what answers them.

    Attributes
    ----------
    form, topics, words
        Effects from 0 to 1: distance of form, share of far texts beyond the usual tenth, share of
        texts that are split into more pieces or have new terms; None where not measured.
    kept
        Share of the nearest known texts that stay when the form is undone, relative to the known
        texts; None where more than capitals, punctuation and spacing changed, or nothing did.
    change
        What the triggers say changed: "nothing", "form" or "content".
    loss, loss_p_value
        Loss of quality in the metric's units, and the probability of at least this loss if there
        was none; None where nothing labelled tells.
    relation
        Whether the same questions still have the same answers: "holds", "lost" or "unknown".
    """

    form: float | None
    topics: float | None
    words: float | None
    kept: float | None
    change: Literal["nothing", "form", "content"]
    loss: float | None
    loss_p_value: float | None
    relation: Literal["holds", "lost", "unknown"]


class ReparsedMeasure(Result):
    """The documents of an anchor set as another parser gives them.

    Attributes
    ----------
    task
        The anchor set.
    documents, missing
        Documents with both texts, and documents that the other parse lacks.
    identical
        Share of the documents whose text is the same.
    cosine, quantiles
        Mean cosine between both texts of a document, and the 5 %, 25 %, 50 %, 75 % and 95 %
        quantiles.
    neighbours
        Share of the nine documents nearest to a document that are the same in both parses; None of
        fewer than two documents.
    queries, metric
        What the scores are of.
    before, after
        Mean score of the same queries with the old texts and with the new ones.
    low, high
        Bounds of the difference, each one-sided at the gate's confidence.
    reason
        The figures in one sentence.
    """

    task: str
    documents: int
    missing: int
    identical: float
    cosine: float
    quantiles: tuple[float, ...]
    neighbours: float | None
    queries: int
    metric: str
    before: float
    after: float
    low: float
    high: float
    reason: str


class DataAge(Result):
    """How old the data is that the champion learned: pairs of its memory, and its known texts.

    Attributes
    ----------
    dated
        Share of the records with a time.
    newest_days, median_days, oldest_days
        Their age in days.
    """

    dated: float
    newest_days: float
    median_days: float
    oldest_days: float


class Measures(Result):
    """Numbers of a check that are shown and decide nothing, unless a trigger says so.

    Attributes
    ----------
    preprocessing
        What made the texts and the documents.
    geometry
        How the clouds of known and recent texts differ; None of fewer than ten texts.
    occupancy
        How recent texts fill the regions of the known ones; None of too few texts.
    sources
        How well the model knows the texts of each source, the largest first.
    fields
        Which fields records lack.
    form
        Whether form, content or relation changed.
    reparsed
        Documents of anchor sets as another parser gives them.
    data_age
        How old the data is that the champion learned; None where no record has a time.
    """

    preprocessing: tuple[PreprocessingMeasure, ...] = ()
    geometry: GeometryMeasure | None = None
    occupancy: OccupancyMeasure | None = None
    sources: tuple[SourceMeasure, ...] = ()
    fields: tuple[FieldMeasure, ...] = ()
    form: FormMeasure | None = None
    reparsed: tuple[ReparsedMeasure, ...] = ()
    data_age: DataAge | None = None
