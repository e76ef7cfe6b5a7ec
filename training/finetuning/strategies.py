"""Strategies: ways to learn new pairs without forgetting, as settings of the same workers."""

from collections.abc import Mapping
from dataclasses import dataclass as plain_dataclass
from dataclasses import field, replace

from training.finetuning.finetune import FineTune
from training.pairs import Mix
from training.retention import Merge

CONFIGURED = "configured"
"""The strategy that uses the workers as they are set."""


@plain_dataclass(frozen=True)
class Strategy:
    """One way to train: its workers, and a description of one sentence."""

    mix: Mix
    finetune: FineTune
    merge: Merge
    about: str = field(compare=False)
    """Description; strategies with equal workers are equal whatever it says."""


def strategies(mix: Mix, finetune: FineTune, merge: Merge) -> Mapping[str, Strategy]:
    """Return name -> strategy; `configured` has the workers given, the others variants of them.

    A variant switches off the ways to retain that others are named after (distillation, elastic
    weights, frozen layers, adapters, merging), sets its own, and leaves every other setting as it
    is, so that a comparison shows its effect. `online` also limits the steps and divides the
    learning rate. `adapter` exists only if `adapter_rank` is set: it needs an optional package and
    its own learning rate.

    Examples
    --------
    >>> sorted(strategies(Mix(), FineTune(), Merge()))
    ['configured', 'distilled', 'elastic', 'frozen', 'interpolated', 'naive', 'online', 'replay']
    """
    plain = replace(finetune, distillation=0.0, elastic=0.0, frozen_layers=0, adapter_rank=0)
    replay = mix if mix.share > 0 else replace(mix, share=0.5)
    off = replace(merge, shares=())
    shares = merge.shares or (0.4, 0.6, 0.8)
    made = {
        CONFIGURED: Strategy(mix, finetune, merge, "as configured"),
        "naive": Strategy(replace(mix, share=0.0), plain, off, "recent pairs alone"),
        "replay": Strategy(replay, plain, off, "recent pairs mixed with replayed ones"),
        "interpolated": Strategy(
            replay,
            plain,
            replace(merge, shares=shares),
            "replay, then weights averaged with the champion's",
        ),
        "distilled": Strategy(
            replay,
            replace(plain, distillation=finetune.distillation or FineTune().distillation),
            off,
            "replay, rows that `distil` names held to the champion's embeddings",
        ),
        "elastic": Strategy(
            replay,
            replace(plain, elastic=finetune.elastic or 100.0),
            off,
            "replay, weights important for old pairs pulled back",
        ),
        "frozen": Strategy(
            replay,
            replace(plain, frozen_layers=finetune.frozen_layers or 2),
            off,
            "replay, embeddings and lowest layers frozen",
        ),
        "online": Strategy(
            replay,
            replace(
                plain,
                maximum_steps=finetune.maximum_steps or 20,
                learning_rate=finetune.learning_rate / 5,
            ),
            off,
            "replay, a few steps in every cycle at a fifth of the learning rate",
        ),
    }
    if finetune.adapter_rank:
        adapter = replace(plain, adapter_rank=finetune.adapter_rank)
        made["adapter"] = Strategy(replay, adapter, off, "replay, only low-rank adapters learn")
    return made
