"""From texts to unit vectors: loading models safely, encoding each text once."""

from training.encoding.embedding_cache import prune_cache
from training.encoding.encoder import Encoder, Kind, TextEncoder, fingerprint
from training.encoding.loading import fetch_base, load_model, save_model
from training.encoding.model_folder import MANIFEST, read_manifest, write_manifest

__all__ = [
    "MANIFEST",
    "Encoder",
    "Kind",
    "TextEncoder",
    "fetch_base",
    "fingerprint",
    "load_model",
    "prune_cache",
    "read_manifest",
    "save_model",
    "write_manifest",
]
