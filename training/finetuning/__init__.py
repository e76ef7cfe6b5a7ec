"""From a champion and a mix to a trained candidate."""

from training.finetuning.finetune import SEEDS, FineTune
from training.finetuning.job import Job
from training.finetuning.negatives import Negatives
from training.finetuning.strategies import CONFIGURED, Strategy, strategies
from training.finetuning.trial import try_base

__all__ = [
    "CONFIGURED",
    "SEEDS",
    "FineTune",
    "Job",
    "Negatives",
    "Strategy",
    "strategies",
    "try_base",
]
