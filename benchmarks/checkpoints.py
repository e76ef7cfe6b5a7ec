"""Models of a training that is not finished, for the benchmarks: what its checkpoints hold."""

from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_model as load_weights

from training.encoding import load_model, save_model

CHECKPOINTS = ("a third", "two thirds")
"""Shares of the steps after which a model is kept."""


@dataclass(frozen=True)
class Keep:
    """Keeps the checkpoints of a training as models, when the step after each has begun."""

    base: Path
    place: Path
    """Folder with the `checkpoints` of the training; the models are saved beside them."""
    max_length: int
    third: int
    """A third of the steps."""
    kept: dict[str, Path]
    """Where the models are, by label; filled as the training goes."""

    def __call__(self, step: int) -> None:
        """Save what the checkpoint of the step before holds, if it is wanted."""
        for number, label in enumerate(CHECKPOINTS, 1):
            wanted = number * self.third
            if step == wanted + 1:
                weights = next(self.place.glob(f"checkpoints/*/checkpoint-{wanted}/*.safetensors"))
                model = load_model(self.base, self.max_length)
                load_weights(model, str(weights))
                save_model(model, self.place / label)
                self.kept[label] = self.place / label
