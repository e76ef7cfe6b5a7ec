"""From texts to vectors: models are loaded safely, each text is encoded once."""

from training.encoding.embedding_cache import prune_cache
from training.encoding.encoder import Encoder, Kind, TextEncoder
from training.encoding.loading import fetch_base, load_model, save_model
from training.encoding.model_folder import fingerprint
from training.encoding.similarity import Similarity

__all__ = [
    "Encoder",
    "Kind",
    "Similarity",
    "TextEncoder",
    "fetch_base",
    "fingerprint",
    "load_model",
    "prune_cache",
    "save_model",
]
