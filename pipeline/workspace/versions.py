"""The versions of a workspace: found by number, alias or history, and as checked local folders."""

from dataclasses import dataclass

from pipeline.registry import Registry, Version, VersionFolder
from pipeline.store import Store
from pipeline.workspace.base_model import NAMED
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
            There is none yet, or it was deleted.
        ForeignChampion
            The workspace did not make it.
        """
        champion = self.champion_if_any()
        if champion is None:
            raise DataFault(
                f"{self.registry.name} has no champion yet; `anchorhold run` registers the base "
                "model as version 1"
            )
        return champion

    def champion_if_any(self) -> Version | None:
        """Return the version that serves; None before the first one does.

        Raises
        ------
        DataFault
            It was deleted, or its alias was.
        ForeignChampion
            The workspace did not make it.
        """
        champion, moves = self.registry.champion(), self.store.promotions()
        if champion is None and moves:
            numbers = ", ".join(str(each.number) for each in self.registry.versions())
            way_out = (
                f"name one with `anchorhold promote VERSION --reason …` ({numbers})"
                if numbers
                else "no version of this workspace is left either: restore MLflow from a backup, "
                "or move .anchorhold away to begin again from the base model"
            )
            raise DataFault(
                f"version {moves[-1].version} was the champion, but no version of "
                f"{self.registry.name} has the alias champion any more; {way_out}"
            )
        return champion

    def origin(self) -> Version | None:
        """Return the first champion; None before it serves, and where it was deleted."""
        first = [move.version for move in self.store.promotions()[:1]]
        return next((each for each in self.registry.versions() if each.number in first), None)

    def with_pruned(self) -> list[Version]:
        """Return the versions of this workspace, and those that `[keep]` deleted, oldest first.

        What a version descends from is asked long after its files are gone.
        """
        known = {each.number: each for each in self.registry.versions()}
        for each in self.store.pruned("version").values():
            known.setdefault(int(each.name), Version(**each.facts))
        return [known[number] for number in sorted(known)]

    def root_and_origin(self, version: Version) -> tuple[Version, Version]:
        """Return what a version descends from, and the first champion, by one listing.

        A version descends from the first one, or from a candidate that was given. Where somebody
        deleted a version in between, the root is the oldest that is left; where the first champion
        was deleted, the root takes its place.
        """
        known = {str(each.number): each for each in self.with_pruned()}
        while NAMED not in version.tags:
            parent = known.get(version.tags.get("anchorhold.parent", "none"))
            if parent is None:
                break
            version = parent
        moves = self.store.promotions()
        return version, known.get(str(moves[0].version), version) if moves else version

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
