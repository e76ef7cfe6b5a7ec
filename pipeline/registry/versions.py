"""The registered versions of a model: stored with their hashes, fetched checked, one champion.

MLflow's own model loaders are never used: they trust remote code. MLflow sets an alias without
checking its old value, so the champion moves under a lock, and a lease, that compare first.
"""

import logging
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

from pipeline.registry.head_file import HeadFile
from pipeline.registry.lease import lease_on_champion
from pipeline.registry.logged_models import LoggedModels
from pipeline.registry.runs import NOTE, PREFIX, RegistryFault, clear_faults, every_page
from pipeline.registry.version import LOGGED_MODEL, Version, not_ours, unknown
from pipeline.registry.version_files import MANIFEST, SOURCE, fetch_files, store_files
from training.manifest import FolderDamaged, Manifest

__all__ = [
    "CANDIDATE",
    "CHAMPION",
    "PREVIOUS",
    "ChampionMoved",
    "ForeignChampion",
    "ModelDamaged",
    "Registry",
    "RegistryFault",
    "UnknownVersion",
    "Version",
]

logger = logging.getLogger(__name__)

CHAMPION, CANDIDATE, PREVIOUS = "champion", "candidate", "previous"


class UnknownVersion(RegistryFault, ValueError):
    """There is no such version or alias; the message says which there are."""


class ModelDamaged(RegistryFault):
    """The files of a version are not those that were registered; the message names the first."""


class ForeignChampion(RegistryFault):
    """A version serves that this workspace did not make; the message says what to do."""


class ChampionMoved(RegistryFault):
    """The champion is not the version that the candidate was compared against."""


