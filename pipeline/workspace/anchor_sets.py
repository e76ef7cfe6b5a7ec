"""The anchor sets of a workspace: those of the settings, and those that the champion learned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.registry import VersionFolder
from pipeline.workspace.settings import Anchor
from training.evaluation import EvaluationSet, LearnedAnchors, by_columns, by_folder


@dataclass(frozen=True)
class AnchorSets:
    """What must not get worse.

    Attributes
    ----------
    root
        The workspace; relative paths are relative to it.
    configured
        The tables `[anchors.NAME]` of the settings.
    learned
        Which learned anchor sets count.
    """

    root: Path
    configured: Mapping[str, Anchor]
    learned: LearnedAnchors

    def of(self, champion: VersionFolder | None) -> list[EvaluationSet]:
        """Read the sets of the settings, and those that a champion learned, if one is given.

        Raises
        ------
        DataFault
            A set cannot be read; the message names the file.
        """
        return self.with_learned(champion.learned_anchors() if champion else [])

    def with_learned(self, learned: Sequence[EvaluationSet]) -> list[EvaluationSet]:
        """Read the sets of the settings, and add those of the learned ones that are judged.

        Raises
        ------
        DataFault
            A set cannot be read; the message names the file.
        """
        sets = [self._read(f"anchor/{name}", each) for name, each in self.configured.items()]
        return sets + self.learned.held(learned)

    def _read(self, name: str, anchor: Anchor) -> EvaluationSet:
        sets = []
        for path in anchor.folders:
            folder = self.root / path
            sets.append(by_columns(EvaluationSet.from_folder(name, folder), folder, anchor.slices))
        if len(sets) == 1:
            return sets[0]
        return by_folder(name, dict(zip(_short(anchor.folders), sets, strict=True)))

    @property
    def margins(self) -> dict[str, float]:
        """Margins of single sets that override the gate's, by task name."""
        return margins_of(self.configured)


def _short(folders: Sequence[str]) -> list[str]:
    """Return the last parts of paths, or the whole ones where those are not distinct."""
    names = [Path(each).name for each in folders]
    if len(set(names)) == len(names):
        return names
    return [each.strip("/").replace("/", "-") for each in folders]


def margins_of(configured: Mapping[str, Anchor]) -> dict[str, float]:
    """Return the margins of single sets that override the gate's, by task name."""
    return {
        f"anchor/{name}": anchor.max_drop
        for name, anchor in configured.items()
        if anchor.max_drop is not None
    }
