"""The workspace: its settings and what an open one holds."""

from pipeline.workspace.anchor_sets import AnchorSets
from pipeline.workspace.new_workspace import make_workspace
from pipeline.workspace.scores import Encoders, Scores
from pipeline.workspace.settings import SETTINGS_FILE, STATE_FOLDER, Settings, SettingsFault
from pipeline.workspace.settings_file import load_settings
from pipeline.workspace.versions import Versions
from pipeline.workspace.workspace import OpenWorkspace, open_workspace

__all__ = [
    "SETTINGS_FILE",
    "STATE_FOLDER",
    "AnchorSets",
    "Encoders",
    "OpenWorkspace",
    "Scores",
    "Settings",
    "SettingsFault",
    "Versions",
    "load_settings",
    "make_workspace",
    "open_workspace",
]
