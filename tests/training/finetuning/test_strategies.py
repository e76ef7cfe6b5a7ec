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
