"""What a person or a program asks of a workspace, each with a typed result."""

from pipeline.operations.judge import Asking
from pipeline.operations.settings import Setting, SettingsListing, list_settings
from pipeline.operations.workspace import Workspace

__all__ = ["Asking", "Setting", "SettingsListing", "Workspace", "list_settings"]
