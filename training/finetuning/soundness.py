"""Soundness: what is checked of a training before, while and after it runs."""

import logging
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.encoding import read_manifest
from training.faults import NonFiniteLoss

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

logger = logging.getLogger(__name__)


def newest_checkpoint(run: Path) -> Path | None:
    """Return the newest checkpoint whose files match their sums, and remove those that do not."""
    for folder in sorted(
        run.glob("checkpoint-*"), key=lambda folder: -int(folder.name.rsplit("-", 1)[1])
    ):
        if read_manifest(folder) is not None:
            return folder
        logger.warning("checkpoint %s is incomplete or damaged and is not used", folder.name)
        shutil.rmtree(folder)
    return None


def check_numbers(logs: Mapping[str, Any], step: int) -> None:
    """Refuse a step whose loss or gradient is not finite.

    The library replaces such losses in its log by the mean of the others unless told not to.
    """
    for name in ("loss", "grad_norm"):
        value = logs.get(name)
        if value is not None and not math.isfinite(value):
            raise NonFiniteLoss(f"{name} is {value} at step {step}; lower finetune.learning_rate")


def check_weights(model: "SentenceTransformer", step: int) -> None:
    """Refuse a model that holds a weight which is not finite."""
    import torch

    for name, weight in model.state_dict().items():
        if not bool(torch.isfinite(weight).all()):
            raise NonFiniteLoss(
                f"weight {name} is not finite after step {step}; lower finetune.learning_rate"
            )
