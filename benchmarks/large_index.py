"""What a large corpus takes: intake, estimate and index, through the commands alone.

    python benchmarks/large_index.py [--documents 1000000] [--workers 1] [--engine local]

The documents are short texts, each made of two phrases of the docstrings of installed packages. The
model is static (a table of word vectors, 256 dimensions), so that the encoding is as fast as it can
be and everything around it shows. Each row is a command: seconds, processor seconds and the largest
memory of its process (resident, and without pages of files), and the size of the workspace after
it. The estimate is that of `index build --dry-run` just before. The last line is the sha256 of all
vectors in order of ids, which local workers and Ray must share.
"""

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as pq

from pipeline import Workspace
from pipeline.demo.docstrings import documentation_pairs

PACKAGES = ("numpy", "scipy", "torch", "pandas", "sklearn", "matplotlib", "transformers", "mlflow")
SETTINGS = """
[model]
name = "large"
base = "model"

[data]
corpus = ["corpus.jsonl"]
traffic = ["traffic.jsonl"]

[compute]
engine = "{engine}"
workers = {workers}
"""


def phrases() -> list[str]:
    """Return distinct phrases of four to nine words."""
    found: dict[str, None] = {}
    for pair in documentation_pairs(PACKAGES, most=20_000, passage_characters=2_000):
        words = pair.positive.split()
        for start in range(0, len(words) - 8, 9):
            found[" ".join(words[start : start + 9])] = None
    return list(found)


def documents(parts: Sequence[str], count: int) -> Iterator[dict[str, str]]:
    """Yield short texts, each made of two phrases."""
    draw = random.Random(0)
    for number in range(count):
        text = f"{draw.choice(parts)} {draw.choice(parts)}"
        yield {"id": f"d{number:08}", "text": text}


def write(file: Path, rows: Iterator[dict[str, str]]) -> None:
    """Write lines of JSON."""
    with file.open("w", encoding="utf-8") as lines:
        lines.writelines(f"{json.dumps(row)}\n" for row in rows)


def static_model(folder: Path) -> None:
    """Make the static model that the tests use."""
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from real_models import static_llama

    static_llama(folder)


def lay_out(space: Path, settings: str, count: int) -> None:
    """Make a workspace with the static model, so many documents, and phrases as texts."""
    space.mkdir()
    static_model(space / "model")
    (space / "anchorhold.toml").write_text(settings)
    parts = phrases()
    write(space / "corpus.jsonl", documents(parts, count))
    write(space / "traffic.jsonl", ({"text": text} for text in parts[:500]))


def timed(name: str, space: Path, *arguments: str) -> dict[str, object]:
    """Run a command, print its row, and return what it printed."""
    began, resident, own, spent = time.perf_counter(), 0, 0, 0.0
    command = [sys.executable, "-m", "pipeline", *arguments, "-w", str(space), "--json"]
    output = space.parent / "output.json"
    with output.open("w") as out, subprocess.Popen(command, stdout=out) as running:
        process = psutil.Process(running.pid)
        while running.poll() is None:
            with suppress(psutil.NoSuchProcess):
                memory = process.memory_info()
                resident = max(resident, memory.rss)
                own = max(own, memory.rss - memory.shared)
                spent = sum(process.cpu_times()[:2])
            time.sleep(0.2)
    seconds = time.perf_counter() - began
    size = sum(file.stat().st_size for file in space.rglob("*") if file.is_file())
    print(
        f"{name:>12}{seconds:9.1f}{spent:11.1f}{resident / 2**20:13.0f}{own / 2**20:9.0f}"
        f"{size / 1e6:12.0f}{running.returncode:8}",
        flush=True,
    )
    return json.loads(output.read_text() or "{}")


def sum_of_vectors(space: Path) -> str:
    """Return the sha256 of the vectors of the champion's index, in order of ids."""
    file = space / "vectors.parquet"
    with Workspace.open(space) as workspace:
        workspace.index_export(file)
    rows = pq.read_table(file, columns=["id", "vector"]).sort_by("id")
    found = hashlib.sha256()
    for chunk in rows["vector"].chunks:
        found.update(np.asarray(chunk.flatten(), dtype=np.float32).tobytes())
    return found.hexdigest()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--engine", choices=["local", "ray"], default="local")
    given = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with tempfile.TemporaryDirectory(prefix="anchorhold-") as folder:
        space = Path(folder) / "space"
        settings = SETTINGS.format(engine=given.engine, workers=given.workers)
        lay_out(space, settings, given.documents)
        print(
            f"{'command':>12}{'seconds':>9}{'processor':>11}{'MiB resident':>13}{'MiB own':>9}"
            f"{'MB on disk':>12}{'status':>8}"
        )
        timed("run", space, "run")
        estimate = timed("estimate", space, "index", "build", "--dry-run")
        built = timed("index build", space, "index", "build")
        timed("unchanged", space, "index", "build")
        size = sum(file.stat().st_size for file in space.rglob("*.lance/**/*") if file.is_file())
        told = f"estimated {estimate['seconds']} s and {estimate['bytes'] / 1e6:.0f} MB"
        print(f"\n{told}; took {built['seconds']} s and {size / 1e6:.0f} MB", end="")
        print(f"; recall {built['recall']}\nvectors {sum_of_vectors(space)}")


if __name__ == "__main__":
    main()
