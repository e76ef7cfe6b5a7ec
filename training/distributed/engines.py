"""Engines: where independent tasks run, in processes on this machine or on a Ray cluster."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any, Protocol, TypeVar

from training.distributed.devices import AUTO
from training.distributed.launch import Launcher, launch
from training.faults import EngineFault

Task = TypeVar("Task")
Done = TypeVar("Done")

Work = Callable[[Any], Any]
"""What does one task."""


class Engine(Protocol):
    """Runs tasks that do not depend on each other, and repeats those whose worker was lost.

    Attributes
    ----------
    workers
        How many tasks run at once.
    reads_files
        Whether workers read the files of this machine; otherwise they are sent what they need.
    device
        Where workers compute, as `device_for` takes it.
    """

    workers: int
    reads_files: bool
    device: str

    def map(
        self, make: Callable[[], Callable[[Task], Done]], tasks: Sequence[Task]
    ) -> Iterator[tuple[int, Done]]:
        """Yield the place of each task and what became of it, in the order in which they end.

        Parameters
        ----------
        make
            Called once in each worker; what it returns does the tasks. It is pickled. Workers are
            kept for the next call with an equal one.
        tasks
            What to do, each pickled.

        Raises
        ------
        EngineFault
            Workers are lost again and again, or none can be had.
        """

    @property
    def launch(self) -> Launcher:
        """What starts the ranks of a training."""

    def close(self) -> None:
        """End the workers."""


class Processes:
    """Tasks in several processes on this machine.

    Parameters
    ----------
    workers
        How many.
    threads
        Threads of each; sums of floats can differ in their last bits with their number.
    retries
        How often lost workers are replaced while no task ends.
    device
        Where they compute; all share it.

    Examples
    --------
    >>> engine = Processes(2)
    >>> engine.workers, engine.reads_files
    (2, True)
    """

    reads_files = True

    def __init__(
        self, workers: int, *, threads: int = 1, retries: int = 3, device: str = AUTO
    ) -> None:
        self.workers = workers
        self.device = device
        self._threads = threads
        self._retries = retries
        self._make: Any = None
        self._pool: ProcessPoolExecutor | None = None

    def map(
        self, make: Callable[[], Callable[[Task], Done]], tasks: Sequence[Task]
    ) -> Iterator[tuple[int, Done]]:
        """Yield the place of each task and what became of it, in the order in which they end."""
        left = dict(enumerate(tasks))
        lost = 0
        while left:
            waiting: dict[Future[Any], int] = {}
            try:
                pool = self._pool_of(make)
                for place, task in left.items():
                    waiting[pool.submit(_run, task)] = place
                for future in as_completed(waiting):
                    done = future.result()
                    lost = 0
                    yield waiting[future], done
                    del left[waiting[future]]
            except BrokenProcessPool as fault:
                self.close()
                lost += 1
                if lost > self._retries:
                    raise EngineFault(
                        f"a process ended {lost} times before its work was done; fewer "
                        "compute.workers need less memory"
                    ) from fault
            except BaseException:
                self.close()
                raise

    launch = staticmethod(launch)

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool, self._make = None, None

    def _pool_of(self, make: Callable[[], Work]) -> ProcessPoolExecutor:
        if self._pool is None or self._make != make:
            self.close()
            # Not forked: a copy of a process whose libraries have threads can lock up.
            self._pool = ProcessPoolExecutor(
                self.workers,
                get_context("spawn"),
                initializer=_begin,
                initargs=(make, self._threads),
            )
            self._make = make
        return self._pool


def threads_of(cpus: float) -> int:
    """Return how many threads a worker uses for which so many processors are reserved."""
    return max(1, int(cpus))


_make: Callable[[], Work] | None = None
_work: Work | None = None


def _begin(make: Callable[[], Work], threads: int) -> None:
    """Prepare a new process; `make` is called by its first task, whose faults are passed on."""
    global _make
    import torch

    _make = make
    torch.set_num_threads(threads)
    Thread(target=_end_with, args=(parent_process(),), daemon=True).start()


def _end_with(parent: Any) -> None:
    """End this process when its parent has ended, however that came about."""
    parent.join()
    os._exit(1)


def _run(task: Any) -> Any:
    global _work
    if _work is None:
        assert _make is not None
        _work = _make()
    return _work(task)
