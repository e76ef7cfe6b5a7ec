"""Retention: what `[keep]` says goes, in an order in which a killed process loses nothing."""

import logging
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from pipeline.cycle.old_caches import old_copies, old_embeddings, old_indexes, old_scores
from pipeline.cycle.old_cycles import leftovers, old_cycles, old_runs
from pipeline.cycle.old_files import Old
from pipeline.cycle.old_versions import old_versions
from pipeline.cycle.stages import STAGED
from pipeline.results import Freed, GcKind, GcPart
from pipeline.workspace import OpenWorkspace
from training.faults import AnchorholdError

_FAULTS = (AnchorholdError, OSError)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What goes and what stays.

    Attributes
    ----------
    found
        Each thing, in the order in which it is deleted.
    warnings
        What could not be looked at, and therefore stays.
    """

    found: tuple[Old, ...]
    warnings: tuple[str, ...] = ()

    @property
    def goes(self) -> list[Old]:
        """What is deleted."""
        return [each for each in self.found if each.delete is not None]

    def parts(self) -> tuple[GcPart, ...]:
        """Return what goes and stays, by kind and reason."""
        return tuple(_parts(self.found))

    def freed(self) -> Freed:
        """Return what would be deleted."""
        return _freed(self.goes, self.warnings)

    def carry_out(self, confirm: Callable[[], None]) -> Freed:
        """Delete what goes; what cannot be deleted is told and stays.

        Parameters
        ----------
        confirm
            Called before each deletion; raises where another machine may be at work.
        """
        done, warnings = [], list(self.warnings)
        for each in self.goes:
            confirm()
            try:
                if each.delete is not None:
                    each.delete()
            except _FAULTS as fault:
                warnings.append(f"{each.kind}: {each.name} stays: {fault}")
            else:
                done.append(each)
        return _freed(done, tuple(warnings))


def plan_retention(opened: OpenWorkspace, now: datetime, *, whole: bool, measure: bool) -> Plan:
    """Find out what goes and what stays; nothing is deleted.

    Parameters
    ----------
    opened
        The open workspace.
    now
        The present, for the record.
    whole
        Whether versions, cycles and runs go too, not only caches and leftovers.
    measure
        Whether to measure what stays, too.
    """
    finder = _Finder()
    everybodys = opened.registry.all_versions()
    versions = opened.registry.own(everybodys)
    stay = {each.number: each for each in versions}
    if whole:
        found = finder.all(old_versions(opened, versions, now, measure=measure))
        going = [int(each.name) for each in found if each.delete is not None]
        for number in going:
            stay.pop(number, None)
        reasons = {each.name: f"version {each.name} stays: {each.why}" for each in found}
        of_versions = {each.cycle: reasons.get(str(each.number), "") for each in stay.values()}
        if found or not versions:
            finder.all(old_cycles(opened, of_versions, now, measure=measure))
            finder.all(old_runs(opened, of_versions, now))
            finder.all(old_scores(opened, list(stay.values())))
        finder.all(old_copies(opened, everybodys, going))
    finder.all(old_indexes(opened))
    finder.all(old_embeddings(opened, versions))
    finder.all(leftovers(opened))
    return Plan(tuple(finder.found), tuple(finder.warnings))


def tidy(opened: OpenWorkspace, now: datetime) -> Freed:
    """Delete at the end of a cycle what `[keep]` says; a fault is told, and never raised."""
    shutil.rmtree(opened.settings.state / STAGED, ignore_errors=True)
    try:
        keep = opened.settings.tables.keep
        plan = plan_retention(opened, now, whole=keep.automatic, measure=False)
        freed = plan.carry_out(opened.store.confirm_hold)
    except Exception as fault:  # The cycle is done, whatever this is.
        freed = Freed(bytes=0, warnings=(f"not all that [keep] says was deleted: {fault}",))
    for warning in freed.warnings:
        logger.warning("%s", warning)
    return freed


class _Finder:
    """Collects what is found; what cannot be looked at stays, and is told."""

    def __init__(self) -> None:
        self.found: list[Old] = []
        self.warnings: list[str] = []

    def all(self, given: Iterable[Old]) -> list[Old]:
        """Take all of it, or none where it cannot be looked at."""
        try:
            found = list(given)
        except _FAULTS as fault:
            self.warnings.append(f"some of what is old could not be listed: {fault}")
            return []
        self.found += found
        return found


def _freed(done: Collection[Old], warnings: tuple[str, ...]) -> Freed:
    counts: Counter[GcKind] = Counter()
    for each in done:
        counts[each.kind] += each.count
    return Freed(
        bytes=sum(each.bytes or 0 for each in done),
        deleted=dict(+counts),
        warnings=warnings,
    )


def _parts(found: Iterable[Old]) -> Iterator[GcPart]:
    def reason(each: Old) -> tuple[str, bool, str]:
        return each.kind, each.delete is None, each.why

    order = list(dict.fromkeys(each.kind for each in found))
    ordered = sorted(found, key=lambda each: (order.index(each.kind), *reason(each)[1:]))
    for (_, stays, why), group in groupby(ordered, key=reason):
        members = list(group)
        sizes = [each.bytes for each in members if each.bytes is not None]
        yield GcPart(
            kind=members[0].kind,
            names=tuple(each.name for each in members),
            goes=not stays,
            why=why,
            bytes=sum(sizes) if sizes else None,
        )
