"""From a champion and a mix to a trained candidate."""

from training.finetuning.finetune import FineTune
from training.finetuning.negatives import Negatives
from training.finetuning.strategies import CONFIGURED, Strategy, strategies

__all__ = ["CONFIGURED", "FineTune", "Negatives", "Strategy", "strategies"]
