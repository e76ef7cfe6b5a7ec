"""Several processes or machines: for a training that they share, and for tasks of their own."""

from training.distributed.compute import Compute
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
    "FAULTS",
    "JOB",
    "Compute",
    "Engine",
    "Launcher",
    "Processes",
    "RankJob",
    "Ray",
    "connect",
    "from_first",
    "launch",
    "launched",
    "rank",
    "ranks",
    "wait_for_all",
    "whole_batch",
]
