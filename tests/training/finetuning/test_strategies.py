"""Strategies: each is one way to retain, and every other setting stays as the user set it."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from training.finetuning.finetune import FineTune
from training.finetuning.strategies import strategies
from training.pairs.mix import Mix
from training.retention.merge import Merge


def test_what_was_configured_is_one_of_the_strategies():
    mix, finetune, merge = Mix(share=0.3), FineTune(distillation=2.0), Merge(shares=(0.5,))
    configured = strategies(mix, finetune, merge)["configured"]
    assert (configured.mix, configured.finetune, configured.merge) == (mix, finetune, merge)


def test_each_strategy_changes_what_its_name_says_and_says_what_it_is():
    made = strategies(Mix(share=0.0), FineTune(seed=7), Merge())
    assert made["naive"].mix.share == 0.0
    assert made["replay"].mix.share > 0
    assert made["interpolated"].merge.shares
    assert made["distilled"].finetune.distillation > 0
    assert made["elastic"].finetune.elastic > 0
    assert made["frozen"].finetune.frozen_layers > 0
    assert made["online"].finetune.maximum_steps
    assert all(strategy.about for strategy in made.values())
    assert {strategy.finetune.seed for strategy in made.values()} == {7}
    settings = {(s.mix, s.finetune, s.merge) for name, s in made.items() if name != "configured"}
    assert len(settings) == len(made) - 1


def test_adapters_are_a_strategy_where_they_are_set_and_no_part_of_the_others():
    assert "adapter" not in strategies(Mix(), FineTune(), Merge())
    made = strategies(Mix(), FineTune(adapter_rank=8), Merge())
    adapted = {name for name, strategy in made.items() if strategy.finetune.adapter_rank == 8}
    assert adapted == {"adapter", "configured"}


NAMED = {
    "configured": set(),
    "naive": {"mix.share"},
    "replay": {"mix.share"},
    "interpolated": {"mix.share", "merge.shares"},
    "distilled": {"mix.share", "finetune.distillation"},
    "elastic": {"mix.share", "finetune.elastic"},
    "frozen": {"mix.share", "finetune.frozen_layers"},
    "online": {"mix.share", "finetune.maximum_steps", "finetune.learning_rate"},
    "adapter": {"mix.share", "finetune.adapter_rank"},
}
"""Strategy -> what it sets."""
RETENTION = {
    "finetune.distillation",
    "finetune.elastic",
    "finetune.frozen_layers",
    "finetune.adapter_rank",
    "merge.shares",
}
"""What a strategy switches off unless it is named after it."""


def finetune_settings():
    """Return any settings of the worker, each field with a value other than its default."""
    values = {
        "epochs": st.integers(1, 9),
        "minimum_steps": st.integers(0, 99),
        "learning_rate": st.floats(1e-6, 1e-2),
        "maximum_steps": st.none() | st.integers(1, 500),
        "batch_size": st.sampled_from([8, 16, 64]),
        "mini_batch_size": st.none() | st.integers(1, 8),
        "warmup": st.floats(0.0, 0.9),
        "weight_decay": st.floats(0.0, 1.0),
        "max_gradient_norm": st.floats(0.1, 9.0),
        "scale": st.floats(1.0, 99.0),
        "distillation": st.floats(0.0, 99.0),
        "distil": st.sampled_from(["answered", "replayed", "all"]),
        "false_negative_margin": st.none() | st.floats(-1.0, 1.0),
        "elastic": st.floats(0.0, 99.0),
        "elastic_by": st.sampled_from(["fisher", "equal"]),
        "frozen_layers": st.integers(0, 9),
        "adapter_rank": st.integers(0, 16),
        "activation_memory": st.integers(0, 99),
        "precision": st.sampled_from(["auto", "fp32", "bf16"]),
        "acceleration": st.booleans(),
        "checkpoint_steps": st.integers(1, 99),
        "seed": st.integers(0, 99),
        "processes": st.sampled_from([1, 2, 4]),
    }
    return st.fixed_dictionaries(values)


@given(
    finetune_settings(),
    st.builds(
        Mix, share=st.floats(0.0, 0.9), minimum_pairs=st.integers(2, 99), seed=st.integers(0, 9)
    ),
    st.builds(Merge, shares=st.sampled_from([(), (0.5,)]), kept_gain=st.floats(0.0, 1.0)),
)
def test_a_strategy_changes_only_what_it_names(values, mix, merge):
    finetune = FineTune(**values)
    given_values = settings_of(mix, finetune, merge)
    for name, strategy in strategies(mix, finetune, merge).items():
        made = settings_of(strategy.mix, strategy.finetune, strategy.merge)
        changed = {key for key, value in made.items() if value != given_values[key]}
        off = {key for key in changed & RETENTION if not made[key]}
        assert changed <= NAMED[name] | off, name


@given(st.integers(1, 500))
def test_the_steps_that_a_user_allows_hold_for_every_strategy(maximum):
    made = strategies(Mix(), FineTune(maximum_steps=maximum, adapter_rank=4), Merge())
    assert {each.finetune.maximum_steps for each in made.values()} == {maximum}


def settings_of(mix, finetune, merge):
    """Return table.key -> value of the three workers."""
    workers = {"mix": mix, "finetune": finetune, "merge": merge}
    return {
        f"{table}.{key}": value
        for table, worker in workers.items()
        for key, value in dataclasses.asdict(worker).items()
    }
