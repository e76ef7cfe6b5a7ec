"""The aliases of a registered model, in one cheap request: for those who ask every second."""

from pipeline.registry.runs import clear_faults
from pipeline.registry.versions import Registry


def version_with(registry: Registry, alias: str) -> int | None:
    """Return the number of the version with an alias, whoever made it; None where none has it.

    Raises
    ------
    RegistryFault
        MLflow cannot be reached, or the model is gone.
    """
    with clear_faults(f"look up the alias {alias}"):
        found = registry.client.get_registered_model(registry.name).aliases.get(alias)
    return None if found is None else int(found)
