"""The one door of acceleration: a model made ready for training."""

from typing import TYPE_CHECKING

from training.acceleration.precision import keep_within
from training.pairs import Mixture, Pair

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from training.acceleration.packing import Packing


def _made_for_training(model: "SentenceTransformer", mixture: Mixture) -> "Packing | None":
    """Let a model train at less cost on a CPU; return how it reads packed texts, if it can."""
    from training.acceleration.attention import attend_for_less
    from training.acceleration.dropout import draw_for_less
    from training.acceleration.packing import Packing

    keep_within(model)
    draw_for_less(model)
    if not attend_for_less(model):
        return None
    return Packing.of(model, [text for pair in mixture.pairs for text in _texts(pair)])


def _texts(pair: Pair) -> list[str]:
    """Return what of a pair is trained on."""
    return [text for text in (pair.query, pair.positive, pair.negative) if text]
