"""The model folder: what it may hold, its fingerprint, and its manifest."""

import hashlib
import json
import mmap
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from training.faults import DataFault

MANIFEST = "manifest.json"
"""File of sha256 sums; written last, so a folder that has it is complete."""

# Suffixes under which weights are pickled, or code is kept.
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
# place.
_VOLATILE = {
    "__version__", "_name_or_path", "backend", "dtype", "is_local", "local_files_only",
    "model_max_length", "name_or_path",
    "padding", "tokenizer_class", "torch_dtype", "transformers_version", "truncation",
}  # fmt: skip


def check_model_folder(folder: Path) -> None:
    """Refuse a folder that is no plain sentence-transformers model, before loading any of it.

    Raises
    ------
    DataFault
        The folder is missing or no sentence-transformers model, holds pickled weights or code,
        names a module class from elsewhere or a path outside itself, or asks for remote code.
    """
    if not folder.is_dir():
        raise DataFault(f"{folder}: no such model folder")
    modules = _json(folder / "modules.json")
    if not isinstance(modules, list) or not modules:
        raise DataFault(
            f"{folder}/modules.json: a sentence-transformers folder lists its modules there"
        )
    for module in modules:
        kind, path = str(module.get("type", "")), str(module.get("path", ""))
        if not kind.startswith("sentence_transformers."):
            raise DataFault(
                f"{folder}/modules.json: module class {kind!r} is not part of "
                "sentence-transformers; only its own are loaded"
            )
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise DataFault(f"{folder}/modules.json: module path {path!r} leaves the folder")
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    for file in files:
        if file.suffix.lower() in _UNSAFE:
            raise DataFault(
                f"{file}: pickled weights and code are refused; weights must be {_WEIGHTS}"
            )
        if file.suffix == ".json" and _asks_for_code(_json(file)):
            raise DataFault(
                f"{file}: `auto_map` asks for code of the model's own; remote code is never run"
            )
    if not any(file.suffix == _WEIGHTS for file in files):
        raise DataFault(f"{folder}: holds no {_WEIGHTS} weights")


def fingerprint(model_folder: Path, max_length: int | None = None) -> str:
    """Return the identity of an embedding space: sha256 (hex) over all that shapes an embedding.

    That is the modules, weights, tokenizer, pooling, normalisation, prompts and the maximum length
    (tokens; None: the folder's own). Read-me files, file names and library versions do not count.
    """
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
    # A module's place in the list identifies it; its folder's name is of no effect.
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
            settings = _without_volatile(_json(file))
            if file.name in {"sentence_bert_config.json", "config_sentence_transformers.json"}:
                settings = {
                    key: settings[key]
                    for key in ("do_lower_case", "prompts", "default_prompt_name")
                    if settings.get(key)
                }
            add(place, file.name, json.dumps(settings, sort_keys=True))
        elif file.suffix in {".txt", ".model"} and not has_tokenizer:
            add(place, file.name, file.read_bytes())
    return digest.hexdigest()


def folder_max_length(model_folder: Path) -> int | None:
    """Return the maximum length (tokens) the folder was saved with, None when it has none."""
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


def write_manifest(folder: Path, **facts: Any) -> None:
    """Write the sums of all files of the folder, and the facts given, as its last file."""
    files = {path: hashlib.sha256(file.read_bytes()).hexdigest() for path, file in _files(folder)}
    beside = folder / f"{MANIFEST}.beside"
    beside.write_text(
        json.dumps({"files": files, **facts}, indent=1, sort_keys=True), encoding="utf-8"
    )
    beside.replace(folder / MANIFEST)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a folder if all its files match, else None."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        found = {
            path: hashlib.sha256(file.read_bytes()).hexdigest() for path, file in _files(folder)
        }
        complete = isinstance(manifest, dict) and manifest.get("files") == found
    except (OSError, ValueError):
        return None
    return manifest if complete else None


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.name.startswith(MANIFEST):
            yield file.relative_to(folder).as_posix(), file


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataFault(f"{file}: missing; a sentence-transformers folder has it") from None
    except (OSError, ValueError) as fault:
        raise DataFault(f"{file}: not readable as JSON ({fault})") from None


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
