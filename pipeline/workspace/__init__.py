"""The workspace: its settings and what an open one holds."""

from pipeline.workspace.new_workspace import make_workspace
from pipeline.workspace.settings import SETTINGS_FILE, STATE_FOLDER, Settings, SettingsFault
from pipeline.workspace.settings_file import load_settings
from pipeline.workspace.workspace import Wheel, open_wheel

__all__ = [
    "SETTINGS_FILE",
    "STATE_FOLDER",
    "Settings",
    "SettingsFault",
    "Wheel",
    "load_settings",
    "make_workspace",
    "open_wheel",
]
