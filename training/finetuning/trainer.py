"""The trainer: sentence-transformers' own with our batches, and checkpoints without text."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_model as load_weights
from safetensors.torch import save_model as save_weights
from sentence_transformers import SentenceTransformerTrainer
from transformers import TrainerCallback

from training.distributed import rank, wait_for_all
from training.encoding import write_manifest
from training.finetuning.batches import LengthBatches, row_lengths
from training.finetuning.soundness import check_numbers

_WEIGHTS = "model.safetensors"


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
        parts = self.args.world_size
        return LengthBatches(dataset, row_lengths(dataset), batch_size * parts, seed, parts)

    def get_train_dataloader(self) -> Any:
        """Return what loads the batches, or this process's parts of them."""
        loader = super().get_train_dataloader()
        if self.args.world_size > 1:
            # A training that is continued within an epoch asks accelerate's deal of the batches for
            # that epoch, which would not pass it on: every epoch would have the first one's order.
            deal: Any = loader.batch_sampler
            deal.set_epoch = deal.batch_sampler.set_epoch
        return loader

    def columns(self) -> Iterator[list[Any]]:
        """Yield the tokenised training set, rows of like length together, in a fixed order."""
        rows: Any = self.train_dataset
        order = np.argsort(row_lengths(rows), kind="stable")
        for start in range(0, len(order), self.args.train_batch_size):
            some = [rows[int(row)] for row in order[start : start + self.args.train_batch_size]]
            with self.compute_loss_context_manager():
                yield self.collect_features(self.data_collator(some))[0]

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Gather nothing for a model card: cards quote training text."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        # The library's own would add a card and the arguments as a pickle; neither is needed to
        # resume. Nor is a folder that loads by itself, which a model with adapters cannot have.
        folder = Path(str(output_dir or self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        save_weights(self.model, str(folder / _WEIGHTS))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        load_weights(self.model, str(Path(resume_from_checkpoint) / _WEIGHTS))


class Watch(TrainerCallback):  # type: ignore[misc,unused-ignore]
    """Reports progress, seals checkpoints, and stops at the first number that is not finite."""

    def __init__(self, step: Callable[[int], None], on_step: Callable[[int], None] | None) -> None:
        self._step = step
        self._on_step = on_step

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Count the steps of before a restart as done."""
        self._step(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Count one step; the last one needs no checkpoint, the model itself is saved next."""
        self._step(1)
        if state.global_step >= state.max_steps:
            control.should_save = False

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Check the numbers of the step."""
        check_numbers(logs or {}, state.global_step)
        if logs and "loss" in logs and self._on_step:
            self._on_step(state.global_step)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Write the checkpoint's sums, as its last file."""
        # Each process adds its random state to the checkpoint; the first one writes all the rest.
        wait_for_all()
        if rank() == 0:
            write_manifest(Path(args.output_dir) / f"checkpoint-{state.global_step}")
