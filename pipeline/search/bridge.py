"""The bridge: a fitted map of new query vectors into an old space, to search the old index."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.results import BridgeKind
from pipeline.search.stamp import SpaceMismatch
from training.encoding.similarity import unit
from training.faults import DataFault
from training.whole_files import written

Floats = NDArray[np.float32]
KINDS: tuple[BridgeKind, ...] = ("none", "mean_shift", "procrustes", "affine")
"""All kinds, the simplest first."""
_RIDGES = np.logspace(-3, 4, 8)
"""Ridge penalties that are tried, as multiples of the mean variance of a direction."""


@dataclass(frozen=True)
class Bridge:
    """Maps query vectors of a new model into the space of an old one: ``x @ weights + offset``.

    Attributes
    ----------
    kind
        "none" (as they are), "mean_shift", "procrustes" or "affine".
    new, old
        Fingerprints of the spaces: the only pair that it is valid for.
    weights
        (new dimensions, old dimensions); None where only the offset counts.
    offset
        (old dimensions,).
    unit
        Whether the old space compares by the cosine, so that its vectors are unit vectors.
    fitted_on
        Number of texts that it was fitted on.

    Examples
    --------
    >>> generator = np.random.default_rng(0)
    >>> old = generator.standard_normal((50, 3)).astype(np.float32)
    >>> old /= np.linalg.norm(old, axis=1, keepdims=True)
    >>> turned = old[:, [1, 2, 0]]
    >>> bridge = Bridge.fit("procrustes", turned, old, new_space="b", old_space="a", unit=True)
    >>> bool(np.allclose(bridge.apply(turned), old, atol=1e-5))
    True
    """

    kind: BridgeKind
    new: str
    old: str
    weights: Floats | None
    offset: Floats
    unit: bool
    fitted_on: int = 0

    @classmethod
    def fit(
        cls,
        kind: BridgeKind,
        new: Floats,
        old: Floats,
        *,
        new_space: str,
        old_space: str,
        unit: bool,
    ) -> Self:
        """Fit a bridge on texts that both models encoded.

        Parameters
        ----------
        kind
            Which map. "none" and "mean_shift" need spaces of equal length.
        new, old
            (texts, new dimensions) and (texts, old dimensions): vectors of the same texts.
        new_space, old_space
            Fingerprints.
        unit
            Whether the old space compares by the cosine.

        Notes
        -----
        "procrustes" is the rotation (between lengths: the semi-orthogonal map) of centred vectors
        with the least squared error. "affine" adds a ridge regression on what the rotation leaves
        over, so that a strong penalty gives the rotation and not a constant; the penalty with the
        least leave-one-out error is taken.

        Raises
        ------
        DataFault
            There is no text, or the lengths differ and the kind does not allow that.
        """
        if not len(new) or len(new) != len(old):
            raise DataFault(
                f"a bridge needs the same texts in both spaces, got {len(new)} and {len(old)}"
            )
        if kind in ("none", "mean_shift") and new.shape[1] != old.shape[1]:
            raise DataFault(
                f"a bridge of kind {kind} needs vectors of equal length, got {new.shape[1]} and "
                f"{old.shape[1]}; procrustes and affine allow any"
            )
        centre = new.mean(axis=0, dtype=np.float64)
        target = old.mean(axis=0, dtype=np.float64)
        weights: NDArray[np.float64] | None = None
        offset = np.zeros(old.shape[1])
        if kind == "mean_shift":
            offset = target - centre
        elif kind != "none":
            weights = _rotation(new - centre, old - target)
            if kind == "affine":
                weights = weights + _correction(new - centre, old - target, weights)
            offset = target - centre @ weights
        return cls(
            kind=kind,
            new=new_space,
            old=old_space,
            weights=None if weights is None else weights.astype(np.float32),
            offset=offset.astype(np.float32),
            unit=unit,
            fitted_on=len(new),
        )

    def apply(self, vectors: Floats) -> Floats:
        """Return (n, old dimensions) for vectors (n, new dimensions) of the new model.

        Raises
        ------
        DataFault
            The vectors are of another length than those of the new model.
        """
        wanted = len(self.offset) if self.weights is None else self.weights.shape[0]
        if vectors.ndim != 2 or vectors.shape[1] != wanted:
            raise DataFault(f"the bridge takes vectors (n, {wanted}), got {tuple(vectors.shape)}")
        mapped = vectors if self.weights is None else vectors @ self.weights
        mapped = np.asarray(mapped + self.offset, dtype=np.float32)
        return unit(mapped) if self.unit else mapped

    def check(self, *, new: str, old: str) -> None:
        """Refuse any other pair of spaces than the bridge's own.

        Raises
        ------
        SpaceMismatch
            One of the fingerprints is another one.
        """
        for side, wanted, own in (("queries", new, self.new), ("index", old, self.old)):
            if wanted != own:
                raise SpaceMismatch(
                    f"the bridge is for another space: the {side} have the fingerprint "
                    f"{wanted[:12]}, the bridge {own[:12]}; `anchorhold index build` makes an "
                    "index that needs no bridge"
                )

    def save(self, path: Path) -> None:
        """Write the bridge as safetensors with its stamp in the header: whole, or not at all."""
        from safetensors.numpy import save_file

        tensors = self._tensors()
        stamp = {
            "kind": self.kind,
            "new": self.new,
            "old": self.old,
            "unit": self.unit,
            "fitted_on": self.fitted_on,
            "sha256": _digest(tensors),
        }
        with written(path) as partial:
            save_file(tensors, partial, metadata={"stamp": json.dumps(stamp)})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a bridge that `save` wrote.

        Raises
        ------
        DataFault
            The file is missing, damaged, or no bridge.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="np") as file:
                stamp: dict[str, Any] = json.loads((file.metadata() or {})["stamp"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            made = cls(
                kind=stamp["kind"],
                new=stamp["new"],
                old=stamp["old"],
                weights=tensors.get("weights"),
                offset=tensors["offset"],
                unit=stamp["unit"],
                fitted_on=stamp["fitted_on"],
            )
            intact = stamp["sha256"] == _digest(tensors) and stamp["kind"] in KINDS
        except (OSError, SafetensorError, ValueError, KeyError, TypeError) as fault:
            raise DataFault(f"{path}: cannot be read as a bridge: {fault}") from fault
        if not intact:
            raise DataFault(f"{path}: the bridge was changed after it was written; delete it")
        return made

    def _tensors(self) -> dict[str, Floats]:
        tensors = {"offset": np.ascontiguousarray(self.offset)}
        if self.weights is not None:
            tensors["weights"] = np.ascontiguousarray(self.weights)
        return tensors


def bridge_file(folder: Path, new: int, old: int) -> Path:
    """Return the place of the bridge from a new version to the index of an old one.

    Examples
    --------
    >>> bridge_file(Path("index"), 3, 2).name
    'bridge-v3-to-v2.safetensors'
    """
    return folder / f"bridge-v{new}-to-v{old}.safetensors"


def bridges_of(folder: Path, new: int) -> dict[int, Path]:
    """Return old version -> file of the bridges of a new version, newest old version first."""
    start, end = f"bridge-v{new}-to-v", ".safetensors"
    found = {}
    for file in folder.glob(f"{start}*{end}"):
        number = file.name.removeprefix(start).removesuffix(end)
        if number.isdecimal():
            found[int(number)] = file
    return dict(sorted(found.items(), reverse=True))


def _rotation(new: NDArray[Any], old: NDArray[Any]) -> NDArray[np.float64]:
    """Return the (semi-)orthogonal matrix, (new, old dimensions), with the least squared error."""
    from scipy.linalg import orthogonal_procrustes

    width = max(new.shape[1], old.shape[1])
    turned, _ = orthogonal_procrustes(_widened(new, width), _widened(old, width))
    rotation: NDArray[np.float64] = turned[: new.shape[1], : old.shape[1]]
    return rotation


def _widened(vectors: NDArray[Any], width: int) -> NDArray[np.float64]:
    missing = width - vectors.shape[1]
    return np.pad(vectors, ((0, 0), (0, missing))) if missing else vectors


def _correction(
    new: NDArray[Any], old: NDArray[Any], rotation: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what a ridge regression adds to the rotation, (new, old dimensions)."""
    from sklearn.linear_model import RidgeCV

    scale = float((new**2).sum() / new.shape[1]) or 1.0
    ridge = RidgeCV(alphas=scale * _RIDGES, fit_intercept=False).fit(new, old - new @ rotation)
    added: NDArray[np.float64] = np.atleast_2d(ridge.coef_).T
    return added


def _digest(tensors: Mapping[str, Floats]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].shape}".encode())
        digest.update(np.ascontiguousarray(tensors[name]).tobytes())
    return digest.hexdigest()
