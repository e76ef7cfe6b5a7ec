"""One registered version, and whose it is: others may register versions in the same model."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pipeline.registry.runs import PREFIX

LOGGED_MODEL = f"{PREFIX}logged_model"
"""Tag with the id of a version's logged model, which its metrics hang on."""


@dataclass(frozen=True)
class Version:
    """One registered version.

    Attributes
    ----------
    number
        Its number in MLflow.
    run_id
        The run that made it and holds its files.
    cycle
        The cycle that made it.
    tags
        All its tags, "anchorhold.…".
    aliases
        Such as "champion".
    description
        What its page in MLflow says, Markdown.
    """

    number: int
    run_id: str
    cycle: str
    tags: Mapping[str, str]
    aliases: tuple[str, ...] = ()
    description: str = ""

    @classmethod
    def of(cls, found: Any, aliases: Mapping[str, Iterable[str]]) -> Self:
        """Return what MLflow found as a version, with the aliases of its number."""
        return cls(
            number=int(found.version),
            run_id=str(found.run_id),
            cycle=found.tags.get(f"{PREFIX}cycle", ""),
            tags=dict(found.tags),
            aliases=tuple(sorted(aliases.get(str(found.version), ()))),
            description=str(found.description or ""),
        )

    @property
    def workspace(self) -> str:
        """Identity of the workspace that made it; empty where anchorhold did not make it."""
        return self.tags.get(f"{PREFIX}workspace", "") if f"{PREFIX}manifest" in self.tags else ""

    @property
    def logged_model(self) -> str | None:
        """Id of its logged model; versions of earlier releases have none."""
        return self.tags.get(LOGGED_MODEL)

    def is_named(self, reference: int | str) -> bool:
        """Say whether a number or an alias names it."""
        return str(reference) in (str(self.number), f"v{self.number}", *self.aliases)


def not_ours(model: str, serving: Version, ours: Sequence[Version]) -> str:
    """Say that a version serves that the workspace did not make, and what can be done.

    Parameters
    ----------
    model
        Name of the registered model.
    serving
        The version that serves.
    ours
        The versions that the workspace made.
    """
    rename = "or choose another model.name (anchorhold.toml)"
    if serving.workspace and not ours:
        return (
            f"the registered model {model} belongs to another workspace ({serving.workspace}): its "
            f"version {serving.number} serves; take it over with `anchorhold run --adopt`, {rename}"
        )
    by = f"the workspace {serving.workspace} made it" if serving.workspace else "no workspace did"
    numbers = ", ".join(str(each.number) for each in ours)
    way_out = (
        f"let one of its own versions ({numbers}) serve (`anchorhold promote VERSION --reason …`)"
        if ours
        else "remove the alias in MLflow"
    )
    return (
        f"the champion of {model} is version {serving.number}, which this workspace did not make "
        f"({by}); {way_out}, {rename}"
    )


def unknown(
    model: str,
    reference: int | str,
    ours: Sequence[Version],
    foreign: bool,
    pruned: Mapping[str, str],
) -> str:
    """Say that there is no such version, or why and when it was deleted.

    Parameters
    ----------
    model
        Name of the registered model.
    reference
        What somebody asked for.
    ours
        The versions that the workspace made.
    foreign
        Whether it is somebody else's.
    pruned
        Why versions were deleted to save space, by their number.
    """
    numbers = ", ".join(str(each.number) for each in ours) or "none"
    aliases = ", ".join(sorted(alias for each in ours for alias in each.aliases)) or "none"
    left = f"versions: {numbers}; aliases: {aliases}"
    why = pruned.get(str(reference).removeprefix("v"))
    if why is not None and not foreign:
        return f"the files of version {reference} of {model} were {why}; {left}"
    made = " that this workspace made" if foreign else ""
    return f"there is no version {str(reference)!r} of {model}{made}; {left}"
