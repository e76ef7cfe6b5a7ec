"""Loading a model folder safely, and saving one plainly."""

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from training.encoding.model_folder import check_model_folder
from training.faults import DataFault
from training.progress import quiet
from training.whole_files import folder_written

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def load_model(
    folder: str | os.PathLike[str], max_length: int | None = None
) -> "SentenceTransformer":
    """Check and load a model folder with remote code off.

    Parameters
    ----------
    folder
        A plain sentence-transformers folder.
    max_length
        Tokens after which a text is cut; None: as the folder says.

    Raises
    ------
    DataFault
        The folder is refused (see `check_model_folder`), cannot be loaded, or reads fewer tokens
        than `max_length`.
    """
    check_model_folder(Path(folder))
    return _load(str(folder), max_length, local=True)


def _load(name: str, max_length: int | None, *, local: bool) -> "SentenceTransformer":
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer

    with quiet():
        try:
            model = SentenceTransformer(
                name,
                trust_remote_code=False,
                local_files_only=local,
                model_kwargs={"use_safetensors": True},
            )
        except TypeError:
            # Models without a transformer (static embeddings) take no such argument; their weights
            # are safetensors anyway.
            model = SentenceTransformer(name, trust_remote_code=False, local_files_only=local)
        except (OSError, ValueError, ImportError, KeyError, RuntimeError, SafetensorError) as fault:
            raise DataFault(
                f"{name} cannot be loaded as a sentence-transformers model: {first_line(fault)}"
            ) from fault
    if max_length is not None:
        limit = _position_limit(model)
        if not 1 <= max_length <= limit:
            raise DataFault(f"max_length is {max_length}; {name} allows 1 to {limit} tokens")
        with contextlib.suppress(AttributeError, NotImplementedError):
            model.max_seq_length = max_length
    model.eval()
    return model


def first_line(fault: BaseException) -> str:
    """Return the first line of a fault's message, at most 300 characters, or its kind."""
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0][:300]


def _position_limit(model: "SentenceTransformer") -> int:
    limit = getattr(getattr(model, "config", None), "max_position_embeddings", None)
    return limit if isinstance(limit, int) and limit > 0 else 2**31


def save_model(model: "SentenceTransformer", folder: Path) -> None:
    """Save a model as a plain folder: safetensors, no model card (cards quote training text)."""
    with quiet():
        model.save(str(folder), create_model_card=False, safe_serialization=True)


def fetch_base(
    base: str | os.PathLike[str], target: str | os.PathLike[str], max_length: int
) -> Path:
    """Save a model from the hub or a folder as a plain, safe folder at `target`, and return it.

    A `target` that exists is complete and is returned as it is.

    Parameters
    ----------
    base
        Hub id such as "owner/name", or a folder.
    target
        Folder to save the model in.
    max_length
        Tokens after which a text is cut.

    Raises
    ------
    DataFault
        There is no such folder or hub model, it cannot be reached, or it is refused.
    """
    base, target = os.fspath(base), Path(target)
    if target.exists():
        check_model_folder(target)
        return target
    folder = Path(base).expanduser()
    if folder.is_dir():
        model = (
            _load(str(folder), max_length, local=True)
            if _is_bare(folder)
            else load_model(folder, max_length)
        )
    elif base.startswith((".", "/", "~")) or base.count("/") != 1:
        raise DataFault(
            f"model.base {base!r} is not a folder; give a folder or a hub id such as owner/name"
        )
    else:
        try:
            model = _load(
                base,
                max_length,
                local=os.environ.get("HF_HUB_OFFLINE", "") in {"1", "true", "True"},
            )
        except DataFault as fault:
            raise DataFault(
                f"model.base {base!r} is neither a folder nor a hub model that can be reached: "
                f"{first_line(fault)}"
            ) from fault
    with folder_written(target) as partial:
        save_model(model, partial)
        check_model_folder(partial)
    return target


def _is_bare(folder: Path) -> bool:
    """Return whether the folder is a transformer without modules, which gets mean pooling."""
    return not (folder / "modules.json").exists() and (folder / "config.json").exists()