@dataclass(frozen=True)
class Registry(LoggedModels):
    """The versions of one model, and the runs that made them.

    Attributes
    ----------
    name
        Name of the registered model.
    state
        The workspace's state folder; checked local copies lie in ``versions/`` in it.
    pruned
        Returns why versions were deleted to save space, by their number.
    ended
        Ids of the runs and models of dead processes that were ended when this was opened.
    head_file
        Keeps the ends of the promotion history, too.
    """

    name: str
    state: Path
    pruned: Callable[[], Mapping[str, str]] = field(default=dict, repr=False, compare=False)
    ended: tuple[str, ...] = field(default=(), compare=False)
    head_file: HeadFile | None = None
    _checked: dict[int, tuple[Any, ...]] = field(default_factory=dict, repr=False, compare=False)

    def register(
        self,
        run: str,
        cycle: str,
        folder: Path,
        tags: Mapping[str, str] | None = None,
        *,
        dimension: int | None = None,
    ) -> Version:
        """Store a version's files with their hashes and register it, once per run.

        Repeating it gives the same version, also after a process was killed in the middle.

        Parameters
        ----------
        run
            The run that made it.
        cycle
            The cycle that made it.
        folder
            Its files.
        tags
            Further tags of the version, such as "anchorhold.parent".
        dimension
            Length of its embeddings, for MLflow's description of the model.

        Raises
        ------
        ModelDamaged
            The folder is empty or holds links.
        """
        with FileLock(self.state / "registry.lock"), clear_faults(f"register {folder}"):
            made = [each for each in self.versions() if (each.run_id, each.cycle) == (run, cycle)]
            number = made[0].number if made else self._made(run, cycle, folder, tags, dimension)
            # A process may have been killed between the version and these.
            version = self.version(number)
            self.client.set_tag(run, f"{PREFIX}version", str(number))
            if version.logged_model is not None:
                self.link_version(version.logged_model, self.name, number)
        return version

    def _made(
        self,
        run: str,
        cycle: str,
        folder: Path,
        tags: Mapping[str, str] | None,
        dimension: int | None,
    ) -> int:
        """Store and register a version; return its number."""
        try:
            logged, manifest = store_files(self, run, cycle, folder, dimension)
        except FolderDamaged as fault:
            raise ModelDamaged(f"{fault}; the version was not registered") from None
        made = self.client.create_model_version(
            self.name,
            # Not `models:/ID`: MLflow would look it up with its global tracking URI.
            source=f"runs:/{run}/{SOURCE}",
            run_id=run,
            tags={
                **(tags or {}),
                f"{PREFIX}cycle": cycle,
                f"{PREFIX}workspace": self.workspace,
                f"{PREFIX}manifest": manifest.digest,
                LOGGED_MODEL: logged,
            },
        )
        return int(made.version)

    def versions(self) -> list[Version]:
        """Return the versions that this workspace made, oldest first.

        Others may use the registered model, too: their versions, cuts and aliases mean nothing
        here.
        """
        return self.own(self.all_versions())

    def own(self, versions: Iterable[Version]) -> list[Version]:
        """Return those of some versions that this workspace made."""
        return [each for each in versions if each.workspace == self.workspace]

    def all_versions(self) -> list[Version]:
        """Return the versions of everybody, oldest first."""
        with clear_faults("list versions"):
            aliases = self._aliases()
            found = every_page(
                lambda token: self.client.search_model_versions(
                    f"name='{self.name}'", page_token=token
                )
            )
        return sorted((Version.of(each, aliases) for each in found), key=lambda each: each.number)

    def version(self, reference: int | str) -> Version:
        """Return a version by number or alias.

        Raises
        ------
        UnknownVersion
            There is no such version, or `[keep]` deleted it.
        """
        everybodys = self.all_versions()
        versions = self.own(everybodys)
        for each in versions:
            if each.is_named(reference):
                return each
        foreign = any(each.is_named(reference) for each in everybodys)
        raise UnknownVersion(unknown(self.name, reference, versions, foreign, self.pruned()))

    def serving(self) -> Version | None:
        """Return the version with the alias champion, whoever made it; None where none has it."""
        return next((each for each in self.all_versions() if CHAMPION in each.aliases), None)

    def champion(self) -> Version | None:
        """Return the version that serves; None before the first one does.

        Raises
        ------
        ForeignChampion
            It is not one that this workspace made.
        """
        serving = self.serving()
        if serving is not None and serving.workspace != self.workspace:
            raise ForeignChampion(not_ours(self.name, serving, self.versions()))
        return serving

    def name_elsewhere(self) -> str:
        """Return the name of another registered model that has this workspace's history head."""
        with clear_faults("look for the registered model"):
            for model in self.client.search_registered_models(max_results=1000):
                if self._head_tag in model.tags:
                    return str(model.name)
        return ""

    def tag(self, version: Version, tags: Mapping[str, str]) -> None:
        """Set tags of a version."""
        with clear_faults(f"tag version {version.number}"):
            for name, value in tags.items():
                self.client.set_model_version_tag(self.name, str(version.number), name, value)

    def describe(self, version: Version, text: str) -> None:
        """Replace the description, Markdown, of a version and of its logged model."""
        number = str(version.number)
        with clear_faults(f"describe version {number}"):
            self.client.update_model_version(self.name, number, text)
            if version.logged_model is not None:
                # It has no files of its own.
                load = f"Load it as `models:/{self.name}/{number}`."
                self.client.set_logged_model_tags(version.logged_model, {NOTE: f"{load}\n\n{text}"})

    def fetch(self, version: Version) -> Path:
        """Return a private local copy of a version, every file checked against its hash.

        A local copy that is damaged or lacks files is fetched again.

        Raises
        ------
        ModelDamaged
            What is stored is not what was registered; the message names the file.
        """
        copy = self.state / "versions" / str(version.number)
        copy.parent.mkdir(mode=0o700, exist_ok=True)
        with FileLock(copy.with_name(f"{version.number}.lock")):
            digest = version.tags.get(f"{PREFIX}manifest", "")
            if copy.is_dir() and self._is_whole(version.number, copy, digest):
                return copy
            if copy.exists():
                logger.warning("%s is not what was registered; it is fetched again", copy)
            self._download(version, digest, copy)
            self._checked[version.number] = _signature(copy, digest)
        return copy

    def set_candidate(self, version: Version) -> None:
        """Name a version the candidate."""
        with clear_faults("name the candidate"):
            self.client.set_registered_model_alias(self.name, CANDIDATE, str(version.number))

    def drop_candidate(self, version: Version) -> None:
        """Take the alias of the candidate off a version that was refused, if it still has it."""
        with clear_faults("take the alias off the candidate"):
            if self._aliases().get(str(version.number), ()).count(CANDIDATE):
                self.client.delete_registered_model_alias(self.name, CANDIDATE)

    def promote(self, version: Version, *, expected: int | None) -> Version:
        """Make a version the champion, if the champion is the one that it was compared against.

        Going back to an older version is the same step. Repeating a finished move is allowed.

        Parameters
        ----------
        version
            The new champion.
        expected
            Number of the champion that it was compared against; None for the first champion.

        Raises
        ------
        ChampionMoved
            Somebody moved the champion since the comparison.
        ChampionBusy
            Another process is moving it.
        UnknownVersion
            The version was deleted since then.
        """
        number = self.version(version.number).number
        with (
            FileLock(self.state / "promotion.lock"),
            clear_faults("move the champion"),
            lease_on_champion(self.client, self.name, self.state.parent) as confirm,
        ):
            current = self.serving()
            serving = current.number if current else None
            if serving != number:
                if serving != expected:
                    raise ChampionMoved(_moved(expected, serving))
                # The way back is written first: a process that is killed here leaves the champion
                # as it was, and the move can be repeated.
                if current is not None and current.workspace == self.workspace:
                    self.client.set_registered_model_alias(self.name, PREVIOUS, str(serving))
                confirm()
                self.client.set_registered_model_alias(self.name, CHAMPION, str(number))
                after = self.serving()
                if after is None or after.number != number:
                    raise ChampionMoved(_moved(number, after.number if after else None))
            promoted = self.version(number)
            if CANDIDATE in promoted.aliases:
                self.client.delete_registered_model_alias(self.name, CANDIDATE)
        return self.version(number)

    def set_history_head(self, rows: int, hash: str) -> None:
        """Keep the end of the promotion history with the model too, out of the store's reach.

        That is the number of its rows and the hash of the last one, which covers all before.
        """
        with clear_faults("keep the head of the promotion history"):
            self.client.set_registered_model_tag(self.name, self._head_tag, f"{rows} {hash}")

    def history_head(self) -> tuple[int, str] | None:
        """Return rows and hash as `set_history_head` kept them; None where it never did.

        Raises
        ------
        RegistryFault
            The tag was edited into something that cannot be read.
        """
        with clear_faults("read the head of the promotion history"):
            tags = self.client.get_registered_model(self.name).tags
        if self._head_tag not in tags:
            return None
        rows, _, hash = tags[self._head_tag].partition(" ")
        if not (rows.isdecimal() and re.fullmatch("[0-9a-f]{64}", hash)):
            raise RegistryFault(
                f"the tag {self._head_tag} of {self.name} is {tags[self._head_tag]!r}; it must be "
                "the number of rows of the promotion history and a SHA-256"
            )
        return int(rows), hash

    @property
    def _head_tag(self) -> str:
        # Several workspaces may share one model on one server; each has a history of its own.
        return f"{PREFIX}history_head.{self.workspace}"

    def _aliases(self) -> dict[str, tuple[str, ...]]:
        """Return the aliases of each version number."""
        found: dict[str, tuple[str, ...]] = {}
        for alias, number in self.client.get_registered_model(self.name).aliases.items():
            found[str(number)] = (*found.get(str(number), ()), alias)
        return found

    def _is_whole(self, number: int, copy: Path, digest: str) -> bool:
        """Return whether a local copy is what was registered; read once, then watched."""
        if self._checked.get(number) == _signature(copy, digest):
            return True
        try:
            manifest = Manifest.from_text((copy / MANIFEST).read_text(encoding="utf-8"))
            if manifest.digest != digest:
                return False
            manifest.verify(copy, besides=(MANIFEST,))
        except (OSError, UnicodeDecodeError, FolderDamaged) as fault:
            logger.warning("%s", fault)
            return False
        self._checked[number] = _signature(copy, digest)
        return True

    def _download(self, version: Version, digest: str, copy: Path) -> None:
        way_out = (
            "restore its files there from a backup, let another version serve (`anchorhold promote "
            "VERSION --reason …`), or delete it in MLflow if it does not serve"
        )
        try:
            fetch_files(self.client, version.run_id, digest, copy)
        except (UnicodeDecodeError, FolderDamaged) as fault:
            raise ModelDamaged(
                f"version {version.number} is damaged where it is stored: {fault}; {way_out}"
            ) from None
        except RegistryFault as fault:
            raise ModelDamaged(f"{fault}; {way_out}") from None


def _moved(expected: int | None, serving: int | None) -> str:
    now, then = (f"version {each}" if each else "none" for each in (serving, expected))
    return (
        f"the champion is {now}, not {then} that was compared against: it moved since then, so the "
        "gate must compare again"
    )


def _signature(folder: Path, digest: str) -> tuple[Any, ...]:
    """Return what changes when any file of a folder is written, replaced, added or removed."""
    facts = []
    for root, _, names in os.walk(folder):
        for name in names:
            about = os.lstat(os.path.join(root, name))
            facts.append(
                (root, name, about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino)
            )
    return (digest, *sorted(facts))
