"""Frozen layers: the lowest layers do not learn, so their output is computed only once."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn
from torch.nn import functional

from training.acceleration.packing import Features, Packing, text_parts
from training.encoding import has_routes
from training.faults import DataFault


class _Reached(Exception):
    """The forward pass reached the first learning layer and need not go on."""


class FrozenLayers:
    """The embeddings and the lowest layers of a transformer, which do not learn.

    Their dropout is off, so that the activations of a text are the same at every step: `remember`
    computes them once, and the training steps start above them. A text that was not remembered
    goes through the frozen layers at every step, with the same result.

    Parameters
    ----------
    model
        The model that is trained; the frozen weights are marked as not learning.
    layers
        Number of lowest layers to freeze, at least 1.
    packing
        How the model reads packed texts; None: it reads padded ones.

    Raises
    ------
    DataFault
        The model has no stack of more than `layers` layers, or several stacks.
    """

    def __init__(
        self, model: SentenceTransformer, layers: int, packing: Packing | None = None
    ) -> None:
        if has_routes(model):
            raise DataFault(
                "the model has several stacks of layers; finetune.frozen_layers must be 0"
            )
        core = model.transformers_model
        stacks = (
            []
            if core is None
            else [part for part in core.modules() if isinstance(part, nn.ModuleList)]
        )
        stack = max(stacks, key=len, default=None)
        if core is None or stack is None or len(stack) <= layers:
            count = 0 if stack is None else len(stack)
            raise DataFault(
                f"finetune.frozen_layers is {layers}; it must be below the model's {count} layers"
            )
        self._model = model
        self._packing = packing
        self._below = list(stack[:layers])
        self._above = stack[layers]
        self._kept: dict[bytes, Tensor] = {}
        self._skipping = False
        self._states = torch.empty(0)
        lowest = set(stack[:layers].parameters())
        learning = set(stack[layers:].parameters())
        reached = False
        for weight in core.parameters():
            # Parameters come in the order of the forward pass: those before the stack feed it.
            reached = reached or weight in learning
            if weight in lowest or not reached:
                weight.requires_grad_(False)

    def remember(self, batches: Iterable[Sequence[Features]], mebibytes: int) -> None:
        """Compute the activations of the texts, in the order given, until the memory is used up.

        Parameters
        ----------
        batches
            The columns of each batch. Their order must be the same whenever the training resumes:
            the last digits of an activation depend on the batch of its text.
        mebibytes
            Memory for the activations, in MiB; the other texts are computed at every step.
        """
        room = mebibytes * 2**20
        for columns in batches:
            for features in columns:
                keys = _keys(features)
                new = [row for row, key in enumerate(keys) if key not in self._kept]
                if room <= 0:
                    return
                if not new:
                    continue
                some = {
                    name: value[new] if isinstance(value, Tensor) and value.ndim > 1 else value
                    for name, value in features.items()
                }
                if self._packing:
                    some = self._packing.ready(some)
                parts = text_parts(some, self._lower(some))
                for row, states in zip(new, parts, strict=True):
                    kept = self._kept[keys[row]] = states.clone()
                    room -= kept.nbytes

    def below(
        self, batches: Iterable[Sequence[Features]], mebibytes: int
    ) -> AbstractContextManager[None]:
        """Remember activations as `remember` does, and skip the layers as `skipped` does."""
        self.remember(batches, mebibytes)
        return self.skipped()

    @contextmanager
    def skipped(self) -> Iterator[None]:
        """Start every forward pass of the model at the first learning layer."""

        def begin(_: nn.Module, given: tuple[Any, ...]) -> None:
            self._states = self._known(given[0])
            self._skipping = True

        def replace(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...] | None:
            return (self._states, *given[1:]) if self._skipping else None

        def end(*_: object) -> None:
            self._skipping = False

        hooks = [
            self._model.register_forward_pre_hook(begin),
            self._above.register_forward_pre_hook(replace),
            self._model.register_forward_hook(end),
        ]
        for layer in self._below:
            layer.forward = self._passing(layer.forward)
        try:
            yield
        finally:
            for layer in self._below:
                # Without the method of the object, that of its class is used again.
                del layer.forward
            for hook in hooks:
                hook.remove()

    def _passing(self, forward: Any) -> Any:
        def passing(states: Tensor, *rest: Any, **named: Any) -> Any:
            return states if self._skipping else forward(states, *rest, **named)

        return passing

    def _known(self, features: Features) -> Tensor:
        """Return the input of the first learning layer, (texts, tokens, width).

        Packed texts are one row.
        """
        keys = _keys(features)
        if not all(key in self._kept for key in keys):
            return self._lower(features)
        kept = torch.cat([self._kept[key] for key in keys])
        if "attention_mask" not in features:
            more = features["input_ids"].shape[1] - len(kept)
            return functional.pad(kept, (0, 0, 0, more)).unsqueeze(0)
        present = features["attention_mask"].bool()
        states = kept.new_zeros(*present.shape, kept.shape[1])
        states[present] = kept
        return states

    def _lower(self, features: Features) -> Tensor:
        """Run only the frozen layers."""
        reached: list[Tensor] = []

        def stop(_: nn.Module, given: tuple[Any, ...]) -> None:
            reached.append(given[0])
            raise _Reached

        hook = self._above.register_forward_pre_hook(stop, prepend=True)
        training = self._model.training
        self._model.eval()
        try:
            with torch.no_grad():
                self._model[0](dict(features))
        except _Reached:
            pass
        finally:
            self._model.train(training)
            hook.remove()
        return reached[0]


def _keys(features: Features) -> list[bytes]:
    """Return the bytes of the tokens of each text."""
    return [part.numpy().tobytes() for part in text_parts(features, features["input_ids"].cpu())]
