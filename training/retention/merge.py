"""Merging: the weights of a candidate moved part of the way back to the champion's."""

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.faults import DataFault
from training.manifest import MANIFEST, seal, sealed
from training.settings import SETTINGS
from training.whole_files import folder_written

if TYPE_CHECKING:
    from torch import Tensor

Judge = Callable[[Path], tuple[float, float]]
"""Returns the scores of a model folder on a selection split: (new task, old tasks)."""
Chance = Callable[[Path], float]
"""Returns the chance, in [0, 1], that the model of a folder passes what decides on it."""


@plain_dataclass(frozen=True)
class Blend:
    """One point between champion (share 0) and candidate (share 1), and its selection scores."""

    share: float
    """Share of the candidate's weights."""
    new: float
    """Score on the new task."""
    old: float
    """Score on the old tasks."""
    chance: float | None = None
    """Chance that it passes the gate; None if nobody foretold it."""


@plain_dataclass(frozen=True)
class Merged:
    """The blend that was chosen, all that were tried, and the reason."""

    folder: Path
    """The chosen model."""
    share: float
    """Share of the candidate's weights in it; 1: the candidate itself."""
    curve: tuple[Blend, ...]
    """Champion, blends and candidate, by share; empty if nothing was tried."""
    reason: str
    """Why it was chosen, as a sentence."""


@dataclass(frozen=True, config=SETTINGS)
class Merge:
    """Interpolate between champion and candidate: several candidates for one training.

    Averaging the weights of a model before and after fine-tuning keeps most of the gain and makes
    up for most of the loss (WiSE-FT, Wortsman et al. 2021; LM-Cocktail, Xiao et al. 2023). A blend
    also moves fewer rankings, so that fewer queries can support it. Of the candidate and those
    blends that keep `kept_gain` of its gain, the one is chosen whose chance to pass the gate, times
    its gain, is largest.

    Where nothing foretells the chance, it is the blend with the best old-task score, if that is
    better than the candidate's by `minimum_improvement`.

    Examples
    --------
    >>> Merge(shares=(0.8, 0.6)).kept_gain
    0.95
    """

    shares: tuple[float, ...] = Field(default=(), strict=False)
    """Shares of the candidate to try, each in (0, 1); none: the candidate is not blended."""
    kept_gain: float = Field(default=0.95, ge=0.0, le=1.0)
    """Share of the candidate's gain on the new task that a blend must keep."""
    minimum_improvement: float = Field(default=0.002, ge=0.0)
    """Old-task score by which a blend must beat the candidate, in the metric's units."""

    def __post_init__(self) -> None:
        """Refuse shares at which nothing is blended."""
        for share in self.shares:
            if not 0.0 < share < 1.0:
                raise ValueError(f"merge.shares holds {share}; each share must lie in (0, 1)")

    def choose(
        self,
        champion: str | os.PathLike[str],
        candidate: str | os.PathLike[str],
        judge: Judge,
        *,
        output: str | os.PathLike[str],
        chance: Chance | None = None,
    ) -> Merged:
        """Return the best of candidate and blends by the judge, saved at `output` if it is a blend.

        Parameters
        ----------
        champion, candidate
            Model folders, which are only read.
        judge
            Scores a model on selection pairs, never on anchor sets: scores that choose a model
            cannot be evidence for it.
        output
            Folder for the blend.
        chance
            Foretells, from the same pairs, whether a model passes the gate.

        Raises
        ------
        DataFault
            The two folders do not hold the same modules and weights.
        """
        champion, candidate, output = Path(champion), Path(candidate), Path(output)
        if not self.shares:
            return Merged(candidate, 1.0, (), "no shares to try are set")

        def scored(share: float, folder: Path) -> Blend:
            return Blend(share, *judge(folder), chance(folder) if chance else None)

        before = Blend(0.0, *judge(champion))
        full = scored(1.0, candidate)
        tried = []
        for share in sorted(set(self.shares)):
            place = output.with_name(f".{output.name}.{share:g}")
            tried.append(scored(share, interpolate(champion, candidate, share, output=place)))
        chosen = self._best(before, tried, full)
        folder = candidate
        for blend in tried:
            place = output.with_name(f".{output.name}.{blend.share:g}")
            if blend is chosen:
                shutil.rmtree(output, ignore_errors=True)
                folder = place.rename(output)
            else:
                shutil.rmtree(place, ignore_errors=True)
        reason = _reason(chosen, full, len(tried))
        return Merged(folder, chosen.share, (before, *tried, full), reason)

    def _best(self, before: Blend, tried: Sequence[Blend], full: Blend) -> Blend:
        """Return what is sent to the gate: a blend or the candidate."""
        bar = before.new + self.kept_gain * (full.new - before.new)
        allowed = [blend for blend in tried if blend.new >= min(bar, full.new)]
        if full.chance is not None:

            def promise(blend: Blend) -> tuple[tuple[float, float], float]:
                return worth(blend.new - before.new, blend.chance or 0.0), blend.share

            return max((*allowed, full), key=promise)
        best = max(allowed, key=lambda blend: (blend.old, blend.share), default=full)
        return best if best.old >= full.old + self.minimum_improvement else full


