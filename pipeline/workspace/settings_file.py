"""The settings file: read from TOML into the workers that it sets."""

import dataclasses
import hashlib
import importlib
import json
import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from drift_triggers.signal import Trigger
from pipeline.workspace.settings import (
    _NAME,
    BUILT_IN_TRIGGERS,
    SETTINGS_FILE,
    TABLE_WORKERS,
    Anchor,
    Settings,
    SettingsFault,
    Tables,
    _nearest,
)


def load_settings(workspace: Path) -> Settings:
    """Read the settings of a workspace.

    Raises
    ------
    SettingsFault
        No settings file, not TOML, an unknown key, a wrong type or an impossible value; the
        message names the file, the key, the value and what is allowed.
    """
    path = workspace / SETTINGS_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsFault(
            f"{workspace} is not a workspace: it has no {SETTINGS_FILE}; "
            f"make one with `anchorhold init {workspace}`"
        ) from None
    except (OSError, UnicodeDecodeError) as fault:
        raise SettingsFault(f"{path}: cannot be read as UTF-8 text ({fault})") from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise SettingsFault(f"{path}: not TOML: {fault}") from None
    return Settings(
        root=workspace.resolve(),
        tables=_read_tables(values, path),
        triggers=_switched_on(_table(values, "triggers", path), path, workspace),
        digest=hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest(),
    )


def _read_tables(values: Mapping[str, Any], path: Path) -> Tables:
    known = [*TABLE_WORKERS, "anchors", "triggers"]
    for name in values:
        if name not in known:
            allowed = f"; allowed: {', '.join(known)}"
            raise SettingsFault(f"{path}: unknown key {name}{_nearest(name, known)}{allowed}")
    for name in ("model", "data"):
        if name not in values:
            raise SettingsFault(f"{path}: the table [{name}] is missing; it must be there")
    anchors = {}
    for name in _table(values, "anchors", path):
        if not re.match(_NAME, name):
            raise SettingsFault(
                f"{path}: anchors.{name!r}: a name of an anchor set may have letters, digits, "
                "'_', '-' and '.' and begins with a letter or digit"
            )
        anchors[name] = _made(Anchor, values["anchors"], path, ("anchors", name))
    workers = {name: _made(worker, values, path, (name,)) for name, worker in TABLE_WORKERS.items()}
    return Tables(anchors=anchors, **workers)


def _table(values: Mapping[str, Any], name: str, path: Path) -> dict[str, Any]:
    table = values.get(name, {})
    if not isinstance(table, dict):
        raise SettingsFault(f"{path}: {name} must be a table, got {table!r}")
    return table


def _made(worker: Any, values: Mapping[str, Any], path: Path, place: tuple[str, ...]) -> Any:
    """Make a worker from its table; the constructor is what knows what is allowed."""
    fields = _table(values, place[-1], path)
    try:
        return worker(**fields)
    except ValidationError as fault:
        raise SettingsFault(_explain(fault, path, worker, place)) from None
    except (TypeError, ValueError) as fault:
        raise SettingsFault(f"{path}: {'.'.join(place)}: {fault}") from None


def _switched_on(tables: Mapping[str, Any], path: Path, workspace: Path) -> tuple[Trigger, ...]:
    triggers = []
    for name in dict.fromkeys([*BUILT_IN_TRIGGERS, *tables]):
        fields = dict(_table(tables, name, path))
        own = fields.pop("class", None)
        enabled = fields.pop("enabled", True)
        if not isinstance(enabled, bool):
            raise SettingsFault(
                f"{path}: triggers.{name}.enabled must be true or false, got {enabled!r}"
            )
        if own is not None:
            worker = _own_trigger(own, name, path, workspace)
        elif name in BUILT_IN_TRIGGERS:
            worker = BUILT_IN_TRIGGERS[name]
        else:
            raise SettingsFault(
                f"{path}: unknown trigger triggers.{name}{_nearest(name, BUILT_IN_TRIGGERS)}; "
                f'a trigger of your own needs class = "module:Class"; '
                f"built in: {', '.join(BUILT_IN_TRIGGERS)}"
            )
        if enabled:
            triggers.append(_made(worker, {name: fields}, path, ("triggers", name)))
    return tuple(triggers)


def _own_trigger(named: object, name: str, path: Path, workspace: Path) -> Any:
    """Import a trigger of the user's own, from the workspace or the environment."""
    module_name, _, class_name = str(named).partition(":")
    if not (isinstance(named, str) and module_name and class_name):
        raise SettingsFault(f'{path}: triggers.{name}.class must be "module:Class", got {named!r}')
    folder = str(workspace.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        worker = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as fault:
        raise SettingsFault(
            f"{path}: triggers.{name}.class: {named!r} cannot be imported from {folder} or the "
            f"environment: {fault}"
        ) from None
    if not callable(getattr(worker, "check", None)):
        raise SettingsFault(
            f"{path}: triggers.{name}.class: {named!r} has no method check(observation)"
        )
    return worker


def _explain(fault: ValidationError, path: Path, worker: Any, table: tuple[str, ...]) -> str:
    """Each mistake as one line: file, key, what is wrong with the value, what is allowed."""
    allowed = [field.name for field in dataclasses.fields(worker)]
    lines = []
    for error in fault.errors(include_url=False):
        place = [str(part) for part in error["loc"]]
        key = ".".join([*table, *place])
        if error["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
            near = _nearest(place[-1], allowed)
            lines.append(f"{path}: unknown key {key}{near}; allowed: {', '.join(allowed)}")
        elif error["type"] in ("missing", "missing_argument"):
            lines.append(f"{path}: {key} is missing; it must be set")
        else:
            message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
            lines.append(f"{path}: {key} {message}, got {error['input']!r}")
    return "\n".join(lines)
