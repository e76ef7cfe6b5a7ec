"""Centring: the champion with the mean of what is asked taken off its vectors."""

import json
import shutil
from dataclasses import dataclass as plain_dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from pydantic.dataclasses import dataclass

from training.encoding.model_folder import check_model_folder
from training.faults import DataFault
from training.manifest import MANIFEST
from training.settings import SETTINGS
from training.whole_files import folder_written

_SETTINGS = "config_sentence_transformers.json"
# Names that old and new releases of the library know.
_NORMALIZE = "sentence_transformers.models.Normalize"
_DENSE = "sentence_transformers.models.Dense"


@plain_dataclass(frozen=True)
class Centred:
    """A centred model, and what was taken off."""

    folder: Path | None
    """The new model folder; None: there was none to make."""
    mean: NDArray[np.float32]
    """The vector that is subtracted from unit vectors; an index is corrected by it alone."""
    reason: str
    """What was done, or why not, as one sentence."""


@dataclass(frozen=True, config=SETTINGS)
class Centre:
    """Subtract the mean vector of the log's queries from all vectors.

    What all queries of a domain have in common tells none of its documents from another, but takes
    part in each cosine (Mu and Viswanath 2018: all but the top). It needs no training and no pair.
    The new model is the champion's folder with three modules of sentence-transformers behind the
    others: normalise, a linear one (identity, bias), normalise.

    Examples
    --------
    >>> queries = np.float32([[1, 0], [0, 1]] * 40)
    >>> Centre(strength=0.5).mean(queries).tolist()
    [0.25, 0.25]
    """

    enabled: bool = True
    """Whether a centred champion is a candidate."""
    strength: float = Field(default=1.0, gt=0.0, le=1.0)
    """Share of the mean that is subtracted."""
    minimum: int = Field(default=64, ge=1)
    """Smallest number of different queries; the mean of fewer is chance."""

    def mean(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what is subtracted, for vectors of queries of unit length."""
        return np.asarray(self.strength * vectors.mean(axis=0, dtype=np.float64), np.float32)

    def make(self, champion: Path, queries: NDArray[np.float32], output: Path) -> Centred:
        """Write the centred champion at `output`.

        For every text, its vector is `normalise(champion's vector - mean)`.

        Parameters
        ----------
        champion
            A plain sentence-transformers folder, which is only read.
        queries
            The champion's unit vectors of different queries of the log.
        output
            The folder to write.

        Raises
        ------
        DataFault
            The folder is not a plain model, compares vectors by another similarity than the cosine,
            or cuts its vectors.
        """
        check_model_folder(champion)
        refuse_uncentrable(champion)
        if is_centred(champion):
            reason = "the champion is centred already"
            return Centred(None, np.zeros(queries.shape[1], np.float32), reason)
        if len(queries) < self.minimum:
            few = f"{len(queries)} different queries; centring needs {self.minimum}"
            return Centred(None, np.zeros(queries.shape[1], np.float32), few)
        mean = self.mean(queries)
        with folder_written(output) as partial:
            ignored = shutil.ignore_patterns(MANIFEST)
            shutil.copytree(champion, partial, ignore=ignored, dirs_exist_ok=True)
            _append(partial, mean)
            check_model_folder(partial)
        length = float(np.linalg.norm(mean))
        return Centred(
            output,
            mean,
            f"the mean of {len(queries)} queries, of length {length:.3f}, is taken off",
        )


def is_centred(folder: Path) -> bool:
    """Return whether a model folder ends in the modules that centring adds."""
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    last = [module["type"].rsplit(".", 1)[-1] for module in modules[-3:]]
    return last == ["Normalize", "Dense", "Normalize"]


def refuse_uncentrable(champion: Path) -> None:
    """Refuse a model folder whose vectors have no direction to centre.

    Raises
    ------
    DataFault
        It compares vectors by another similarity than the cosine, or cuts its vectors.
    """
    file = champion / _SETTINGS
    settings = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    similarity = settings.get("similarity_fn_name") or "cosine"
    if similarity != "cosine":
        raise DataFault(
            f"{file}: similarity_fn_name is {similarity!r}; only models that compare by the cosine "
            "can be centred (switch it off: centre.enabled = false)"
        )
    if settings.get("truncate_dim"):
        raise DataFault(
            f"{file}: truncate_dim is {settings['truncate_dim']}; a model that cuts its vectors "
            "cannot be centred (switch it off: centre.enabled = false)"
        )


def _append(folder: Path, mean: NDArray[np.float32]) -> None:
    """Add the modules to a model folder that take a vector off and normalise."""
    from sentence_transformers.base.modules.dense import Dense
    from torch import eye, from_numpy, nn

    file = folder / "modules.json"
    modules: list[dict[str, object]] = json.loads(file.read_text(encoding="utf-8"))
    for kind in (_NORMALIZE, _DENSE, _NORMALIZE):
        number = len(modules)
        place = f"{number}_{kind.rsplit('.', 1)[-1]}"
        modules.append({"idx": number, "name": str(number), "path": place, "type": kind})
        (folder / place).mkdir()
        if kind == _DENSE:
            width = len(mean)
            layer = Dense(
                width,
                width,
                activation_function=nn.Identity(),
                init_weight=eye(width),
                init_bias=from_numpy(-mean),
            )
            layer.save(str(folder / place))
    file.write_text(json.dumps(modules, indent=2), encoding="utf-8")


def centred(vectors: NDArray[np.float32], mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what the centred model gives where the champion gives these unit vectors.

    Examples
    --------
    >>> centred(np.float32([[0.6, 0.8]]), np.float32([0.6, 0.0])).tolist()
    [[0.0, 1.0]]
    """
    moved = vectors - mean
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.asarray(moved / np.maximum(lengths, 1e-12), np.float32)
