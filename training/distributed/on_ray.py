"""Ray: the same tasks on the machines of a Ray cluster."""

import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any

from training.distributed.engines import Done, Task, threads_of
from training.distributed.launch import FAULTS, RankJob, follow
from training.distributed.ranks import PATIENCE, backend
from training.faults import EngineFault, first_line
from training.progress import Progress

_INSTALL = "pip install 'anchorhold[ray]'"
_UNTIL_PLACED = 300.0
"""Seconds until a worker must have a place, as clusters grow by minutes; chosen, not measured."""


class Ray:
    """Tasks in actors on a Ray cluster; Ray places them and replaces those that are lost.

    Parameters
    ----------
    address
        Address of the cluster; None: `RAY_ADDRESS`, or else a cluster on this machine that ends
        with `close`.
    workers
        Most actors at once. Those for which the cluster has no place yet join when it has.
    cpus, gpus
        Processors and accelerators of each. With accelerators, workers compute on CUDA; else on the
        CPU, whatever their machines have.
    retries
        How often a task is repeated whose actor was lost.
    patience
        Seconds to wait for the first actor.
    """

    reads_files = False

    def __init__(
        self,
        address: str | None = None,
        *,
        workers: int = 1,
        cpus: float = 1.0,
        gpus: float = 0.0,
        retries: int = 3,
        patience: float = _UNTIL_PLACED,
    ) -> None:
        self.workers = workers
        self.device = "cuda" if gpus > 0 else "cpu"
        # Without an address, and without `RAY_ADDRESS`, the cluster is this machine's own.
        address = address or os.environ.get("RAY_ADDRESS")
        self._place: dict[str, Any] = {"address": address or "local"}
        if not address:
            self._place |= {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        self._needs = {"num_cpus": cpus, "num_gpus": gpus}
        self._threads = threads_of(cpus)
        self._retries = retries
        self._patience = patience
        self._make: Any = None
        self._kept: Any = None
        self._ready: list[Any] = []
        self._starting: dict[Any, Any] = {}  # what each actor answers when it is ready
        self._began = False
        self._files = ""  # folder of a cluster that this began

    def map(
        self, make: Callable[[], Callable[[Task], Done]], tasks: Sequence[Task]
    ) -> Iterator[tuple[int, Done]]:
        """Yield the place of each task and what became of it, in the order in which they end."""
        ray = self._connect()
        self._start(make)
        left = list(reversed(list(enumerate(tasks))))
        idle = list(self._ready)
        running: dict[Any, tuple[int, Any]] = {}
        try:
            while left or running:
                while left and idle:
                    place, task = left.pop()
                    actor = idle.pop()
                    running[actor.run.remote([self._kept], task)] = place, actor
                refs = [*running, *self._starting]
                patience = None if self._ready else self._patience
                found, _ = ray.wait(refs, num_returns=1, timeout=patience)
                if not found:
                    raise EngineFault(
                        "the Ray cluster had no place for a worker with "
                        f"{self._needs['num_cpus']:g} CPUs and {self._needs['num_gpus']:g} GPUs "
                        f"within {self._patience:g} seconds; lower compute.cpus or compute.gpus, "
                        "or add machines"
                    )
                for ref in found:
                    if ref in self._starting:
                        ray.get(ref)
                        actor = self._starting.pop(ref)
                        self._ready.append(actor)
                        idle.append(actor)
                        continue
                    place, actor = running.pop(ref)
                    done = ray.get(ref)
                    idle.append(actor)
                    yield place, done
        except BaseException as fault:
            self._end()
            if isinstance(fault, ray.exceptions.RayTaskError):
                raise fault.cause from fault
            if isinstance(fault, ray.exceptions.RayError):
                raise EngineFault(
                    f"a worker on the Ray cluster was lost {self._retries + 1} times before its "
                    f"work was done ({first_line(fault)}); what was done is kept, and the next run "
                    "goes on"
                ) from fault
            raise

    def launch(
        self, job: RankJob, *, progress: Progress, on_step: Callable[[int], None] | None
    ) -> None:
        """Let Ray place the ranks of a job on its machines; it is called as a `Launcher` is.

        All machines need the folders that the job names, at the same paths. Ranks that are lost
        are all started again, as often as `retries` says, and go on from the last checkpoint.

        Raises
        ------
        EngineFault
            Ranks were lost again and again.
        """
        self._connect()
        self._end()  # its actors hold processors that the ranks need
        from ray.train import FailureConfig, RunConfig, ScalingConfig
        from ray.train.torch import TorchConfig, TorchTrainer
        from ray.util.queue import Queue

        events = Queue(actor_options={"num_cpus": 0})
        cpus, gpus = self._needs["num_cpus"], self._needs["num_gpus"]
        trainer = TorchTrainer(
            _rank,
            train_loop_config={"job": job, "events": events, "threads": self._threads},
            torch_config=TorchConfig(backend(gpus > 0), timeout_s=int(PATIENCE.total_seconds())),
            scaling_config=ScalingConfig(
                num_workers=job.processes,
                use_gpu=gpus > 0,
                resources_per_worker={"CPU": cpus, **({"GPU": gpus} if gpus else {})},
            ),
            run_config=RunConfig(
                name="ranks",
                storage_path=str(job.folder),
                failure_config=FailureConfig(max_failures=self._retries),
            ),
        )
        try:
            with job.files(), ThreadPoolExecutor(1) as thread, ExitStack() as bars:
                running = thread.submit(trainer.fit)
                fault = follow(_until_done(events, running), bars, progress, on_step)
                lost = running.exception()
        finally:
            events.shutdown(force=True)
        if fault is not None and type(fault) in FAULTS.values():
            raise fault
        if lost is not None:
            raise EngineFault(
                f"the processes of the training were lost on the Ray cluster: {first_line(lost)}"
            ) from lost

    def close(self) -> None:
        """End the actors, and the cluster if this began it."""
        self._end()
        if self._began:
            import ray

            ray.shutdown()
            self._began = False
            shutil.rmtree(self._files, ignore_errors=True)

    def _connect(self) -> Any:
        try:
            import ray
        except ImportError as fault:
            raise EngineFault(f'compute.engine = "ray" needs Ray: {_INSTALL}') from fault
        if not ray.is_initialized():
            place = dict(self._place)
            if place["address"] == "local":
                # Not in the workspace: the paths of sockets may have 107 bytes.
                self._files = tempfile.mkdtemp(
                    prefix="ray-", dir=os.environ.get("RAY_TMPDIR", "/tmp")
                )
                place["_temp_dir"] = self._files
            try:
                with _set(RAY_USAGE_STATS_ENABLED="0"), warnings.catch_warnings():
                    # Its processes execute another program at once: no state of ours is theirs.
                    warnings.filterwarnings("ignore", message=".* fork support is experimental")
                    ray.init(logging_level=logging.ERROR, log_to_driver=False, **place)
            except (OSError, RuntimeError, ValueError) as fault:
                shutil.rmtree(self._files, ignore_errors=True)
                raise EngineFault(
                    f"no Ray cluster at {self._place['address']}: {first_line(fault)}"
                ) from fault
            self._began = True
        return ray

    def _start(self, make: Callable[[], Any]) -> None:
        import ray

        if self._make == make and (self._ready or self._starting):
            return
        self._end()
        # Ray drops an object that nobody here refers to; an actor that is replaced needs it again.
        self._kept = ray.put(make)
        kind: Any = ray.remote(_Actor).options(
            max_restarts=-1, max_task_retries=self._retries, **self._needs
        )
        for _ in range(self.workers):
            actor = kind.remote(self._threads)
            self._starting[actor.ready.remote()] = actor
        self._make = make

    def _end(self) -> None:
        if self._ready or self._starting:
            import ray

            if ray.is_initialized():
                for actor in (*self._ready, *self._starting.values()):
                    ray.kill(actor)
        self._ready, self._starting, self._make, self._kept = [], {}, None, None


def _rank(config: dict[str, Any]) -> None:
    """Train as one rank, in a process that Ray placed."""
    import torch

    torch.set_num_threads(config["threads"])
    job: RankJob = config["job"]
    mark = job.folder / "fault"
    if mark.exists():
        # Ray starts lost ranks again, and also those that would only fail in the same way.
        raise RuntimeError(mark.read_text(encoding="utf-8"))
    try:
        import_module(job.worker).train(job.values, config["events"].put)
    except tuple(FAULTS.values()) as fault:
        mark.write_text(str(fault), encoding="utf-8")
        raise


def _until_done(events: Any, running: "Future[Any]") -> Iterator[dict[str, Any]]:
    """Yield what ranks report until the training has ended."""
    from ray.util.queue import Empty

    while not running.done() or not events.empty():
        try:
            yield events.get(timeout=1.0)
        except Empty:
            continue


class _Actor:
    """What does the tasks on a machine of the cluster."""

    def __init__(self, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self._work: Callable[[Any], Any] | None = None

    def ready(self) -> None:
        """Return when the actor can work."""

    def run(self, kept: Sequence[Any], task: Any) -> Any:
        """Do one task; the first one also makes what does them, whose faults are passed on.

        In a list, what makes it comes as a reference: only the first task fetches it. Among the
        arguments of an actor that may be replaced, Ray warns of a reference.
        """
        if self._work is None:
            import ray

            make: Callable[[], Callable[[Any], Any]] = ray.get(kept[0])
            self._work = make()
        return self._work(task)


@contextmanager
def _set(**values: str) -> Iterator[None]:
    """Set variables of the environment, which the processes of a new cluster inherit."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update({name: each for name, each in values.items() if before[name] is None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
