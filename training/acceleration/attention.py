"""Attention on a CPU over padded or packed texts, with a faster dropout."""

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

__all__ = ["attend", "use_own_attention"]


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **more: Any,
) -> tuple[Tensor, None]:
    """Return what transformers' own attention returns, with `ByteDropout` on the weights.

    On a CPU torch has no fused kernel for attention with dropout, so that none is lost here. Causal
    attention and other special kinds are left to the library.

    Parameters
    ----------
    query, key, value
        (texts, heads, positions, width).
    attention_mask
        (texts, 1, 1 or positions, positions), true where a position may be attended to.
    dropout
        Share of the attention weights that is left out.
    scaling
        Factor on the products of query and key (None: one over the root of the width).
    **more
        What else a model passes on. A `Layout` under `packing` tells how the texts of one packed
        row are divided.

    Returns
    -------
    tuple
        (texts, positions, heads, width), and None for the weights.

    Raises
    ------
    ValueError
        The texts are packed, but the attention is causal or of another special kind.
    """
    packing: Layout | None = more.pop("packing", None)
    causal = more.get("is_causal")
    causal = getattr(module, "is_causal", True) if causal is None else causal
    unusual = key.shape != query.shape or any(more.get(name) is not None for name in _UNUSUAL)
    if packing is not None:
        if causal or unusual or more.get("sliding_window") is not None:
            raise ValueError("attention is of a special kind; packed texts need the plain one")
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


def use_own_attention(model: SentenceTransformer) -> bool:
    """Replace torch's attention by `attend` in a model on a CPU; return whether it was replaced."""
    core = model.transformers_model
    if model.device.type != "cpu" or core is None or core.config._attn_implementation != "sdpa":
        return False
    core.set_attn_implementation(_OURS)
    return True
