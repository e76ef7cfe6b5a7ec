"""Small models of the kinds that people name as their base: with routes, prompts, no padding."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import CrossEncoder, SentenceTransformer, SparseEncoder
from sentence_transformers.base.modules import Router
from sentence_transformers.sentence_transformer.modules import (
    Dense,
    Normalize,
    Pooling,
    StaticEmbedding,
    Transformer,
)
from tiny_models import TINY_WORDS
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    GPT2Model,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5EncoderModel,
)

from training.encoding.loading import save_model
from training.progress import quiet

WIDTH = 16
_SIZES = {"hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2}


def loaded(folder: Path) -> SentenceTransformer:
    with quiet():
        return SentenceTransformer(str(folder), device="cpu")


def changed(tiny: Path, place: Path, change: Callable[[SentenceTransformer], Any]) -> Path:
    """Save a changed copy of the tiny model."""
    model = loaded(tiny)
    change(model)
    save_model(model, place)
    return place


def with_prompts(
    tiny: Path, place: Path, prompts: dict[str, str], default: str | None = None
) -> Path:
    """Copy the tiny model with just these prompts, as a repository of 2024 has them."""
    shutil.copytree(tiny, place)
    file = place / "config_sentence_transformers.json"
    settings = {"prompts": prompts, "default_prompt_name": default, "similarity_fn_name": "cosine"}
    file.write_text(json.dumps(settings), encoding="utf-8")
    return place


def without_pooled_prompt(tiny: Path, place: Path) -> Path:
    """Save a model that leaves the prompt out of its mean, as Instructor does."""

    def change(model: SentenceTransformer) -> None:
        model.set_pooling_include_prompt(include_prompt=False)
        model.prompts.update({"query": "where is ", "document": "how the bank is "})

    return changed(tiny, place, change)


def with_nan_for(word: str, tiny: Path, place: Path) -> Path:
    """Save a model that has no embedding for texts with a word."""

    def change(model: SentenceTransformer) -> None:
        with torch.no_grad():
            row = model.tokenizer.convert_tokens_to_ids(word)
            model.transformers_model.get_input_embeddings().weight[row] = float("nan")

    return changed(tiny, place, change)


def routed(tiny: Path, place: Path) -> Path:
    """Save a model with an encoder for queries and another one for documents."""
    query, document = loaded(tiny), loaded(tiny)
    with torch.no_grad():
        for weight in document.parameters():
            weight.add_(0.01)
    sides = ([model[0], model[1]] for model in (query, document))
    router = Router.for_query_document(*sides)
    save_model(SentenceTransformer(modules=[router, Normalize()], device="cpu"), place)
    return place


def with_static_queries(tiny: Path, place: Path) -> Path:
    """Save a model whose queries are a mean of word vectors, and its documents a transformer's."""
    document = loaded(tiny)
    words = StaticEmbedding(document.tokenizer.backend_tokenizer, embedding_dim=WIDTH)
    router = Router.for_query_document([words], [document[0], document[1]])
    save_model(SentenceTransformer(modules=[router, Normalize()], device="cpu"), place)
    return place


def with_dense(tiny: Path, place: Path) -> Path:
    """Save a model with a projection after its pooling."""
    model = loaded(tiny)
    modules = [model[0], model[1], Dense(WIDTH, 8)]
    save_model(SentenceTransformer(modules=modules, device="cpu"), place)
    return place


