"""Training in several processes as one."""

from training.distributed.launch import FAULTS, JOB, launch
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
    "connect",
    "from_first",
    "launch",
    "launched",
    "rank",
    "ranks",
    "wait_for_all",
    "whole_batch",
]
