"""The metrics of the service, in the text format of Prometheus; none holds a user's text."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_TOKENS = (8, 32, 128, 256, 512, 1024, 2048, 4096, 8192)


class Metrics:
    """Counts what the service does; each process has its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()

        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(f"anchorhold_{name}", about, labels, registry=self._registry)

        def gauge(name: str, about: str, *labels: str) -> Gauge:
            return Gauge(f"anchorhold_{name}", about, labels, registry=self._registry)

        def histogram(name: str, about: str, buckets: Iterable[float], *labels: str) -> Histogram:
            return Histogram(
                f"anchorhold_{name}", about, labels, buckets=(*buckets,), registry=self._registry
            )

        self.requests = counter("requests", "Answers by path and status.", "path", "status")
        self.seconds = histogram("request_seconds", "Seconds of an answer.", _SECONDS, "path")
        self.in_progress = gauge("requests_in_progress", "Requests at work.")
        self.tokens = counter("tokens", "Tokens that were asked for, without padding.")
        self.batch_texts = histogram("batch_texts", "Texts per forward pass.", _SIZES)
        self.batch_tokens = histogram("batch_tokens", "Padded tokens per pass.", _TOKENS)
        self.shared = counter("shared_texts", "Texts that joined an equal one in flight.")
        self.waiting_texts = gauge("waiting_texts", "Texts that wait for the model.")
        self.waiting_tokens = gauge("waiting_tokens", "Tokens that wait for the model.")
        self.version = gauge("serving_version", "Version that serves; 0: none.", "arm")
        self.documents = gauge("index_documents", "Documents in the index that serves.")
        self.swaps = counter("swaps", "Pairs of model and index that were replaced.")
        self.load_failures = counter("load_failures", "Versions that could not be loaded.")
        self.load_seconds = gauge("load_seconds", "Seconds that the last load took.")
        self.registry_failures = counter("registry_failures", "Failed requests to MLflow.")
        self.record_failures = counter("record_failures", "Queries that the log did not take.")
        self.errors = counter("unexpected_errors", "Answers with status 500.")

    def include(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """Show further numbers that only grow, by name: those of the log."""
        self._registry.register(_Counts(counts))

    @staticmethod
    def total(counter: Counter) -> int:
        """Return a counter, summed over its labels."""
        samples = (each for family in counter.collect() for each in family.samples)
        return int(sum(each.value for each in samples if each.name.endswith("_total")))

    def page(self) -> bytes:
        """Return all of them as text."""
        return generate_latest(self._registry)


class _Counts(Collector):
    def __init__(self, counts: Callable[[], Mapping[str, int]]) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        for name, value in self._counts().items():
            yield CounterMetricFamily(f"anchorhold_log_{name}", "Lines of the log.", value=value)
