"""Strategies: ways to learn the new and hold the old, as settings of the same workers."""

from collections.abc import Mapping
from dataclasses import dataclass as plain_dataclass
from dataclasses import field, replace

from training.finetuning.finetune import FineTune
from training.pairs import Mix
from training.retention import Merge

CONFIGURED = "configured"
"""The strategy that takes the workers as they are set."""


@plain_dataclass(frozen=True)
class Strategy:
    """One way to train: its workers, and what it is in one sentence."""

    mix: Mix
    finetune: FineTune
    merge: Merge
    about: str = field(compare=False)
    """Not compared: strategies with equal workers are equal."""


def strategies(mix: Mix, finetune: FineTune, merge: Merge) -> Mapping[str, Strategy]:
    """Return name -> strategy, made of the workers given; `configured` is those themselves.

    Each of the others changes only what its name says, so that a comparison shows what that does.
    There is an `adapter` where `adapter_rank` is set: it needs a package that not all have, and a
    learning rate of its own.

    Examples
    --------
    >>> sorted(strategies(Mix(), FineTune(), Merge()))
    ['configured', 'distilled', 'elastic', 'frozen', 'interpolated', 'naive', 'online', 'replay']
    """
    plain = replace(
        finetune,
        distillation=0.0,
        elastic=0.0,
        frozen_layers=0,
        adapter_rank=0,
        maximum_steps=None,
    )
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
            "replay, old texts held to the champion's embeddings where `distil` says",
        ),
        "elastic": Strategy(
            replay,
            replace(plain, elastic=finetune.elastic or 100.0),
            off,
            "replay, weights that old pairs need drawn back",
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
            "replay, a few small steps in every cycle",
        ),
    }
    if finetune.adapter_rank:
        adapter = replace(plain, adapter_rank=finetune.adapter_rank)
        made["adapter"] = Strategy(replay, adapter, off, "replay, low-rank adapters learn alone")
    return made
