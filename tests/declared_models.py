"""Variants of a tiny model that declare how their vectors are compared, and long vectors."""

from pathlib import Path

from training.encoding.loading import load_model, save_model
from training.progress import quiet


def long_vectors(tiny: Path, folder: Path, similarity: str, **options: int) -> Path:
    """Save a model without its normalisation, with vectors whose lengths differ.

    Parameters
    ----------
    options
        What else the library's model takes, such as `truncate_dim`.
    """
    import torch
    from sentence_transformers import SentenceTransformer

    with quiet(), torch.no_grad():
        transformer, pooling, _ = load_model(tiny)
        norm = transformer.auto_model.encoder.layer[-1].output.LayerNorm
        norm.weight.mul_(torch.linspace(0.2, 3, 16))
        norm.bias.add_(torch.linspace(-0.5, 1, 16))
        model = SentenceTransformer(
            modules=[transformer, pooling], device="cpu", similarity_fn_name=similarity, **options
        )
        save_model(model, folder)
    return folder
