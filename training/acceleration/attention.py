"""Attention on a CPU: of padded or packed texts, with dropout of our own."""

from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from training.acceleration.dropout import ByteDropout

if TYPE_CHECKING:
    from training.acceleration.packing import Layout

__all__ = ["attend", "attend_for_less"]


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    packing: "Layout | None" = None,
    **more: Any,
) -> tuple[Tensor, None]:
    """Attend as transformers' own does, (texts, heads, positions, width), with dropout of ours.

    On a CPU torch has no fused kernel for attention that drops weights, so that nothing is lost
    with it here. What is more than attention over all positions that the mask lets through goes to
    the library's.

    Parameters
    ----------
    packing
        How texts that lie one after another as one are divided.

    Raises
    ------
    ValueError
        Packed texts, and attention that looks only one way or is otherwise unusual.
    """
    causal = more.get("is_causal")
    causal = getattr(module, "is_causal", True) if causal is None else causal
    unusual = key.shape != query.shape or any(more.get(name) is not None for name in _UNUSUAL)
    if packing is not None:
        if causal or unusual or more.get("sliding_window") is not None:
            raise ValueError("packed texts need attention over all positions of a text")
        states = [part.squeeze(0).transpose(0, 1) for part in (query, key, value)]
        attended = [
            _attended(*group, dropout=dropout, scaling=scaling) for group in packing.padded(states)
        ]
        return packing.packed(attended).unsqueeze(0), None
    if dropout == 0 or unusual or (causal and attention_mask is None):
        attended_by_library, _ = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **more
        )
        return attended_by_library, None
    attended_by_us = _attended(query, key, value, attention_mask, dropout, scaling)
    return attended_by_us.transpose(1, 2).contiguous(), None


def _attended(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    dropout: float,
    scaling: float | None,
) -> Tensor:
    """Return (texts, heads, positions, width)."""
    if dropout == 0:
        return functional.scaled_dot_product_attention(query, key, value, mask, scale=scaling)
    weights = query * (query.shape[-1] ** -0.5 if scaling is None else scaling) @ key.mT
    if mask is not None:
        weights = weights.masked_fill(~mask, torch.finfo(weights.dtype).min)
    weights = ByteDropout(dropout)(weights.softmax(dim=-1)).to(value.dtype)
    attended: Tensor = weights @ value
    return attended


_UNUSUAL = ("cache", "position_bias", "softcap")
_OURS = "anchorhold"
AttentionInterface.register(_OURS, attend)
AttentionMaskInterface.register(_OURS, sdpa_mask)


def attend_for_less(model: SentenceTransformer) -> bool:
    """Let a model attend by `attend` where it would by torch's, on a CPU; say whether it does."""
    core = model.transformers_model
    if model.device.type != "cpu" or core is None or core.config._attn_implementation != "sdpa":
        return False
    core.set_attn_implementation(_OURS)
    return True
