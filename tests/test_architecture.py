"""The house: which room may know which, and what each may use."""

import ast
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("drift_triggers", "training", "pipeline")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).glob("*.py"))

# Library -> the modules that may import it.
OWNERS = {
    "mlflow": {"pipeline/registry.py", "pipeline/tracking.py"},
    "sqlalchemy": {
        "pipeline/arrivals.py",
        "pipeline/cycle_log.py",
        "pipeline/database.py",
        "pipeline/discard_log.py",
        "pipeline/history.py",
        "pipeline/store.py",
    },
    "torch": {
        path.relative_to(ROOT).as_posix() for path in MODULES if path.parent.name == "training"
    },
}


def imports(path: Path) -> set[str]:
    """Dotted names of everything that a module imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_heavy_libraries_are_imported_only_by_their_owners(path):
    used = {name.partition(".")[0] for name in imports(path)}
    for library, owners in OWNERS.items():
        assert library not in used or named(path) in owners, f"{named(path)} imports {library}"


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_triggers_and_training_know_neither_the_wheel_nor_each_other(path):
    package = path.parent.name
    if package == "pipeline":
        return
    used = {name.partition(".")[0] for name in imports(path)}
    assert not used & (set(PACKAGES) - {package})


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_only_the_command_line_and_the_demonstration_turn_the_wheel(path):
    used = imports(path)
    if named(path) not in ("pipeline/cli.py", "pipeline/demo.py"):
        assert "pipeline.cycle" not in used
    if named(path) != "pipeline/__main__.py":
        assert "pipeline.cli" not in used


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_each_module_says_what_it_owns(path):
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring
    assert len(docstring.splitlines()[0]) <= 100


def test_no_two_modules_share_a_name_and_none_is_a_drawer():
    names = Counter(path.stem for path in MODULES if path.stem != "__init__")
    assert [name for name, count in names.items() if count > 1] == []
    assert not set(names) & {"utils", "common", "helpers", "types", "base", "datamodels"}


def test_modules_import_each_other_in_one_direction():
    known = {named(path).removesuffix(".py").replace("/", "."): path for path in MODULES}
    arrows = {name: imports(path) & set(known) - {name} for name, path in known.items()}
    # Take away what imports nothing that is left; whatever remains is part of a circle.
    while free := [name for name, targets in arrows.items() if not targets]:
        for name in free:
            del arrows[name]
        arrows = {name: targets - set(free) for name, targets in arrows.items()}
    assert arrows == {}
