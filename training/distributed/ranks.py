"""Ranks: processes that train one model together, and what they share."""

import atexit
import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from torch import Tensor, nn

Shared = TypeVar("Shared")

# How long ranks wait for each other. The first one may encode for hours. A rank that died is
# noticed by its launcher and by its closed connections, not by this timeout.
PATIENCE = timedelta(days=2)


def launched() -> bool:
    """Return whether a launcher such as torchrun started this process as one of its ranks."""
    return "WORLD_SIZE" in os.environ


def rank() -> int:
    """Return the number of this process among those that train together, from 0."""
    return int(os.environ.get("RANK", "0"))


def ranks() -> int:
    """Return how many processes train together; 1 without a launcher."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def connect(accelerated: bool = False) -> None:
    """Connect the ranks until this process ends; a single one needs no connection.

    Parameters
    ----------
    accelerated
        Whether they train on CUDA devices.
    """
    from torch import distributed

    if ranks() > 1 and not distributed.is_initialized():
        distributed.init_process_group(backend(accelerated), timeout=PATIENCE)
        atexit.register(distributed.destroy_process_group)


def backend(accelerated: bool) -> str:
    """Return what ranks speak through, with accelerators or without.

    accelerate's PartialState would choose one of the two, and none at all without a GPU.

    Examples
    --------
    >>> backend(accelerated=False)
    'gloo'
    """
    return "cpu:gloo,cuda:nccl" if accelerated else "gloo"


def wait_for_all() -> None:
    """Return when every rank has called this."""
    from torch import distributed

    if ranks() > 1:
        distributed.barrier()


def from_first(make: Callable[[], Shared]) -> Shared:
    """Return what the first rank makes, on every rank.

    Examples
    --------
    >>> from_first(lambda: "made once")
    'made once'
    """
    from torch import distributed

    made = [make() if rank() == 0 else None]
    if ranks() > 1:
        distributed.broadcast_object_list(made)
    return cast(Shared, made[0])


def whole_batch(
    model: "nn.Module", columns: "Sequence[Tensor]", labels: "Tensor"
) -> "tuple[list[Tensor], Tensor]":
    """Return the embeddings and labels of all ranks, in the order of the batch they were cut from.

    Each rank then computes the loss of the whole batch. The backward pass of the gathering adds up
    the ranks' gradients, which are equal, and the distributed model averages them, so that the
    weights move as if one process had seen the whole batch. If the model is not distributed, its
    process has all rows already.

    Parameters
    ----------
    model
        The model that made the embeddings.
    columns
        The embeddings of each column, each (rows of this rank, dimensions).
    labels
        (rows of this rank,).

    Returns
    -------
    tuple
        The embeddings of each column, (rows of the batch, dimensions), and the labels.
    """
    import torch
    from sentence_transformers.util.distributed import all_gather, all_gather_with_grad
    from torch.nn.functional import pad
    from torch.nn.parallel import DistributedDataParallel

    if not isinstance(model, DistributedDataParallel):
        return list(columns), labels
    sizes = all_gather(torch.tensor([len(labels)], device=labels.device)).tolist()
    longest = max(sizes)
    # Only parts of equal length can be gathered; these differ by one row at most.
    missing = longest - len(labels)
    rows = torch.cat(
        [number * longest + torch.arange(size) for number, size in enumerate(sizes)]
    ).to(labels.device)
    embeddings = pad(torch.stack(list(columns), dim=1), (0, 0, 0, 0, 0, missing))
    gathered = all_gather_with_grad(embeddings)[rows]
    return list(gathered.unbind(dim=1)), all_gather(pad(labels, (0, missing)))[rows]
