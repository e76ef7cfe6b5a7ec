"""The device: on which processor or accelerator models compute, chosen here and nowhere else."""

import os
from typing import Annotated

from pydantic import Field

from training.faults import DataFault

AUTO = "auto"
DeviceName = Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")]
"""What can be asked for."""


def devices() -> tuple[str, ...]:
    """Return the devices of this machine, the one that `auto` stands for first."""
    import torch

    cuda = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return (*cuda, *mps, "cpu")


def device_for(wanted: str = AUTO) -> str:
    """Return the device on which this process computes.

    Processes that train together on one machine take its CUDA devices in their order.

    Parameters
    ----------
    wanted
        "auto" for the first CUDA device, else Apple's "mps", else "cpu"; or "cpu", "mps", "cuda",
        "cuda:1".

    Returns
    -------
    str
        "cpu", "mps", or "cuda:" with a number.

    Raises
    ------
    DataFault
        This machine has no such device.

    Examples
    --------
    >>> device_for("cpu")
    'cpu'
    """
    if wanted == "cpu":
        return wanted
    there = devices()
    chosen = there[0] if wanted == AUTO else wanted
    if chosen.startswith("cuda"):
        number = os.environ.get("LOCAL_RANK") or chosen.partition(":")[2] or "0"
        chosen = f"cuda:{number}"
    if chosen not in there:
        raise DataFault(
            f"there is no device {chosen} (compute.device; compute.gpus on Ray); this machine has "
            f"{', '.join(there)}"
        )
    return chosen


def kind_of(wanted: str) -> str:
    """Return "cpu", "cuda" or "mps" for what can be asked for, also where another machine has it.

    Examples
    --------
    >>> kind_of("cuda:1"), kind_of("cpu")
    ('cuda', 'cpu')
    """
    return (device_for(wanted) if wanted == AUTO else wanted).partition(":")[0]


def is_cuda(device: str) -> bool:
    """Return whether a device is one of CUDA.

    Examples
    --------
    >>> is_cuda("cuda:1"), is_cuda("cuda"), is_cuda("cpu")
    (True, True, False)
    """
    return device.startswith("cuda")


def has_bfloat16(device: str) -> bool:
    """Return whether a device of this machine computes in bfloat16, without emulation."""
    import torch

    if is_cuda(device):
        with torch.cuda.device(device):
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device != "cpu":
        return False
    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def told(wanted: str) -> str:
    """Return the device that `device_for` chooses, and what it is, as people read it.

    Examples
    --------
    >>> told("cpu")
    'cpu'
    """
    device = device_for(wanted)
    if not is_cuda(device):
        return device
    import torch

    return f"{device} ({torch.cuda.get_device_name(device)})"
