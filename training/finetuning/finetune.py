"""Fine-tuning: from a champion's folder and a mix to a candidate's folder, resumable and exact."""

import logging
import shutil
import time
from collections.abc import Callable, Collection
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.acceleration import TRICKS, Precision, Prepared, Trick, settled_precision
from training.distributed import (
    Launcher,
    connect,
    device_for,
    from_first,
    kind_of,
    launch,
    launched,
    rank,
    ranks,
    wait_for_all,
)
from training.encoding import Encoder, fingerprint, load_model, tells_sides_apart
from training.evaluation import check_lengths, further_dimensions
from training.faults import DataFault, NonFiniteLoss
from training.finetuning.arguments import arguments_on
from training.finetuning.guide import guide_of
from training.finetuning.job import Job, StrPath
from training.finetuning.shared_batches import check_parts, part_of
from training.finetuning.trained import (
    Training,
    check_weights,
    newest_checkpoint,
    not_finite,
    refuse_texts_without_embedding,
)
from training.pairs import Mixture
from training.progress import Progress, no_progress, quiet
from training.retention import Hold, Rows
from training.settings import SETTINGS

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import nn

    from training.finetuning.trainer import CheckedTrainer

logger = logging.getLogger(__name__)

SEEDS = range(2**32)
"""What can be a seed of a training: numpy takes no other."""
_MOST_PASSES = 4  # over a small mix, where `minimum_steps` asks for more


