"""Versions whose files are no longer needed: former champions and candidates beyond `[keep]`."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

from pipeline.cycle.in_use import versions_in_use
from pipeline.cycle.old_files import Old
from pipeline.machine import size_of_folder
from pipeline.registry import (
    Version,
    copy_of,
    delete_version,
    same_files,
    size_of_files,
)
from pipeline.store import Promotion, Pruned
from pipeline.workspace import OpenWorkspace, within


def old_versions(
    opened: OpenWorkspace, versions: Sequence[Version], now: datetime, *, measure: bool
) -> Iterator[Old]:
    """Yield each version of the workspace: it stays, or it goes.

    Parameters
    ----------
    opened
        The open workspace.
    versions
        All versions that the workspace made.
    now
        The present, for the record.
    measure
        Whether to measure what stays, too.

    Raises
    ------
    AnchorholdError
        It cannot be told which versions are in use; then none goes.
    """
    known = {each.number for each in versions}
    stays = versions_that_stay(opened, versions)
    served = {move.version for move in opened.store.promotions()}
    for row in opened.store.pruned("version").values():
        if not row.done and int(row.name) not in known:
            yield _going(opened, Version(**row.facts), row.reason, now)
    for each in versions:
        why = stays.get(each.number, "")
        if not why and (other := same_files(opened.registry, each)):
            why = f"{other} has its files"
        if not why:
            which = "champions" if each.number in served else "candidates"
            count = getattr(opened.settings.tables.keep, which)
            yield _going(opened, each, f"[keep] {which} = {count} (anchorhold.toml)", now)
        else:
            size = _size(opened, each) if measure else None
            yield Old("versions", str(each.number), why, size)


def versions_that_stay(opened: OpenWorkspace, versions: Sequence[Version]) -> dict[int, str]:
    """Return why versions stay, by their number: in use, or among the newest of their kind."""
    keep, moves = opened.settings.tables.keep, opened.store.promotions()
    stays = versions_in_use(opened, versions)
    others = [each.number for each in versions if each.number not in stays]
    served = _last_served_first(moves)
    champions = [number for number in served if number in others][: within(keep.champions)]
    candidates = [number for number in reversed(others) if number not in served]
    stays |= dict.fromkeys(champions, f"[keep] champions = {keep.champions}")
    candidates = candidates[: within(keep.candidates)]
    return stays | dict.fromkeys(candidates, f"[keep] candidates = {keep.candidates}")


def _last_served_first(moves: Sequence[Promotion]) -> list[int]:
    return list(dict.fromkeys(move.version for move in reversed(moves)))


def _going(opened: OpenWorkspace, version: Version, why: str, now: datetime) -> Old:
    size = _size(opened, version)
    return Old(
        "versions", str(version.number), why, size, partial(_delete, opened, version, why, now)
    )


def _size(opened: OpenWorkspace, version: Version) -> int:
    stored = size_of_files(opened.registry, version.run_id, "version")
    return stored + size_of_folder(copy_of(opened.registry, version.number))


def _delete(opened: OpenWorkspace, version: Version, why: str, now: datetime) -> None:
    """Delete a version so that, whenever the process is killed, the next run finishes it."""
    store, name = opened.store, str(version.number)
    facts = {"number": version.number, "run_id": version.run_id, "cycle": version.cycle}
    facts |= {"tags": dict(version.tags)}
    store.mark_pruned(Pruned("version", name, why, now, facts))
    delete_version(opened.registry, version)
    store.finish_pruned("version", name)
