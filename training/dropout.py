"""Dropout at less cost on a CPU: eight draws from a random number, and attention left in one piece.

Drawing what dropout leaves out takes an eighth to a quarter of a transformer's training on a CPU.
Here the shares stay those of the model, and are drawn for less.
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


def _attention_of_drawn_values(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    **more: Any,
) -> tuple[Tensor, None]:
    """Attend with a share of the values (texts, heads, positions, width) left out, by position.

    That is dropout of the attention weights with one draw for all queries of a head, instead of one
    for each; torch has no fused kernel for a CPU that drops weights.
    """
    if dropout > 0:
        kept = value.new_empty((*value.shape[:3], 1)).bernoulli_(1.0 - dropout)
        value = value * kept.div_(1.0 - dropout)
    attended: tuple[Tensor, None] = sdpa_attention_forward(
        module, query, key, value, attention_mask, dropout=0.0, **more
    )
    return attended


_DRAWN_VALUES = "attention_of_drawn_values"
AttentionInterface.register(_DRAWN_VALUES, _attention_of_drawn_values)
AttentionMaskInterface.register(_DRAWN_VALUES, sdpa_mask)


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
        core.set_attn_implementation(_DRAWN_VALUES)
