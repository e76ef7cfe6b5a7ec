"""Erasing records from every place that this workspace keeps, in steps that a kill cannot spoil.

What is to be erased is written down in the store first. Each step may be repeated. What was written
down is forgotten last, and the databases are written anew, so that no free space holds it either.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from pipeline.erasure.caches import erase_from_caches
from pipeline.erasure.cycle_records import (
    remove_working_files,
    rewrite_cycle,
    rewrite_description,
    told,
)
from pipeline.erasure.scrub import Scrubber
from pipeline.erasure.trained import trained_on
from pipeline.erasure.versions import Cleaned, Records
from pipeline.registry import (
    PREFIX,
    ModelDamaged,
    Version,
    VersionFolder,
    is_rewritten,
    lies_in,
    remove,
    rewrite_version,
)
from pipeline.store import Erasable, rewrite
from pipeline.workspace import OpenWorkspace
from training.faults import AnchorholdError

Reindex = Callable[[Version], None]
"""Brings the index of a version in line with the documents that are left."""

_PLACE = "erasing"
"""Folder, in the state folder, of changed versions until MLflow has them."""
_TAG = f"{PREFIX}erased"

logger = logging.getLogger(__name__)


@dataclass
class Affected:
    """What an erasure means for the versions.

    Attributes
    ----------
    removed
        How many things go, by place.
    versions
        Versions whose files change.
    trained
        Versions that may have learned from the records.
    left
        Why versions could not be looked at.
    """

    removed: Counter[str] = field(default_factory=Counter)
    versions: list[int] = field(default_factory=list)
    trained: tuple[int, ...] = ()
    left: list[str] = field(default_factory=list)


def affected(opened: OpenWorkspace, plan: Erasable) -> Affected:
    """Say what goes from which versions; nothing is changed."""
    found, facts, remembered = Affected(), [], {}
    for version, folder in _folders(opened, found.left):
        facts.append((version, folder.facts()))
        removed = _cleaned(folder, plan).removed
        remembered[version.number] = removed.get("memory", 0)
        if removed:
            found.versions.append(version.number)
            found.removed.update(_of_version(version, removed))
    found.trained = trained_on(opened.store, plan, facts, remembered)
    return found


def finish_erasure(opened: OpenWorkspace, reindex: Reindex) -> list[str]:
    """Do what is left of the erasure that was begun; return what could not be erased.

    Parameters
    ----------
    opened
        The open workspace, held exclusively.
    reindex
        Updates an index.
    """
    erasure = opened.store.unfinished_erasure()
    if erasure is None:
        return []
    logger.info("erasure %s of %s is being finished", erasure.number, erasure.at.date())
    left: list[str] = []
    if erasure.plan is not None:
        _Erasing(opened, erasure.number, erasure.plan, left).everywhere(reindex)
        opened.store.settle_erasure(erasure.number, "to compact")
    faults = [*_written_anew(opened)]
    if not faults:
        opened.store.settle_erasure(erasure.number, "done")
    return left + [f"{each}; the next `anchorhold run` or `erase` tries again" for each in faults]


@dataclass
class _Erasing:
    """The steps of one erasure.

    Attributes
    ----------
    opened
        The open workspace.
    number, plan
        The erasure.
    left
        What could not be erased.
    """

    opened: OpenWorkspace
    number: int
    plan: Erasable
    left: list[str]

    def everywhere(self, reindex: Reindex) -> None:
        """Erase from the store, versions, records of cycles, indexes and caches, in this order."""
        store, scrubber = self.opened.store, Scrubber.of(self.plan)
        self._note_trained()
        store.erase_rows(self.number, scrubber.json)
        self._versions(scrubber)
        plan = store.erasure(self.number).plan or self.plan
        self._counted(partial(self._reports, scrubber, plan.cycles))
        if plan.rows.get("documents"):
            self._indexes(reindex)
        self._counted(
            partial(erase_from_caches, self.opened, scrubber, plan.digests, scrubber.names)
        )
        self._counted(self._working_files)
        remove(self.opened.settings.state / _PLACE)
        self._tag_versions()

    def _counted(self, step: Callable[..., dict[str, int]]) -> None:
        """Note how much a step removes, then do it: after a kill, less of it is there to count."""
        self.opened.store.note_erased(self.number, step(only_count=True))
        step()

    def _reports(
        self, scrubber: Scrubber, cycles: Sequence[str], *, only_count: bool = False
    ) -> dict[str, int]:
        changed = (
            rewrite_cycle(self.opened, each, scrubber, only_count=only_count) for each in cycles
        )
        return {"files of reports": sum(changed)}

    def _working_files(self, *, only_count: bool = False) -> dict[str, int]:
        return {"working files": remove_working_files(self.opened, only_count=only_count)}

    def _note_trained(self) -> None:
        found = affected(self.opened, self.plan)
        self.opened.store.note_erased(self.number, found.removed, found.trained)

    def _versions(self, scrubber: Scrubber) -> None:
        registry, place = self.opened.registry, self.opened.settings.state / _PLACE
        for version in registry.versions():
            self.opened.store.confirm_hold()
            if is_rewritten(version, place):
                rewrite_version(registry, version, _as_it_is, place)
        for version, folder in _folders(self.opened, self.left):
            self.opened.store.confirm_hold()
            cleaned = _cleaned(folder, self.plan)
            if cleaned.removed:
                self.opened.store.note_digests(self.number, cleaned.digests)
                rewrite_version(registry, version, cleaned.write, place)
        for version in registry.versions():
            rewrite_description(self.opened, version, scrubber)

    def _indexes(self, reindex: Reindex) -> None:
        known = {each.number: each for each in self.opened.registry.versions()}
        indexes = self.opened.indexes
        try:
            numbers = indexes.numbers()
        except AnchorholdError as fault:
            self.left.append(f"the indexes still have the documents: {fault}")
            return
        for number in numbers:
            try:
                if number in known:
                    reindex(known[number])
                else:
                    indexes.drop(number)
            except AnchorholdError as fault:
                told = f"the index of version {number} still has the documents: {fault}"
                self.left.append(f"{told}; `anchorhold index build {number}` removes them")

    def _tag_versions(self) -> None:
        """Let the versions that learned from the records, or changed, say that some are erased."""
        erasure = self.opened.store.erasure(self.number)
        named = {*erasure.versions, *(_number(each) for each in erasure.removed)}
        for version in self.opened.registry.versions():
            if version.number in named:
                before = version.tags.get(_TAG, "")
                parts = dict.fromkeys([*filter(None, before.split("; ")), told(erasure)])
                self.opened.registry.tag(version, {_TAG: "; ".join(parts)})


def _folders(opened: OpenWorkspace, left: list[str]) -> Iterator[tuple[Version, VersionFolder]]:
    """Yield the versions with their files, as far as these are whole."""
    for version in opened.registry.versions():
        try:
            folder = opened.versions.folder(version)
        except ModelDamaged as fault:
            left.append(f"version {version.number} was left as it is: {fault}")
        else:
            yield version, folder


def _cleaned(folder: VersionFolder, plan: Erasable) -> Cleaned:
    return Cleaned.of(folder, Records(plan, Scrubber.of(plan)))


def _of_version(version: Version, removed: Mapping[str, int]) -> dict[str, int]:
    return {f"{part} of version {version.number}": count for part, count in removed.items()}


def _number(place: str) -> int:
    """Return the number of the version that a place is part of; 0 for none."""
    _, _, number = place.partition(" of version ")
    return int(number) if number.isdecimal() else 0


def _as_it_is(folder: VersionFolder) -> None:
    """Change nothing: the changed files are there already."""


def _written_anew(opened: OpenWorkspace) -> Iterator[str]:
    """Write the workspace's own databases anew, and yield why one was not."""
    settings = opened.settings
    own = lies_in(settings.tracking_uri, settings.root, settings.state)
    for url in (settings.store_url, *([settings.tracking_uri] if own else [])):
        if fault := rewrite(url):
            yield fault
