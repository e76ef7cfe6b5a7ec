"""Builds of an index whose workers and commands are killed: nothing that was done is done again.

    python benchmarks/killed_build.py [--kills 50] [--documents 200000] [--engine local]

`anchorhold index build` runs with two workers. At moments drawn by chance a worker gets SIGKILL, or
the command itself does and is then started again. Each row is a kill: what was killed, the shards
of 2,048 texts in the embedding cache before and after it, and how many were in work, which is what
a kill may cost. The search is exact, so that most of the time is encoding. Then the index is
compared with that of a build on this machine without kills. The status is 1 if a shard was lost
that was done, or if the indexes differ.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
from large_index import SETTINGS, lay_out, sum_of_vectors

WORKERS, SHARD, RETRIES = 2, 2_048, 20


def command(space: Path, *arguments: str) -> list[str]:
    """Return what runs a command in the workspace."""
    return [sys.executable, "-m", "pipeline", *arguments, "-w", str(space)]


def settings(engine: str) -> str:
    """Return the settings of a workspace that encodes with an engine."""
    encoding = SETTINGS.format(engine=engine, workers=WORKERS) + f"retries = {RETRIES}\n"
    return f"{encoding}\n[index]\nann_above = 100_000_000\n"


def files(space: Path) -> list[str]:
    """Return the names of the parts of the embedding cache."""
    return sorted(file.name for file in space.glob(".anchorhold/cache/embeddings/*/*/*.npy"))


def encoded(space: Path) -> int:
    """Return how many different texts the embedding cache holds."""
    found: set[bytes] = set()
    for file in space.glob(".anchorhold/cache/embeddings/*/*/*.npy"):
        with suppress(OSError, ValueError):  # It was joined with others, or is being written.
            rows = np.load(file, mmap_mode="r")
            found.update(np.ascontiguousarray(rows["digest"]).view("S16").ravel().tolist())
    return len(found)


def workers_of(process: psutil.Process, engine: str) -> list[psutil.Process]:
    """Return the processes that encode for a command."""
    every = process.children(recursive=True)
    if engine == "ray":
        return [each for each in every if each.cmdline()[:1] and "ray::_Actor" in each.cmdline()[0]]
    return [each for each in every if "spawn_main" in " ".join(each.cmdline())]


def killed(space: Path, kills: int, engine: str) -> tuple[dict[str, object], int]:
    """Build with kills; return what the last command printed, and how many shards were lost."""
    draw, done, lost, running = random.Random(0), 0, 0, None
    print(f"{'killed':>8}{'seconds':>9}{'shards before':>15}{'after':>8}{'in work':>9}")
    while True:
        if running is None:
            output = (space / "output.json").open("w")
            running = subprocess.Popen(command(space, "index", "build", "--json"), stdout=output)
            began, start = time.perf_counter(), files(space)
        wait = draw.uniform(0, 2)
        # A command that is killed before it did anything shows nothing.
        while running.poll() is None and files(space) == start:
            time.sleep(0.2)
        with suppress(subprocess.TimeoutExpired):
            running.wait(wait)
        if running.poll():
            print(f"{'ended':>8}{time.perf_counter() - began:9.1f} by itself: {running.poll()}")
            running = None
            continue
        if running.poll() is not None:
            return json.loads((space / "output.json").read_text()), lost
        if done == kills:
            running.wait()
            continue
        process = psutil.Process(running.pid)
        before = encoded(space)
        victim = draw.choice(["command", "worker"])
        if victim == "worker":
            victims = workers_of(process, engine)
            if not victims:
                continue
            with suppress(psutil.NoSuchProcess):
                draw.choice(victims).send_signal(signal.SIGKILL)
        else:
            process.send_signal(signal.SIGKILL)
            running.wait()
            running = None
        after = encoded(space)
        done += 1
        lost += after < before
        seconds = time.perf_counter() - began
        shards = before / SHARD, after / SHARD
        print(f"{victim:>8}{seconds:9.1f}{shards[0]:15.1f}{shards[1]:8.1f}{WORKERS:9}", flush=True)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--documents", type=int, default=200_000)
    parser.add_argument("--engine", choices=["local", "ray"], default="local")
    given = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with tempfile.TemporaryDirectory(prefix="anchorhold-") as folder:
        first = Path(folder) / "calm"
        lay_out(first, settings("local"), given.documents)
        subprocess.run(command(first, "run"), check=True, stdout=subprocess.DEVNULL)
        second = shutil.copytree(first, Path(folder) / "killed")
        (second / "anchorhold.toml").write_text(settings(given.engine))
        calm, _ = killed(first, 0, "local")
        other, lost = killed(second, given.kills, given.engine)
        equal = sum_of_vectors(first) == sum_of_vectors(second)
        equal &= calm["digest"] == other["digest"]
    print(f"\nshards lost that were done: {lost}; index equal in every bit: {equal}")
    return int(lost > 0 or not equal)


if __name__ == "__main__":
    sys.exit(main())
