"""The trainer: sentence-transformers' own with our batches, and checkpoints without text."""

from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformerTrainer

from training.batches import LengthBatches
from training.encoder import save_model


class CheckedTrainer(SentenceTransformerTrainer):  # type: ignore[misc,unused-ignore]
    """Batches by length; a checkpoint holds the model, the optimiser and the random state."""

    def get_batch_sampler(
        self,
        dataset: Any,
        batch_size: int,
        drop_last: bool,
        valid_label_columns: list[str] | None = None,
        generator: Any = None,
        seed: int = 0,
    ) -> LengthBatches:
        """Return batches of pairs of like length."""
        texts = [column for column in dataset.column_names if column != "label"]
        lengths = [
            sum(map(len, row)) for row in zip(*(dataset[column] for column in texts), strict=True)
        ]
        return LengthBatches(dataset, lengths, batch_size, seed)

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Gather nothing for a model card: cards quote training text."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        # The library's own would add a card and the arguments as a pickle; neither is needed to
        # resume.
        save_model(self.model, Path(str(output_dir or self.args.output_dir)))
