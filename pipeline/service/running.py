"""The running service of an open workspace: its parts put together, started and ended in order."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.registry import CHAMPION, version_with
from pipeline.results import ServeResult
from pipeline.service.app import make_app
from pipeline.service.batcher import Batcher
from pipeline.service.hooks import Recorder, Route
from pipeline.service.loading import Loader
from pipeline.service.metrics import Metrics
from pipeline.service.pair import Pairs
from pipeline.service.server import address_of, listen, serve_app
from pipeline.service.service import Service
from pipeline.service.watcher import Watcher
from pipeline.workspace import OpenWorkspace, Serve
from training.faults import DataFault


def token_of(limits: Serve) -> str:
    """Return the token that requests must carry; "" where none is needed.

    Raises
    ------
    DataFault
        Others than this machine can reach the address, and there is none.
    """
    token = os.environ.get(limits.token, "").strip()
    if not token and not limits.is_loopback:
        raise DataFault(
            f"serve.host is {limits.host}, which other machines can reach, but no token is set; "
            f"put one into the environment variable {limits.token}, or listen at 127.0.0.1"
        )
    return token


def serve(
    opened: OpenWorkspace,
    limits: Serve,
    *,
    recorder: Recorder,
    route: Route,
    stop: threading.Event,
    tell: Callable[[str], None],
    release: str,
) -> ServeResult:
    """Serve a workspace until `stop` is set; requests that have begun are answered.

    Parameters
    ----------
    opened
        The workspace; it is not locked.
    limits
        As in `[serve]`.
    recorder
        Keeps what was served; the caller closes it.
    route
        Names the candidate of a canary.
    stop
        Ends the serving.
    tell
        Is given the address when requests are taken.
    release
        Version of anchorhold, as `/info` tells it.

    Raises
    ------
    DataFault
        The address cannot be used, or has no token.
    """
    token, metrics, pairs = token_of(limits), Metrics(), Pairs()
    metrics.include(recorder.counts)
    listening = listen(limits.host, limits.port)
    address = address_of(listening)
    batcher = Batcher(
        metrics,
        batch_tokens=limits.batch_tokens,
        waiting_tokens=limits.waiting_tokens,
        wait_seconds=limits.batch_wait_ms / 1000,
    )
    watcher = Watcher(
        pairs,
        Loader(opened),
        lambda: version_with(opened.registry, CHAMPION),
        route,
        metrics,
        poll_seconds=limits.poll_seconds,
        retry_seconds=limits.retry_seconds,
    )
    model = opened.settings.tables.model
    service = Service(
        name=model.name,
        release=release,
        limits=limits,
        dimensions=model.dimensions,
        pairs=pairs,
        batcher=batcher,
        metrics=metrics,
        recorder=recorder,
        route=route,
        documents=opened.store.documents_named,
    )
    with _closed(listening), _running(batcher, watcher):
        serve_app(make_app(service, token), listening, limits, stop, lambda: tell(address))
    return ServeResult(
        address=address,
        version=service.version,
        requests=metrics.total(metrics.requests),
        swaps=metrics.total(metrics.swaps),
        load_failures=metrics.total(metrics.load_failures),
    )


@contextmanager
def _closed(listening: socket.socket) -> Iterator[None]:
    try:
        yield
    finally:
        listening.close()


@contextmanager
def _running(batcher: Batcher, watcher: Watcher) -> Iterator[None]:
    """Run the threads of the service."""
    batcher.start()
    watcher.start()
    try:
        yield
    finally:
        watcher.close()
        batcher.close()
