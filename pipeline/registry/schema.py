"""A database of another MLflow, told with the way out: MLflow does not say which one is newer."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from pipeline.registry.runs import RegistryFault

_SAID = re.compile(r"out-of-date database schema \(found version (\w+), but expected (\w+)\)")


@contextmanager
def told_of_another_schema(uri: str) -> Iterator[None]:
    """Say of a database with the tables of another MLflow whether that one is older or newer.

    Parameters
    ----------
    uri
        The database, as it may be shown.

    Raises
    ------
    RegistryFault
        It is such a database; nothing of it was changed.
    """
    try:
        yield
    except RegistryFault as fault:
        said = _SAID.search(str(fault))
        if said is None:
            raise
        found, expected = said.groups()
        which = f"{uri} has the tables of another MLflow ({found}, not {expected})"
        if _is_known(found):
            told = (
                f"{which}, an older one: back the workspace up, then bring them up to date with "
                f"`mlflow db upgrade {uri}`"
            )
        else:
            told = f"{which}, a newer one: install the MLflow that was used before"
        raise RegistryFault(told) from fault


def _is_known(revision: str) -> bool:
    """Say whether the installed MLflow can upgrade from a revision."""
    found = find_spec("mlflow.store.db_migrations")
    places = (found.submodule_search_locations if found else None) or []
    return any(list(Path(each, "versions").glob(f"{revision}_*.py")) for each in places)
