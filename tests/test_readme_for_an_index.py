"""What a package index shows of the README: no picture and no link that only a checkout has."""

import doctest
import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def setup():
    """Return setup.py as a module; it builds only as a program."""
    found = importlib.util.spec_from_file_location("anchorhold_setup", ROOT / "setup.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_an_index_shows_no_broken_picture_and_no_broken_link(setup):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = setup.readme_for_an_index(readme)
    assert "![" in readme
    assert "![" not in shown
    assert all(re.match(r"https://|#", each) for each in re.findall(r"\]\(([^)]*)\)", shown))
    assert "## Use your own data" in shown
    assert "ten minutes with your own data leads" in shown
    assert doctest.testmod(setup).failed == 0


def test_the_package_takes_its_readme_from_there():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["dynamic"] == ["readme"]
    assert "readme" not in project
