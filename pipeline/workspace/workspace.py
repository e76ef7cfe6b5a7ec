"""What every stage works with: settings, database, registry and a way to show progress."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.machine import hold_workspace
from pipeline.registry import Registry, Version, VersionFolder, open_registry
from pipeline.store import Store
from pipeline.workspace.settings import Settings
from training.encoding import Encoder
from training.evaluation import (
    EvaluationSet,
    Ranking,
    Regressions,
    Scorecard,
    by_columns,
    rankings,
    regressions,
    scorecard,
)
from training.faults import DataFault
from training.progress import Progress, no_progress


@dataclass(frozen=True)
class Wheel:
    """An open workspace."""

    settings: Settings
    store: Store
    registry: Registry
    progress: Progress = no_progress

    @property
    def cache(self) -> Path:
        """Folder of embeddings and scores, safe to delete at any time."""
        return self.settings.state / "cache"

    @property
    def embeddings(self) -> Path:
        """Folder of the vectors that models gave to texts."""
        return self.cache / "embeddings"

    def folder(self, version: Version) -> VersionFolder:
        """Return the hash-checked local copy of a version."""
        return VersionFolder(self.registry.fetch(version))

    def encoder(self, model: Path) -> Encoder:
        """Load the encoder of a model folder."""
        return Encoder.load(
            model, max_length=self.settings.tables.model.max_length, cache=self.embeddings
        )

    def scores(self, folder: VersionFolder, sets: list[EvaluationSet]) -> Scorecard:
        """Score a version on the sets given, once ever; loaded only where a score is missing."""
        return self._scored(folder.facts().fingerprint, lambda: self.encoder(folder.model), sets)

    def scores_of(self, encoder: Encoder, sets: list[EvaluationSet]) -> Scorecard:
        """Score a model that is loaded already on the sets given, once ever."""
        return self._scored(encoder.fingerprint, lambda: encoder, sets)

    def rankings(self, folder: VersionFolder, sets: list[EvaluationSet]) -> dict[str, Ranking]:
        """Return what a version finds for the queries of each set; encoded once ever."""
        return rankings(
            folder.facts().fingerprint,
            lambda: self.encoder(folder.model),
            sets,
            evaluate=self.settings.tables.evaluate,
            cache=self.cache / "scores",
            progress=self.progress,
        )

    def regressions(
        self, before: VersionFolder, after: VersionFolder, sets: list[EvaluationSet]
    ) -> Regressions:
        """Return what one version answers worse than another on the sets given."""
        return regressions(
            sets,
            (self.scores(before, sets), self.rankings(before, sets)),
            (self.scores(after, sets), self.rankings(after, sets)),
            metric=self.settings.tables.gate.metric,
        )

    def version(self, reference: str) -> Version:
        """Return a version by number or alias; `origin` names the first champion.

        Raises
        ------
        UnknownVersion
            There is none such.
        """
        moves = self.store.promotions() if reference == "origin" else []
        return self.registry.version(moves[0].version if moves else reference)

    def _scored(
        self, fingerprint: str, load: Callable[[], Encoder], sets: list[EvaluationSet]
    ) -> Scorecard:
        return scorecard(
            fingerprint,
            load,
            sets,
            evaluate=self.settings.tables.evaluate,
            cache=self.cache / "scores",
            progress=self.progress,
        )

    def champion(self) -> Version:
        """Return the version that serves.

        Raises
        ------
        DataFault
            There is none yet.
        """
        champion = self.registry.champion()
        if champion is None:
            raise DataFault(
                f"{self.settings.root} has no champion yet; `anchorhold run` registers the base "
                "model as version 1"
            )
        return champion

    def take_in(self, now: datetime) -> dict[str, Any]:
        """Take in all files of the settings and return the counts."""
        tables = self.settings.tables
        return tables.intake.read_all(
            self.store, asdict(tables.data), self.settings.root, now, self.progress
        )

    def anchors(self, champion: VersionFolder | None) -> list[EvaluationSet]:
        """Return what must hold: the anchor sets of the settings and those the champion learned."""
        configured = []
        for name, anchor in self.settings.tables.anchors.items():
            folder = self.settings.root / anchor.path
            whole = EvaluationSet.from_folder(f"anchor/{name}", folder)
            configured.append(by_columns(whole, folder, anchor.slices))
        learned = champion.learned_anchors() if champion else []
        return configured + self.settings.tables.learned_anchors.held(learned)

    def margins(self) -> dict[str, float]:
        """Return the margins of single anchor sets that override the gate's."""
        return {
            f"anchor/{name}": anchor.max_drop
            for name, anchor in self.settings.tables.anchors.items()
            if anchor.max_drop is not None
        }


@contextmanager
def open_wheel(
    settings: Settings,
    *,
    doing: str,
    now: datetime,
    progress: Progress = no_progress,
    exclusive: bool = True,
) -> Iterator[Wheel]:
    """Open the workspace; with `exclusive`, hold it against other runners.

    Raises
    ------
    WorkspaceBusy
        Another process is at work in it.
    """
    if exclusive:
        with hold_workspace(settings.state, doing=doing, now=now):
            # What libraries leave in temporary folders when killed lies in the workspace then.
            temporary = settings.state / "tmp"
            temporary.mkdir(exist_ok=True)
            os.environ["TMPDIR"] = str(temporary)
            with _opened(settings, progress) as wheel:
                yield wheel
    else:
        if not settings.state.is_dir():
            raise DataFault(
                f"{settings.root} has no champion yet; `anchorhold run` registers the base model "
                "as version 1"
            )
        with _opened(settings, progress) as wheel:
            yield wheel


@contextmanager
def _opened(settings: Settings, progress: Progress) -> Iterator[Wheel]:
    with Store.open(settings.store_url) as store:
        unfinished = store.unfinished_cycle()
        registry = open_registry(
            settings.tracking_uri,
            artifacts=settings.state / "artifacts",
            name=settings.tables.model.name,
            workspace_state=settings.state,
            resuming=unfinished.id if unfinished else None,
        )
        yield Wheel(settings, store, registry, progress)
