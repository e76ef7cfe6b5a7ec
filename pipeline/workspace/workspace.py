"""An open workspace: its settings, store and registry, and the parts that stages work with."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Self

from pipeline.intake import IntakeResult
from pipeline.machine import hold_workspace, make_private
from pipeline.registry import HeadFile, Registry, Traces, Version, identity_at, open_registry
from pipeline.results import Computing
from pipeline.search import Indexes
from pipeline.store import Store, absent_file
from pipeline.workspace.anchor_sets import AnchorSets
from pipeline.workspace.base_model import Base, length_warning, precision_warning
from pipeline.workspace.place import note_place, settle
from pipeline.workspace.scores import Encoders, Scores
from pipeline.workspace.settings import Settings
from pipeline.workspace.versions import Versions
from training.distributed import Engine
from training.faults import DataFault
from training.progress import Progress, no_progress
from training.whole_files import tidy_below


@dataclass(frozen=True)
class OpenWorkspace:
    """What an operation opens; a stage is given the parts that it uses."""

    settings: Settings
    store: Store
    registry: Registry
    progress: Progress = no_progress
    engine: Engine | None = None

    @property
    def encoders(self) -> Encoders:
        """The encoders of model folders, with one cache."""
        cache = self.settings.state / "cache" / "embeddings"
        tables = self.settings.tables
        return Encoders(
            max_length=tables.model.max_length,
            cache=cache,
            dimensions=tables.model.dimensions,
            engine=self.engine,
            device=tables.compute.device,
            precision=tables.model.precision,
            scored_in=tables.evaluate.precision,
        )

    @property
    def computing(self) -> Computing:
        """What models compute on.

        Raises
        ------
        DataFault
            This machine does not have the device of the settings.
        """
        tables = self.settings.tables
        return Computing.of(
            tables.compute,
            tables.model.precision,
            self.engine,
            self.encoders.format_for_scores(),
        )

    @property
    def scores(self) -> Scores:
        """Scores of versions on evaluation sets."""
        return Scores(
            encoders=self.encoders,
            evaluate=self.settings.tables.evaluate,
            metric=self.settings.tables.gate.metric,
            cache=self.settings.state / "cache" / "scores",
            progress=self.progress,
        )

    @property
    def anchor_sets(self) -> AnchorSets:
        """What must not get worse."""
        tables = self.settings.tables
        return AnchorSets(self.settings.root, tables.anchors, tables.learned_anchors)

    @cached_property
    def indexes(self) -> Indexes:
        """The indexes of the versions."""
        tables = self.settings.tables
        return Indexes(tables.index, self.settings.root, self.settings.state, tables.model.name)

    @property
    def versions(self) -> Versions:
        """The versions of the model."""
        return Versions(self.registry, self.store)

    def warnings(self, champion: Version) -> tuple[str, ...]:
        """Say what of the settings the versions cannot follow: another base, another length."""
        root, origin = self.versions.root_and_origin(champion)
        made_with = self.versions.folder(champion).facts()
        found = (
            Base(self.settings).warning(root, origin),
            length_warning(self.settings, champion.number, made_with.max_length),
            precision_warning(self.settings, champion.number, made_with.precision),
        )
        return tuple(each for each in found if each)

    def following(self, settings: Settings) -> Self:
        """Return the same workspace under other settings."""
        return replace(self, settings=settings)

    def take_in(self, now: datetime) -> IntakeResult:
        """Take in all files of the settings and return the counts."""
        tables = self.settings.tables
        return tables.intake.read_all(
            self.store,
            tables.data.places,
            self.settings.root,
            now,
            self.progress,
            self._traces,
            self.settings.redaction,
        )

    def _traces(self, name: str) -> Traces:
        """Return the traces that a name in `data.log` names."""
        settings = self.settings
        return Traces.named(
            name,
            settings.tracking_uri,
            absolute=settings.absolute,
            feedback_days=settings.tables.intake.feedback_days,
        )


@contextmanager
def open_workspace(
    settings: Settings,
    *,
    doing: str,
    now: datetime,
    progress: Progress = no_progress,
    exclusive: bool = True,
) -> Iterator[OpenWorkspace]:
    """Open a workspace while the block runs; with `exclusive`, lock out other runners.

    Parameters
    ----------
    doing
        The command, for the message to others.
    now
        Since when, for the message to others.
    progress
        How to show progress.
    exclusive
        Whether the block writes. Without, the workspace must have been used before.

    Raises
    ------
    WorkspaceBusy
        Another process is at work in it.
    DataFault
        The block does not write, and nothing was ever run in the workspace.
    """
    if exclusive:
        with (
            hold_workspace(settings.state, doing=doing, now=now),
            _opened(settings, progress, nullcontext(), doing) as opened,
        ):
            tidy_below(settings.state / "versions")
            try:
                yield opened
            finally:
                make_private(settings.state)
    else:
        must_have_been_used(settings)
        alone = hold_workspace(settings.state, doing=doing, now=now)
        with _opened(settings, progress, alone) as opened:
            yield opened


def must_have_been_used(settings: Settings) -> None:
    """Refuse to read what is not there: opening a lost store would make an empty one.

    Raises
    ------
    DataFault
        Nothing was ever run in the workspace, or its store is gone.
    """
    if not settings.state.is_dir():
        raise DataFault(
            f"{settings.root} has no champion yet; `anchorhold run` registers the base model as "
            "version 1"
        )
    gone = absent_file(settings.store_url)
    if gone is not None and identity_at(settings.state):
        raise DataFault(
            f"the store {gone} is gone or empty, and {settings.root} was in use: restore it from a "
            "backup; without one, `anchorhold run --adopt` goes on with the champion in MLflow"
        )


@contextmanager
def _opened(
    settings: Settings,
    progress: Progress,
    alone: AbstractContextManager[None],
    writes: str = "",
) -> Iterator[OpenWorkspace]:
    """Open it; `writes` names the command that also keeps the runners of other machines out."""
    with (
        Store.open(settings.store_url) as store,
        store.held(writes) if writes else nullcontext(False) as held,
    ):
        moved = settle(settings, store, alone)
        unfinished = store.unfinished_cycle()
        moves = store.promotions()
        registry = open_registry(
            settings.tracking_uri,
            artifacts=settings.artifacts,
            name=settings.tables.model.name,
            workspace_state=settings.state,
            resuming=unfinished.id if unfinished else None,
            served=moves[-1].version if moves else None,
            moved=moved,
            alone=held,
        )
        head_file = _head_file(settings, registry.workspace)
        registry = replace(registry, pruned=partial(_why_pruned, store), head_file=head_file)
        note_place(settings)
        engine = settings.tables.compute.engine_of_tasks()
        with closing(engine) if engine else nullcontext():
            yield OpenWorkspace(settings, store, registry, progress, engine)


def _head_file(settings: Settings, workspace: str) -> HeadFile | None:
    name = settings.tables.promotion.head_file
    return HeadFile(settings.root / Path(name).expanduser(), workspace) if name else None


def _why_pruned(store: Store) -> dict[str, str]:
    return {number: each.told for number, each in store.pruned("version").items()}
