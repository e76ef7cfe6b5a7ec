"""What of this machine's caches goes: vectors, scores and copies, and old indexes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from pipeline.cycle.indexing import Indexing
from pipeline.cycle.old_cycles import folder_of
from pipeline.cycle.old_files import Old, old_files, old_folder
from pipeline.machine import size_of_folder
from pipeline.registry import (
    CANDIDATE,
    CHAMPION,
    PREVIOUS,
    Version,
    VersionFolder,
    copies,
    copy_of,
    delete_copy,
)
from pipeline.reports import REPORT_FILE
from pipeline.workspace import OpenWorkspace, within

_LAST = (PREVIOUS, CANDIDATE, CHAMPION)
"""Aliases of the versions whose vectors go last, the very last behind."""


def old_embeddings(opened: OpenWorkspace, versions: Sequence[Version]) -> Iterator[Old]:
    """Yield the vectors that go: of versions without an alias, then the oldest.

    Those of the first champion, with which candidates are compared, count as if it had one.

    Parameters
    ----------
    opened
        The open workspace.
    versions
        The versions that the workspace made.
    """
    cache = opened.encoders.cache
    first = [move.version for move in opened.store.promotions()[:1]]
    asked = [each for each in versions if each.aliases or each.number in first]
    ranks = {
        space: _rank(each) for each in sorted(asked, key=_rank) for space in _spaces(opened, each)
    }
    spaces = sorted(each for each in cache.glob("*") if each.is_dir())
    for space in spaces:
        if space.name not in ranks:
            why = "no version with an alias gave these vectors"
            gone = old_folder("embeddings", space, why)
            yield replace(gone, count=len(_files(space)))
    limit = opened.settings.tables.keep.cache_gigabytes
    kept = sorted(
        (each for each in spaces if each.name in ranks), key=lambda each: ranks[each.name]
    )
    parts = {space: _oldest_first(space) for space in kept}
    sizes = {space: sum(size for _, size in found) for space, found in parts.items()}
    excess = sum(sizes.values()) - (float("inf") if limit == "all" else limit * 1e9)
    for space in kept:
        files, freed = [], 0
        for file, size in parts[space]:
            if excess > freed:
                files.append(file)
                freed += size
        excess -= freed
        if files:
            why = f"[keep] cache_gigabytes = {limit} (anchorhold.toml)"
            yield old_files("embeddings", space.name, files, why)
        if left := sizes[space] - freed:
            why = "of a version with an alias, or of the first champion"
            yield Old("embeddings", space.name, why, left)


def old_scores(opened: OpenWorkspace, stay: Sequence[Version]) -> Iterator[Old]:
    """Yield the cached scores that go; they would be measured again.

    These are scores of versions that do not stay, and scores that were last asked for before the
    oldest of the newest cycles ended.

    Parameters
    ----------
    opened
        The open workspace.
    stay
        The versions that stay.
    """
    cycles = opened.store.finished_cycles()[: within(opened.settings.tables.keep.cycles)]
    spaces = {space for each in stay for space in _spaces(opened, each)}
    since = min(
        (report.stat().st_mtime for each in cycles if (report := _report(opened, each)).exists()),
        default=0.0,
    )
    gone, unused, kept = [], [], 0
    for file in sorted(_files(opened.scores.cache)):
        about = file.stat()
        if file.name[:32] not in spaces:
            gone.append(file)
        elif about.st_mtime < since:
            unused.append(file)
        else:
            kept += about.st_size
    if gone:
        yield old_files("scores", f"{len(gone)} files", gone, "their versions do not stay")
    if unused:
        why = "not used in the newest cycles"
        yield old_files("scores", f"{len(unused)} files", unused, why)
    if kept:
        yield Old("scores", "all others", "used in the newest cycles", kept)


def old_copies(
    opened: OpenWorkspace, everybodys: Sequence[Version], going: Sequence[int]
) -> Iterator[Old]:
    """Yield local copies of versions that are not registered any more.

    Parameters
    ----------
    opened
        The open workspace.
    everybodys
        All registered versions of the model.
    going
        Versions whose deletion deletes their copies.
    """
    registered = {each.number for each in everybodys}
    why = "the version is not registered any more"
    for number in copies(opened.registry):
        if number not in registered and number not in going:
            size = size_of_folder(copy_of(opened.registry, number))
            delete = partial(delete_copy, opened.registry, number)
            yield Old("copies", str(number), why, size, delete)


def old_indexes(opened: OpenWorkspace) -> Iterator[Old]:
    """Yield the indexes that go, as `[index]` says."""
    indexing = Indexing(opened)
    place = Path(opened.indexes.tables.uri)
    for number in indexing.superfluous():
        size = size_of_folder(place / f"v{number}.lance")
        why = f"[index] keep = {indexing.settings.keep} (anchorhold.toml)"
        yield Old("indexes", str(number), why, size, partial(opened.indexes.drop, number))


def _rank(version: Version) -> int:
    return max((_LAST.index(each) + 1 for each in version.aliases if each in _LAST), default=0)


def _spaces(opened: OpenWorkspace, version: Version) -> set[str]:
    """Return the names in the caches of a version's space, also where texts are cut elsewhere."""
    found = {version.tags.get("anchorhold.fingerprint", "")}
    folder = VersionFolder(copy_of(opened.registry, version.number))
    if folder.path.is_dir():
        scored = opened.encoders.for_scores(folder.model)
        found |= {each.identity(folder) for each in (opened.encoders, scored)}
    return {each[:32] for each in found if each}


def _oldest_first(folder: Path) -> list[tuple[Path, int]]:
    """Return the files of a folder with their sizes."""
    found = [(file, file.stat()) for file in _files(folder)]
    found.sort(key=lambda each: each[1].st_mtime)
    return [(file, about.st_size) for file, about in found]


def _files(folder: Path) -> list[Path]:
    return [each for each in folder.rglob("*") if each.is_file()]


def _report(opened: OpenWorkspace, cycle: str) -> Path:
    return folder_of(opened, cycle) / REPORT_FILE
