"""Fine-tuning: from a base folder and a mix to a candidate's folder, resumable and exact."""

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.acceleration import (
    Precision,
    _made_for_training,
    keep_freed_memory,
    settled_precision,
)
from training.distributed import connect, from_first, launch, launched, rank, ranks, wait_for_all
from training.encoding import Encoder, fingerprint, load_model
from training.faults import DataFault, NonFiniteLoss
from training.finetuning.soundness import check_weights, newest_checkpoint
from training.finetuning.trained import Training
from training.pairs import Mixture
from training.progress import Progress, no_progress, quiet
from training.retention import Hold, Rows
from training.settings import SETTINGS

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import nn

    from training.acceleration.packing import Packing
    from training.finetuning.trainer import CheckedTrainer
    from training.retention.frozen_layers import FrozenLayers

__all__ = ["FineTune", "NonFiniteLoss", "Training"]

logger = logging.getLogger(__name__)

_CHECKPOINTS = "token rows that occur"
"""What a checkpoint holds; changed when those of before cannot be continued."""


@dataclass(frozen=True, config=SETTINGS)
class FineTune:
    """Fine-tune a model on a mix of recent and replayed pairs.

    Killed at any step and called again with the same arguments, it goes on from the newest
    checkpoint whose files match their sums, and ends with the same weights, bit for bit, as an
    undisturbed training.

    Examples
    --------
    >>> FineTune(epochs=1, learning_rate=2e-5).batch_size
    32
    """

    epochs: int = Field(default=2, ge=1, le=100)
    """Passes over the mix."""
    minimum_steps: int = Field(default=0, ge=0)
    """Steps below which a small mix is passed over again, up to four times in all."""
    learning_rate: float = Field(default=5e-5, gt=0.0, le=1.0)
    """Highest learning rate, reached after warm-up; falls linearly to zero."""
    maximum_steps: int | None = Field(default=None, ge=1)
    """Steps at most, for small updates in every cycle (none: all epochs)."""
    batch_size: int = Field(default=32, ge=2, le=4096)
    """Pairs a step; each pair's negatives are the others' positives."""
    mini_batch_size: int | None = Field(default=None, ge=1)
    """Pairs held in memory at once, for batches too large for it (none: the whole batch)."""
    warmup: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of the steps in which the learning rate rises."""
    weight_decay: float = Field(default=0.0, ge=0.0, le=1.0)
    """AdamW's decoupled weight decay."""
    max_gradient_norm: float = Field(default=1.0, gt=0.0)
    """Norm to which gradients are clipped."""
    scale: float = Field(default=20.0, gt=0.0, le=1000.0)
    """Factor on cosines before the softmax (inverse temperature)."""
    distillation: float = Field(default=5.0, ge=0.0, le=1000.0)
    """Pull of a held row towards the champion's embeddings, a unit of cosine (0: none is held).

    The weight is measured (docs/decisions/0006): old rankings scatter nearly as little as at 20,
    where a new task that is like the old ones learns a quarter less.
    """
    distil: Rows = "answered"
    """Held rows: replayed ones that the champion answers in full, all replayed ones, or all."""
    false_negative_margin: float | None = Field(default=None, ge=-2.0, le=2.0)
    """Mask negatives whose champion cosine exceeds the positive's less this (none: mask none)."""
    elastic: float = Field(default=0.0, ge=0.0, le=1e9)
    """Strength with which weights are drawn back to the champion's (times the learning rate)."""
    elastic_by: Literal["fisher", "equal"] = "fisher"
    """Which weights are drawn most: those the replayed pairs need (EWC), or all alike (L2-SP)."""
    frozen_layers: int = Field(default=0, ge=0, le=1000)
    """Lowest layers that stay as they are, the embeddings with them (0: everything learns)."""
    adapter_rank: int = Field(default=0, ge=0, le=1024)
    """Rank of the low-rank adapters that learn in place of the weights (LoRA; 0: the weights)."""
    activation_memory: int = Field(default=1024, ge=0)
    """Mebibytes for what the frozen layers make of the texts, so that it is computed once."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Number format of the forward pass; auto: bf16 where this machine is faster with it."""
    checkpoint_steps: int = Field(default=100, ge=1)
    """Steps between two checkpoints."""
    seed: int = Field(default=0, ge=0)
    """Seed of the batch order and of dropout."""
    processes: int = Field(default=1, ge=1, le=64)
    """Processes of this machine that train together, each on its part of every batch."""

    def __post_init__(self) -> None:
        """Refuse a batch that cannot be cut into equal parts."""
        self._part(self.processes)

    def fit(
        self,
        base: Path,
        mixture: Mixture,
        *,
        output: Path,
        checkpoints: Path,
        max_length: int,
        progress: Progress = no_progress,
        cache: Path | None = None,
        on_step: Callable[[int], None] | None = None,
    ) -> Training:
        """Train a copy of `base` on the mix and save it at `output`.

        Where a launcher such as torchrun has called this on several processes, they train as one:
        their number stands in for `processes`, the first one writes and shows progress, and all
        return the same.

        Parameters
        ----------
        base
            Folder of the champion; it is read only.
        output
            Folder to save into. One that is complete and was made by the same arguments is
            returned at once.
        checkpoints
            Folder for checkpoints; removed when training succeeds.
        max_length
            Tokens at which texts are cut.
        cache
            Folder of the embedding cache, for the champion's embeddings of the mix.
        on_step
            Called with the number of each finished step.

        Raises
        ------
        DataFault
            The mix holds fewer than two pairs or an empty text, the base is refused, or batches
            have fewer pairs than there are processes.
        NonFiniteLoss
            A loss, gradient or weight is not finite; nothing is saved.
        """
        _check(mixture)
        self._check_batches(len(mixture.pairs))
        connect()
        chosen = from_first(lambda: self._format(output, checkpoints))
        champion = fingerprint(base, max_length)
        recipe = self._recipe(champion, mixture, max_length, chosen)
        if (done := Training.finished(output, recipe)) is not None:
            return done
        if self._processes() > ranks():
            job = self._job(base, mixture, output, checkpoints, max_length, cache)
            launch(job, checkpoints / "ranks", self.processes, progress=progress, on_step=on_step)
            if (done := Training.finished(output, recipe)) is None:
                raise RuntimeError(f"{output}: the processes ended without a trained model")
            return done
        if rank() > 0:
            progress, on_step = no_progress, None
        from training.acceleration.used_tokens import UsedTokens
        from training.finetuning.trainer import Watch
        from training.retention import Adapters
        from training.retention.frozen_layers import FrozenLayers

        started = time.perf_counter()
        keep_freed_memory()
        model = load_model(base, max_length)
        packing = _made_for_training(model, mixture)
        adapters = Adapters(model, self.adapter_rank, self.seed) if self.adapter_rank else None
        layers = self.frozen_layers
        frozen = FrozenLayers(model, layers, packing) if layers else None
        run = checkpoints / recipe[:16]
        with quiet():
            hold = from_first(
                lambda: self._hold(mixture, Encoder(model, champion, cache), progress)
            )
            loss = self._loss(model, mixture, hold, packing)
            trainer = self._trainer(model, mixture, run, chosen, loss)
            steps = self._steps(len(mixture.pairs))
            with progress("train", steps) as step:
                trainer.add_callback(Watch(step, on_step))
                used = UsedTokens.replace(model, trainer.columns())
                if self.elastic > 0:
                    trainer.add_callback(self._elastic_weights(trainer, mixture))
                resumed = from_first(lambda: newest_checkpoint(run))
                if resumed:
                    logger.info("training goes on from %s", resumed.name)
                packed = packing.packed(model) if packing else nullcontext()
                with packed, self._above(frozen, trainer):
                    trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
        if used is not None:
            used.give_back(model)
        if adapters is not None:
            adapters.merge()
        check_weights(model, trainer.state.global_step)
        log = tuple(_numbers(row) for row in trainer.state.log_history if "loss" in row)
        done = Training(
            output,
            trainer.state.global_step,
            round(time.perf_counter() - started, 3),
            log,
            chosen,
            len(mixture.pairs),
            int(hold.rows.sum()),
        )
        if rank() == 0:
            done.save(model, recipe)
            shutil.rmtree(checkpoints, ignore_errors=True)
        wait_for_all()
        return done

    def _format(self, output: Path, checkpoints: Path) -> Precision:
        """Return the number format; that of a training that began or is finished stays."""
        if self.precision != "auto":
            return self.precision
        if (done := Training.finished(output)) is not None:
            return done.precision
        return settled_precision(checkpoints / "precision")

    def _processes(self) -> int:
        """Return how many processes train: those that a launcher started, else those to start."""
        return ranks() if launched() else self.processes

    def _part(self, processes: int) -> int:
        """Return the pairs of a batch for each process."""
        if self.batch_size % processes:
            raise DataFault(
                f"finetune.batch_size must be a multiple of the {processes} processes, "
                f"got {self.batch_size}"
            )
        return self.batch_size // processes

    def _check_batches(self, pairs: int) -> None:
        """Refuse a mix whose batches cannot be shared among the processes."""
        self._part(self._processes())
        smallest = pairs // -(-pairs // self.batch_size)
        if smallest < self._processes():
            raise DataFault(
                f"finetune.processes must be at most the {smallest} pairs of the smallest batch, "
                f"got {self._processes()}"
            )

    def _job(
        self,
        base: Path,
        mixture: Mixture,
        output: Path,
        checkpoints: Path,
        max_length: int,
        cache: Path | None,
    ) -> dict[str, Any]:
        """Return the arguments of `fit` as JSON values, for `training.worker`."""
        return {
            "settings": asdict(self),
            "base": str(base.absolute()),
            "pairs": [asdict(pair) for pair in mixture.pairs],
            "from_memory": mixture.from_memory,
            "digest": mixture.digest,
            "output": str(output.absolute()),
            "checkpoints": str(checkpoints.absolute()),
            "max_length": max_length,
            "cache": str(cache.absolute()) if cache else None,
        }

    def _above(
        self, frozen: "FrozenLayers | None", trainer: "CheckedTrainer"
    ) -> AbstractContextManager[None]:
        """Train above the frozen layers only, where there are any."""
        if frozen is None:
            return nullcontext()
        frozen.remember(trainer.columns(), self.activation_memory)
        return frozen.skipped()

    def _recipe(self, base: str, mixture: Mixture, max_length: int, chosen: str) -> str:
        """Return the identity of a training: equal recipes give equal weights."""
        settings = {
            key: value
            for key, value in asdict(self).items()
            if key not in {"precision", "checkpoint_steps"}
        }
        settings["processes"] = self._processes()
        content = [
            _CHECKPOINTS,
            base,
            mixture.digest,
            "".join(str(int(old)) for old in mixture.from_memory),
            max_length,
            chosen,
            settings,
        ]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def _steps(self, pairs: int) -> int:
        """Return the number of optimiser steps for a mix of so many pairs."""
        pass_over = -(-pairs // self.batch_size)
        passes = max(self.epochs, min(4, -(-self.minimum_steps // pass_over)))
        return min(passes * pass_over, self.maximum_steps or passes * pass_over)

    def _loss(
        self,
        model: "SentenceTransformer",
        mixture: Mixture,
        hold: Hold,
        packing: "Packing | None",
    ) -> "nn.Module":
        import torch
        from sentence_transformers.base.losses.gradcache import has_static_embedding_input

        from training.finetuning.losses import AnchoredContrastiveLoss, stacked
        from training.pairs import LabelledTexts

        if self.mini_batch_size is not None and has_static_embedding_input(model):
            raise DataFault(
                f"finetune.mini_batch_size must not be set for a model of static embeddings, got "
                f"{self.mini_batch_size}"
            )
        return AnchoredContrastiveLoss(
            model,
            LabelledTexts(mixture.pairs),
            stacked(hold.columns) if hold.columns else None,
            torch.from_numpy(hold.rows),
            scale=self.scale,
            false_negative_margin=self.false_negative_margin,
            distillation=self.distillation,
            packs=packing is not None,
            mini_batch_size=self.mini_batch_size,
        )

    def _hold(self, mixture: Mixture, encoder: Encoder, progress: Progress) -> Hold:
        """Return which rows stay where the champion has them, and the embeddings that needs."""
        rows = self.distil if self.distillation > 0 else None
        masks = self.false_negative_margin is not None
        return Hold.of(mixture, encoder, rows, progress, whole=masks)

    def _elastic_weights(self, trainer: "CheckedTrainer", mixture: Mixture) -> Any:
        from training.retention.elastic_weights import (
            ElasticWeights,
            equal_importance,
            fisher_importance,
        )

        old = [row for row, replayed in enumerate(mixture.from_memory) if replayed]
        size = self.batch_size
        batches = [old[start : start + size] for start in range(0, min(len(old), 16 * size), size)]
        by_fisher = self.elastic_by == "fisher"
        importance = (
            fisher_importance(trainer, batches) if by_fisher else equal_importance(trainer.model)
        )
        return ElasticWeights(trainer.model, self.elastic, importance)

    def _trainer(
        self,
        model: "SentenceTransformer",
        mixture: Mixture,
        run: Path,
        chosen: str,
        loss: "nn.Module",
    ) -> "CheckedTrainer":
        import torch
        from datasets import Dataset
        from sentence_transformers import SentenceTransformerTrainingArguments
        from transformers import PrinterCallback

        from training.finetuning.trainer import CheckedTrainer

        columns: dict[str, list[Any]] = {
            "query": [pair.query for pair in mixture.pairs],
            "positive": [pair.positive for pair in mixture.pairs],
        }
        if any(pair.negative for pair in mixture.pairs):
            columns["negative"] = [pair.negative for pair in mixture.pairs]
        columns["label"] = list(range(len(mixture.pairs)))
        prompts = {"query": model.prompts.get("query"), "positive": model.prompts.get("document")}
        prompts["negative"] = prompts["positive"]
        arguments = SentenceTransformerTrainingArguments(
            output_dir=str(run),
            max_steps=self._steps(len(mixture.pairs)),
            per_device_train_batch_size=self._part(ranks()),
            learning_rate=self.learning_rate,
            warmup_steps=self.warmup,
            weight_decay=self.weight_decay,
            max_grad_norm=self.max_gradient_norm,
            prompts={
                column: prompt for column, prompt in prompts.items() if prompt and column in columns
            }
            or None,
            bf16=chosen == "bf16",
            use_cpu=not torch.cuda.is_available(),
            ddp_backend="gloo" if ranks() > 1 and not torch.cuda.is_available() else None,
            dataloader_pin_memory=False,
            seed=self.seed,
            save_strategy="steps",
            save_steps=self.checkpoint_steps,
            save_total_limit=2,
            logging_steps=1,
            logging_nan_inf_filter=False,
            eval_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        trainer = CheckedTrainer(
            model=model, args=arguments, train_dataset=Dataset.from_dict(columns), loss=loss
        )
        if rank() > 0:
            # The trainer gives every process one seed, and so its rows the first one's dropout.
            torch.manual_seed(self.seed + rank())
        # Without a progress bar the library prints its log to standard output instead, which is
        # ours.
        trainer.remove_callback(PrinterCallback)
        return trainer


def _check(mixture: Mixture) -> None:
    if len(mixture.pairs) < 2:
        raise DataFault(f"a mix must hold at least 2 pairs, got {len(mixture.pairs)}")
    for pair in mixture.pairs:
        if not pair.query.strip() or not pair.positive.strip():
            raise DataFault(f"pair {pair.id!r} has an empty query or positive; both must hold text")


def _numbers(row: Mapping[str, Any]) -> dict[str, float]:
    return {key: float(row[key]) for key in sorted(row) if isinstance(row[key], int | float)}
