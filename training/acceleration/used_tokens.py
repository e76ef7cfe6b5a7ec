"""Used tokens: only the rows of the token embeddings that occur in the training texts learn."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["UsedTokens"]


class UsedTokens(nn.Module):
    """Replaces the token embeddings of a model while it trains, with the rows of its texts only.

    The row of a token that occurs in no text has no gradient and does not change. But an optimiser
    stores two moments for each of its numbers and updates them at every step, and a checkpoint
    holds them all. The vocabulary is half of the weights of a small model, and most of those of a
    multilingual one.

    Parameters
    ----------
    table
        The embeddings to replace, (vocabulary, features).
    tokens
        Numbers of the tokens that occur, sorted and unique. Any other raises an IndexError.

    Examples
    --------
    >>> few = UsedTokens(nn.Embedding(9, 2), torch.tensor([0, 4, 7]))
    >>> few(torch.tensor([[4, 7, 0, 4]])).shape, few.weight.shape
    (torch.Size([1, 4, 2]), torch.Size([3, 2]))
    """

    def __init__(self, table: nn.Embedding, tokens: Tensor) -> None:
        super().__init__()
        # Not as parts of this module, whose weights they are not.
        self._table = [table]
        self._tokens = tokens
        place = torch.full((table.num_embeddings,), -1, device=tokens.device)
        place[tokens] = torch.arange(len(tokens), device=tokens.device)
        self._place: Tensor
        self.register_buffer("_place", place, persistent=False)
        self.weight = nn.Parameter(table.weight.detach()[tokens].clone())
        padding = table.padding_idx
        self.padding_idx = None if padding is None else int(place[padding])

    @classmethod
    def replace(
        cls, model: SentenceTransformer, batches: Iterable[Sequence[Mapping[str, Any]]]
    ) -> "UsedTokens | None":
        """Replace the token embeddings of a model; None if it has no plain ones that learn.

        Parameters
        ----------
        batches
            The tokenised columns of each batch: all texts that the model will be shown.
        """
        core = model.transformers_model
        try:
            table = None if core is None else core.get_input_embeddings()
        except NotImplementedError:
            return None
        if core is None or type(table) is not nn.Embedding or not table.weight.requires_grad:
            return None
        occurs = torch.zeros(table.num_embeddings, dtype=torch.bool, device=table.weight.device)
        if table.padding_idx is not None:
            occurs[table.padding_idx] = True
        for columns in batches:
            for features in columns:
                occurs[features["input_ids"].to(occurs.device)] = True
        used = cls(table, occurs.nonzero().flatten())
        _swap(core, table, used)
        return used

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the embeddings of tokens, of their shape with the features as last dimension."""
        return functional.embedding(self._place[tokens], self.weight, self.padding_idx)

    def give_back(self, model: SentenceTransformer) -> None:
        """Write the learned rows into the whole embeddings and restore these in the model."""
        (table,) = self._table
        with torch.no_grad():
            table.weight[self._tokens] = self.weight
        _swap(model, self, table)


def _swap(model: nn.Module, before: nn.Module, after: nn.Module) -> None:
    """Replace a module everywhere in the model."""
    for part in list(model.modules()):
        for name, child in part.named_children():
            if child is before:
                setattr(part, name, after)
