"""What encoding in half precision changes on the device that is there: scores, vectors and speed.

    python benchmarks/precision.py [FOLDER ...] [--base MODEL] [--device cuda]

FOLDER is an evaluation set in BEIR layout; without one, 250 questions and about 500 passages are
taken from the documentation of the installed packages, as in the demonstration. One row per set and
number format that the device computes in. `cosine` is the largest difference of the similarity of a
query and a document to that in float32. `ndcg` and `recall` are nDCG@10 and recall@10 with the
difference to float32, and `moved` is the share of queries whose nDCG changed. `recut` is the share
that changes again when a third of the texts is encoded before the others, which makes other
batches, and `element` the largest difference which that makes in one number of a vector. Texts per
second are of queries and documents together, the faster one of two runs, without the scoring. Each
text is encoded three times per format.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from streams import bundled_base

from pipeline.demo.docstrings import documentation_pairs
from pipeline.demo.material import OLD_PACKAGES, shuffled, take
from training import Encoder, Evaluate, EvaluationSet
from training.distributed import device_for, told
from training.encoding import fetch_base, number_formats

ROUNDING = 1e-9
QUERIES = 250


@dataclass(frozen=True)
class Measured:
    """One set in one number format: texts per second, vectors, and metrics per query."""

    speed: float
    asked: NDArray[np.float32]
    searched: NDArray[np.float32]
    ndcg: NDArray[np.float64]
    recall: NDArray[np.float64]

    @property
    def similarities(self) -> NDArray[np.float32]:
        """Those of all queries and documents."""
        return self.asked @ self.searched.T


def measured(
    load: Callable[..., Encoder], given: EvaluationSet, rounds: int, *, recut: bool = False
) -> Measured:
    """Encode a set so many times, and score it with the vectors of the last one.

    Parameters
    ----------
    recut
        Whether to encode a third of the texts first.
    """
    queries, documents = list(given.queries.values()), list(given.corpus.values())
    seconds = []
    with tempfile.TemporaryDirectory(prefix="precision-") as place:
        for number in range(rounds):
            encoder = load(cache=Path(place) / str(number))
            if recut:
                encoder.encode(queries[::3])
                encoder.encode(documents[::3], kind="document")
            began = time.perf_counter()
            asked, searched = encoder.encode(queries), encoder.encode(documents, kind="document")
            seconds.append(time.perf_counter() - began)
        task = Evaluate().score(encoder, [given]).tasks[given.name]
    return Measured(
        (len(queries) + len(documents)) / min(seconds),
        asked,
        searched,
        np.asarray(task.metrics["ndcg_at_10"]),
        np.asarray(task.metrics["recall_at_10"]),
    )


def sets_of(folders: Sequence[Path]) -> list[EvaluationSet]:
    """Return the sets of the folders, or one of the installed documentation."""
    if folders:
        return [EvaluationSet.from_folder("/".join(each.parts[-2:]), each) for each in folders]
    pairs = shuffled(documentation_pairs(OLD_PACKAGES, most=2 * QUERIES))
    asked = take(pairs, QUERIES)
    return [EvaluationSet.from_pairs("documentation", asked, pairs)]


def farthest(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return the largest difference of two numbers."""
    return float(np.abs(one - other).max())


def share(moved: NDArray[np.float64]) -> float:
    """Return the share of the differences that are more than rounding."""
    return float((np.abs(moved) > ROUNDING).mean())


def main() -> None:
    """Print one row per evaluation set and number format."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="*", metavar="FOLDER")
    parser.add_argument("--base", help="model folder or hub id (default: the bundled MiniLM)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    parser.add_argument("--max-length", type=int, default=128, help="tokens")
    options = parser.parse_args()
    device = device_for(options.device)
    threads = f", {torch.get_num_threads()} threads" if device == "cpu" else ""
    print(f"device: {told(device)}{threads}; number formats: {', '.join(number_formats(device))}")
    print(f"{'set':24}{'queries':>8}{'format':>10}{'texts/s':>9}{'speed':>7}{'cosine':>9}", end="")
    print(f"{'ndcg':>9}{'':>9}{'recall':>9}{'':>9}{'moved':>7}{'recut':>7}{'element':>9}")
    with tempfile.TemporaryDirectory(prefix="precision-") as place:
        base = fetch_base(options.base or bundled_base(), Path(place) / "base", options.max_length)
        for given in sets_of(options.folders):
            exact = None
            for precision in number_formats(device):
                load = partial(
                    Encoder.load,
                    base,
                    max_length=options.max_length,
                    device=device,
                    precision=precision,
                )
                now = measured(load, given, rounds=2)
                exact = exact or now
                recut = measured(load, given, rounds=1, recut=True)
                apart = farthest(now.similarities, exact.similarities)
                print(f"{given.name:24}{len(now.ndcg):8}{precision:>10}{now.speed:9.0f}", end="")
                print(f"{now.speed / exact.speed:7.2f}{apart:9.5f}", end="")
                for mine, its in ((now.ndcg, exact.ndcg), (now.recall, exact.recall)):
                    print(f"{mine.mean():9.4f}{(mine - its).mean():+9.5f}", end="")
                print(f"{share(now.ndcg - exact.ndcg):7.1%}", end="")
                print(f"{share(recut.ndcg - now.ndcg):7.1%}", end="")
                moved = (farthest(now.asked, recut.asked), farthest(now.searched, recut.searched))
                print(f"{max(moved):9.1e}", flush=True)


if __name__ == "__main__":
    main()
