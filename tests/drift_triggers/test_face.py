"""The names that `from drift_triggers import ...` offers, and what importing them costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from made_windows import CASES

import drift_triggers
from drift_triggers import Policy

FOLDER = Path(drift_triggers.__file__).parent


def loaded(statement):
    """The modules that a fresh interpreter holds after a statement."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def type_checked():
    """The names that type checkers see."""
    tree = ast.parse((FOLDER / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    return [alias.name for node in block.body for alias in node.names]


def test_all_is_exactly_what_type_checkers_see_and_what_can_be_imported():
    assert drift_triggers.__all__ == sorted(drift_triggers.__all__, key=str)
    assert sorted(drift_triggers.__all__) == sorted(type_checked())
    assert sorted(drift_triggers.__all__) == sorted(drift_triggers._HOME)
    for name in drift_triggers.__all__:
        assert getattr(drift_triggers, name).__name__ == name
    assert set(drift_triggers.__all__) <= set(dir(drift_triggers))


def test_every_built_in_trigger_is_offered():
    found = {
        node.name
        for path in FOLDER.glob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
        and path.stem not in ("policy", "signal")
        and any(isinstance(each, ast.FunctionDef) and each.name == "check" for each in node.body)
    }
    assert found == set(CASES) - {"LongWords"}
    assert found <= set(drift_triggers.__all__)


def test_an_unknown_name_is_no_attribute():
    with pytest.raises(AttributeError, match="no attribute 'Rain'"):
        drift_triggers.Rain  # noqa: B018


def test_importing_the_package_imports_neither_scipy_nor_scikit_learn():
    assert not {"scipy", "sklearn", "numpy", "pydantic"} & loaded("import drift_triggers")


def test_importing_every_trigger_imports_neither_statistics_nor_scikit_learn():
    names = ", ".join(drift_triggers.__all__)
    heavy = {"scipy.stats", "scipy.cluster", "scipy.spatial", "sklearn", "torch"}
    assert not heavy & loaded(f"from drift_triggers import {names}")


def test_importing_the_workspace_imports_neither_statistics_nor_scikit_learn():
    heavy = {"scipy.stats", "scipy.cluster", "scipy.spatial", "sklearn", "torch"}
    assert not heavy & loaded("import pipeline.workspace")


@pytest.mark.parametrize("name", sorted((set(CASES) - {"LongWords"}) | {"Policy"}))
def test_every_trigger_and_the_policy_has_a_short_example(name):
    worker = Policy if name == "Policy" else getattr(drift_triggers, name)
    example = worker.__doc__.partition("Examples\n")[2]
    lines = [line for line in example.splitlines() if line.strip().startswith((">>>", "..."))]
    assert 0 < len(lines) <= 12
