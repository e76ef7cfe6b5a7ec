"""The watcher: looks at the alias, and lets another version serve once that is wholly loaded."""

import gc
import logging
import random
import threading
import time
import weakref
from collections.abc import Callable
from typing import Protocol

from pipeline.machine.pace import pause_after, spread_out
from pipeline.service.hooks import Route
from pipeline.service.metrics import Metrics
from pipeline.service.pair import Loaded, Pairs, Served
from training.faults import AnchorholdError

logger = logging.getLogger(__name__)

_JITTER = 0.1
_LONGEST_RETRY = 3600.0
_LONGEST_INDEX_RETRY = 200.0  # of what serves, before its state is deleted (READERS_HAVE_MOVED)


class Loads(Protocol):
    """Loads versions; `Loader` does."""

    def load(self, number: int) -> Served:
        """Return a version, whole and tried."""

    def with_index_of_today(self, served: Served) -> Served:
        """Return the pair with the index as it is now; itself where that did not change."""


class Watcher:
    """Keeps the loaded pairs those that the alias and the canary name.

    One thread does everything, one thing after another: there is never more than one request to
    MLflow, and never more than one version being loaded. What fails changes nothing that serves.

    Parameters
    ----------
    pairs
        What serves; this is the only one that changes it.
    loader
        Loads a version.
    champion
        Returns the number of the version with the alias; asks MLflow.
    route
        Names the candidate of a canary.
    metrics
        Counts swaps and failures.
    poll_seconds, retry_seconds
        As in `[serve]`.
    """

    def __init__(
        self,
        pairs: Pairs,
        loader: Loads,
        champion: Callable[[], int | None],
        route: Route,
        metrics: Metrics,
        *,
        poll_seconds: float,
        retry_seconds: float,
    ) -> None:
        self._pairs = pairs
        self._loader = loader
        self._champion = champion
        self._route = route
        self._metrics = metrics
        self._poll_seconds = poll_seconds
        self._retry_seconds = retry_seconds
        self._failed: dict[int, tuple[float, int]] = {}
        self._retired: list[weakref.ref[Served]] = []
        self._silent = False
        # Not the generator that the whole process shares: others rely on its state.
        self._chance = random.Random()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="anchorhold-watcher", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def close(self) -> None:
        """Stop; a version that is being loaded is not waited for."""
        self._stopped.set()
        self._thread.join(timeout=1.0)

    def poll(self) -> None:
        """Look once, and load what is named and not loaded."""
        before = self._pairs.loaded
        number = self._number(before)
        champion = self._follow(before.champion, number, before.candidate)
        if champion is None:
            champion = before.champion
        named = self._route.candidate()
        if named is None or (champion is not None and named == champion.version):
            candidate = None
        else:
            candidate = self._follow(before.candidate, named, before.champion)
        after = Loaded(champion, candidate)
        if (after.champion, after.candidate) == (before.champion, before.candidate):
            self._collect()
            return
        self._pairs.loaded = after
        self._tell(before, after)

    def _number(self, before: Loaded) -> int | None:
        """Return which version the alias names; that which serves while MLflow does not answer."""
        try:
            number = self._champion()
        except AnchorholdError as fault:
            self._metrics.registry_failures.inc()
            if not self._silent:
                logger.warning("what serves goes on serving: %s", fault)
            self._silent = True
            return before.champion.version if before.champion else None
        self._silent = False
        return number

    def _follow(
        self, serving: Served | None, number: int | None, other: Served | None
    ) -> Served | None:
        """Return the pair for a version; None where it is not to be had."""
        if number is None:
            return None
        known = next((each for each in (serving, other) if each and each.version == number), None)
        if number in self._failed and time.monotonic() < self._failed[number][0]:
            return known
        began = time.monotonic()
        try:
            if known is not None:
                found = self._loader.with_index_of_today(known)
            else:
                found = self._loader.load(number)
                self._metrics.load_seconds.set(time.monotonic() - began)
        # Whatever a model folder or an index makes a library raise: what serves goes on.
        except Exception as fault:
            failures = self._failed.get(number, (0.0, 0))[1] + 1
            longest = _LONGEST_RETRY if known is None else _LONGEST_INDEX_RETRY
            wait = pause_after(failures, self._retry_seconds, longest)
            self._failed[number] = (time.monotonic() + wait, failures)
            self._metrics.load_failures.inc()
            told = fault if isinstance(fault, AnchorholdError) else type(fault).__name__
            logger.warning("version %d is not loaded, again in %.0f s: %s", number, wait, told)
            return known
        self._failed.pop(number, None)
        return found

    def _tell(self, before: Loaded, after: Loaded) -> None:
        self._metrics.swaps.inc()
        for arm, pair in (("champion", after.champion), ("candidate", after.candidate)):
            self._metrics.version.labels(arm).set(pair.version if pair else 0)
        index = after.champion.index if after.champion else None
        self._metrics.documents.set(index.index.stamp.documents if index else 0)
        for each in (before.champion, before.candidate):
            if each is not None and each not in (after.champion, after.candidate):
                self._retired.append(weakref.ref(each))
        if after.champion and after.champion is not before.champion:
            logger.info("version %d serves", after.champion.version)

    def _collect(self) -> None:
        """Free the memory of pairs whose last request has ended: models are full of circles."""
        left = [each for each in self._retired if each() is not None]
        if len(left) < len(self._retired):
            gc.collect()
        self._retired = left

    def _watch(self) -> None:
        while not self._stopped.is_set():
            try:
                self.poll()
            except Exception:
                # A fault of our own must not end the watching.
                logger.exception("the watcher failed")
            self._stopped.wait(spread_out(self._poll_seconds, _JITTER, self._chance))
