"""The versions of a workspace: found by number, alias or history, and as checked local folders."""

from dataclasses import dataclass

from pipeline.registry import Registry, Version, VersionFolder
from pipeline.store import Store
from training.faults import DataFault


@dataclass(frozen=True)
class Versions:
    """Finds versions of the model.

    Attributes
    ----------
    registry
        Where they are registered.
    store
        Where the promotion history is kept.
    """

    registry: Registry
    store: Store

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
                f"{self.registry.name} has no champion yet; `anchorhold run` registers the base "
                "model as version 1"
            )
        return champion

    def named(self, reference: int | str) -> Version:
        """Return a version by number or alias; "origin" names the first champion.

        Raises
        ------
        UnknownVersion
            There is no such version.
        """
        moves = self.store.promotions() if reference == "origin" else []
        return self.registry.version(moves[0].version if moves else reference)

    def folder(self, version: Version) -> VersionFolder:
        """Return the local copy of a version, every file checked against its hash."""
        return VersionFolder(self.registry.fetch(version))
