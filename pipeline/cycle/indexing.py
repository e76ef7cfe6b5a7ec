"""The index in a cycle: whole before a version serves, and up to date while it does."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from pipeline.cycle.journal import Journal
from pipeline.cycle.stages import Indexed
from pipeline.registry import Version
from pipeline.results import CycleIndex, IndexBuilt, IndexEstimate, IndexStatus, MoveResult, Serving
from pipeline.search import (
    IndexMissing,
    IndexSettings,
    ServingPair,
    Stamp,
    StoredDocuments,
    bridges_folder,
    bridges_of,
    build_cost,
    pair_for,
)
from pipeline.store import Action
from pipeline.workspace import OpenWorkspace
from training.encoding import Encoder
from training.faults import AnchorholdError

AWAITS_INDEX = "anchorhold.awaits_index"
"""Tag of a version that passed the gate and whose index could not be built yet."""

_FAULTS = (AnchorholdError, OSError)

_STAGE = "index/v"
"""Name of the stage that builds the index of a version, before its number."""

Moved = TypeVar("Moved")

logger = logging.getLogger(__name__)


class IndexNotReady(AnchorholdError):
    """A version has no whole index yet, so that it does not serve; the message says why."""


@dataclass(frozen=True)
class Indexing:
    """Builds indexes when a workspace's settings say so.

    Attributes
    ----------
    opened
        The open workspace.
    """

    opened: OpenWorkspace

    @property
    def settings(self) -> IndexSettings:
        """The table `[index]`."""
        return self.opened.settings.tables.index

    @property
    def builds(self) -> bool:
        """Whether cycles build indexes."""
        return self.settings.mode != "off" and self.settings.build != "off"

    def builds_first(self, version: Version) -> bool:
        """Say whether a version gets its index before it serves.

        With `bridge`, it serves over an older one in the meantime, if a bridge leads there that is
        good enough. A canary searches, whatever `build` says.
        """
        tried = self.opened.settings.tables.canary.share > 0
        if not self.builds or (self.settings.build != "before_promotion" and not tried):
            return False
        return self.settings.mode == "rebuild" or self.serving(version) is None

    def serving(self, version: Version) -> ServingPair | None:
        """Return what a version searches now: its own index, or an older one by a bridge.

        None where there is neither, or neither can be opened.
        """
        opened = self.opened
        identity = opened.encoders.identity(opened.versions.folder(version))
        try:
            return pair_for(opened.indexes, version.number, identity)
        except _FAULTS:
            return None

    def build(
        self,
        version: Version,
        now: datetime,
        vectors: Path | None = None,
        *,
        estimated: bool = False,
    ) -> IndexBuilt:
        """Build the index of a version, or bring it up to date with the stored documents.

        Parameters
        ----------
        version
            The version.
        now
            The present, for the stamp.
        vectors
            Parquet file of vectors that the version gave to the documents elsewhere.
        estimated
            Whether to estimate before how long it takes, as `estimate` does.
        """
        opened = self.opened
        encoder = opened.encoders.load(opened.versions.folder(version).model)
        documents = StoredDocuments.now(opened.store)
        cost = self._cost(version, encoder, documents) if estimated else None
        built = opened.indexes.build(
            version.number,
            encoder,
            documents,
            now=now,
            progress=opened.progress,
            vectors=vectors,
        )
        self._show_champion()
        return built.changed(estimated_seconds=cost.seconds) if cost else built

    def estimate(self, version: Version) -> IndexEstimate:
        """Estimate what a build would cost; nothing is kept."""
        encoder = self.opened.encoders.load(self.opened.versions.folder(version).model)
        return self._cost(version, encoder, StoredDocuments.now(self.opened.store))

    def _cost(
        self, version: Version, encoder: Encoder, documents: StoredDocuments
    ) -> IndexEstimate:
        compute = self.opened.settings.tables.compute
        return build_cost(self.opened.indexes, version.number, encoder, documents, compute)

    def status(self, version: Version) -> IndexStatus | None:
        """Return the state of the index of a version; None where there is no whole one."""
        stamp = self.opened.indexes.stamp(version.number)
        if stamp is None:
            return None
        return IndexStatus(
            version=version.number,
            aliases=version.aliases,
            documents=stamp.documents,
            behind=self._behind(stamp),
            stale=self._stale(version, stamp),
            made=datetime.fromisoformat(stamp.made),
            fingerprint=stamp.fingerprint,
            preparation=stamp.preparation,
            dimensions=stamp.dimensions,
            similarity=stamp.similarity,
            approximate=stamp.approximate,
            recall=stamp.recall,
        )

    def is_current(self, version: Version) -> bool:
        """Say whether a version's index is whole and covers the documents that there are now."""
        found = self.status(version)
        return found is not None and not found.stale and not found.behind

    def follow(self, version: Version, now: datetime) -> Indexed:
        """Bring the index of the serving version up to date; a fault is reported, not raised."""
        found = self._tried(version, now) if self.builds else Indexed()
        if found.built is None:  # A build shows it too.
            self._show_champion()
        return found

    def show(self, version: Version) -> None:
        """Let other applications read the index of the version that serves now, in a database.

        Where it is not whole yet, they read the one before until it is. What goes wrong is logged,
        and the next run tries again.
        """
        indexes = self.opened.indexes
        try:
            if indexes.tables.shows:
                indexes.show(version.number)
        except IndexMissing:
            return
        except _FAULTS as fault:
            logger.warning("applications still read the index before: %s", fault)

    def before_promotion(self, candidate: Version, now: datetime) -> Indexed:
        """Build the index of a version that passed the gate; a fault is reported, not raised."""
        return self._tried(candidate, now) if self.builds_first(candidate) else Indexed()

    def stage_of_champion(self, journal: Journal, version: int) -> None:
        """Bring the index of the version that serves up to date, once in a cycle."""
        if self.builds:
            serving = self.opened.registry.version(version)
            stage = f"{_STAGE}{version}"
            journal.once(stage, lambda: self.follow(serving, journal.started), Indexed)

    def stage_of_candidate(self, journal: Journal, candidate: Version) -> Indexed:
        """Build the index of a version that passed the gate, once in a cycle."""
        if not self.builds_first(candidate):
            return Indexed()
        stage, now = f"{_STAGE}{candidate.number}", journal.started
        return journal.once(stage, lambda: self.before_promotion(candidate, now), Indexed)

    def before_move(self, version: Version, action: Action, now: datetime) -> None:
        """Make sure that a version has its index before a person lets it serve.

        A rollback is not kept waiting by a few documents that are missing: `follow` adds them.

        Raises
        ------
        IndexNotReady
            It cannot be built.
        """
        if not self.builds_first(version):
            return
        if action == "rollback" and self._can_be_searched(version):
            return
        fault = self._tried(version, now).fault
        if fault and self._can_be_searched(version):
            logger.warning("%s; it serves without the documents that arrived since", fault)
        elif fault:
            raise IndexNotReady(
                f"version {version.number} does not serve yet: {fault}; with [index] build = "
                '"after" it serves before it has an index'
            )

    def after_move(self, move: MoveResult, now: datetime) -> MoveResult:
        """Add what the index of a version that serves now lacks, and say what could not be."""
        fault = self.follow(self.opened.registry.version(move.champion.version), now).fault
        return move.changed(warnings=(*move.warnings, fault)) if fault else move

    def kept(self) -> set[int]:
        """Return the versions whose indexes are kept, as `[index]` says.

        Raises
        ------
        DataFault
            The place of the indexes cannot be read.
        """
        return self._kept(self.opened.indexes.numbers())

    def _kept(self, numbers: list[int]) -> set[int]:
        indexes = self.opened.indexes
        if self.settings.mode == "off" or not numbers:
            return set(numbers)
        versions = self.opened.registry.all_versions()
        named = [each.number for each in versions if each.aliases]
        bridged = [old for each in named for old in bridges_of(bridges_folder(indexes), each)]
        return {*numbers[-self.settings.keep :], *named, *bridged}

    def superfluous(self) -> list[int]:
        """Return the versions whose indexes are no longer kept.

        Raises
        ------
        DataFault
            As for `kept`.
        """
        numbers = self.opened.indexes.numbers()
        kept = self._kept(numbers)
        return [number for number in numbers if number not in kept]

    def _show_champion(self) -> None:
        try:
            shows = self.opened.indexes.tables.shows
            champion = self.opened.versions.champion_if_any() if shows else None
        except _FAULTS:
            return
        if champion is not None:
            self.show(champion)

    def _tried(self, version: Version, now: datetime) -> Indexed:
        try:
            if not self.opened.store.last_document() or self.is_current(version):
                return Indexed()
            return Indexed(built=self.build(version, now))
        except _FAULTS as fault:
            told = f"the index of version {version.number} could not be built: {fault}"
            return Indexed(fault=told)

    def _can_be_searched(self, version: Version) -> bool:
        try:
            found = self.status(version)
        except _FAULTS:
            return False
        return found is not None and not found.stale

    def _behind(self, stamp: Stamp) -> int:
        store = self.opened.store
        missing = abs(store.count_documents() - stamp.documents)
        return max(store.documents_changed(stamp.cut), missing)

    def _stale(self, version: Version, stamp: Stamp) -> str:
        opened = self.opened
        identity = opened.encoders.identity(opened.versions.folder(version))
        return opened.indexes.difference(stamp, identity)


def unless_not_ready(move: Callable[[], Moved | None]) -> Moved | None:
    """Return what a move that nobody watches returns; None where an index must be built first.

    The run goes on, and the next one tries again.
    """
    try:
        return move()
    except IndexNotReady as fault:
        logger.warning("%s", fault)
        return None


def index_of_cycle(
    opened: OpenWorkspace, journal: Journal, promoted: Serving | None
) -> CycleIndex | None:
    """Return what a cycle did for the index; None where it does nothing for it.

    Parameters
    ----------
    opened, journal
        The cycle.
    promoted
        The version that had waited for its index, where it was promoted before the cycle.
    """
    if opened.settings.tables.index.mode == "off":
        return None
    done = journal.results(_STAGE, Indexed)
    return CycleIndex(
        built=tuple(each.built for each in done if each.built),
        faults=tuple(each.fault for each in done if each.fault),
        promoted=promoted.version if promoted else None,
    )
