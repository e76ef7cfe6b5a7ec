"""The server: listens, serves until it is told to stop, and finishes what it has begun."""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from pipeline.workspace import Serve
from training.faults import DataFault

_KEEP_ALIVE = 75
"""Seconds that an idle connection stays open: longer than clients keep theirs, so that none sends
a request into a connection that is being closed."""
_BACKLOG = 1024


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises
    ------
    DataFault
        The address cannot be used.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(_BACKLOG)
        except BaseException:
            listening.close()
            raise
    except OSError as fault:
        raise DataFault(
            f"cannot listen on {host}:{port} ({fault.strerror}); choose another with --host, "
            "--port or in [serve]"
        ) from None
    return listening


def address_of(listening: socket.socket) -> str:
    """Return the URL of a socket that listens."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve_app(
    app: ASGIApp,
    listening: socket.socket,
    limits: Serve,
    stop: threading.Event,
    tell: Callable[[], None],
) -> None:
    """Serve until `stop` is set; then answer what has begun, and return.

    Parameters
    ----------
    app
        What answers.
    listening
        The socket.
    limits
        As in `[serve]`.
    stop
        Ends the serving.
    tell
        Called once, when requests are taken.
    """
    connection = type("Connection", (_Connection,), {"patience": limits.timeout_seconds})
    config = uvicorn.Config(
        app,
        http=connection,
        ws="none",
        lifespan="off",
        log_config=None,
        # Its messages quote addresses and tracebacks.
        log_level=logging.CRITICAL,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=max(1, round(limits.timeout_seconds)),
    )
    _Server(config, stop, tell).run(sockets=[listening])


class _Server(uvicorn.Server):
    """Is stopped by an event; signals belong to the program that serves."""

    def __init__(
        self, config: uvicorn.Config, stop: threading.Event, tell: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._stop = stop
        self._tell = tell

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signal handlers of the process as they are."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take requests, and say so."""
        await super().startup(sockets)
        self._tell()

    async def on_tick(self, counter: int) -> bool:
        """Return whether to stop."""
        return self._stop.is_set() or await super().on_tick(counter)


class _Connection(H11Protocol):
    """Drops a client that does not send a request, or does not read its answer, in time."""

    patience = 30.0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Wait for the first request."""
        super().connection_made(transport)
        self._wait(self.patience)

    def data_received(self, data: bytes) -> None:
        """Stop waiting when a request has begun."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._end_wait()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._wait(_KEEP_ALIVE + self.patience)
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._end_wait()
        super().connection_lost(exc)

    def _wait(self, seconds: float) -> None:
        self._end_wait()
        self._deadline = self.loop.call_later(seconds, self._drop)

    def _end_wait(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _drop(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()
