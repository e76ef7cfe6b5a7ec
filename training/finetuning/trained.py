"""What one training did, kept beside the model that it made, and the checks on what it writes."""

import logging
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from training.acceleration import Precision
from training.encoding import save_model
from training.faults import NonFiniteLoss
from training.manifest import seal, sealed
from training.whole_files import folder_written

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import nn

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Training:
    """What one training did."""

    folder: Path
    """The trained model, a plain sentence-transformers folder."""
    steps: int
    """Optimiser steps, those before an interruption included."""
    seconds: float
    """Wall time since the training was started or resumed, including the loading of the model."""
    log: tuple[Mapping[str, float], ...]
    """One row per step: step, loss, its terms, grad_norm, learning_rate."""
    precision: Precision
    """Number format of the forward pass."""
    pairs: int
    """Pairs of the mix."""
    held: int
    """Pairs that were held to the champion's embeddings."""

    @classmethod
    def finished(cls, folder: Path, recipe: str | None = None) -> Self | None:
        """Return the training whose model lies in `folder`.

        Parameters
        ----------
        recipe
            Identity that the training must have; None: any.

        Returns
        -------
        Training or None
            None if the folder is missing, damaged, or the result of another recipe.
        """
        facts = sealed(folder)
        if facts is None or recipe not in (None, facts.get("recipe")):
            return None
        del facts["recipe"]
        return cls(folder, **{**facts, "log": tuple(facts["log"])})

    def save(self, model: "SentenceTransformer", recipe: str) -> None:
        """Write the model into the folder: whole, or not at all."""
        facts = asdict(self)
        del facts["folder"]
        with folder_written(self.folder) as partial:
            save_model(model, partial)
            seal(partial, recipe=recipe, **facts)


def newest_checkpoint(run: Path) -> Path | None:
    """Return the newest whole checkpoint of a training; damaged ones are removed."""
    for folder in sorted(
        run.glob("checkpoint-*"), key=lambda folder: -int(folder.name.rsplit("-", 1)[1])
    ):
        if sealed(folder) is not None:
            return folder
        logger.warning("checkpoint %s is incomplete or damaged and is not used", folder.name)
        shutil.rmtree(folder)
    return None


def check_weights(model: "nn.Module", step: int) -> None:
    """Refuse a model with a weight that is not finite.

    Raises
    ------
    NonFiniteLoss
        A weight is infinite or not a number.
    """
    import torch

    for name, weight in model.state_dict().items():
        if not bool(torch.isfinite(weight).all()):
            raise NonFiniteLoss(
                f"weight {name} is not finite after step {step}; lower finetune.learning_rate"
            )
