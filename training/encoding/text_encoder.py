"""What evaluation needs from an encoder, whoever made it."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from training.encoding.prompts import Kind
from training.encoding.similarity import Similarity
from training.progress import Progress, no_progress


class TextEncoder(Protocol):
    """What evaluation needs from an encoder."""

    fingerprint: str
    precision: str
    similarity: Similarity

    def encode(
        self, texts: Sequence[str], *, kind: Kind = "query", progress: Progress = no_progress
    ) -> NDArray[np.float32]:
        """Return vectors, (texts, dimensions), that `similarity` compares."""
