"""The workspace: its settings and what an open one holds."""

from pipeline.workspace.anchor_sets import AnchorSets, margins_of
from pipeline.workspace.base_model import NAMED, Base, length_warning
from pipeline.workspace.keep_settings import Keep, within
from pipeline.workspace.log_settings import LogSettings
from pipeline.workspace.new_workspace import Ask, Proxies, make_workspace
from pipeline.workspace.own_triggers import own_function
from pipeline.workspace.redacting import redaction_of
from pipeline.workspace.reference import ANY_NAME, Key, TableReference, reference
from pipeline.workspace.scores import Encoders, Scores
from pipeline.workspace.serve_settings import Serve
from pipeline.workspace.settings import SETTINGS_FILE, STATE_FOLDER, Anchor, Data, Settings, Tables
from pipeline.workspace.settings_fault import SettingsFault
from pipeline.workspace.settings_file import load_settings, read_values
from pipeline.workspace.telling import Watch
from pipeline.workspace.toml_text import Line, toml_key, toml_text, toml_value
from pipeline.workspace.versions import Versions
from pipeline.workspace.workspace import OpenWorkspace, must_have_been_used, open_workspace

__all__ = [
    "ANY_NAME",
    "NAMED",
    "SETTINGS_FILE",
    "STATE_FOLDER",
    "Anchor",
    "AnchorSets",
    "Ask",
    "Base",
    "Data",
    "Encoders",
    "Keep",
    "Key",
    "Line",
    "LogSettings",
    "OpenWorkspace",
    "Proxies",
    "Scores",
    "Serve",
    "Settings",
    "SettingsFault",
    "TableReference",
    "Tables",
    "Versions",
    "Watch",
    "length_warning",
    "load_settings",
    "make_workspace",
    "margins_of",
    "must_have_been_used",
    "open_workspace",
    "own_function",
    "read_values",
    "redaction_of",
    "reference",
    "toml_key",
    "toml_text",
    "toml_value",
    "within",
]
