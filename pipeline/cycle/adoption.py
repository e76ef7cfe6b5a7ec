"""Taking over: a new workspace begins with the champion of another one, not with the base model."""

from pipeline.cycle.journal import Journal
from pipeline.cycle.new_version import NewVersion
from pipeline.registry import UnknownVersion, Version, VersionFolder
from pipeline.results import Serving
from pipeline.workspace import Base, OpenWorkspace
from training.faults import DataFault

_STAGE = "adopt"


def version_to_adopt(opened: OpenWorkspace, adopt: bool) -> Version | None:
    """Return the version of another workspace to begin with; None where there is nothing to adopt.

    Only a workspace that never had a champion begins. An adoption that was interrupted goes on
    without being asked for again.

    Parameters
    ----------
    opened
        The open workspace.
    adopt
        Whether a person asked to take over another workspace's champion.

    Raises
    ------
    DataFault
        There is no champion to adopt, or the registered model holds versions of another workspace
        and nobody asked to adopt one; the message says what to do.
    ForeignChampion
        As before, and one of them serves.
    ModelDamaged
        The files of the champion to adopt are gone or damaged.
    """
    store, registry = opened.store, opened.registry
    if store.promotions():
        return None
    everybodys, name = registry.all_versions(), registry.name
    unfinished = store.unfinished_cycle()
    begun = store.stage(unfinished.id, _STAGE) if unfinished else None
    if begun is not None:
        number = begun["result"]["version"]
        for each in everybodys:
            if each.number == number:
                return each
        raise UnknownVersion(
            f"version {number} of {name} was deleted while this workspace took it over; "
            "move .anchorhold away to begin again"
        )
    serving = registry.serving()
    ours = [each for each in everybodys if each.workspace == registry.workspace]
    if serving in ours:
        return None
    if adopt and not ours:
        if serving is None or not serving.workspace:
            raise DataFault(
                f"no other workspace has a champion in {name}, so there is none to take over; "
                "run without --adopt to begin with the base model"
            )
        registry.fetch(serving)  # Nothing is begun with a version whose files are gone.
        return serving
    registry.champion()
    others = sorted({each.workspace for each in everybodys} - {"", registry.workspace})
    if others and not ours:
        raise DataFault(
            f"the registered model {name} belongs to another workspace ({', '.join(others)}), and "
            "none of its versions has the alias champion; choose another model.name "
            "(anchorhold.toml), or give one the alias in MLflow and take it over with `anchorhold "
            "run --adopt`"
        )
    return None


def note_adoption(journal: Journal, version: Version) -> None:
    """Write down which version is taken over, before anything is made of it."""
    journal.once(_STAGE, lambda: Serving(version=version.number), Serving)


def first_version(
    opened: OpenWorkspace, new: NewVersion, adopted: Version | None
) -> tuple[VersionFolder, dict[str, str], tuple[str, ...]]:
    """Make the first version, of the base model or of what is taken over.

    Returns
    -------
    tuple
        Its folder, its tags, and sentences about the base that a person should read.
    """
    if adopted is not None:
        return new.of_adopted(opened.versions.folder(adopted), opened.anchor_sets), {}, ()
    count_texts, count_pairs = opened.store.count_traffic, opened.store.count_pairs
    if not (count_texts(role="reference") or count_pairs(role="history")):
        # A first run that found no past is resumed when somebody may have added one.
        opened.take_in(new.started)
    folder, notes = new.of_base(opened.anchor_sets)
    return folder, Base(opened.settings).tags(folder.model), notes
