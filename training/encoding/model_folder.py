"""The model folder: what it may hold, and the fingerprint of its embedding space."""

import hashlib
import json
import mmap
import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from training.encoding.prompts import chosen_prompt
from training.faults import DataFault
from training.manifest import MANIFEST

# Suffixes of pickled weights and of code.
_UNSAFE = {
    ".bin",
    ".ckpt",
    ".h5",
    ".joblib",
    ".msgpack",
    ".pickle",
    ".pkl",
    ".pt",
    ".pth",
    ".py",
    ".so",
}
_WEIGHTS = ".safetensors"
# Keys that change when the same model is saved by another release of a library, or from another
# folder.
_VOLATILE = {
    "__version__", "_name_or_path", "backend", "dtype", "is_local", "local_files_only",
    "model_max_length", "name_or_path",
    "padding", "tokenizer_class", "torch_dtype", "transformers_version", "truncation",
}  # fmt: skip
_SPACE_KEYS = (
    "do_lower_case", "prompts", "default_prompt_name", "similarity_fn_name", "truncate_dim",
)  # fmt: skip
_DEFAULTS: tuple[object, ...] = (None, False, "", {}, "cosine")


# Modules of other kinds of models, which give no single dense vector per text.
_OTHER_MODULES = {
    "LogitScore": "CrossEncoder",
    "MLMTransformer": "SparseEncoder",
    "MultiVectorMask": "MultiVectorEncoder",
    "SparseAutoEncoder": "SparseEncoder",
    "SparseStaticEmbedding": "SparseEncoder",
    "SpladePooling": "SparseEncoder",
}
# Endings of architectures, and what they are.
_OTHER_ARCHITECTURES = {
    "ForSequenceClassification": "a reranker or classifier",
    "ForTokenClassification": "a token classifier",
    "ForQuestionAnswering": "a reader of answers",
    "ForMultipleChoice": "a classifier",
    "ForNextSentencePrediction": "a classifier",
    "ForRetrieval": "a model of one vector per token",
    "ColBERT": "a model of one vector per token",
    "ForCausalLM": "a language model",
    "LMHeadModel": "a language model",
}


def file_in(folder: Path) -> Callable[[str], Path | None]:
    """Return what finds the files of a folder by name, as `check_kind` takes it."""
    return lambda name: file if (file := folder / name).is_file() else None


def check_kind(find: Callable[[str], Path | None]) -> None:
    """Refuse what is saved as another kind of model than one of dense embeddings.

    sentence-transformers would convert it, with a pooling that it was never trained with.

    Parameters
    ----------
    find
        Returns the path of a file of the model by its name; None if the model has no such file.

    Raises
    ------
    DataFault
        It is a reranker, a classifier, a sparse or multi-vector encoder, a language model, or an
        adapter without its model.
    """
    if (file := find("adapter_config.json")) is not None:
        raise DataFault(
            f"{file}: holds an adapter; merge it into its model (peft: merge_and_unload) and save "
            "the whole"
        )
    modules = find("modules.json")
    if modules is None:
        config = find("config.json")
        names = (_json(config).get("architectures") or ()) if config else ()
        for name, ending in ((name, ending) for name in names for ending in _OTHER_ARCHITECTURES):
            if name.endswith(ending):
                raise DataFault(
                    f"{config}: names {name}, {_OTHER_ARCHITECTURES[ending]}; an embedding "
                    "model is needed (a SentenceTransformer, or an encoder for mean pooling)"
                )
        return
    settings = find("config_sentence_transformers.json")
    kind = _json(settings).get("model_type") if settings else None
    place = settings
    for module in _json(modules):
        name = str(module.get("type", "")).rsplit(".", 1)[-1] if isinstance(module, dict) else ""
        if kind in (None, "SentenceTransformer") and name in _OTHER_MODULES:
            kind, place = _OTHER_MODULES[name], modules
    if kind not in (None, "SentenceTransformer"):
        raise DataFault(f"{place}: holds a {kind}; a SentenceTransformer is needed")


def check_model_folder(folder: Path) -> None:
    """Refuse a folder that is not a plain sentence-transformers model, before any of it is loaded.

    Raises
    ------
    DataFault
        The folder is missing or not a sentence-transformers model, holds pickled weights or code,
        names a module class that is not the library's or a path outside itself, or asks for remote
        code.
    """
    if not folder.is_dir():
        raise DataFault(f"{folder}: no such model folder")
    check_kind(file_in(folder))
    modules = _json(folder / "modules.json")
    if not isinstance(modules, list) or not modules:
        raise DataFault(
            f"{folder}/modules.json lists no modules; a sentence-transformers folder needs some"
        )
    for module in modules:
        kind, path = str(module.get("type", "")), str(module.get("path", ""))
        if not kind.startswith("sentence_transformers."):
            raise DataFault(
                f"{folder}/modules.json: module class {kind!r} is not part of "
                "sentence-transformers; only its own are loaded"
            )
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise DataFault(f"{folder}/modules.json: module path {path!r} is outside the folder")
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    for file in files:
        if file.suffix.lower() in _UNSAFE:
            raise DataFault(
                f"{file}: pickled weights and code are refused; weights must be {_WEIGHTS}"
            )
        if file.suffix == ".json" and _asks_for_code(_json(file)):
            raise DataFault(
                f"{file}: `auto_map` asks for the model's own code; remote code is never run"
            )
    if not any(file.suffix == _WEIGHTS for file in files):
        raise DataFault(f"{folder} holds no {_WEIGHTS} file; weights must be in one")


