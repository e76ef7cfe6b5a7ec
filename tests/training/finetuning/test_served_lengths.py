"""What is served is trained: the declared similarity, and each length of the vectors."""

import pytest
from declared_models import long_vectors
from made_streams import TRAVEL, sentences

from training.encoding.encoder import Encoder
from training.encoding.loading import load_model
from training.evaluation.evaluate import Evaluate
from training.evaluation.evaluation_set import EvaluationSet
from training.faults import DataFault
from training.finetuning.finetune import FineTune
from training.pairs.mix import Mix
from training.pairs.pair import Pair


def pairs(count, seed):
    return [
        Pair(row["id"], row["query"], row["positive"]) for row in sentences(TRAVEL, count, seed)
    ]


def trained(model, place, **settings):
    worker = FineTune(**{"epochs": 6, "learning_rate": 3e-3, "precision": "fp32", **settings})
    mix = Mix(minimum_pairs=2, share=0.0).draw(pairs(96, 1), [])
    paths = {"output": place / "trained", "checkpoints": place / "checkpoints"}
    return worker.fit(model, mix, max_length=32, **paths).folder


def scores(model, *dimensions):
    given = EvaluationSet.from_pairs("new", pairs(60, 2), [])
    card = Evaluate().score(Encoder.load(model), [given], dimensions=dimensions)
    return [task.mean("ndcg_at_10") for task in card.tasks.values()]


@pytest.mark.parametrize("name", ["dot", "euclidean", "manhattan"])
def test_a_model_gets_better_by_the_similarity_that_it_declares_and_keeps_it(
    tiny_model, tmp_path, name
):
    base = long_vectors(tiny_model, tmp_path / "base", name)
    after = trained(base, tmp_path)
    assert scores(after)[0] > scores(base)[0] + 0.1
    assert load_model(after).similarity_fn_name == name


def test_a_length_that_is_trained_gets_better_than_one_that_is_not(tiny_model, tmp_path):
    plain = scores(trained(tiny_model, tmp_path / "plain"), 3)
    nested = scores(trained(tiny_model, tmp_path / "nested", dimensions=(3,)), 3)
    assert nested[1] > plain[1] + 0.02
    assert nested[0] > scores(tiny_model)[0]


def test_a_base_that_cuts_its_vectors_is_trained_at_that_length_and_keeps_it(tiny_model, tmp_path):
    base = long_vectors(tiny_model, tmp_path / "base", "cosine", truncate_dim=6)
    after = trained(base, tmp_path, distillation=5.0, distil="all")
    assert Encoder.load(after).dimensions == 6
    assert scores(after)[0] > scores(base)[0]


def test_a_length_above_that_of_the_vectors_is_refused(tiny_model, tmp_path):
    with pytest.raises(DataFault, match=r"finetune\.dimensions holds 17; allowed are 1 to 16"):
        trained(tiny_model, tmp_path, dimensions=(17,))
    with pytest.raises(ValueError, match="must be at least 1"):
        FineTune(dimensions=(0,))
