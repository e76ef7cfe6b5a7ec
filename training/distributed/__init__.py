"""Several processes or machines: for a training that they share, and for tasks of their own."""

from training.distributed.compute import Compute
from training.distributed.devices import (
    AUTO,
    DeviceName,
    device_for,
    devices,
    has_bfloat16,
    is_cuda,
    kind_of,
    told,
)
from training.distributed.engines import Engine, Processes
from training.distributed.launch import FAULTS, JOB, Launcher, RankJob, launch
from training.distributed.on_ray import Ray
from training.distributed.ranks import (
    connect,
    from_first,
    launched,
    rank,
    ranks,
    wait_for_all,
    whole_batch,
)

__all__ = [
    "AUTO",
    "FAULTS",
    "JOB",
    "Compute",
    "DeviceName",
    "Engine",
    "Launcher",
    "Processes",
    "RankJob",
    "Ray",
    "connect",
    "device_for",
    "devices",
    "from_first",
    "has_bfloat16",
    "is_cuda",
    "kind_of",
    "launch",
    "launched",
    "rank",
    "ranks",
    "told",
    "wait_for_all",
    "whole_batch",
]
