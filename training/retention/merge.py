"""Merging: a candidate's weights moved part of the way back to the champion's."""

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.encoding import MANIFEST, read_manifest, write_manifest
from training.faults import DataFault
from training.settings import SETTINGS

if TYPE_CHECKING:
    from torch import Tensor

Judge = Callable[[Path], tuple[float, float]]
"""Scores a model folder on a selection split: (new task, old tasks)."""


@plain_dataclass(frozen=True)
class Blend:
    """One point between champion (share 0) and candidate (share 1), and its selection scores."""

    share: float
    new: float
    old: float


@plain_dataclass(frozen=True)
class Merged:
    """The blend that was chosen, all that were tried, and why."""

    folder: Path
    share: float
    curve: tuple[Blend, ...]
    """Every blend tried, by share."""
    reason: str


@dataclass(frozen=True, config=SETTINGS)
class Merge:
    """Interpolate between champion and candidate where the candidate forgot.

    Averaging the weights of a model before and after fine-tuning keeps most of the gain and gives
    back most of the loss (WiSE-FT, Wortsman et al. 2021; LM-Cocktail, Xiao et al. 2023). Tried from
    the candidate towards the champion: the blend with the best old-task score is taken among those
    that keep `kept_gain` of the gain on the new task, and the candidate itself unless a blend is
    better by `minimum_improvement`.

    Examples
    --------
    >>> Merge(shares=(0.8, 0.6)).kept_gain
    0.95
    """

    shares: tuple[float, ...] = Field(default=(), strict=False)
    """Shares of the candidate to try, each in (0, 1); none: the candidate is taken as it is."""
    kept_gain: float = Field(default=0.95, ge=0.0, le=1.0)
    """Share of the candidate's gain on the new task that a blend must keep."""
    minimum_improvement: float = Field(default=0.002, ge=0.0)
    """Old-task score, in the metric's units, by which a blend must beat the candidate."""

    def __post_init__(self) -> None:
        """Refuse shares at which nothing would be blended."""
        for share in self.shares:
            if not 0.0 < share < 1.0:
                raise ValueError(f"each of merge.shares must lie in (0, 1), got {share}")

    def choose(self, champion: Path, candidate: Path, judge: Judge, *, output: Path) -> Merged:
        """Return the best of candidate and blends by the judge, saved at `output` if it is a blend.

        The judge must use selection pairs, never the anchor sets: what chooses a model cannot
        vouch for it.

        Raises
        ------
        DataFault
            The two folders do not hold the same modules and weights.
        """
        if not self.shares:
            return Merged(candidate, 1.0, (), "no interpolation was asked for")
        before = Blend(0.0, *judge(champion))
        full = Blend(1.0, *judge(candidate))
        tried = []
        for share in sorted(set(self.shares)):
            place = output.with_name(f".{output.name}.{share:g}")
            tried.append(
                Blend(share, *judge(interpolate(champion, candidate, share, output=place)))
            )
        curve = (before, *tried, full)
        bar = before.new + self.kept_gain * (full.new - before.new)
        allowed = [blend for blend in tried if blend.new >= min(bar, full.new)]
        best = max(allowed, key=lambda blend: (blend.old, blend.share), default=full)
        chosen = best if best.old >= full.old + self.minimum_improvement else full
        folder = candidate
        for blend in tried:
            place = output.with_name(f".{output.name}.{blend.share:g}")
            if blend is chosen:
                shutil.rmtree(output, ignore_errors=True)
                folder = place.rename(output)
            else:
                shutil.rmtree(place, ignore_errors=True)
        return Merged(folder, chosen.share, curve, _reason(chosen, full, len(tried)))


def _reason(chosen: Blend, full: Blend, tried: int) -> str:
    if chosen is full:
        return f"none of {tried} blends scored better on old pairs at the same gain on new ones"
    return (
        f"{chosen.share:.0%} of the way from champion to candidate: old pairs {chosen.old:.4f} "
        f"instead of {full.old:.4f}, new pairs {chosen.new:.4f} instead of {full.new:.4f}"
    )


def interpolate(champion: Path, candidate: Path, share: float, *, output: Path) -> Path:
    """Save (1 - share) x champion + share x candidate at `output`, all else as in the candidate.

    The whole folder (modules, pooling, normalisation, tokenizer, prompts) is copied and only
    weights are averaged. An output of the same folders and share is returned at once.

    Raises
    ------
    DataFault
        The two folders do not hold the same weights by name and shape.
    """
    import torch
    from safetensors.torch import load_file, save_file

    files = {folder: _weight_files(folder) for folder in (champion, candidate)}
    if files[champion] != files[candidate]:
        raise DataFault(
            f"{candidate} and {champion} hold other weight files; "
            "only models of one architecture merge"
        )
    facts = {
        "share": share,
        "of": [_sums(champion, files[champion]), _sums(candidate, files[candidate])],
    }
    manifest = read_manifest(output) if output.exists() else None
    if manifest and all(manifest.get(key) == value for key, value in facts.items()):
        return output
    beside = output.with_name(f"{output.name}.beside")
    shutil.rmtree(beside, ignore_errors=True)
    shutil.copytree(candidate, beside, ignore=shutil.ignore_patterns(MANIFEST))
    for name in files[candidate]:
        old, new = load_file(champion / name), load_file(candidate / name)
        if _shapes(old) != _shapes(new):
            raise DataFault(
                f"{candidate / name} holds other weights than {champion / name}; "
                "only models of one architecture merge"
            )
        blended = dict(new)
        for key, weight in new.items():
            if weight.is_floating_point():
                blended[key] = torch.lerp(old[key].float(), weight.float(), share).to(weight.dtype)
        save_file(blended, beside / name, metadata={"format": "pt"})
    write_manifest(beside, **facts)
    shutil.rmtree(output, ignore_errors=True)
    return beside.rename(output)


def _shapes(weights: "Mapping[str, Tensor]") -> dict[str, tuple[int, ...]]:
    return {key: tuple(weight.shape) for key, weight in weights.items()}


def _weight_files(folder: Path) -> Sequence[str]:
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.safetensors"))


def _sums(folder: Path, names: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for name in names:
        digest.update(hashlib.sha256((folder / name).read_bytes()).digest())
    return digest.hexdigest()
