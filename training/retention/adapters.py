"""Adapters: low-rank matrices that learn in place of the weights and are then added to them."""

from typing import TYPE_CHECKING, Any

from training.encoding import has_routes
from training.faults import DataFault

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class Adapters:
    """A low-rank adapter on every linear layer of a model's transformer (LoRA, Hu et al. 2021).

    Only the adapters learn. Each is a matrix of rank `rank`, zero at first, to be added to the
    weights of its layer. `merge` adds them, so that a plain model is left.

    Parameters
    ----------
    model
        The model that is trained; the layers of its transformer are replaced in place.
    rank
        Rank of each matrix; its factor is 2, whatever the rank.
    seed
        Seed of the initial weights of the adapters.

    Raises
    ------
    DataFault
        The model has no transformer or several, or the package peft is missing.
    """

    def __init__(self, model: "SentenceTransformer", rank: int, seed: int) -> None:
        import torch

        try:
            from peft import LoraConfig
            from peft.tuners.lora import LoraModel
        except ImportError:
            raise DataFault(
                "finetune.adapter_rank needs the package peft: pip install 'anchorhold[lora]'"
            ) from None
        core = model.transformers_model
        if core is None or has_routes(model):
            raise DataFault(
                f"the model has {'several transformers' if core else 'no transformer'}; "
                "finetune.adapter_rank must be 0 for it"
            )
        shape = LoraConfig(
            r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules="all-linear"
        )
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self._layers: Any = LoraModel(core, shape, "learned")

    def merge(self) -> None:
        """Add the adapters to the weights and restore the original layers."""
        self._layers.merge_and_unload().requires_grad_(True)
