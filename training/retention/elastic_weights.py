"""Elastic weights: pulled back to the champion's, the more the replayed pairs depend on them."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor, nn
from transformers import TrainerCallback

_BATCHES = 16  # of replayed pairs, over which the Fisher information is averaged


class ElasticWeights(TrainerCallback):  # type: ignore[misc,unused-ignore]
    """After each optimiser step, move every weight back towards its start.

    The move is `learning rate x strength x importance` of the distance, at most all of it. Like the
    weight decay of AdamW it is decoupled from the gradient, so that Adam's scaling does not undo
    it. With equal importances this is L2-SP (Li et al. 2018), with the Fisher information elastic
    weight consolidation (Kirkpatrick et al. 2017).

    Parameters
    ----------
    model
        The model that is trained; its weights now are the start.
    strength
        Factor of the move.
    importance
        Name of each weight -> importance of its numbers, of any shape that broadcasts to it.
    """

    def __init__(self, model: nn.Module, strength: float, importance: Mapping[str, Tensor]) -> None:
        weights = {
            name: weight for name, weight in model.named_parameters() if weight.requires_grad
        }
        self._weights = weights
        self._start = {name: weight.detach().clone() for name, weight in weights.items()}
        self._importance = importance
        self._strength = strength

    @classmethod
    def of(
        cls,
        trainer: Any,
        replayed: Sequence[bool],
        strength: float,
        by: Literal["fisher", "equal"],
    ) -> Self:
        """Return the callback for a trainer.

        Parameters
        ----------
        trainer
            A sentence-transformers trainer before its first step.
        replayed
            (rows,) which rows of its training set are old.
        strength
            Factor of the move.
        by
            How important a weight is: by the Fisher information of the old rows, or all alike.
        """
        if by == "equal":
            return cls(trainer.model, strength, equal_importance(trainer.model))
        size = trainer.args.train_batch_size * trainer.args.world_size
        old = np.flatnonzero(replayed)[: _BATCHES * size].tolist()
        batches = [old[start : start + size] for start in range(0, len(old), size)]
        return cls(trainer.model, strength, fisher_importance(trainer, batches))

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **parts: Any) -> None:
        """Pull the weights back, by the learning rate of this step."""
        step = self._strength * parts["optimizer"].param_groups[0]["lr"]
        with torch.no_grad():
            for name, weight in self._weights.items():
                pull = (step * self._importance[name]).clamp(max=1.0)
                weight.add_(pull * (self._start[name] - weight))


def equal_importance(model: nn.Module) -> dict[str, Tensor]:
    """Return importance 1 for every weight."""
    return {name: torch.ones((), device=weight.device) for name, weight in model.named_parameters()}


def fisher_importance(trainer: Any, batches: Sequence[Sequence[int]]) -> dict[str, Tensor]:
    """Return the diagonal Fisher information of the loss on the rows given, scaled to mean 1.

    The square of each batch's gradient approximates the expectation. Dropout is off, so that the
    result is the same each time. Without batches all weights are equally important.

    Parameters
    ----------
    trainer
        A sentence-transformers trainer.
    batches
        Numbers of the rows of each batch.

    Returns
    -------
    dict
        Name of each weight -> importance of each of its numbers, in its shape.
    """
    model = trainer.model
    squares = {name: torch.zeros_like(weight) for name, weight in model.named_parameters()}
    model.eval()
    for rows in batches:
        inputs = trainer.data_collator([trainer.train_dataset[row] for row in rows])
        model.zero_grad()
        trainer.compute_loss(model, trainer._prepare_inputs(inputs)).backward()
        for name, weight in model.named_parameters():
            if weight.grad is not None:
                squares[name] += weight.grad.square()
    model.zero_grad()
    total = sum(float(square.sum()) for square in squares.values())
    if not total > 0:
        return equal_importance(model)
    mean = total / sum(square.numel() for square in squares.values())
    return {name: square / mean for name, square in squares.items()}
