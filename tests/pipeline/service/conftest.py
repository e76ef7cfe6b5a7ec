"""A workspace with documents and an index per version, and a real service of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import NOW
from serving import serving, wait_until_ready, with_documents

from pipeline import Workspace
from pipeline.workspace import open_workspace


@pytest.fixture(scope="session")
def indexed_once(tmp_path_factory: pytest.TempPathFactory, turned_once: Path) -> Path:
    """Return a workspace whose versions 1 and 2 have indexes, to copy; version 2 serves."""
    space = tmp_path_factory.mktemp("served") / "space"
    shutil.copytree(turned_once, space)
    with_documents(space)
    with Workspace.open(space) as workspace:
        with open_workspace(workspace.settings, doing="test", now=NOW) as opened:
            opened.take_in(NOW)
        for version in (1, 2):
            workspace.index_build(version)
    return space


@pytest.fixture
def indexed(tmp_path: Path, indexed_once: Path) -> Path:
    """Return a copy of a workspace whose versions 1 and 2 have indexes."""
    return shutil.copytree(indexed_once, tmp_path / "indexed")


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory, indexed_once: Path) -> Iterator[str]:
    """Return the address of a service of version 2, for tests that do not move the champion."""
    space = shutil.copytree(indexed_once, tmp_path_factory.mktemp("url") / "space")
    with serving(space) as address:
        wait_until_ready(address)
        yield address
