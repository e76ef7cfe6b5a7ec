"""The batcher: texts of many requests through the model in few forward passes, in one thread."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.service.faults import unavailable, unusable
from pipeline.service.metrics import Metrics
from pipeline.service.pair import Served
from pipeline.service.passes import passes
from training.encoding import Encoder
from training.encoding.prompts import Kind
from training.progress import quiet

logger = logging.getLogger(__name__)

Floats = NDArray[np.float32]

_TURN = 16
"""Texts that one request may add to a batch before the next request has its turn."""


@dataclass(eq=False)
class _Text:
    """One text in flight, and who waits for it."""

    text: str
    tokens: int
    wanted: int = 0
    taken: bool = False
    vector: Floats | None = None


@dataclass(eq=False)
class _Job:
    """What one request waits for."""

    texts: list[_Text]
    pending: deque[_Text]
    left: int
    done: "asyncio.Future[None]"
    dropped: bool = False
    fault: BaseException | None = None


@dataclass(eq=False)
class _Group:
    """What waits for one model, as queries or as documents: only that can share a pass."""

    encoder: Encoder
    kind: Kind
    jobs: deque[_Job] = field(default_factory=deque)
    flying: dict[str, _Text] = field(default_factory=dict)
    waiters: dict[_Text, list[_Job]] = field(default_factory=dict)


class Encoded(NamedTuple):
    """Vectors, (texts, dimensions), and how many tokens they took."""

    vectors: Floats
    tokens: int


class Batcher:
    """Encodes the texts of many requests together.

    A pass takes what waits when the model becomes free, each request in its turn, and is divided by
    length. Equal texts in flight are encoded once.

    Parameters
    ----------
    metrics
        Counts texts and tokens.
    batch_tokens, waiting_tokens
        As in `[serve]`.
    wait_seconds
        How long an idle model waits for more.
    """

    def __init__(
        self,
        metrics: Metrics,
        *,
        batch_tokens: int = 2048,
        waiting_tokens: int = 262_144,
        wait_seconds: float = 0.0,
    ) -> None:
        self._metrics = metrics
        self._batch_tokens = batch_tokens
        self._waiting_tokens = waiting_tokens
        self._wait_seconds = wait_seconds
        self._changed = threading.Condition()
        self._groups: dict[tuple[int, Kind], _Group] = {}
        self._tokens = 0
        self._texts = 0
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="anchorhold-model", daemon=True)

    def start(self) -> None:
        """Start the thread of the model."""
        self._thread.start()

    def close(self) -> None:
        """End the thread, once nothing waits."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    async def encode(
        self, served: Served, texts: Sequence[str], kind: Kind, counts: Sequence[int]
    ) -> Encoded:
        """Return the vectors of texts by a loaded version.

        Parameters
        ----------
        served
            The pair that answers the request.
        texts
            At least one.
        kind
            Whether they are queries or documents.
        counts
            Tokens of each text, as `token_counts` gives them.

        Raises
        ------
        Refused
            Too much waits already, or the model has no embedding for a text.
        """
        job = self._add(served.encoder, texts, kind, counts)
        try:
            await job.done
        finally:
            job.dropped = True
        if job.fault is not None:
            raise job.fault
        vectors = np.stack([each.vector for each in job.texts if each.vector is not None])
        missing = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        if len(missing):
            raise unusable(f"version {served.version} has no embedding for text {missing[0]}")
        tokens = sum(counts)
        self._metrics.tokens.inc(tokens)
        return Encoded(vectors, tokens)

    def _add(
        self, encoder: Encoder, texts: Sequence[str], kind: Kind, counts: Sequence[int]
    ) -> _Job:
        done = asyncio.get_running_loop().create_future()
        with self._changed:
            if self._tokens and self._tokens + sum(counts) > self._waiting_tokens:
                raise unavailable(
                    "overloaded",
                    f"{self._tokens} tokens wait for the model, at most {self._waiting_tokens} may",
                )
            group = self._groups.setdefault((id(encoder), kind), _Group(encoder, kind))
            job = _Job([], deque(), 0, done)
            for text, tokens in zip(texts, counts, strict=True):
                job.texts.append(self._join(group, job, text, tokens))
            group.jobs.append(job)
            self._measure()
            self._changed.notify()
        return job

    def _join(self, group: _Group, job: _Job, text: str, tokens: int) -> _Text:
        """Let a request wait for a text, which others may wait for already."""
        known = group.flying.get(text)
        if known is None:
            known = group.flying[text] = _Text(text, tokens)
            group.waiters[known] = []
            self._tokens += tokens
            self._texts += 1
        else:
            self._metrics.shared.inc()
        waiters = group.waiters[known]
        if job not in waiters:
            waiters.append(job)
            job.left += 1
            if not known.taken:
                job.pending.append(known)
        return known

    def _work(self) -> None:
        # Until there is a model there is no library to keep quiet.
        if self._wait():
            with quiet():
                self._turn()
                while self._wait():
                    self._turn()

    def _wait(self) -> bool:
        """Wait until there is something to do; return whether there is."""
        with self._changed:
            while not self._groups and not self._closed:
                self._changed.wait()
            alone = self._texts == 1
        if alone and self._wait_seconds:
            time.sleep(self._wait_seconds)
        return bool(self._groups)

    def _turn(self) -> None:
        """Encode one batch of the group whose turn it is; nothing of it is held afterwards."""
        with self._changed:
            key, group = next(iter(self._groups.items()))
            batch = self._take(group)
            # Another version, or the other kind, has its turn next.
            del self._groups[key]
            if batch:
                self._groups[key] = group
        for rows in passes([each.tokens for each in batch], self._batch_tokens):
            self._pass(group, [batch[row] for row in rows])

    def _take(self, group: _Group) -> list[_Text]:
        """Take the texts of one batch, some of each request in turn; the lock is held."""
        batch: list[_Text] = []
        room = self._batch_tokens
        while group.jobs and room > 0:
            job = group.jobs.popleft()
            for _ in range(_TURN):
                if not job.pending or room <= 0:
                    break
                each = job.pending.popleft()
                if each.taken:
                    continue
                if all(waiter.dropped for waiter in group.waiters[each]):
                    self._forget(group, each)
                    continue
                each.taken = True
                batch.append(each)
                room -= each.tokens
            if job.pending:
                group.jobs.append(job)
        self._measure()
        return batch

    def _pass(self, group: _Group, batch: Sequence[_Text]) -> None:
        fault: BaseException | None = None
        try:
            vectors = group.encoder.encode_pass([each.text for each in batch], kind=group.kind)
            for each, vector in zip(batch, vectors, strict=True):
                each.vector = vector
        # The requests get the fault; the thread must go on for all others.
        except Exception as found:
            if len(batch) > 1:
                # Whichever text it is, the others are answered.
                for each in batch:
                    self._pass(group, [each])
                return
            logger.warning("a forward pass failed: %s", type(found).__name__)
            fault = found
        self._metrics.batch_texts.observe(len(batch))
        self._metrics.batch_tokens.observe(len(batch) * max(each.tokens for each in batch))
        finished: list[_Job] = []
        with self._changed:
            for each in batch:
                for job in self._forget(group, each):
                    job.left -= 1
                    job.fault = job.fault or fault
                    if not job.left:
                        finished.append(job)
            self._measure()
        if finished:
            # All of them are of the one loop of the service.
            finished[0].done.get_loop().call_soon_threadsafe(_finish, finished)

    def _forget(self, group: _Group, each: _Text) -> list[_Job]:
        """Take a text out of flight; return who waited for it."""
        del group.flying[each.text]
        self._tokens -= each.tokens
        self._texts -= 1
        return group.waiters.pop(each)

    def _measure(self) -> None:
        self._metrics.waiting_texts.set(self._texts)
        self._metrics.waiting_tokens.set(self._tokens)


def _finish(jobs: Iterable[_Job]) -> None:
    for job in jobs:
        if not job.done.done():
            job.done.set_result(None)
