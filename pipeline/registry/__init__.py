"""Versions and runs in MLflow; the only room that knows it."""

from pipeline.registry.environment import quiet_environment
from pipeline.registry.opening import open_registry
from pipeline.registry.runs import RegistryFault
from pipeline.registry.version_folder import Facts, VersionFolder
from pipeline.registry.versions import CHAMPION, ChampionMoved, Registry, UnknownVersion, Version

__all__ = [
    "CHAMPION",
    "ChampionMoved",
    "Facts",
    "Registry",
    "RegistryFault",
    "UnknownVersion",
    "Version",
    "VersionFolder",
    "open_registry",
    "quiet_environment",
]