def worth(gain: float, chance: float) -> tuple[float, float]:
    """Return by what candidates are ordered: what they gain on average, then the chance alone.

    Parameters
    ----------
    gain
        Gain on new pairs over the champion, in the metric's units. Where there is none, the chance
        decides.
    chance
        Chance to pass the gate; one that does not pass gains nothing.

    Examples
    --------
    >>> worth(0.08, 0.5) > worth(0.03, 0.9), worth(-0.02, 0.3) > worth(-0.01, 0.1)
    (True, True)
    """
    return chance * max(gain, 0.0), chance


def _reason(chosen: Blend, full: Blend, tried: int) -> str:
    if chosen is full:
        if full.chance is not None:
            return f"none of {tried} blends promised more (chance to pass {full.chance:.2f})"
        return f"none of {tried} blends scored better on old pairs and kept the gain on new ones"
    told = (
        f"{chosen.share:.0%} of the way from champion to candidate: old pairs {chosen.old:.4f} "
        f"instead of {full.old:.4f}, new pairs {chosen.new:.4f} instead of {full.new:.4f}"
    )
    if chosen.chance is None or full.chance is None:
        return told
    return f"{told}, chance to pass {chosen.chance:.2f} instead of {full.chance:.2f}"


def interpolate(
    champion: str | os.PathLike[str],
    candidate: str | os.PathLike[str],
    share: float,
    *,
    output: str | os.PathLike[str],
) -> Path:
    """Save (1 - share) x champion + share x candidate at `output`, and return the folder.

    Only weights are averaged; all else (modules, pooling, tokenizer, prompts) is copied from the
    candidate. If `output` already holds the result of the same arguments, it is returned at once.

    Raises
    ------
    DataFault
        The two folders do not hold the same weights by name and shape.
    """
    import torch
    from safetensors.torch import load_file, save_file

    champion, candidate, output = Path(champion), Path(candidate), Path(output)
    files = {folder: _weight_files(folder) for folder in (champion, candidate)}
    if files[champion] != files[candidate]:
        raise DataFault(
            f"{candidate} and {champion} have different weight files; "
            "only models of one architecture can be merged"
        )
    facts = {
        "share": share,
        "of": [_sums(champion, files[champion]), _sums(candidate, files[candidate])],
    }
    if sealed(output) == facts:
        return output
    with folder_written(output) as partial:
        ignored = shutil.ignore_patterns(MANIFEST)
        shutil.copytree(candidate, partial, ignore=ignored, dirs_exist_ok=True)
        for name in files[candidate]:
            old, new = load_file(champion / name), load_file(candidate / name)
            if _shapes(old) != _shapes(new):
                raise DataFault(
                    f"{candidate / name} and {champion / name} have different weights; "
                    "only models of one architecture can be merged"
                )
            blended = dict(new)
            for key, weight in new.items():
                if weight.is_floating_point():
                    mean = torch.lerp(old[key].float(), weight.float(), share)
                    blended[key] = mean.to(weight.dtype)
            save_file(blended, partial / name, metadata={"format": "pt"})
        seal(partial, **facts)
    return output


def _shapes(weights: "Mapping[str, Tensor]") -> dict[str, tuple[int, ...]]:
    return {key: tuple(weight.shape) for key, weight in weights.items()}


def _weight_files(folder: Path) -> Sequence[str]:
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.safetensors"))


def _sums(folder: Path, names: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for name in names:
        digest.update(hashlib.sha256((folder / name).read_bytes()).digest())
    return digest.hexdigest()
