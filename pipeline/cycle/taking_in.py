"""The intake of a cycle, counted whole also where a process was interrupted in the middle of it.

Each file is stored in a transaction of its own. What an interrupted process stored is known when
its files are read again; the difference to what each file had brought before tells it apart.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Self

from pipeline.cycle.journal import Journal
from pipeline.intake import DATA_KEYS
from pipeline.results import IntakeCounts, IntakeResult, Result
from pipeline.store import FileState, Store
from pipeline.workspace import OpenWorkspace

_STAGE = "intake"
_BEFORE = "before intake"
"""Stage that is forgotten once the intake is recorded."""


class Brought(Result):
    """What each file has brought so far."""

    files: tuple[FileState, ...]

    @classmethod
    def so_far(cls, store: Store) -> Self:
        """Return what is stored now."""
        return cls(files=tuple(store.file_states()))

    def since(self, before: Self) -> IntakeResult:
        """Return the counts of all that was read since then, without warnings."""
        counts = {}
        for key, place in DATA_KEYS.items():
            then = {each.file: each for each in before._of(*place)}
            found: Counter[str] = Counter()
            for each in self._of(*place):
                earlier = then.get(each.file)
                found["files"] += earlier is None or earlier.stamp != each.stamp
                found.update(_counts(each))
                found.subtract(_counts(earlier) if earlier else {})
            counts[key] = {name: max(0, number) for name, number in found.items()}
        return IntakeResult.model_validate(counts)

    def _of(self, kind: str, role: str) -> Iterator[FileState]:
        return (each for each in self.files if (each.kind, each.role) == (kind, role))


def take_in(opened: OpenWorkspace, journal: Journal) -> IntakeResult:
    """Take in all files of the settings, once in a cycle, and return the counts.

    Parameters
    ----------
    opened
        The open workspace.
    journal
        The cycle.
    """
    store = opened.store
    interrupted = journal.known(_BEFORE)

    def work() -> IntakeResult:
        before = journal.once(_BEFORE, lambda: Brought.so_far(store), Brought)
        found = opened.take_in(journal.started)
        return _joined(found, Brought.so_far(store).since(before)) if interrupted else found

    counts = journal.once(_STAGE, work, IntakeResult)
    journal.forget(_BEFORE)
    return counts


def _joined(found: IntakeResult, since: IntakeResult) -> IntakeResult:
    """Return what was found, with what an interrupted process had found before."""
    joined: dict[str, IntakeCounts] = {}
    for key in DATA_KEYS:
        last, all_of_it = getattr(found, key), getattr(since, key)
        names = type(last).model_fields
        most = {name: max(getattr(last, name), getattr(all_of_it, name)) for name in names}
        joined[key] = last.changed(**most)
    return found.changed(**joined)


def _counts(state: FileState) -> dict[str, int]:
    names = ("seen", "stored", "known", "quarantined", "erased")
    return {**{name: getattr(state, name) for name in names}, **state.became}
