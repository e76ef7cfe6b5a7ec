"""Batches that several processes share: each process trains on an equal part of every batch."""

from training.faults import DataFault


def part_of(batch_size: int, processes: int) -> int:
    """Return the pairs of a batch for each process.

    Raises
    ------
    DataFault
        The batch cannot be cut into equal parts.

    Examples
    --------
    >>> part_of(32, 2)
    16
    """
    if batch_size % processes:
        raise DataFault(
            f"finetune.batch_size is {batch_size}, not a multiple of the {processes} processes; "
            "each process needs an equal part of a batch"
        )
    return batch_size // processes


def check_parts(pairs: int, batch_size: int, processes: int) -> None:
    """Refuse a mix of so many pairs whose batches cannot be shared among the processes.

    Raises
    ------
    DataFault
        A batch cannot be cut, or the smallest one has fewer pairs than there are processes.
    """
    part_of(batch_size, processes)
    smallest = pairs // -(-pairs // batch_size)
    if smallest < processes:
        raise DataFault(
            f"finetune.processes is {processes}; allowed are at most {smallest}, the pairs of the "
            "smallest batch"
        )
