"""Let every call that changes something fail, one at a time, and count what each fault leaves.

    OMP_NUM_THREADS=1 python benchmarks/faults.py [--seconds 600] [--case erase] [--kind kill]

A command runs in a workspace with a tiny model. Each call that changes a file, and each statement
and commit in the store and in MLflow, is a point. A fault meets one point; then the same command is
run again undisturbed, and all rows and files are compared with those of a life without faults. One
row per command and kind: points, faults that were made, and in how many of them a command did not
tell of it in one sentence, something was lost, or something was left behind. What is not 0 is
printed below. The rows take turns, each in an order drawn by chance, so that `--seconds` ends with
a part of each. The status is 1 if anything is not 0.

All of them take hours. With `--record FILE` each fault is written down when it has been met, and is
not met again by a later call with the same file; `--share 1/2` and `--share 2/2` divide them among
two processes.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import filterfalse, islice, zip_longest
from pathlib import Path

import numpy as np
import torch

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from end_states import Difference
from every_fault import PROVED, Lives, Met, counted
from fault_points import KINDS, Kind, Point
from tiny_models import tiny_bert

from pipeline.registry.opening import open_tracking

QUICK_DISK = "/dev/shm"
Fault = tuple[str, Kind, int]


def lives(place: Path) -> Lives:
    """Return lives in a folder, of a model and a tracking store of their own."""
    state = place / "state"
    url = f"sqlite:///{state}/mlflow.db"
    open_tracking(url, artifacts=state / "artifacts", name="unused", workspace_state=state)
    return Lives(place / "lives", tiny_bert(place / "model"), state / "mlflow.db")


def drawn(world: Lives, rows: Iterable[tuple[str, Kind]], seed: int) -> Iterator[Fault]:
    """Yield all faults, one of each row in turn."""
    random = np.random.default_rng(seed)
    each = [
        [(case, kind, int(number)) for number in random.permutation(world.points(case, kind))]
        for case, kind in rows
    ]
    for turn in zip_longest(*each):
        yield from filter(None, turn)


def recorded(file: Path | None) -> list[Met]:
    """Return what earlier calls met; empty where nothing is recorded."""
    if file is None or not file.exists():
        return []
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [
        Met(**{**line, "point": Point(**line["point"]), "differs": Difference(**line["differs"])})
        for line in lines
    ]


def main() -> int:
    """Meet the faults, and print the matrix."""
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--seconds", type=float, help="end after these; by default, meet all")
    options.add_argument("--seed", type=int, default=0, help="of the order")
    options.add_argument("--case", action="append", choices=PROVED, help="only these; repeatable")
    options.add_argument("--kind", action="append", choices=KINDS, help="only these; repeatable")
    options.add_argument("--record", type=Path, help="JSON lines of what was met, added to")
    options.add_argument("--share", default="1/1", help="which of how many shares, such as 1/2")
    given = options.parse_args()
    share, shares = map(int, given.share.split("/"))
    torch.set_num_threads(1)
    os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    quick = QUICK_DISK if os.access(QUICK_DISK, os.W_OK) else None
    rows = [(case, kind) for case in given.case or PROVED for kind in given.kind or KINDS]
    met = recorded(given.record)
    known = {(each.case, each.kind, each.number) for each in met}
    with tempfile.TemporaryDirectory(prefix="faults-", dir=quick) as folder:
        world = lives(Path(folder))
        points = {row: len(world.points(*row)) for row in rows}
        began = time.monotonic()
        shared = islice(drawn(world, rows, given.seed), share - 1, None, shares)
        for fault in filterfalse(known.__contains__, shared):
            if given.seconds and time.monotonic() - began > given.seconds:
                break
            met.append(world.meet(*fault))
            if given.record:
                with given.record.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(asdict(met[-1])) + "\n")
    print("| command | fault | points | met | not one sentence | lost | left |")
    print("|---|---|--:|--:|--:|--:|--:|")
    for row in rows:
        found = counted([each for each in met if (each.case, each.kind) == row])
        print(f"| {' | '.join(map(str, (*row, points[row], *found.values())))} |")
    total = sum(points.values())
    print(f"\n{len(met)} of {total} faults in {time.monotonic() - began:.0f} seconds")
    bad = [each for each in met if not each.is_fine]
    for each in bad:
        print(f"\n{each}")
    return int(bool(bad))


if __name__ == "__main__":
    raise SystemExit(main())
