"""What one training did, kept beside the model that it made, and the checks on what it writes."""

import logging
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from training.acceleration import Precision
from training.encoding import Encoder, load_model, save_model
from training.faults import NonFiniteLoss
from training.finetuning.job import Job
from training.manifest import seal, sealed
from training.whole_files import folder_written

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor, nn

_NONE: "Mapping[str, Tensor]" = MappingProxyType({})

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


def not_finite(model: "nn.Module") -> "dict[str, Tensor]":
    """Return where the weights are not finite, by the names of those that have such numbers."""
    found = {name: ~weight.isfinite() for name, weight in model.state_dict().items()}
    return {name: where for name, where in found.items() if bool(where.any())}


def check_weights(model: "nn.Module", step: int, gaps: "Mapping[str, Tensor]" = _NONE) -> None:
    """Refuse a model that has lost a weight in training.

    Parameters
    ----------
    gaps
        Where the weights were not finite before, as `not_finite` found: a row of the token
        embeddings may be damaged for a word that no text has.

    Raises
    ------
    NonFiniteLoss
        A weight became infinite or not a number.
    """
    for name, where in not_finite(model).items():
        if name not in gaps or bool((where & ~gaps[name]).any()):
            raise NonFiniteLoss(
                f"weight {name} is not finite after step {step}; lower finetune.learning_rate"
            )


def refuse_texts_without_embedding(job: Job, champion: str) -> None:
    """Name the text that made a training diverge, if the champion has no embedding for it.

    Raises
    ------
    NoEmbedding
        There is such a text in the mix.
    """
    model = load_model(job.base, job.max_length, device=job.device)
    encoder = Encoder(model, champion, job.cache, str(job.base))
    encoder.encode([pair.query for pair in job.mixture.pairs], kind="query")
    documents = [text for pair in job.mixture.pairs for text in (pair.positive, pair.negative)]
    encoder.encode([text for text in documents if text], kind="document")
