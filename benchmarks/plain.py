"""The baseline: a training script as sentence-transformers documents it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from training import Pair
from training.progress import quiet

BATCH = 32
"""Pairs per step, as many as by our default."""


def train_plain(
    base: Path,
    pairs: Sequence[Pair],
    output: Path,
    max_length: int,
    *,
    on_step: Callable[[int], None] = lambda _: None,
    bf16: bool = False,
    seed: int = 42,
) -> None:
    """Train a copy of the base on the pairs for two epochs with the library's defaults.

    Only `on_step` and the silence are ours; the seed is the library's default.
    """
    import torch
    from datasets import Dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
    from transformers import PrinterCallback, TrainerCallback

    class Steps(TrainerCallback):  # type: ignore[misc,unused-ignore]
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            on_step(state.global_step)

    with quiet():
        model = SentenceTransformer(str(base))
        model.max_seq_length = max_length
        columns = {
            "anchor": [pair.query for pair in pairs],
            "positive": [pair.positive for pair in pairs],
        }
        arguments = SentenceTransformerTrainingArguments(
            output_dir=str(output.with_name("plain-checkpoints")),
            num_train_epochs=2,
            per_device_train_batch_size=BATCH,
            bf16=bf16,
            seed=seed,
            use_cpu=not torch.cuda.is_available(),
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        trainer = SentenceTransformerTrainer(
            model=model,
            args=arguments,
            train_dataset=Dataset.from_dict(columns),
            loss=MultipleNegativesRankingLoss(model),
            callbacks=[Steps()],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        model.save(str(output), create_model_card=False)
