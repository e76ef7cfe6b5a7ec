"""The number format of the forward pass in training: the faster one on this machine."""

import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from training.distributed import devices, has_bfloat16, is_cuda
from training.whole_files import written

if TYPE_CHECKING:
    from torch import Tensor

Precision = Literal["bf16", "fp32"]

# How many times as fast a matrix product must be in bfloat16 for a whole step to gain. Products
# take some 60 % of a step in fp32, and casting adds 15 % (derived from steps that were 1.4 times as
# fast where products were 4 times as fast), so a step gains from a factor of 1.4 on.
_WORTHWHILE = 1.5
_ROUNDS = 15


@cache
def fastest_precision(device: str = "cpu") -> Precision:
    """Return the faster training precision on a device, measured if its flags do not decide.

    Without native instructions bfloat16 is several times slower than fp32. With them it may be,
    too: with avx512_bf16 alone, products took a quarter of fp32's time on an AMD processor, and
    nearly twice its time on an Intel one whose AMX the virtual machine hides.

    Parameters
    ----------
    device
        "cpu", "mps" or "cuda". CUDA devices that only other machines have are taken for ones with
        bfloat16.
    """
    import torch

    if is_cuda(device) and not any(map(is_cuda, devices())):
        return "bf16"
    if not has_bfloat16(device):
        return "fp32"
    if device != "cpu":
        return "bf16"
    # The product of one layer for a batch of short texts. The formats take turns, so that other
    # work on the machine slows both down.
    fp32 = torch.ones(1024, 384), torch.ones(384, 1536)
    bf16 = fp32[0].bfloat16(), fp32[1].bfloat16()
    rounds = [(_seconds(*fp32), _seconds(*bf16)) for _ in range(_ROUNDS)]
    in_fp32, in_bf16 = map(min, zip(*rounds, strict=True))
    return "bf16" if in_fp32 >= _WORTHWHILE * in_bf16 else "fp32"


def settled_precision(note: Path, device: str = "cpu") -> Precision:
    """Return the precision that the file `note` holds, or measure the faster one and write it.

    A resumed training keeps the format that it began with, whatever a busy machine would measure
    now. A note that is damaged is measured again.
    """
    if note.exists():
        kept = note.read_bytes().strip()
        for known in get_args(Precision):
            if kept == known.encode():
                return known  # type: ignore[no-any-return]
    chosen = fastest_precision(device)
    with written(note) as partial:
        partial.write_text(chosen, encoding="ascii")
    return chosen


def _seconds(left: "Tensor", right: "Tensor") -> float:
    """Return the seconds that one matrix product takes."""
    began = time.perf_counter()
    left @ right
    return time.perf_counter() - began
