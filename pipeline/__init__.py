"""anchorhold keeps a text-embedding model up to date without forgetting: `Workspace`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.operations import Workspace
    from training.faults import AnchorholdError

    __version__: str

__all__ = ["AnchorholdError", "Workspace", "__version__"]


def __getattr__(name: str) -> object:
    """Import what is asked for, when it is asked for: a bare import of the package is instant."""
    match name:
        case "Workspace":
            from pipeline.operations import Workspace

            return Workspace
        case "AnchorholdError":
            from training.faults import AnchorholdError

            return AnchorholdError
        case "__version__":
            from importlib.metadata import version

            return version("anchorhold")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names too, though they are not imported yet."""
    return sorted({*globals(), *__all__})
