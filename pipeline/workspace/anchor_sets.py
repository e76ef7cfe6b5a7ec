"""The anchor sets of a workspace: those of the settings, and those that the champion learned."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.registry import VersionFolder
from pipeline.workspace.settings import Anchor
from training.evaluation import (
    EvaluationSet,
    LearnedAnchors,
    by_columns,
    by_folder,
    read_documents,
)
from training.faults import DataFault


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

    def reparsed(self) -> Iterator[tuple[EvaluationSet, dict[str, str]]]:
        """Yield each set that another parse was given for, and id -> text of that parse.

        Raises
        ------
        DataFault
            A set or a file cannot be read, or the file has none of the documents of the set.
        """
        for name, anchor in self.configured.items():
            if anchor.reparsed is None:
                continue
            given = self._read(f"anchor/{name}", anchor)
            file = self.root / anchor.reparsed
            texts = {key: text for key, text in read_documents(file).items() if key in given.corpus}
            if not texts:
                raise DataFault(
                    f"{file}: has no document of anchor/{name}; it must name them by the same ids "
                    f"([anchors.{name}] reparsed)"
                )
            yield given, texts

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
