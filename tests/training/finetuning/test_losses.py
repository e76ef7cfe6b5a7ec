"""The loss: negatives, distillation, and how a batch goes through the model."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sentence_transformers.sentence_transformer.losses import (
    MatryoshkaLoss,
    MultipleNegativesRankingLoss,
)
from sentence_transformers.util import SimilarityFunction

from training.encoding.loading import load_model
from training.encoding.similarity import Similarity
from training.finetuning.losses import AnchoredContrastiveLoss, _alike_in_length
from training.pairs.labels import LabelledTexts
from training.pairs.pair import Pair
from training.retention.hold import Hold


class Table(torch.nn.Module):
    """Hands its features through as embeddings."""

    def forward(self, features):
        return {"sentence_embedding": features["vectors"]}


def contrast(pairs, columns, champion=None, margin=None, distillation=0.0, held=None):
    loss = AnchoredContrastiveLoss(
        Table(), LabelledTexts(pairs),
        Hold(
            np.ones(len(pairs), dtype=bool) if held is None else np.array(held),
            tuple(column.numpy() for column in champion or ()),
        ),
        scale=10.0, false_negative_margin=margin, distillation=distillation,
    )  # fmt: skip
    return loss([{"vectors": column} for column in columns], torch.arange(len(pairs)))


def test_documents_that_answer_the_query_are_no_negatives():
    eye = torch.eye(4)
    shared = [Pair("1", "a", "x"), Pair("2", "b", "x"), Pair("3", "a", "y"), Pair("4", "c", "z")]
    vectors = [eye[[0, 1, 0, 2]], eye[[0, 0, 1, 2]]]
    loss = contrast(shared, vectors)["contrastive"]
    # Row by row, the logits of what is left: own positive first, then true negatives.
    expected = -torch.stack([
        torch.log_softmax(torch.tensor(row), 0)[0]
        for row in ([10.0, 0], [0.0, 10.0, 0], [0.0, 0], [10.0, 0, 0, 0])
    ]).mean()  # fmt: skip
    assert loss == pytest.approx(float(expected), abs=1e-5)


def test_what_the_champion_finds_nearer_than_the_positive_is_no_negative():
    eye = torch.eye(4)
    pairs = [Pair(str(i), f"q{i}", f"p{i}") for i in range(3)]
    columns = [eye[[0, 1, 2]], eye[[0, 0, 2]]]
    champion = [eye[[0, 1, 2]], eye[[0, 0, 2]]]
    plain = contrast(pairs, columns)["contrastive"]
    masked = contrast(pairs, columns, champion, margin=0.01)["contrastive"]
    assert masked < plain


def test_only_held_rows_are_distilled():
    eye = torch.eye(4)
    pairs = [Pair(str(i), f"q{i}", f"p{i}") for i in range(2)]
    now, before = [eye[[0, 1]], eye[[0, 1]]], [eye[[2, 1]], eye[[2, 1]]]
    both = contrast(pairs, now, before, distillation=1.0)["distillation"]
    second = contrast(pairs, now, before, distillation=1.0, held=[False, True])["distillation"]
    none = contrast(pairs, now, before, distillation=1.0, held=[False, False])["distillation"]
    assert (float(both), float(second), float(none)) == (0.5, 0.0, 0.0)


PAIRS = [
    Pair(str(i), f"where is my {word}", f"the {word} is gone" + " today" * (i % 2))
    for i, word in enumerate(("card", "bank", "money", "account", "train", "flight", "hotel"))
]


def still(tiny_model):
    """Return the tiny model in training mode, with its dropout off."""
    model = load_model(tiny_model, 32).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


def anchored(model, lengths=(16,), **more):
    hold = Hold(np.zeros(len(PAIRS), dtype=bool), (), sizes=dict.fromkeys(lengths, 1.0))
    return AnchoredContrastiveLoss(
        model, LabelledTexts(PAIRS), hold,
        scale=20.0, false_negative_margin=None, distillation=0.0, **more,
    )  # fmt: skip


def columns(model, rows=PAIRS):
    return [
        dict(model.preprocess([pair.query for pair in rows])),
        dict(model.preprocess([pair.positive for pair in rows])),
    ]


def gradients(loss, model):
    """Return the loss of the pairs, and all its gradients in one vector."""
    model.zero_grad()
    terms = loss(columns(model), torch.arange(len(PAIRS)))
    total = terms if isinstance(terms, torch.Tensor) else sum(terms.values())
    total.backward()
    grads = [weight.grad.flatten() for weight in model.parameters() if weight.grad is not None]
    return float(total.detach()), torch.cat(grads)


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize("lengths", [(16,), (16, 9, 4)])
def test_mini_batches_give_the_loss_and_the_gradients_of_the_whole_batch(tiny_model, size, lengths):
    model = still(tiny_model)
    whole, expected = gradients(anchored(model, lengths), model)
    loss, found = gradients(anchored(model, lengths, mini_batch_size=size), model)
    assert loss == pytest.approx(whole, abs=1e-5)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("packs", [False, True])
def test_one_pass_over_all_columns_gives_each_column_what_its_own_pass_would(tiny_model, packs):
    model = still(tiny_model)
    passes = []
    model.register_forward_pre_hook(lambda *_: passes.append(1))
    rows = [replace(pair, positive=pair.query + " now") for pair in PAIRS]
    given = columns(model, rows if not packs else PAIRS)
    found = anchored(model, packs=packs)._embed([dict(column) for column in given])
    assert len(passes) == 1
    for embeddings, column in zip(found, given, strict=True):
        own = model(column)["sentence_embedding"]
        torch.testing.assert_close(embeddings, own, rtol=1e-4, atol=1e-6)


def test_columns_are_joined_only_where_padding_them_to_one_length_costs_little():
    def column(rows, tokens):
        ones = torch.ones(rows, tokens, dtype=torch.long)
        return {"input_ids": ones, "attention_mask": ones}

    assert _alike_in_length([column(4, 10), column(4, 12)])
    assert not _alike_in_length([column(4, 10), column(4, 40)])
    assert not _alike_in_length([{"vectors": torch.ones(2, 2)}, {"vectors": torch.ones(2, 2)}])


def test_columns_that_are_treated_differently_have_a_pass_each(tiny_model):
    model = still(tiny_model)
    passes = []
    model.register_forward_pre_hook(lambda *_: passes.append(1))
    first, second = columns(model)
    anchored(model, packs=True)._embed([{**first, "prompt_length": 1}, second])
    assert len(passes) == 2


NAMES = ("cosine", "dot", "euclidean", "manhattan")
EACH_ITS_OWN = [Pair(str(i), f"q{i}", f"p{i}") for i in range(6)]


def long_columns(count=2):
    random = torch.Generator().manual_seed(0)
    return [3 * torch.randn(6, 8, generator=random) for _ in range(count)]


def at_lengths(name, sizes, now, champion=None, distillation=0.0, scale=20.0):
    champion = () if champion is None else tuple(column.numpy() for column in champion)
    hold = Hold(np.ones(6, dtype=bool), champion, Similarity(name), sizes)
    loss = AnchoredContrastiveLoss(
        Table(), LabelledTexts(EACH_ITS_OWN), hold,
        scale=scale, false_negative_margin=None, distillation=distillation,
    )  # fmt: skip
    return loss([{"vectors": column} for column in now], torch.arange(6))


@pytest.mark.parametrize("name", NAMES)
def test_contrast_is_that_of_the_library_with_the_declared_similarity(name):
    columns = long_columns()
    library = MultipleNegativesRankingLoss(
        Table(), scale=20 / 7, similarity_fct=SimilarityFunction.to_similarity_fn(name)
    )
    expected = library([{"vectors": column} for column in columns], None)
    found = at_lengths(name, {8: 7.0}, columns)["contrastive"]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_contrast_at_several_lengths_is_that_of_the_librarys_matryoshka_loss():
    columns = long_columns()
    table = Table()
    table.get_embedding_dimension = lambda: 8
    library = MatryoshkaLoss(table, MultipleNegativesRankingLoss(table, scale=20), [8, 5, 2])
    expected = library([{"vectors": column} for column in columns], None)
    found = at_lengths("cosine", {8: 1.0, 5: 1.0, 2: 1.0}, columns)["contrastive"]
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", NAMES)
def test_what_does_not_move_costs_nothing_at_any_length_and_what_moves_does(name):
    now = long_columns()
    before = now
    if name == "cosine":
        before = [torch.nn.functional.normalize(column, dim=1) for column in now]
    sizes = {8: 1.0, 3: 1.0}
    still = at_lengths(name, sizes, now, before, distillation=2.0)["distillation"]
    assert float(still) == pytest.approx(0, abs=1e-5)
    longer = [column * 1.1 for column in now]
    moved = at_lengths(name, sizes, longer, before, distillation=2.0)["distillation"]
    # The length of a vector means nothing to the cosine, and is what the others rank by.
    expected = 0.0 if name == "cosine" else 2 * 2 * 0.5 * 0.1**2
    assert float(moved) == pytest.approx(expected, abs=1e-5)


def test_for_unit_vectors_both_measures_of_movement_agree():
    now, before = (
        [torch.nn.functional.normalize(column, dim=1) for column in columns]
        for columns in (long_columns(), [column.flip(0) for column in long_columns()])
    )
    cosine, dot = (
        at_lengths(name, {8: 1.0}, now, before, distillation=1.0)["distillation"]
        for name in ("cosine", "dot")
    )
    torch.testing.assert_close(cosine, dot)
