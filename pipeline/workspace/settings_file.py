"""The settings file: read from TOML into the workers that it sets."""

import codecs
import hashlib
import importlib.util
import json
import os
import re
import textwrap
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from pipeline.workspace.own_triggers import own_trigger
from pipeline.workspace.reference import NAME_RULE, allowed_values, keys_of
from pipeline.workspace.settings import SETTINGS_FILE, Anchor, Settings, Tables
from pipeline.workspace.settings_fault import SettingsFault, close_to, nearest
from pipeline.workspace.trigger_tables import BUILT_IN_TRIGGERS, Switched

_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
_ALTERNATIVE = re.compile(r"constrained-|literal\[")
"""Begins what pydantic adds to the place of a value that may be of two types."""


def load_settings(workspace: str | os.PathLike[str], raw: bytes | None = None) -> Settings:
    """Read the settings of a workspace.

    Parameters
    ----------
    workspace
        Its folder.
    raw
        What the settings file held; by default, it is read.

    Raises
    ------
    SettingsFault
        No settings file, not TOML, an unknown key, a wrong type, an impossible value, or one that
        needs a package that is not installed; the message names the file and, on a line each,
        every key that is wrong, its value and what is allowed.
    """
    folder = Path(workspace)
    values = read_values(folder, raw)
    path = folder / SETTINGS_FILE
    try:
        tables = TypeAdapter(Tables).validate_python(values, context=folder)
    except ValidationError as fault:
        mistakes = list(_explained(fault, values, folder))
        raise SettingsFault(
            "\n".join(f"{path}: {mistake}" for _, mistake in mistakes),
            [key for key, _ in mistakes],
        ) from None
    _check_extras(tables, path)
    _check_waiting(tables, path)
    # How long old files stay changes no check.
    checked = {name: table for name, table in values.items() if name != "keep"}
    digest = hashlib.sha256(json.dumps(checked, sort_keys=True, default=str).encode())
    return Settings(root=folder.resolve(), tables=tables, digest=digest.hexdigest())


def read_values(folder: Path, raw: bytes | None = None) -> dict[str, Any]:
    """Return what the settings file of a workspace says, unchecked.

    Raises
    ------
    SettingsFault
        There is none, or it is not TOML.
    """
    path = folder / SETTINGS_FILE
    try:
        raw = path.read_bytes() if raw is None else raw
        if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise SettingsFault(f"{path}: is written in UTF-16; save it as UTF-8")
        # Editors on Windows begin the file with a byte order mark.
        return tomllib.loads(raw.decode("utf-8-sig"))
    except FileNotFoundError:
        raise SettingsFault(
            f"{folder} is not a workspace: it has no {SETTINGS_FILE}; "
            f"make one with `anchorhold init {folder}`"
        ) from None
    except tomllib.TOMLDecodeError as fault:
        raise SettingsFault(f"{path}: not TOML: {fault}") from None
    except (OSError, UnicodeDecodeError) as fault:
        raise SettingsFault(f"{path}: cannot be read as UTF-8 text ({fault})") from None


def _check_extras(tables: Tables, path: Path) -> None:
    """Refuse now what would fail only when training begins."""
    rank = tables.finetune.adapter_rank
    if rank and importlib.util.find_spec("peft") is None:
        raise SettingsFault(
            f"{path}: finetune.adapter_rank is {rank}, which needs the package peft: "
            "pip install 'anchorhold[lora]'; allowed without it: 0",
            ["finetune.adapter_rank"],
        )


def _check_waiting(tables: Tables, path: Path) -> None:
    """Refuse a window in which the gate could not decide what it can decide."""
    try:
        tables.waiting.within(tables.holdout)
    except ValueError as fault:
        raise SettingsFault(f"{path}: waiting.pairs: {fault}", ["waiting.pairs"]) from None


def _explained(
    fault: ValidationError, values: Mapping[str, Any], folder: Path
) -> Iterator[tuple[str, str]]:
    """Yield each mistake: its key, and what is wrong with the value, then what is allowed."""
    told = set()
    errors = fault.errors(include_url=False)
    misspelt = _misspelt_tables(errors)
    for error in errors:
        place = [str(part) for part in error["loc"] if part != "[key]"]
        if _ALTERNATIVE.match(place[-1]):
            # A value that may be of two types is told once, not for each of them.
            del place[-1]
            if tuple(place) in told:
                continue
            told.add(tuple(place))
        if place[0] == "triggers" and place[2:3] == ["trigger"]:
            del place[2]  # the part of `Switched` that read the key
        key = ".".join(place)
        match error["type"]:
            case kind if kind in _UNKNOWN:
                known = _keys_beside(place, values, folder)
                near = nearest(place[-1], known)
                what = f"table [{key}]" if isinstance(values.get(key), dict) else f"key {key}"
                yield key, f"unknown {what}{near}; allowed: {', '.join(known)}"
            case "missing" | "missing_argument" if key in misspelt:
                pass  # its name is told as unknown
            case "missing" | "missing_argument":
                what = f"the table [{key}]" if len(place) == 1 else key
                yield key, f"{what} is missing; it must be set"
            case "unknown_trigger":
                yield key, f"unknown trigger {key}{error['msg']}"
            case "value_error":
                yield key, f"{key}: {error['msg'].removeprefix('Value error, ')}"
            case kind:
                given = error["input"]
                allowed = _allowed_at(place, kind, values, folder) or error["msg"]
                example = f", such as [{_shown(given)}]" if _is_bare(given, kind) else ""
                yield key, f"{key} is {_shown(given)}; allowed: {allowed}{example}"


def _misspelt_tables(errors: Sequence[ErrorDetails]) -> set[str]:
    """Return the tables whose names are told as misspelt."""
    unknown = [str(each["loc"][0]) for each in errors if each["type"] in _UNKNOWN]
    return {meant for name in unknown for meant in close_to(name, keys_of(Tables))}


def _is_bare(given: Any, mistake: str) -> bool:
    """Say whether one text was given where a list of texts belongs."""
    return mistake in ("list_type", "tuple_type") and isinstance(given, str)


def _allowed_at(
    place: list[str], mistake: str, values: Mapping[str, Any], folder: Path
) -> str | None:
    """Return what a place of the file allows, as far as it is known."""
    match mistake, place:
        case "no_table" | "dict_type" | "dataclass_type", _:
            return "a table"
        case "string_pattern_mismatch", ["anchors", _]:
            return f"for the name of an anchor set, {NAME_RULE}"
        case _, ["triggers", _, "enabled"]:
            return allowed_values(Switched, "enabled")
        case _, ["anchors" | "triggers", _, key, *_] | [_, key, *_]:
            return allowed_values(_worker_at(place, values, folder), key)
    return None


def _keys_beside(place: list[str], values: Mapping[str, Any], folder: Path) -> list[str]:
    match place:
        case [_]:
            return keys_of(Tables)
        case ["triggers", *_]:
            return ["enabled", *keys_of(_worker_at(place, values, folder))]
    return keys_of(_worker_at(place, values, folder))


def _worker_at(place: list[str], values: Mapping[str, Any], folder: Path) -> Any:
    match place:
        case ["anchors", *_]:
            return Anchor
        case ["triggers", name, *_]:
            named = values["triggers"][name].get("class")
            return own_trigger(named, folder) if named else BUILT_IN_TRIGGERS[name]
    return get_type_hints(Tables)[place[0]]


def _shown(value: Any) -> str:
    return textwrap.shorten(json.dumps(value, default=str, ensure_ascii=False), 80)