def _tokenizer(place: Path, *, padding: bool = True) -> dict[str, int]:
    """Save a tokenizer of letters with the special tokens of RoBERTa; return its vocabulary."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    tokens = ["<s>", *(["<pad>"] if padding else []), "</s>", "<unk>", *letters]
    table = {token: number for number, token in enumerate([*tokens, *(f"##{x}" for x in letters)])}
    tokenizer = Tokenizer(models.WordPiece(table, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [("<s>", table["<s>"]), ("</s>", table["</s>"])]
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=ends)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        **({"pad_token": "<pad>"} if padding else {}),
    ).save_pretrained(place)
    return table


def _pooled(bare: Path, place: Path, mode: str = "mean") -> Path:
    transformer = Transformer(str(bare))
    save_model(SentenceTransformer(modules=[transformer, Pooling(WIDTH, mode)]), place)
    return place


def roberta(place: Path, positions: int = 66) -> Path:
    """Save a RoBERTa, whose first two positions belong to padding."""
    bare = place.with_name(f"{place.name}-bare")
    with quiet(), torch.random.fork_rng():
        table = _tokenizer(bare)
        shape = RobertaConfig(
            vocab_size=len(table), intermediate_size=32, max_position_embeddings=positions,
            pad_token_id=table["<pad>"], type_vocab_size=1, **_SIZES,
        )  # fmt: skip
        RobertaModel(shape).save_pretrained(bare)
        return _pooled(bare, place)


def t5(place: Path) -> Path:
    """Save an encoder of T5, which knows distances between tokens and no positions."""
    bare = place.with_name(f"{place.name}-bare")
    with quiet(), torch.random.fork_rng():
        table = _tokenizer(bare)
        shape = T5Config(
            vocab_size=len(table), d_model=WIDTH, d_ff=32, d_kv=8, num_layers=2, num_heads=2,
            pad_token_id=table["<pad>"],
        )  # fmt: skip
        T5EncoderModel(shape).save_pretrained(bare)
        return _pooled(bare, place)


def gpt2(place: Path, *, padding: bool) -> Path:
    """Save a decoder of 64 positions that pools the last token."""
    bare = place.with_name(f"{place.name}-bare")
    with quiet(), torch.random.fork_rng():
        table = _tokenizer(bare, padding=padding)
        shape = GPT2Config(
            vocab_size=len(table), n_positions=64, n_embd=WIDTH, n_layer=2, n_head=2, n_inner=32
        )
        GPT2Model(shape).save_pretrained(bare)
        return _pooled(bare, place, "lasttoken")


def bare(tiny: Path, place: Path, kind: type = BertForMaskedLM) -> Path:
    """Save a transformer without modules, under the name of a class."""
    model = loaded(tiny)
    with quiet(), torch.random.fork_rng():
        model.tokenizer.save_pretrained(place)
        if kind is GPT2LMHeadModel:
            shape = GPT2Config(n_embd=WIDTH, n_layer=1, n_head=2)
        else:
            shape = BertConfig(
                vocab_size=len(model.tokenizer), intermediate_size=32, max_position_embeddings=64,
                num_labels=1, **_SIZES,
            )  # fmt: skip
        kind(shape).save_pretrained(place)
    return place


def cross_encoder(tiny: Path, place: Path) -> Path:
    folder = bare(tiny, place.with_name(f"{place.name}-bare"), BertForSequenceClassification)
    with quiet():
        CrossEncoder(str(folder), device="cpu").save_pretrained(str(place), create_model_card=False)
    return place


def sparse_encoder(tiny: Path, place: Path) -> Path:
    folder = bare(tiny, place.with_name(f"{place.name}-bare"))
    with quiet():
        SparseEncoder(str(folder), device="cpu").save_pretrained(
            str(place), create_model_card=False
        )
    return place


def in_hub_cache(folder: Path, cache: Path, name: str) -> None:
    """Lay out a model as the hub's cache has it after a download."""
    place = cache / f"models--{name.replace('/', '--')}"
    commit = "0" * 40
    shutil.copytree(folder, place / "snapshots" / commit)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(commit, encoding="utf-8")


def word_vectors(place: Path, dimensions: int, *, numbers: int = 10_000) -> Path:
    """Save a static model with a random vector for each word of `made_streams` and each number."""
    words = ["[UNK]", *TINY_WORDS, *map(str, range(numbers))]
    table = {word: row for row, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(table, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    weights = np.random.default_rng(0).standard_normal((len(words), dimensions))
    static = StaticEmbedding(tokenizer, embedding_weights=weights.astype(np.float32))
    save_model(SentenceTransformer(modules=[static], device="cpu"), place)
    return place
