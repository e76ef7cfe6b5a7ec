"""The number format of the forward pass in training: whichever is faster on this machine."""

import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor, nn

Precision = Literal["bf16", "fp32"]

# How many times as fast a product must be in bfloat16 for a whole step to gain: products are some
# 60 % of a step in fp32, and casting adds 15 % of it (from steps 1.4 times as fast where products
# were 4 times as fast), so a step gains from 1.4 on.
_WORTHWHILE = 1.5
_ROUNDS = 15


@cache
def fastest_precision() -> Precision:
    """Return the faster training precision of this machine, measured where flags cannot tell.

    Without native instructions autocast to bfloat16 is several times slower than fp32, and with
    them too on some processors: with avx512_bf16 alone, products took a quarter of fp32's time on
    an AMD processor and nearly twice its time on an Intel one whose AMX the virtual machine hides.
    """
    import torch

    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    capabilities = torch.cpu.get_capabilities()
    if not (capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")):
        return "fp32"
    # A layer's product, as large as a batch of short texts makes it; in turns, so that a moment's
    # other work on the machine meets both formats.
    fp32 = torch.ones(1024, 384), torch.ones(384, 1536)
    bf16 = fp32[0].bfloat16(), fp32[1].bfloat16()
    rounds = [(_seconds(*fp32), _seconds(*bf16)) for _ in range(_ROUNDS)]
    in_fp32, in_bf16 = map(min, zip(*rounds, strict=True))
    return "bf16" if in_fp32 >= _WORTHWHILE * in_bf16 else "fp32"


def settled_precision(note: Path) -> Precision:
    """Return the precision written in `note`, or the faster one, which is then written there.

    A training that is continued keeps the format it began with, whatever a second look at a busy
    machine would say.
    """
    if note.exists():
        return "bf16" if note.read_text(encoding="ascii").strip() == "bf16" else "fp32"
    chosen = fastest_precision()
    note.parent.mkdir(parents=True, exist_ok=True)
    beside = note.with_name(f"{note.name}.partial")
    beside.write_text(chosen, encoding="ascii")
    beside.replace(note)
    return chosen


def keep_within(model: "nn.Module") -> None:
    """Let the layer norms within a model hand on autocast's number format, the last one float32.

    Autocast leaves what comes out of a norm in float32 where float32 went in, as from the word
    embeddings, and so the stream through all layers: each product then narrows its input, and each
    gradient is widened again. The sums within a norm and the weights stay in float32, as does what
    leaves the model.
    """
    import torch
    from torch import nn

    def within(states: "Tensor") -> bool:
        return torch.is_autocast_enabled(states.device.type)

    def narrow(_: "nn.Module", given: object, states: "Tensor") -> "Tensor":
        return states.to(torch.get_autocast_dtype(states.device.type)) if within(states) else states

    def widen(_: "nn.Module", given: "tuple[Tensor, ...]") -> "tuple[Tensor, ...]":
        return tuple(states.float() if within(states) else states for states in given)

    norms = [part for part in model.modules() if isinstance(part, nn.LayerNorm)]
    for norm in norms[:-1]:
        norm.register_forward_hook(narrow)
    for norm in norms[-1:]:
        norm.register_forward_pre_hook(widen)


def _seconds(left: "Tensor", right: "Tensor") -> float:
    """Return the seconds that one product takes."""
    began = time.perf_counter()
    left @ right
    return time.perf_counter() - began
