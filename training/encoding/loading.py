"""Loading a model folder safely, and saving one plainly."""

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.distributed import AUTO, device_for
from training.encoding.model_folder import check_kind, check_model_folder, file_in
from training.encoding.number_format import NumberFormat, compute_in, transformers_of
from training.encoding.prompts import write_prompts
from training.faults import DataFault, first_line
from training.progress import quiet
from training.whole_files import folder_written

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_UNLIMITED = 2**31
# Names of the modules with one learned vector per position.
_POSITION_TABLES = {"embed_positions", "position_embedding", "position_embeddings", "wpe"}


def load_model(
    folder: str | os.PathLike[str],
    max_length: int | None = None,
    *,
    device: str = AUTO,
    precision: NumberFormat = "float32",
) -> "SentenceTransformer":
    """Check and load a model folder with remote code off; all its weights become float32.

    Parameters
    ----------
    folder
        A plain sentence-transformers folder.
    max_length
        Tokens after which a text is cut; None: as the folder says.
    device
        Where it computes, as `device_for` takes it.
    precision
        Number format of a model that only encodes; in others than float32 it is not to be trained.

    Raises
    ------
    DataFault
        The folder is refused (see `check_model_folder`), cannot be loaded, has no padding token,
        or reads fewer tokens than `max_length`; or there is no such device, or it does not compute
        in that number format.
    """
    check_model_folder(Path(folder))
    model = _load(str(folder), max_length, local=True, device=device_for(device))
    compute_in(model, precision, str(folder))
    return model


def _load(
    name: str, max_length: int | None, *, local: bool, device: str = "cpu"
) -> "SentenceTransformer":
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer

    with quiet():
        try:
            model = SentenceTransformer(
                name,
                device=device,
                trust_remote_code=False,
                local_files_only=local,
                model_kwargs={"use_safetensors": True},
            )
        except TypeError:
            # Models without a transformer (static embeddings) take no such argument; their weights
            # are safetensors anyway.
            model = SentenceTransformer(
                name, device=device, trust_remote_code=False, local_files_only=local
            )
        except (OSError, ValueError, ImportError, KeyError, RuntimeError, SafetensorError) as fault:
            raise DataFault(
                f"{name} cannot be loaded as a sentence-transformers model: {first_line(fault)}"
            ) from fault
    # In half precision small updates vanish in training, and large sums overflow in encoding.
    model.float()
    for transformer in transformers_of(model):
        if transformer.tokenizer is not None and transformer.tokenizer.pad_token is None:
            raise DataFault(
                f"{name}: its tokenizer has no padding token; set one, such as "
                "tokenizer.pad_token = tokenizer.eos_token, and save the folder again"
            )
    if max_length is not None:
        limit = _position_limit(model)
        if not 1 <= max_length <= limit:
            raise DataFault(f"max_length is {max_length}; {name} allows 1 to {limit} tokens")
        with contextlib.suppress(AttributeError, NotImplementedError):
            model.max_seq_length = max_length
    model.eval()
    return model


def _position_limit(model: "SentenceTransformer") -> int:
    """Return how many tokens of a text all transformers of a model can read."""
    return min((_positions(part.model) for part in transformers_of(model)), default=_UNLIMITED)


def _positions(core: Any) -> int:
    """Return how many positions a transformer has: by its table of positions, and by its settings.

    RoBERTa and its relatives use the positions after padding's only, BART and OPT those after an
    offset. Models with relative positions only, such as T5, have no limit.
    """
    from torch import nn

    stated = getattr(core.config.get_text_config(), "max_position_embeddings", None)
    limits = [stated] if isinstance(stated, int) and stated > 0 else []
    for name, part in core.named_modules():
        if name.rsplit(".", 1)[-1] in _POSITION_TABLES and isinstance(part, nn.Embedding):
            skipped = getattr(part, "offset", 0)
            if not skipped and part.padding_idx is not None:
                skipped = part.padding_idx + 1
            limits.append(part.num_embeddings - skipped)
    return min(limits, default=_UNLIMITED)


def save_model(model: "SentenceTransformer", folder: Path) -> None:
    """Save a model as a plain folder: safetensors, no model card (cards quote training text)."""
    with quiet():
        model.save(str(folder), create_model_card=False, safe_serialization=True)


def fetch_base(
    base: str | os.PathLike[str],
    target: str | os.PathLike[str],
    max_length: int,
    name: str = "model.base",
    *,
    offline: bool = False,
) -> Path:
    """Save a model from the hub or a folder as a plain, safe folder at `target`, and return it.

    The weights are saved as float32, whatever they were. The prompts for queries and documents are
    saved under the names "query" and "document" as well, where `encode_query` and `encode_document`
    find them. A `target` that exists is complete and is returned as it is.

    Parameters
    ----------
    base
        Hub id such as "owner/name", or a folder.
    target
        Folder to save the model in.
    max_length
        Tokens after which a text is cut.
    name
        What messages call it, before `base`.
    offline
        Take a model of the hub only from what was fetched earlier.

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
        model = _plain(folder, max_length)
    elif not is_hub_id(base):
        raise DataFault(
            f"{name} {base!r} is not a folder; give a folder or a hub id such as owner/name"
        )
    else:
        model = _from_hub(base, max_length, name, offline=offline or hub_is_off())
    write_prompts(model)
    with folder_written(target) as partial:
        save_model(model, partial)
        check_model_folder(partial)
    return target


def is_bare(folder: Path) -> bool:
    """Return whether the folder is a transformer without modules, which gets mean pooling."""
    return not (folder / "modules.json").exists() and (folder / "config.json").exists()


def _plain(folder: Path, max_length: int) -> "SentenceTransformer":
    if is_bare(folder):
        check_kind(file_in(folder))
        return _load(str(folder), max_length, local=True)
    return load_model(folder, max_length, device="cpu")


def is_hub_id(name: str) -> bool:
    """Return whether a name that is no folder may be that of a model of the hub.

    Examples
    --------
    >>> is_hub_id("owner/name"), is_hub_id("./models/name"), is_hub_id("name")
    (True, False, False)
    """
    return not name.startswith((".", "/", "~")) and name.count("/") == 1


def was_fetched(hub_id: str) -> bool:
    """Return whether the cache of the hub holds a model."""
    from huggingface_hub import constants, try_to_load_from_cache

    return any(
        isinstance(try_to_load_from_cache(hub_id, name, constants.HF_HUB_CACHE), str)
        for name in ("modules.json", "config.json")
    )


def hub_is_off() -> bool:
    """Return whether the environment forbids to ask the hub."""
    return os.environ.get("HF_HUB_OFFLINE", "") in {"1", "true", "True"}


def _from_hub(base: str, max_length: int, name: str, *, offline: bool) -> "SentenceTransformer":
    from sentence_transformers.util import load_file_path

    def find(name: str) -> Path | None:
        try:
            found = load_file_path(base, name, local_files_only=offline)
        except (OSError, ValueError):
            return None  # the loading that follows says why it cannot be reached
        return Path(found) if found else None

    check_kind(find)
    try:
        return _load(base, max_length, local=offline)
    except DataFault as fault:
        raise DataFault(
            f"{name} {base!r} is neither a folder nor a hub model that can be used: "
            f"{first_line(fault)}"
        ) from fault
