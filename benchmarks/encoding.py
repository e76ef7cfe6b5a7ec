"""What encoding in bfloat16 would change: scores and time, compared with float32.

    python benchmarks/encoding.py FOLDER ... [--base MODEL]

FOLDER is an evaluation set in BEIR layout. Each is scored in float32, as the product encodes, in
bfloat16 (autocast), and again in bfloat16 with batches of another size. `change` is the mean
difference in nDCG@10 to float32, and `moved` the share of queries whose score changed. `recut` and
the `moved` after it compare the two runs in bfloat16. Seconds are for encoding and scoring.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from streams import bundled_base

from training import Encoder, Evaluate, EvaluationSet
from training.encoding import encoder as encoding
from training.encoding import fetch_base

ROUNDING = 1e-9


def scored(
    folder: Path, given: EvaluationSet, max_length: int, narrow: bool, batch: int
) -> tuple[NDArray[np.float64], float]:
    """Return nDCG@10 of each query, (queries,), and the seconds that it took."""
    encoding._BATCH = batch
    encoder = Encoder.load(folder, max_length=max_length)
    began = time.perf_counter()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=narrow):
        card = Evaluate().score(encoder, [given])
    seconds = time.perf_counter() - began
    return np.asarray(card.tasks[given.name].metrics["ndcg_at_10"]), seconds


def main() -> None:
    """Print one row per evaluation set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--base", help="model folder or hub id (default: the bundled MiniLM)")
    parser.add_argument("--max-length", type=int, default=128, help="tokens")
    options = parser.parse_args()
    usual = encoding._BATCH
    print(f"{'set':38}{'queries':>8}{'fp32':>9}{'seconds':>9}{'bf16':>9}{'seconds':>9}", end="")
    print(f"{'change':>10}{'moved':>7}{'recut':>10}{'moved':>7}")
    with tempfile.TemporaryDirectory(prefix="encoding-") as place:
        base = fetch_base(options.base or bundled_base(), Path(place) / "base", options.max_length)
        for folder in options.folders:
            given = EvaluationSet.from_folder(folder.name, folder)
            rows = [
                scored(base, given, options.max_length, narrow, batch)
                for narrow, batch in ((False, usual), (True, usual), (True, usual * 3 // 4))
            ]
            (exact, slow), (narrow, fast), (recut, _) = rows
            print(f"{'/'.join(folder.parts[-2:]):38}{len(exact):8}{exact.mean():9.4f}", end="")
            print(f"{slow:9.1f}{narrow.mean():9.4f}{fast:9.1f}", end="")
            for change in (narrow - exact, recut - narrow):
                moved = (np.abs(change) > ROUNDING).mean()
                print(f"{change.mean():+10.5f}{moved:7.0%}", end="")
            print(flush=True)


if __name__ == "__main__":
    main()