def fingerprint(
    model_folder: str | os.PathLike[str], max_length: int | None = None, precision: str = "float32"
) -> str:
    """Return the identity of an embedding space: a sha256 of all that affects embeddings.

    It covers the modules, weights, tokenizer, pooling, normalisation, prompts, maximum length, the
    length to which vectors are cut, the similarity unless that is the cosine, and the number format
    unless that is float32.
    Read-me files, file names and library versions do not count.

    Parameters
    ----------
    model_folder
        A plain sentence-transformers folder.
    max_length
        Tokens after which a text is cut; None: as the folder says.
    precision
        Number format in which the model encodes.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    model_folder = Path(model_folder)
    digest = hashlib.sha256()

    def add(*parts: str | bytes) -> None:
        for part in parts:
            content = part if isinstance(part, bytes) else part.encode()
            digest.update(len(content).to_bytes(8, "big") + content)

    modules = _json(model_folder / "modules.json")
    length = max_length if max_length is not None else folder_max_length(model_folder)
    add(
        "modules",
        *(str(module["type"]).rsplit(".", 1)[-1] for module in modules),
        "max_length",
        str(length),
    )
    has_tokenizer = any(model_folder.rglob("tokenizer.json"))
    # A module is identified by its place in the list; the name of its folder has no effect.
    places = {str(module.get("path", "")).strip("/"): str(i) for i, module in enumerate(modules)}
    for file in sorted(model_folder.rglob("*")):
        relative = file.relative_to(model_folder)
        parent = relative.parent.as_posix()
        place = places.get("" if parent == "." else parent, parent)
        if not file.is_file() or file.name in {"modules.json", "data_config.json", MANIFEST}:
            continue
        if file.suffix == _WEIGHTS:
            add(place, "weights")
            for name, kind, shape, content in _tensors(file):
                add(name, kind, shape, hashlib.sha256(content).digest())
        elif file.suffix == ".json" and not (
            has_tokenizer and file.name == "special_tokens_map.json"
        ):
            add(place, file.name, *_settings(file))
        elif file.suffix in {".txt", ".model"} and not has_tokenizer:
            add(place, file.name, file.read_bytes())
    if precision != "float32":
        add("precision", precision)
    return digest.hexdigest()


def _settings(file: Path) -> tuple[str, ...]:
    """Return what counts of a file of settings."""
    settings = _without_volatile(_json(file))
    if file.name not in {"sentence_bert_config.json", "config_sentence_transformers.json"}:
        return (json.dumps(settings, sort_keys=True),)
    counted = {key: settings[key] for key in _SPACE_KEYS if settings.get(key) not in _DEFAULTS}
    prompts, default = settings.get("prompts") or {}, settings.get("default_prompt_name")
    ours = [chosen_prompt(prompts, default, kind) for kind in ("query", "document")]
    plain = [prompts.get(kind) or "" for kind in ("query", "document")]
    # They differ until a base is registered, which gets them under the library's names.
    own = () if ours == plain else ("prompts", *ours)
    return (json.dumps(counted, sort_keys=True), *own)


def has_transformer(model_folder: Path) -> bool:
    """Return whether a model folder holds a transformer, alone or behind a router."""
    lists = (model_folder / "modules.json", *model_folder.rglob("router_config.json"))
    return any('.Transformer"' in each.read_text(encoding="utf-8") for each in lists)


def folder_max_length(model_folder: Path) -> int | None:
    """Return the maximum length in tokens that the folder was saved with; None if it has none."""
    for name in ("sentence_bert_config.json", "0_Transformer/sentence_bert_config.json"):
        if (file := model_folder / name).exists():
            length = _json(file).get("max_seq_length")
            if isinstance(length, int):
                return length
    for name in ("tokenizer_config.json", "0_Transformer/tokenizer_config.json"):
        if (file := model_folder / name).exists():
            length = _json(file).get("model_max_length")
            if isinstance(length, int) and length < 10**6:
                return length
    return None


def stored_prompts(model_folder: Path) -> tuple[dict[str, str], str | None]:
    """Return the prompts of a model folder by name, and the name of its default prompt."""
    file = model_folder / "config_sentence_transformers.json"
    settings = _json(file) if file.exists() else {}
    return settings.get("prompts") or {}, settings.get("default_prompt_name")


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataFault(f"{file} is missing; a sentence-transformers folder needs it") from None
    except (OSError, ValueError) as fault:
        raise DataFault(f"{file} is not readable as JSON: {fault}") from None


def _asks_for_code(settings: object) -> bool:
    return isinstance(settings, dict) and "auto_map" in settings


def _without_volatile(settings: Any) -> Any:
    if not isinstance(settings, dict):
        return settings
    return {key: value for key, value in settings.items() if key not in _VOLATILE}


def _tensors(file: Path) -> Iterator[tuple[str, str, str, memoryview]]:
    """Yield (name, type, shape, bytes) of each tensor of a safetensors file, by name."""
    with (
        file.open("rb") as opened,
        mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        header_length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + header_length])
        header.pop("__metadata__", None)
        whole = memoryview(content)
        try:
            for name in sorted(header):
                start, end = header[name]["data_offsets"]
                part = whole[8 + header_length + start : 8 + header_length + end]
                yield name, header[name]["dtype"], json.dumps(header[name]["shape"]), part
                part.release()
        finally:
            whole.release()
