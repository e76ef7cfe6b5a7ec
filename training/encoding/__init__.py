"""From texts to vectors: models are loaded safely, each text is encoded once."""

from training.encoding.embedding_cache import damaged_parts, forget_texts
from training.encoding.encoder import Encoder
from training.encoding.loading import (
    fetch_base,
    hub_is_off,
    is_bare,
    is_hub_id,
    load_model,
    save_model,
    was_fetched,
)
from training.encoding.model_folder import fingerprint, has_transformer, stored_prompts
from training.encoding.number_format import NumberFormat, number_formats
from training.encoding.prompts import Kind, has_routes, prompt_of, tells_sides_apart, unused_prompts
from training.encoding.similarity import Similarity
from training.encoding.speed import seconds_per_text
from training.encoding.text_encoder import TextEncoder

__all__ = [
    "Encoder",
    "Kind",
    "NumberFormat",
    "Similarity",
    "TextEncoder",
    "damaged_parts",
    "fetch_base",
    "fingerprint",
    "forget_texts",
    "has_routes",
    "has_transformer",
    "hub_is_off",
    "is_bare",
    "is_hub_id",
    "load_model",
    "number_formats",
    "prompt_of",
    "save_model",
    "seconds_per_text",
    "stored_prompts",
    "tells_sides_apart",
    "unused_prompts",
    "was_fetched",
]
