"""What a build costs: measured, before it begins, on documents that are drawn by chance."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.results import IndexEstimate
from pipeline.search.building import Build
from pipeline.search.indexes import Indexes
from pipeline.search.lance_tables import LanceTables
from pipeline.search.stored_documents import StoredDocuments
from pipeline.search.tables import Floats
from training.distributed import Compute
from training.encoding import Encoder, Kind, TextEncoder, seconds_per_text
from training.encoding.similarity import Similarity
from training.progress import Progress, no_progress
from training.unlabelled import Document

_SAMPLE = 8_192
"""Documents that are drawn; a share among them has a standard error of at most 0.6 %."""
_GRAPH = 32_768  # rows of the graph that is timed
_ROW_BYTES = 96  # estimate for a row of an index besides its vector and its id
_LINK_BYTES = 180  # estimate for a row of an approximate index besides a byte per dimension


def build_cost(
    indexes: Indexes,
    version: int,
    encoder: Encoder,
    documents: StoredDocuments,
    compute: Compute,
) -> IndexEstimate:
    """Estimate what the build of an index costs; it builds a sample in a temporary folder.

    Parameters
    ----------
    indexes
        The indexes of the workspace.
    version
        Number of the version.
    encoder
        The version's encoder.
    documents
        All documents; not empty.
    compute
        Where it encodes, and what a worker costs per hour.
    """
    began = time.perf_counter()
    sample = documents.sample(_SAMPLE)
    seconds = time.perf_counter() - began  # to read all of them once
    total = len(documents)
    missing = indexes.missing(version, encoder, sample)
    texts = [each.whole for each in missing]
    known = encoder.known(texts, kind="document")
    new = [text for text, there in zip(texts, known, strict=True) if not there]
    each, timed = seconds_per_text(encoder, new, kind="document") if new else (0.0, 0)
    ratio = total / len(sample)
    approximate = indexes.is_large(total, indexes.space(encoder))
    if missing:
        seconds += ratio * _seconds_to_write(indexes, encoder, missing)
    if missing and approximate:
        seconds += total * _seconds_per_linked_row(indexes, encoder)
    seconds += ratio * len(new) * each
    workers = compute.workers
    price = compute.price_per_hour
    return IndexEstimate(
        version=version,
        documents=total,
        missing=round(ratio * len(missing)),
        to_encode=round(ratio * len(new)),
        timed=timed,
        workers=workers,
        seconds=round(seconds, 3),
        bytes=index_bytes(total, encoder.dimensions, sample, approximate=approximate),
        price=None if price is None else round(seconds / 3600 * workers * price, 2),
    )


def index_bytes(
    documents: int, dimensions: int, sample: Sequence[Document], *, approximate: bool = False
) -> int:
    """Return an estimate of the size of an index on disk.

    Parameters
    ----------
    documents
        Number of documents.
    dimensions
        Length of a vector.
    sample
        Some of the documents; not empty.
    approximate
        Whether it is searched approximately.
    """
    ids = float(np.mean([len(each.id.encode()) for each in sample]))
    linked = dimensions + _LINK_BYTES if approximate else 0
    return round(documents * (4 * dimensions + _ROW_BYTES + ids + linked))


def _seconds_to_write(indexes: Indexes, encoder: Encoder, documents: Sequence[Document]) -> float:
    """Return how long documents take besides being encoded, in a folder on this machine."""
    anything = _Anything(encoder.fingerprint, encoder.similarity, encoder.dimensions)
    with tempfile.TemporaryDirectory(prefix="anchorhold-") as folder:
        table = LanceTables(folder).empty("v1", indexes.space(encoder))
        # The first rows of a process take a second, however few they are.
        Build(table, anything).take(documents[:1], lambda _: None)
        began = time.perf_counter()
        Build(table, anything).take(documents, lambda _: None)
        return time.perf_counter() - began


def _seconds_per_linked_row(indexes: Indexes, encoder: Encoder) -> float:
    """Return how long a row takes in a graph of an approximate index.

    Vectors drawn by chance have nothing in common, which makes a graph slower, and a smaller graph
    is faster. On two cores a row took 196 microseconds here, and 190 in four graphs of 65,536
    vectors of real texts, 256 numbers each.
    """
    anything = _Anything(encoder.fingerprint, encoder.similarity, encoder.dimensions)
    names = [str(row) for row in range(_GRAPH)]
    with tempfile.TemporaryDirectory(prefix="anchorhold-") as folder:
        table = LanceTables(folder).empty("v1", indexes.space(encoder))
        table.add(names, names, names, anything.encode(names))
        began = time.perf_counter()
        table.approximate(encoder.similarity.name)
        return (time.perf_counter() - began) / _GRAPH


@dataclass
class _Anything:
    """An encoder that takes no time."""

    fingerprint: str
    similarity: Similarity
    dimensions: int
    precision: str = "float32"

    def encode(
        self, texts: Sequence[str], *, kind: Kind = "query", progress: Progress = no_progress
    ) -> Floats:
        """Return unit vectors, (texts, dimensions), that mean nothing."""
        drawn = np.random.default_rng(0).standard_normal((len(texts), self.dimensions))
        return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), dtype=np.float32)

    def without_cache(self) -> TextEncoder:
        """Return itself: there is no cache."""
        return self
