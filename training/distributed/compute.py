"""The table `[compute]`: on which device and engine models encode and train."""

from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.distributed.devices import AUTO, DeviceName
from training.distributed.engines import Engine, Processes, threads_of
from training.distributed.on_ray import Ray
from training.settings import SETTINGS


@dataclass(frozen=True, config=SETTINGS)
class Compute:
    """Where models compute: on which device, and with how many workers on which engine.

    Workers get whole batches, so that all engines give the same vectors with the same `cpus`. The
    command's own process uses all processors, and its vectors can differ in the last bits.

    Examples
    --------
    >>> Compute().engine_of_tasks() is None  # this process encodes
    True
    >>> Compute(workers=2).engine_of_tasks().workers
    2
    """

    device: DeviceName = AUTO
    """Where models compute on this machine: "cpu", "cuda", "cuda:1" or "mps".

    "auto" takes the first CUDA device, else "mps", else the CPU. Workers on Ray compute on CUDA if
    `gpus` reserves an accelerator for each, and otherwise on the CPU.
    """
    engine: Literal["local", "ray"] = "local"
    """Where workers run: in processes on this machine, or as actors on a Ray cluster."""
    workers: int = Field(default=1, ge=1, le=4096)
    """Workers that encode, or train several strategies, at once.

    A single local one is the command's own process.
    """
    address: str | None = Field(default=None, min_length=1, examples=["ray://head:10001"])
    """Address of the Ray cluster; without it, `RAY_ADDRESS`, or else one on this machine."""
    cpus: float = Field(default=1.0, ge=0, le=1024)
    """Processors for each worker: its threads, and what Ray reserves."""
    gpus: float = Field(default=0.0, ge=0, le=64)
    """Accelerators that Ray reserves for each worker; several workers can share one."""
    retries: int = Field(default=3, ge=0, le=100)
    """How often work is repeated whose worker was lost."""
    price_per_hour: float | None = Field(default=None, gt=0, examples=[0.9])
    """What a worker costs per hour, in any currency; estimates then say what a build costs."""

    def engine_of_tasks(self) -> Engine | None:
        """Return the engine, which starts its workers when they are needed; None: this process."""
        if self.engine == "ray":
            return Ray(
                self.address,
                workers=self.workers,
                cpus=self.cpus,
                gpus=self.gpus,
                retries=self.retries,
            )
        if self.workers == 1:
            return None
        return Processes(
            self.workers,
            threads=threads_of(self.cpus),
            retries=self.retries,
            device=self.device,
        )
