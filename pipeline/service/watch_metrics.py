"""Metrics of a workspace that is watched, for Prometheus, on loopback."""

from types import TracebackType
from typing import Self

from pipeline.results import WatchEvent
from training.faults import DataFault

_LOOPBACK = "127.0.0.1"


class WatchMetrics:
    """A small HTTP server with `/metrics`; open it with `with`.

    Parameters
    ----------
    port
        Where it listens, on loopback; 0 takes any that is free.

    Attributes
    ----------
    port
        Where it listens.

    Raises
    ------
    DataFault
        The extra that serves is not installed, or the port cannot be used.
    """

    def __init__(self, port: int) -> None:
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server
        except ImportError:
            raise DataFault(
                "--metrics-port needs a package that is not installed: "
                'pip install "anchorhold[serve]"'
            ) from None
        registry = CollectorRegistry()
        self._cycles = Counter(
            "anchorhold_watch_cycles", "Cycles by outcome", ["outcome"], registry=registry
        )
        self._failed = Counter(
            "anchorhold_watch_failures", "Cycles that could not be run", registry=registry
        )
        self._failing = Gauge(
            "anchorhold_watch_failures_in_a_row", "Failures since a cycle ended", registry=registry
        )
        self._ended = Gauge(
            "anchorhold_watch_last_cycle_timestamp_seconds",
            "When the last cycle ended, since 1970",
            registry=registry,
        )
        self._champion = Gauge(
            "anchorhold_champion_version", "The version that serves", registry=registry
        )
        self._messages = Counter(
            "anchorhold_watch_messages", "Attempts to tell receivers", registry=registry
        )
        try:
            self._server, self._thread = start_http_server(port, _LOOPBACK, registry)
        except (OSError, OverflowError) as fault:
            why = getattr(fault, "strerror", None) or fault
            raise DataFault(
                f"--metrics-port {port}: {why}; allowed: a free port from 1 to 65535, or 0 for any"
            ) from None
        self.port = int(self._server.server_port)

    def __enter__(self) -> Self:
        """Return the server, which the end of the block closes."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def tell(self, event: WatchEvent) -> None:
        """Count what happened."""
        self._failing.set(event.failures)
        if event.event == "failed":
            self._failed.inc()
        if event.event == "messages":
            self._messages.inc()
        if event.result:
            self._cycles.labels(event.result.outcome).inc()
            self._champion.set(event.result.champion.version)
            self._ended.set(event.at.timestamp())
