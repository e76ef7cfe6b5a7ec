"""A bounded queue and the one thread that writes it in batches, again and again where it must."""

import atexit
import itertools
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from pipeline.store import StoreUnusable
from training.faults import AnchorholdError

_MOST_AT_ONCE = 2_000
"""Items per transaction: others that write wait for no more than these."""
_LONGEST_PAUSE = 30.0
"""Seconds between two tries to write, at most."""

logger = logging.getLogger(__name__)

_Item = TypeVar("_Item")


class Batches(Generic[_Item]):
    """Writes items in batches from a thread of its own; usable from any other thread.

    Parameters
    ----------
    write
        Keeps a batch as a whole; repeating it changes nothing. It is called again after a
        `StoreUnusable`; any other fault of it must not happen.
    items
        Items after which a batch is written before its time is up.
    seconds
        Longest that an item waits for its batch.
    most
        Most items that wait, those included that are being written.

    Examples
    --------
    >>> written = []
    >>> batches = Batches(written.append, items=2, seconds=60.0, most=100)
    >>> all(batches.append(each) for each in "abcde")
    True
    >>> batches.close()
    >>> "".join("".join(batch) for batch in written), batches.append("f")
    ('abcde', False)
    """

    def __init__(
        self,
        write: Callable[[Sequence[_Item]], None],
        *,
        items: int,
        seconds: float,
        most: int,
    ) -> None:
        self._write, self._items, self._seconds, self._most = write, items, seconds, most
        self._changed = threading.Condition()
        self._waiting: deque[tuple[float, _Item]] = deque()
        self._wanted = self._taken = self._done = 0
        self._ends: float | None = None
        self._process = os.getpid()
        self.fault = ""
        """Why nothing is written at the moment; "" where all is well."""
        self.retries = 0
        """How often writing was tried again."""
        self._thread = threading.Thread(target=self._work, name="anchorhold-log", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def append(self, item: _Item) -> bool:
        """Let an item wait; return False where the queue is full or closed.

        Raises
        ------
        AnchorholdError
            This process was forked from the one with the thread.
        """
        if os.getpid() != self._process:
            raise AnchorholdError(
                f"the log was opened in process {self._process}, and process {os.getpid()} has no "
                "thread that writes it; open it in the forked process"
            )
        with self._changed:
            if self._ends is not None or len(self._waiting) >= self._most:
                return False
            self._waiting.append((time.monotonic(), item))
            self._taken += 1
            if len(self._waiting) in (1, self._items):
                self._changed.notify_all()
            return True

    def flush(self, timeout: float | None = None) -> bool:
        """Write what waits; return whether it was written within so many seconds."""
        with self._changed:
            self._wanted = wanted = self._taken
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._done >= wanted, timeout)

    def close(self, timeout: float = 60.0) -> None:
        """Write what waits and end; repeating it does nothing.

        Parameters
        ----------
        timeout
            Seconds for which writing is tried again.

        Raises
        ------
        StoreUnusable
            Not all could be written.
        """
        if os.getpid() != self._process:
            return
        with self._changed:
            if self._ends is None:
                self._ends = time.monotonic() + timeout
            self._changed.notify_all()
        self._thread.join()
        atexit.unregister(self.close)
        lost = len(self._waiting)
        self._waiting.clear()
        if lost:
            raise StoreUnusable(f"{lost} lines of the log are lost: {self.fault}")

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._is_due():
                    self._changed.wait(self._seconds_left())
                batch = [item for _, item in itertools.islice(self._waiting, _MOST_AT_ONCE)]
            if not batch or not self._write_patiently(batch):
                return
            with self._changed:
                for _ in batch:
                    self._waiting.popleft()
                self._done += len(batch)
                self._changed.notify_all()

    def _is_due(self) -> bool:
        if self._ends is not None:
            return True
        left = self._seconds_left()
        if left is None:
            return False
        return len(self._waiting) >= self._items or self._done < self._wanted or left <= 0

    def _seconds_left(self) -> float | None:
        """Return how long the oldest item may still wait; None where none waits."""
        if not self._waiting:
            return None
        return self._waiting[0][0] + self._seconds - time.monotonic()

    def _write_patiently(self, batch: Sequence[_Item]) -> bool:
        """Write a batch, again and again; return False if it has to be given up at the end."""
        pause = 0.1
        while True:
            try:
                self._write(batch)
            except StoreUnusable as fault:
                if not self.fault:
                    logger.warning("the log waits: %s", fault)
                self.fault = str(fault)
            else:
                self.fault = ""
                return True
            with self._changed:
                if self._ends is not None and time.monotonic() >= self._ends:
                    return False
                self.retries += 1
                self._changed.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE if self._ends is None else 1.0)
