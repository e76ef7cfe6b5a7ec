"""Where a workspace is: one that was moved goes on, a copy never writes into its original.

A workspace is what its store is: it has the identity that the store has. The state folder keeps
that identity and its own place, so that it can be told whether it was moved or copied.
"""

from contextlib import AbstractContextManager, suppress
from pathlib import Path

from pipeline.registry import IDENTITY, Move, identity_at, lies_in
from pipeline.store import Store
from pipeline.workspace.settings import Settings
from training.faults import DataFault
from training.whole_files import written

_PLACE = "workspace.place"


def settle(settings: Settings, store: Store, alone: AbstractContextManager[None]) -> Move:
    """Make sure that nothing outside a copy is written by it, and return a move that was made.

    Parameters
    ----------
    settings
        Settings of the workspace.
    store
        Its store.
    alone
        Held while recorded places are rewritten.

    Raises
    ------
    DataFault
        The workspace is a copy of one that still exists, and both name the same store or tracking
        store outside of them.
    """
    state = settings.state
    _keep(state / IDENTITY, store.identity(in_use=identity_at(state)))
    before = _place_before(state)
    if before is None or before == state.resolve():
        return Move(alone=alone)
    databases = {"store.url": settings.store_url, "tracking.uri": settings.tracking_uri}
    shared = [key for key, url in databases.items() if not lies_in(url, settings.root, state)]
    if shared and _is_another(before, state):
        raise DataFault(
            f"{settings.root} is a copy of {before.parent}, and both would write where "
            f"{' and '.join(shared)} points; to go on here, remove {before}; to make this a "
            f"workspace of its own, remove {state} and change {' and '.join(shared)}, or "
            "model.name (anchorhold.toml)"
        )
    return Move(before / settings.artifacts.name, alone)


def note_place(settings: Settings) -> None:
    """Keep where the workspace is, once everything else names its place of today."""
    _keep(settings.state / _PLACE, str(settings.state.resolve()))


def _place_before(state: Path) -> Path | None:
    try:
        return Path((state / _PLACE).read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError:
        return None


def _is_another(before: Path, state: Path) -> bool:
    """Say whether the same workspace is at its old place, too, and not only by another name."""
    there, here = before / IDENTITY, state / IDENTITY
    return identity_at(before) == identity_at(state) and not there.samefile(here)


def _keep(file: Path, text: str) -> None:
    """Write a small file unless it says so already."""
    content = text.encode("utf-8", "surrogateescape")
    with suppress(OSError):
        if file.read_bytes() == content:
            return
    with written(file) as partial:
        partial.write_bytes(content)
