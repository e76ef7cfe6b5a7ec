"""Dropout at less cost on a CPU: of the model's own shares, with eight draws a random number.

Drawing what dropout leaves out takes an eighth of a transformer's training on short texts, and a
third on long ones, where most draws are those of attention.
"""

from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

__all__ = ["ByteDropout", "draw_for_less"]

_STEPS = 256


class ByteDropout(nn.Dropout):
    """Dropout that draws one byte a number; its share is that given, to the nearest 1/256.

    On devices other than the CPU it is the usual one.

    Examples
    --------
    >>> states = ByteDropout(0.5)(torch.ones(1000))
    >>> sorted(set(states.tolist())), 400 < int(states.count_nonzero()) < 600
    ([0.0, 2.0], True)
    """

    def forward(self, states: Tensor) -> Tensor:
        """Set a share of the states to zero while training, and scale the others up."""
        left_out = round(self.p * _STEPS)
        if not self.training or states.device.type != "cpu" or not 0 < left_out < _STEPS:
            return super().forward(states)
        count = states.numel()
        draws = torch.empty(-(-count // 8), dtype=torch.int64).random_(-(2**63), None)
        kept = draws.view(torch.uint8)[:count].view(states.shape) >= left_out
        return states * kept.to(states.dtype).mul_(_STEPS / (_STEPS - left_out))


def _byte_drawn_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **more: Any,
) -> tuple[Tensor, None]:
    """Attend as transformers' own does, (texts, heads, positions, width), with dropout of ours.

    On a CPU torch has no fused kernel for attention that drops weights, so that nothing is lost
    with it here. What is more than attention over all positions that the mask lets through goes to
    the library's.
    """
    causal = more.get("is_causal")
    causal = getattr(module, "is_causal", True) if causal is None else causal
    usual = causal and attention_mask is None
    usual |= key.shape != query.shape or any(more.get(name) is not None for name in _UNUSUAL)
    if dropout == 0 or usual:
        attended, _ = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **more
        )
        return attended, None
    weights = query * (query.shape[-1] ** -0.5 if scaling is None else scaling) @ key.mT
    if attention_mask is not None:
        weights = weights.masked_fill(~attention_mask, torch.finfo(weights.dtype).min)
    weights = ByteDropout(dropout)(weights.softmax(dim=-1)).to(value.dtype)
    return (weights @ value).transpose(1, 2).contiguous(), None


_UNUSUAL = ("cache", "position_bias", "softcap")
_BYTE_DRAWN = "byte_drawn_attention"
AttentionInterface.register(_BYTE_DRAWN, _byte_drawn_attention)
AttentionMaskInterface.register(_BYTE_DRAWN, sdpa_mask)


def draw_for_less(model: SentenceTransformer) -> None:
    """Replace the dropout of a model that is trained on a CPU; its shares stay."""
    if model.device.type != "cpu":
        return
    for part in list(model.modules()):
        for name, child in list(part.named_children()):
            if type(child) is nn.Dropout:
                setattr(part, name, ByteDropout(child.p))
    core = model.transformers_model
    if core is not None and core.config._attn_implementation == "sdpa":
        core.set_attn_implementation(_BYTE_DRAWN)
