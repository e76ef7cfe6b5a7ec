"""The house, where import-linter (`make check`) does not look: first lines, names and sizes."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    path
    for package in ("drift_triggers", "training", "pipeline")
    for path in (ROOT / package).rglob("*.py")
)
DRAWERS = {"utils", "common", "helpers", "types", "base", "datamodels"}


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_each_module_says_in_its_first_line_what_it_owns():
    for path in MODULES:
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        assert docstring, named(path)
        assert len(docstring.splitlines()[0]) <= 100, named(path)


def test_no_module_is_a_drawer_or_longer_than_four_hundred_lines():
    for path in MODULES:
        assert path.stem not in DRAWERS, named(path)
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, named(path)
