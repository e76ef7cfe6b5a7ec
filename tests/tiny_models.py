"""A tiny real transformer, for tests and for benchmarks of everything around a model."""

from pathlib import Path

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
TINY_WORDS = [
    "account",
    "bank",
    "book",
    "card",
    "car",
    "cook",
    "flight",
    "gone",
    "hotel",
    "how",
    "is",
    "lost",
    "menu",
    "money",
    "my",
    "pay",
    "recipe",
    "salt",
    "the",
    "train",
    "where",
]


def tiny_bert(place: Path) -> Path:
    """Save two layers of BERT, 16 dimensions, with random weights; return the model's folder."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    from training.encoding.loading import save_model
    from training.progress import quiet

    place.mkdir(parents=True, exist_ok=True)
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = [*specials, *LETTERS, *("##" + letter for letter in LETTERS), *TINY_WORDS]
    vocabulary_file = place / "vocab.txt"
    vocabulary_file.write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    bare = place / "bare"
    with torch.random.fork_rng(), quiet():
        torch.manual_seed(0)
        shape = BertConfig(
            vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=32, max_position_embeddings=64,
        )  # fmt: skip
        BertModel(shape).save_pretrained(bare)
        BertTokenizerFast(vocab=str(vocabulary_file), model_max_length=64).save_pretrained(bare)
        transformer = Transformer(str(bare), max_seq_length=32)
        model = SentenceTransformer(
            modules=[transformer, Pooling(16, "mean"), Normalize()], device="cpu"
        )
        save_model(model, place / "model")
    return place / "model"
