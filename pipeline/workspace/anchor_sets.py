"""The anchor sets of a workspace: those of the settings, and those that the champion learned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.registry import VersionFolder
from pipeline.workspace.settings import Anchor
from training.evaluation import EvaluationSet, LearnedAnchors, by_columns


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
        sets = []
        for name, anchor in self.configured.items():
            folder = self.root / anchor.path
            whole = EvaluationSet.from_folder(f"anchor/{name}", folder)
            sets.append(by_columns(whole, folder, anchor.slices))
        return sets + self.learned.held(learned)

    @property
    def margins(self) -> dict[str, float]:
        """Margins of single sets that override the gate's, by task name."""
        return margins_of(self.configured)


def margins_of(configured: Mapping[str, Anchor]) -> dict[str, float]:
    """Return the margins of single sets that override the gate's, by task name."""
    return {
        f"anchor/{name}": anchor.max_drop
        for name, anchor in configured.items()
        if anchor.max_drop is not None
    }
