"""All settings of a workspace, each with its value, its default and its meaning."""

import os
import tomllib
from pathlib import Path
from typing import Any

from pipeline.results import Result
from pipeline.workspace import (
    ANY_NAME,
    SETTINGS_FILE,
    Key,
    Line,
    SettingsFault,
    TableReference,
    load_settings,
    read_values,
    reference,
    toml_key,
    toml_text,
    toml_value,
)

_ANCHOR = "support-2023"
"""Name of the anchor set in comments."""
_OWN = Key("class", '"module:Class"', meaning="Class of a trigger of your own.")


class Setting(Result):
    """One key of the settings file."""

    key: str
    """Dotted name as in TOML, such as `gate.max_drop`."""
    table: str
    """Header of its table, such as `gate`."""
    value: Any
    """What is in force; null: nothing is."""
    default: Any
    """What is in force where the file does not set it; null: nothing is."""
    set: bool
    """Whether the file sets it."""
    required: bool
    """Whether the file must set it."""
    allowed: str
    """Type and range of its values."""
    meaning: str
    """What it says, with its unit."""
    example: Any = None
    """A value for a required key."""


class SettingsListing(Result):
    """All settings of a workspace, or all defaults."""

    workspace: str | None
    """The workspace; null: none was found, and the defaults are listed."""
    tables: dict[str, str]
    """Header of each table, and what the table sets."""
    settings: tuple[Setting, ...]
    """All keys, in the order of the file's reference."""

    def to_toml(self) -> str:
        """Return a settings file with every key: those of the file in force, defaults commented.

        Written to `anchorhold.toml`, it loads to settings equal to those listed. A required key
        that is not set is in force with an example.
        """
        source = f"those that are set in {self.workspace}" if self.workspace else "none is set"
        head = (
            f"All settings of anchorhold: {source}.\n"
            "A key after a # is not set and shows its default, or an example where it has none."
        )
        tables: dict[str, list[Line]] = {}
        for each in self.settings:
            tables.setdefault(each.table, []).append(_line(each))
        return toml_text(head, tables, self.tables)


def list_settings(workspace: str | os.PathLike[str] | None = None) -> SettingsListing:
    """List all settings.

    Parameters
    ----------
    workspace
        The folder whose settings are listed. None, or a folder without a settings file: the
        defaults are.

    Raises
    ------
    SettingsFault
        The folder does not exist, or its settings file cannot be used.
    """
    folder = Path(workspace) if workspace is not None else None
    if folder is not None and not folder.is_dir():
        raise SettingsFault(f"{folder} is not a folder; a workspace is one with {SETTINGS_FILE}")
    if folder is None or not (folder / SETTINGS_FILE).exists():
        folder, tables, values = None, reference(), {}
    else:
        tables, values = reference(load_settings(folder).tables), read_values(folder)
    return SettingsListing(
        workspace=None if folder is None else str(folder),
        tables={_header(table): table.about for table in tables},
        settings=tuple(
            _setting(table, key, values) for table in tables for key in _keys(table, values)
        ),
    )


def _keys(table: TableReference, values: dict[str, Any]) -> list[Key]:
    """Return the keys of a table; a class of the user's own may take some that it does not tell."""
    known = {key.name for key in table.keys}
    untold = [name for name in _given(table, values) if name not in known]
    return [*(_OWN if name == "class" else Key(name) for name in untold), *table.keys]


def _given(table: TableReference, values: dict[str, Any]) -> dict[str, Any]:
    for name in table.place:
        values = values.get(name, {})
    return values


def _setting(table: TableReference, key: Key, values: dict[str, Any]) -> Setting:
    given = _given(table, values)
    return Setting(
        key=f"{table.name}.{key.name}" if table.any_name else toml_key(*table.place, key.name),
        table=_header(table),
        value=given.get(key.name, key.default),
        default=key.default,
        set=key.name in given,
        required=key.required and not table.any_name,
        allowed=key.allowed,
        meaning=key.meaning,
        example=key.example,
    )


def _header(table: TableReference) -> str:
    return "anchors" if table.any_name else toml_key(*table.place)


def _line(setting: Setting) -> Line:
    shown = setting.example if setting.default is None else setting.default
    if setting.required:
        rule = "must be set"
    elif setting.default is None:
        rule = "not set by default"
    else:
        rule = f"default: {toml_value(setting.default)}"
    # A name that stands for any other would not be TOML when the comment is made a setting.
    name = setting.key.removeprefix(f"{setting.table}.").replace(ANY_NAME, _ANCHOR)
    return Line(
        next(iter(tomllib.loads(f"{name} = 0"))) if setting.set else name,
        setting.value if setting.set else shown,
        setting.set or setting.required,
        (setting.meaning, f"Allowed: {setting.allowed}; {rule}."),
    )
