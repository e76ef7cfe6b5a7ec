"""What a person names, where exactly one of several ways must be used."""

from collections.abc import Mapping
from typing import TypeVar

from training.faults import DataFault

Kind = TypeVar("Kind", bound=str)


def only_named(fields: Mapping[Kind, str | None], allowed: str) -> tuple[Kind, str]:
    """Return the one field that is set, and what it says.

    Raises
    ------
    DataFault
        None is set, or several are.

    Examples
    --------
    >>> only_named({"source": None, "id": "7"}, "source and id")
    ('id', '7')
    """
    given = [(kind, name) for kind, name in fields.items() if name is not None]
    if len(given) != 1:
        raise DataFault(
            f"exactly one of {allowed} must be named, got "
            f"{' and '.join(kind for kind, _ in given) or 'none'}"
        )
    return given[0]