@dataclass(frozen=True, config=SETTINGS)
class FineTune:
    """Fine-tune a model on a mix of recent and replayed pairs.

    A training that was killed at any step and is called again with the same arguments resumes from
    the newest checkpoint whose files match their sums. It ends with the same weights, bit for bit,
    as one that was never interrupted.

    Examples
    --------
    >>> FineTune(epochs=1, learning_rate=2e-5).batch_size
    32
    """

    epochs: int = Field(default=2, ge=1, le=100)
    """Passes over the mix."""
    minimum_steps: int = Field(default=0, ge=0)
    """Minimum number of optimiser steps; a small mix is repeated for it, up to four passes."""
    learning_rate: float = Field(default=5e-5, gt=0.0, le=1.0)
    """Peak learning rate, reached after warm-up; it then falls linearly to zero."""
    maximum_steps: int | None = Field(default=None, ge=1, examples=[500])
    """Maximum number of optimiser steps, for small updates in every cycle (none: all epochs)."""
    batch_size: int = Field(default=32, ge=2, le=4096)
    """Pairs per step; the positives of the other pairs are the negatives of each pair."""
    mini_batch_size: int | None = Field(default=None, ge=1, examples=[8])
    """Pairs in memory at once, if a whole batch does not fit (none: the whole batch)."""
    warmup: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of the steps in which the learning rate rises from zero to its peak."""
    weight_decay: float = Field(default=0.0, ge=0.0, le=1.0)
    """Decoupled weight decay of AdamW."""
    max_gradient_norm: float = Field(default=1.0, gt=0.0)
    """Norm above which gradients are clipped."""
    scale: float = Field(default=20.0, gt=0.0, le=1000.0)
    """Factor on cosines before the softmax (inverse temperature).

    If the model declares another similarity, the factor is on its similarities divided by their
    usual size among the champion's vectors.
    """
    dimensions: tuple[int, ...] = Field(default=(), strict=False)
    """Lengths of vectors to train at, besides the whole and those of `model.dimensions`."""
    distillation: float = Field(default=5.0, ge=0.0, le=1000.0)
    """Weight of the loss that holds rows to the champion's embeddings (0: no distillation).

    It is the loss per unit of cosine distance. The default is measured
    (docs/decisions/0006): old rankings scatter nearly as little as at 20, where a new task that
    resembles the old ones learns a quarter less.
    """
    distil: Rows = "answered"
    """Which rows to hold: replayed ones that the champion ranks right, all replayed ones, or all.

    The champion ranks a row right if all answers come before every other document.
    """
    false_negative_margin: float | None = Field(default=None, ge=-2.0, le=2.0, examples=[0.1])
    """Mask negatives that the champion scores above the positive minus this cosine (none: off)."""
    elastic: float = Field(default=0.0, ge=0.0, le=1e9)
    """Strength that pulls weights back to the champion's, times the learning rate (0: off)."""
    elastic_by: Literal["fisher", "equal"] = "fisher"
    """Which weights it pulls most: those important for replayed pairs (EWC), or all (L2-SP)."""
    frozen_layers: int = Field(default=0, ge=0, le=1000)
    """Number of lowest layers to freeze, together with the embeddings (0: everything learns)."""
    adapter_rank: int = Field(default=0, ge=0, le=1024)
    """Rank of low-rank adapters that learn in place of the weights (LoRA; 0: no adapters)."""
    activation_memory: int = Field(default=1024, ge=0)
    """Memory in MiB to keep the output of frozen layers, so that it is computed only once."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Number format of the forward pass; auto: bf16 where it is faster on this machine."""
    acceleration: bool = True
    """Whether to train faster on a CPU by equivalent arithmetic (packed texts, faster dropout).

    The weights differ in rounding and in random draws. Switch it off to rule it out as the cause
    of a problem.
    """
    checkpoint_steps: int = Field(default=100, ge=1)
    """Steps between two checkpoints."""
    seed: int = Field(default=0, ge=0, le=SEEDS[-1])
    """Seed of the batch order and of dropout."""
    processes: int = Field(default=1, ge=1, le=64)
    """Processes that train together, each on its part of every batch (`[compute]` says where)."""

    def __post_init__(self) -> None:
        """Refuse a batch that cannot be cut into equal parts, and lengths that no vector has."""
        part_of(self.batch_size, self.processes)
        check_lengths(self.dimensions, "finetune.dimensions")

    def fit(
        self,
        base: StrPath,
        mixture: Mixture,
        *,
        output: StrPath,
        checkpoints: StrPath,
        max_length: int,
        progress: Progress = no_progress,
        cache: StrPath | None = None,
        on_step: Callable[[int], None] | None = None,
    ) -> Training:
        """Train a copy of `base` on the mix and save it at `output`.

        If a launcher such as torchrun called this in several processes, they train as one: their
        number replaces `processes`, the first one writes and shows progress, and all return the
        same.

        Parameters
        ----------
        base
            Folder of the champion; it is only read.
        mixture
            The pairs to train on.
        output
            Folder to save the model in. If it already holds the result of the same arguments,
            that is returned at once.
        checkpoints
            Folder for checkpoints; removed when the training succeeds.
        max_length
            Tokens after which a text is cut.
        progress
            Shows how far the training is.
        cache
            Folder of the embedding cache, for the champion's embeddings of the mix.
        on_step
            Called with the number of each finished step, counted from 1.

        Raises
        ------
        DataFault
            The mix has fewer than two pairs or an empty text, the base is refused, or a batch has
            fewer pairs than there are processes.
        NoEmbedding
            The champion gives no finite embedding for a text of the mix.
        NonFiniteLoss
            A loss, gradient or weight is not finite; nothing is saved.
        """
        where = Path(output), Path(checkpoints)
        job = Job(Path(base), mixture, *where, max_length, Path(cache) if cache else None)
        return self.train(job, progress=progress, on_step=on_step)

    def train(
        self,
        job: Job,
        *,
        progress: Progress = no_progress,
        on_step: Callable[[int], None] | None = None,
        launcher: Launcher = launch,
    ) -> Training:
        """Do what `fit` does for a job.

        Parameters
        ----------
        job
            What to read and where to write.
        progress, on_step
            As in `fit`.
        launcher
            Starts the processes, if there are several.
        """
        check_parts(len(job.mixture.pairs), self.batch_size, self._processes())
        connect(kind_of(job.device) == "cuda")
        precision = from_first(lambda: self._precision_of(job))
        champion = fingerprint(job.base, job.max_length)
        recipe = self._recipe(job, champion, precision)
        if (done := Training.finished(job.output, recipe)) is not None:
            return done
        if self._processes() > ranks():
            ranked = job.for_ranks(asdict(self), self.processes)
            launcher(ranked, progress=progress, on_step=on_step)
            if (done := Training.finished(job.output, recipe)) is None:
                raise RuntimeError(f"{job.output}: the processes ended without a trained model")
            return done
        if rank() > 0:
            progress, on_step = no_progress, None
        try:
            model, done = self.trained(job, champion, precision, progress, on_step)
        except NonFiniteLoss:
            refuse_texts_without_embedding(job, champion)
            raise
        if rank() == 0:
            done.save(model, recipe)
            shutil.rmtree(job.checkpoints, ignore_errors=True)
        wait_for_all()
        return done

    def trained(
        self,
        job: Job,
        champion: str,
        precision: Precision,
        progress: Progress,
        on_step: Callable[[int], None] | None,
    ) -> "tuple[SentenceTransformer, Training]":
        """Return the trained model and what the training did; nothing is saved yet."""
        from training.finetuning.trainer import Watch
        from training.retention import Adapters
        from training.retention.elastic_weights import ElasticWeights
        from training.retention.frozen_layers import FrozenLayers

        started = time.perf_counter()
        model = load_model(job.base, job.max_length, device=job.device)
        gaps = not_finite(model)
        # Most tricks know only one transformer and one kind of text.
        alone: Collection[Trick] = {"dropout"}
        tricks = alone if tells_sides_apart(model) else TRICKS
        prepared = Prepared(
            model,
            job.texts(),
            tricks if self.acceleration else (),
            compiles=precision == "bf16",
        )
        adapters = Adapters(model, self.adapter_rank, self.seed) if self.adapter_rank else None
        layers, room = self.frozen_layers, self.activation_memory
        frozen = FrozenLayers(model, layers, prepared.packing) if layers else None
        run = job.checkpoints / self._recipe(job, champion, precision)[:16]
        with quiet():
            hold = from_first(
                lambda: self._hold(job.mixture, guide_of(job, champion, model, precision), progress)
            )
            loss = self._loss(model, job.mixture, hold, packs=prepared.packing is not None)
            trainer = self._trainer(model, job, run, precision, loss)
            with (
                progress("train", self._steps(len(job.mixture.pairs))) as step,
                prepared.training(trainer.columns()),
                frozen.below(trainer.columns(), room) if frozen else nullcontext(),
            ):
                trainer.add_callback(Watch(step, on_step))
                if self.elastic > 0:
                    replayed = job.mixture.from_memory
                    pull = ElasticWeights.of(trainer, replayed, self.elastic, self.elastic_by)
                    trainer.add_callback(pull)
                checkpoint = from_first(lambda: newest_checkpoint(run))
                if checkpoint:
                    logger.info("the training resumes from %s", checkpoint.name)
                trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        if adapters is not None:
            adapters.merge()
        check_weights(model, trainer.state.global_step, gaps)
        return model, Training(
            job.output,
            trainer.state.global_step,
            round(time.perf_counter() - started, 3),
            trainer.rows_logged(),
            precision,
            len(job.mixture.pairs),
            int(hold.rows.sum()),
        )

    def _precision_of(self, job: Job) -> Precision:
        """Return the number format; a training that began or is finished keeps its own."""
        if self.precision != "auto":
            return self.precision
        if (done := Training.finished(job.output)) is not None:
            return done.precision
        return settled_precision(job.checkpoints / "precision", kind_of(job.device))

    def _recipe(self, job: Job, champion: str, precision: Precision) -> str:
        without_effect = {"precision", "checkpoint_steps"}  # the precision that was chosen counts
        settings = {
            name: value for name, value in asdict(self).items() if name not in without_effect
        }
        return job.recipe(champion, {**settings, "processes": self._processes()}, precision)

    def _processes(self) -> int:
        """Return how many processes train: those that a launcher started, or those to start."""
        return ranks() if launched() else self.processes

    def _steps(self, pairs: int) -> int:
        """Return the number of optimiser steps for a mix of so many pairs."""
        steps_per_pass = -(-pairs // self.batch_size)
        passes = max(self.epochs, min(_MOST_PASSES, -(-self.minimum_steps // steps_per_pass)))
        return min(passes * steps_per_pass, self.maximum_steps or passes * steps_per_pass)

    def _hold(self, mixture: Mixture, encoder: Encoder, progress: Progress) -> Hold:
        """Return which rows are held to the champion's embeddings, and these embeddings."""
        rows = self.distil if self.distillation > 0 else None
        masks = self.false_negative_margin is not None
        shorter = further_dimensions(self.dimensions, encoder.dimensions, "finetune.dimensions")
        return Hold.of(mixture, encoder, rows, progress, whole=masks, dimensions=shorter)

    def _loss(
        self, model: "SentenceTransformer", mixture: Mixture, hold: Hold, *, packs: bool
    ) -> "nn.Module":
        from sentence_transformers.base.losses.gradcache import has_static_embedding_input

        from training.finetuning.losses import AnchoredContrastiveLoss
        from training.pairs import LabelledTexts

        if self.mini_batch_size is not None and has_static_embedding_input(model):
            raise DataFault(
                f"finetune.mini_batch_size is {self.mini_batch_size}; a model of static embeddings "
                "allows none"
            )
        return AnchoredContrastiveLoss(
            model,
            LabelledTexts(mixture.pairs),
            hold,
            scale=self.scale,
            false_negative_margin=self.false_negative_margin,
            distillation=self.distillation,
            packs=packs,
            mini_batch_size=self.mini_batch_size,
        )

    def _trainer(
        self,
        model: "SentenceTransformer",
        job: Job,
        run: Path,
        precision: Precision,
        loss: "nn.Module",
    ) -> "CheckedTrainer":
        from training.finetuning.trainer import CheckedTrainer, prompts, routes, training_set

        rows = training_set(job.mixture.pairs)
        arguments = arguments_on(
            device_for(job.device),
            output_dir=str(run),
            max_steps=self._steps(len(job.mixture.pairs)),
            per_device_train_batch_size=part_of(self.batch_size, ranks()),
            learning_rate=self.learning_rate,
            warmup_steps=self.warmup,
            weight_decay=self.weight_decay,
            max_grad_norm=self.max_gradient_norm,
            prompts=prompts(model, rows.column_names),
            router_mapping=routes(model, rows.column_names),
            bf16=precision == "bf16",
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
        return CheckedTrainer(model=model, args=arguments, train_dataset=rows, loss=loss)
