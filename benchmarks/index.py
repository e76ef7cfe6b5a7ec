"""How fast an index is built and brought up to date, and what an approximate search finds how fast.

    python benchmarks/index.py [--documents 1000] [--rows 20000]

The documents are docstrings of installed packages, encoded by the bundled MiniLM: a first build,
one without changes, and one with a hundredth of the texts changed. Then vectors of 384 dimensions
around 500 centres are searched by numpy, by LanceDB as an index above `index.ann_above` is, and by
faiss where it is installed (flat, and HNSW with 32 links). `recall` is the share of the exact first
ten that are found, over 200 queries; milliseconds are per query, asked one after another.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from streams import bundled_base

from pipeline.demo.docstrings import documentation_pairs
from pipeline.search import Indexes, IndexSettings
from training import Encoder
from training.encoding import Similarity
from training.unlabelled import Document

PACKAGES = ("numpy", "scipy", "torch", "pandas", "sklearn", "matplotlib", "transformers", "mlflow")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DIMENSIONS, CENTRES, QUERIES, DEPTH = 384, 500, 200, 10
CHANGED = 100  # one document in so many

Floats = NDArray[np.float32]


class Given:
    """An encoder whose texts are the numbers of rows that it has."""

    def __init__(self, vectors: Floats) -> None:
        self.fingerprint = "0" * 64
        self.similarity = Similarity()
        self.dimensions = vectors.shape[1]
        self._vectors = vectors

    def without_cache(self) -> "Given":
        """Return itself: there is no cache."""
        return self

    def encode(self, texts: Sequence[str], **_options: object) -> Floats:
        """Return the rows."""
        return self._vectors[[int(text) for text in texts]]


def built(place: Path, count: int) -> None:
    """Print how fast documents are encoded and kept."""
    pairs = documentation_pairs(PACKAGES, most=count, passage_characters=1_000)
    documents = [Document(each.id, each.positive, each.query) for each in pairs]
    encoder = Encoder.load(bundled_base(), max_length=128, cache=place / "cache")
    indexes = Indexes(IndexSettings(), place, place)
    changed = [
        replace(each, text=f"{each.text} Changed.") if number % CHANGED == 0 else each
        for number, each in enumerate(documents)
    ]
    encoder.encode(["warm up"], kind="document")
    print(f"{'build':>14}{'documents':>11}{'encoded':>9}{'seconds':>9}{'documents/s':>13}")
    for name, given in (("first", documents), ("unchanged", documents), ("changed", changed)):
        result = indexes.build(1, encoder, given, now=NOW)
        each_second = result.documents / result.seconds
        print(f"{name:>14}{result.documents:11}{result.encoded:9}{result.seconds:9.2f}", end="")
        print(f"{each_second:13.0f}", flush=True)


def searched(place: Path, count: int) -> None:
    """Print what is found by each search, and how fast."""
    random = np.random.default_rng(0)
    centres = random.standard_normal((CENTRES, DIMENSIONS))
    near = centres[random.integers(CENTRES, size=count + QUERIES)]
    vectors = (near + 0.7 * random.standard_normal(near.shape)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries, rows = vectors[count:], vectors[:count]
    exact = np.argsort(-(queries @ rows.T), axis=1, kind="stable")[:, :DEPTH]
    print(f"\n{'search':>14}{'rows':>11}{'recall':>9}{'ms':>9}{'made in s':>13}")
    for name, make in searches(place, rows):
        began = time.perf_counter()
        find = make()
        made = time.perf_counter() - began
        find(queries[0])
        began = time.perf_counter()
        found = [find(query) for query in queries]
        each = (time.perf_counter() - began) / len(queries)
        right = np.mean([np.isin(a, b).mean() for a, b in zip(exact, found, strict=True)])
        print(f"{name:>14}{count:11}{right:9.3f}{each * 1000:9.2f}{made:13.1f}", flush=True)


Find = Callable[[Floats], NDArray[np.integer]]


def searches(place: Path, rows: Floats) -> Iterator[tuple[str, Callable[[], Find]]]:
    """Yield names and what makes a search of the rows."""

    def lance(settings: IndexSettings, name: str) -> Find:
        indexes = Indexes(replace(settings, uri=name), place, place)
        documents = [Document(str(row), str(row)) for row in range(len(rows))]
        indexes.build(1, Given(rows), documents, now=NOW)
        index = indexes.open(1, "0" * 64)
        return lambda query: np.array([int(hit.id) for hit in index.search(query, DEPTH)[0]])

    def faiss_hnsw() -> Find:
        import faiss

        graph = faiss.IndexHNSWFlat(DIMENSIONS, 32, faiss.METRIC_INNER_PRODUCT)
        graph.add(rows)
        return lambda query: graph.search(query[None], DEPTH)[1][0]

    def faiss_flat() -> Find:
        import faiss

        flat = faiss.IndexFlatIP(DIMENSIONS)
        flat.add(rows)
        return lambda query: flat.search(query[None], DEPTH)[1][0]

    yield "numpy", lambda: lambda query: np.argsort(-(rows @ query))[:DEPTH]
    yield "exact index", lambda: lance(IndexSettings(ann_above=10**9), "exact")
    yield "large index", lambda: lance(IndexSettings(ann_above=1_000), "large")
    if find_spec("faiss"):
        yield "faiss flat", faiss_flat
        yield "faiss HNSW", faiss_hnsw


def main() -> None:
    """Print the two tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=1_000, help="that are encoded")
    parser.add_argument("--rows", type=int, default=20_000, help="vectors that are searched")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="index-") as place:
        built(Path(place) / "built", options.documents)
        searched(Path(place) / "searched", options.rows)


if __name__ == "__main__":
    main()
