"""Triggers and functions of the user's own: from the workspace's folder or from the environment.

A module of the workspace is loaded by its place in the folder, under a private name that only this
workspace uses. `sys.path` stays as it is, and two workspaces may each have a `rain.py`. Modules of
the folder import one another as if it were on `sys.path` (`from clouds import Cloud`), at any
time, or relatively (`from .clouds import Cloud`).
"""

import builtins
import hashlib
import importlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import module_from_spec
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, cast

from pipeline.workspace.settings_fault import SettingsFault, nearest

_PREFIX = "anchorhold_workspace_"


def own_trigger(named: object, folder: Path | None) -> Any:
    """Import the class of a trigger.

    Parameters
    ----------
    named
        "module:Class".
    folder
        The workspace, which is looked into first; None: the environment only.

    Raises
    ------
    ValueError
        It is named otherwise, cannot be imported, or is no trigger.
    """
    worker = _own("class", named, folder)
    if not callable(getattr(worker, "check", None)):
        shown = json.dumps(named)
        raise ValueError(f"class {shown} has no method check(observation); a trigger needs one")
    return worker


def own_function(key: str, named: str, folder: Path) -> Callable[..., Any]:
    """Import a function of the user's own.

    Parameters
    ----------
    key
        What names it in the settings.
    named
        "module:function".
    folder
        The workspace, which is looked into first.

    Raises
    ------
    SettingsFault
        It is named otherwise, cannot be imported, or is no function.
    """
    try:
        found = _own(key, named, folder)
    except ValueError as fault:
        raise SettingsFault(str(fault)) from fault
    if not callable(found):
        raise SettingsFault(f"{key} {json.dumps(named)} is no function; it must be one")
    return cast(Callable[..., Any], found)


def _own(key: str, named: object, folder: Path | None) -> Any:
    module, _, name = named.partition(":") if isinstance(named, str) else ("", "", "")
    shown, form = json.dumps(named, default=str), "Class" if key == "class" else "function"
    if not (module and name):
        raise ValueError(f'{key} is {shown}; allowed: "module:{form}"')
    places = f"{folder} or the environment" if folder else "the environment"
    try:
        found = _module(module, folder)
    except (ImportError, SyntaxError) as fault:
        raise ValueError(f"{key} {shown} cannot be imported from {places}: {fault}") from fault
    worker = getattr(found, name, None)
    if worker is None:
        wanted = type if key == "class" else FunctionType
        names = [each for each, value in vars(found).items() if isinstance(value, wanted)]
        raise ValueError(f"{key} {shown}: {found.__file__} has no {name}{nearest(name, names)}")
    return worker


def _module(name: str, folder: Path | None) -> ModuleType:
    if folder is None or not _is_in(folder, name):
        return importlib.import_module(name)
    return importlib.import_module(f"{_package(folder.resolve())}.{name}")


def _is_in(folder: Path, name: str) -> bool:
    """Say whether a module is of the folder; folders of data beside it are no packages."""
    first, whole = folder / name.partition(".")[0], folder.joinpath(*name.split("."))
    return (
        first.with_name(f"{first.name}.py").is_file()
        or (first / "__init__.py").is_file()
        or whole.with_name(f"{whole.name}.py").is_file()
    )


def _package(folder: Path) -> str:
    """Return the name of the package that stands for a workspace's folder."""
    name = f"{_PREFIX}{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"
    if name not in sys.modules:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        sys.modules[name] = module_from_spec(spec)
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    return name


class _Finder(MetaPathFinder):
    """Finds the modules below a workspace's package; all other names are none of its business."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(_PREFIX) or path is None:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(fullname, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    """Runs a module of a workspace with an `import` of its own."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module; `exec` takes the built-in functions that its namespace names."""
        package = self.name.partition(".")[0]
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _import_in(package)}
        super().exec_module(module)


def _import_in(package: str) -> Any:
    """Return an `__import__` that looks into a workspace's folder before the environment."""
    (folder,) = sys.modules[package].__path__

    def load(
        name: str,
        names: Mapping[str, object] | None = None,
        local: Mapping[str, object] | None = None,
        wanted: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        if level or not _is_in(Path(folder), name):
            return builtins.__import__(name, names, local, wanted or (), level)
        whole = builtins.__import__(f"{package}.{name}", names, local, wanted or ())
        # Without names to take from it, `import a.b` is given a: here, what lies below the package.
        return whole if wanted else sys.modules[f"{package}.{name.partition('.')[0]}"]

    return load
