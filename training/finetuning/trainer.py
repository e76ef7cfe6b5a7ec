"""The trainer: sentence-transformers' own with our batches, and checkpoints without text."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from safetensors.torch import load_model as load_weights
from safetensors.torch import save_model as save_weights
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from transformers import PrinterCallback, TrainerCallback

from training.distributed import rank, wait_for_all
from training.encoding import Kind, prompt_of, tells_sides_apart
from training.faults import NonFiniteLoss
from training.finetuning.batches import LengthBatches, row_lengths
from training.manifest import seal
from training.pairs import Pair

_WEIGHTS = "model.safetensors"


def training_set(pairs: Sequence[Pair]) -> Dataset:
    """Return the pairs as columns, with the number of each row as its label.

    The columns are query, positive, negative (if any pair has one) and label.
    """
    columns: dict[str, list[Any]] = {
        "query": [pair.query for pair in pairs],
        "positive": [pair.positive for pair in pairs],
    }
    if any(pair.negative for pair in pairs):
        columns["negative"] = [pair.negative for pair in pairs]
    columns["label"] = list(range(len(pairs)))
    return Dataset.from_dict(columns)


_SIDES: Mapping[str, Kind] = {"query": "query", "positive": "document", "negative": "document"}


def prompts(model: SentenceTransformer, columns: Collection[str]) -> dict[str, str] | None:
    """Return the model's own prompt for each column that has one; None if no column does."""
    found = {
        column: prompt
        for column, kind in _SIDES.items()
        if column in columns and (prompt := prompt_of(model, kind))
    }
    return found or None


def routes(model: SentenceTransformer, columns: Collection[str]) -> dict[str, str] | None:
    """Return the side of each column, if the model must be told it; None if it need not."""
    if not tells_sides_apart(model):
        return None
    return {column: kind for column, kind in _SIDES.items() if column in columns}


class CheckedTrainer(SentenceTransformerTrainer):  # type: ignore[misc,unused-ignore]
    """Batches by length; a checkpoint holds the model, the optimiser and the random state."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        if rank() > 0:
            # The library gives every process one seed, so that their rows would share dropout.
            torch.manual_seed(self.args.seed + rank())
        # Without a progress bar the library prints its log to standard output, which is ours.
        self.remove_callback(PrinterCallback)

    def get_batch_sampler(
        self,
        dataset: Any,
        batch_size: int,
        drop_last: bool,
        valid_label_columns: list[str] | None = None,
        generator: Any = None,
        seed: int = 0,
    ) -> LengthBatches:
        """Return batches of pairs of similar length."""
        parts = self.args.world_size
        return LengthBatches(dataset, row_lengths(dataset), batch_size * parts, seed, parts)

    def get_train_dataloader(self) -> Any:
        """Return the loader of the batches, or of the parts of them that this process trains on."""
        loader = super().get_train_dataloader()
        if self.args.world_size > 1:
            # A resumed training tells accelerate's wrapper of the batches its epoch, which does not
            # pass it on: every epoch would have the order of the first one.
            wrapper: Any = loader.batch_sampler
            wrapper.set_epoch = wrapper.batch_sampler.set_epoch
        return loader

    def columns(self) -> Iterator[list[Any]]:
        """Yield the tokenised training set, rows of similar length together, in a fixed order."""
        rows: Any = self.train_dataset
        order = np.argsort(row_lengths(rows), kind="stable")
        for start in range(0, len(order), self.args.train_batch_size):
            some = [rows[int(row)] for row in order[start : start + self.args.train_batch_size]]
            with self.compute_loss_context_manager():
                yield self.collect_features(self.data_collator(some))[0]

    def rows_logged(self) -> tuple[dict[str, float], ...]:
        """Return one row of numbers per step: step, loss, its terms, grad_norm, learning_rate."""
        return tuple(
            {key: float(row[key]) for key in sorted(row) if isinstance(row[key], int | float)}
            for row in self.state.log_history
            if "loss" in row
        )

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Gather nothing for a model card: cards quote training text."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        # The library would add a model card and pickled arguments. Resuming needs neither, nor a
        # folder that loads by itself, which a model with adapters cannot have.
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
        """Count the steps from before a restart as done."""
        self._step(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Count one step. The last one needs no checkpoint: the model itself is saved next."""
        self._step(1)
        if state.global_step >= state.max_steps:
            control.should_save = False

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Check the numbers of the step."""
        check_numbers(logs or {}, state.global_step)
        if logs and "loss" in logs and self._on_step:
            self._on_step(state.global_step)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Seal the checkpoint."""
        # Each process adds its random state to the checkpoint; the first one writes all the rest.
        wait_for_all()
        if rank() == 0:
            seal(Path(args.output_dir) / f"checkpoint-{state.global_step}")


def check_numbers(logs: Mapping[str, Any], step: int) -> None:
    """Refuse a step whose loss or gradient is not finite.

    By default the library replaces such losses in its log by the mean of the others.

    Raises
    ------
    NonFiniteLoss
        The loss or the norm of the gradient is infinite or not a number.
    """
    for name in ("loss", "grad_norm"):
        value = logs.get(name)
        if value is not None and not math.isfinite(value):
            raise NonFiniteLoss(f"{name} is {value} at step {step}; lower finetune.learning_rate")
