"""Versions and runs in MLflow; the only room that knows it."""

from pipeline.registry.aliases import version_with
from pipeline.registry.environment import quiet_environment
from pipeline.registry.head_file import HeadFile
from pipeline.registry.opening import open_registry
from pipeline.registry.places import (
    IDENTITY,
    Move,
    identity_at,
    keep_files_in,
    lies_in,
    sqlite_file,
)
from pipeline.registry.removal import (
    copies,
    copy_of,
    delete_copy,
    delete_files,
    delete_run,
    delete_version,
    remove,
    same_files,
    size_of_files,
)
from pipeline.registry.repairing import fault_of_copy, fault_of_stored, store_again
from pipeline.registry.rewriting import is_rewritten, rewrite_records, rewrite_version
from pipeline.registry.run_tags import SIGNATURE_TAG, run_tag
from pipeline.registry.runs import PREFIX, Measured, RegistryFault
from pipeline.registry.said import without_password
from pipeline.registry.traces import Traces
from pipeline.registry.trying import try_writing
from pipeline.registry.version_folder import Facts, VersionFolder
from pipeline.registry.versions import (
    CANDIDATE,
    CHAMPION,
    PREVIOUS,
    ChampionMoved,
    ForeignChampion,
    ModelDamaged,
    Registry,
    UnknownVersion,
    Version,
)

__all__ = [
    "CANDIDATE",
    "CHAMPION",
    "IDENTITY",
    "PREFIX",
    "PREVIOUS",
    "SIGNATURE_TAG",
    "ChampionMoved",
    "Facts",
    "ForeignChampion",
    "HeadFile",
    "Measured",
    "ModelDamaged",
    "Move",
    "Registry",
    "RegistryFault",
    "Traces",
    "UnknownVersion",
    "Version",
    "VersionFolder",
    "copies",
    "copy_of",
    "delete_copy",
    "delete_files",
    "delete_run",
    "delete_version",
    "fault_of_copy",
    "fault_of_stored",
    "identity_at",
    "is_rewritten",
    "keep_files_in",
    "lies_in",
    "open_registry",
    "quiet_environment",
    "remove",
    "rewrite_records",
    "rewrite_version",
    "run_tag",
    "same_files",
    "size_of_files",
    "sqlite_file",
    "store_again",
    "try_writing",
    "version_with",
    "without_password",
]
