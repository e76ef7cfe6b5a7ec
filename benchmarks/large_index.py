"""What a large corpus takes: intake, estimate and index, through the commands alone.

    python benchmarks/large_index.py [--documents 1000000] [--workers 1] [--engine local]

The documents are short texts, each made of two phrases of the docstrings of installed packages. The
model is static (a table of word vectors, 256 dimensions), so that the encoding is as fast as it can
be and everything around it shows. Each row is a command: seconds, the largest resident memory of
its process, and the size of the workspace after it. `re-embedding` builds the index anew after the
settings say that the documents were cut differently; all vectors are then in the cache, unless
`--no-cache` deletes it first. The estimate is that of `index build --dry-run` just before.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from pipeline.demo.docstrings import documentation_pairs

PACKAGES = ("numpy", "scipy", "torch", "pandas", "sklearn", "matplotlib", "transformers", "mlflow")
SETTINGS = """
[model]
name = "large"
base = "model"

[data]
corpus = ["corpus.jsonl"]
traffic = ["traffic.jsonl"]

[index]
chunker = "{chunker}"

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


def documents(count: int) -> Iterator[dict[str, str]]:
    """Yield distinct short texts."""
    parts, draw = phrases(), random.Random(0)
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


def timed(name: str, space: Path, *arguments: str) -> dict[str, object]:
    """Run a command, print its row, and return what it printed."""
    began, largest = time.perf_counter(), 0
    command = [sys.executable, "-m", "pipeline", *arguments, "-w", str(space), "--json"]
    output = space.parent / "output.json"
    with output.open("w") as out, subprocess.Popen(command, stdout=out) as running:
        process = psutil.Process(running.pid)
        while running.poll() is None:
            try:
                largest = max(largest, process.memory_info().rss)
            except psutil.NoSuchProcess:
                break
            time.sleep(0.2)
    seconds = time.perf_counter() - began
    size = sum(file.stat().st_size for file in space.rglob("*") if file.is_file())
    print(
        f"{name:>16}{seconds:10.1f}{largest / 2**20:12.0f}{size / 1e6:12.0f}{running.returncode:8}",
        flush=True,
    )
    return json.loads(output.read_text() or "{}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--engine", choices=["local", "ray"], default="local")
    parser.add_argument("--no-cache", action="store_true")
    given = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with tempfile.TemporaryDirectory(prefix="anchorhold-") as folder:
        space = Path(folder) / "space"
        space.mkdir()
        static_model(space / "model")
        rows = {"engine": given.engine, "workers": given.workers}
        settings = space / "anchorhold.toml"
        settings.write_text(SETTINGS.format(chunker="", **rows))
        write(space / "corpus.jsonl", documents(given.documents))
        write(space / "traffic.jsonl", ({"text": text} for text in phrases()[:500]))
        print(f"{'command':>16}{'seconds':>10}{'MiB':>12}{'MB on disk':>12}{'status':>8}")
        timed("run", space, "run")
        estimate = timed("estimate", space, "index", "build", "--dry-run")
        built = timed("index build", space, "index", "build")
        timed("unchanged", space, "index", "build")
        settings.write_text(SETTINGS.format(chunker="another", **rows))
        if given.no_cache:
            shutil.rmtree(space / ".anchorhold" / "cache")
        again = timed("re-embedding", space, "index", "build")
    print(
        f"\nestimated {estimate.get('seconds')} s, {estimate.get('bytes', 0) / 1e6:.0f} MB; took "
        f"{built.get('seconds')} s; digests {str(built.get('digest'))[:12]} and "
        f"{str(again.get('digest'))[:12]}; recall {built.get('recall')}"
    )


if __name__ == "__main__":
    main()
