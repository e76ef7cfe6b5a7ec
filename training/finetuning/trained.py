"""What one training did, kept beside the model that it made: complete, or not there at all."""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from training.acceleration import Precision
from training.encoding import MANIFEST, read_manifest, save_model, write_manifest

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@dataclass(frozen=True)
class Training:
    """What one training did."""

    folder: Path
    """The trained model, a plain sentence-transformers folder."""
    steps: int
    seconds: float
    """Wall time since the training was started or continued, model loading included."""
    log: tuple[Mapping[str, float], ...]
    """One row a step: step, loss, its terms, grad_norm, learning_rate."""
    precision: Precision
    pairs: int
    held: int
    """Pairs that were held to the champion's embeddings."""

    @classmethod
    def finished(cls, folder: Path, recipe: str | None = None) -> Self | None:
        """Return the training that a complete folder holds, of this recipe where one is given."""
        facts = read_manifest(folder) if (folder / MANIFEST).exists() else None
        if facts is None or recipe not in (None, facts.get("recipe")):
            return None
        return cls(
            folder,
            facts["steps"],
            facts["seconds"],
            tuple(facts["log"]),
            facts["precision"],
            facts["pairs"],
            facts.get("held", 0),
        )

    def save(self, model: "SentenceTransformer", recipe: str) -> None:
        """Write the model into the folder, beside and renamed: never half written."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        beside = self.folder.with_name(f".{self.folder.name}.beside")
        shutil.rmtree(beside, ignore_errors=True)
        save_model(model, beside)
        facts = asdict(self)
        del facts["folder"]
        write_manifest(beside, recipe=recipe, **facts)
        shutil.rmtree(self.folder, ignore_errors=True)
        beside.rename(self.folder)
