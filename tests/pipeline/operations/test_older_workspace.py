"""A workspace that an earlier anchorhold made, of store revision 0002, goes on where it ended.

`workspace_of_revision_0002.tar.xz` is such a workspace: two cycles, the second of which promoted
version 2. It lay in another folder, and what is made again was removed from it.
"""

import sqlite3
import tarfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.operations import Workspace
from pipeline.store import REVISIONS

MADE = Path(__file__).with_name("workspace_of_revision_0002.tar.xz")
NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def older(tmp_path) -> Path:
    with tarfile.open(MADE) as archive:
        archive.extractall(tmp_path / "older", filter="data")
    return tmp_path / "older"


def revision(space: Path) -> str:
    with closing(sqlite3.connect(space / ".anchorhold" / "store.db")) as store:
        return store.execute("SELECT version_num FROM alembic_version").fetchone()[0]


def test_it_is_read_run_and_rolled_back(older):
    assert revision(older) == "0002"
    with Workspace.open(older, now=NOW) as work:
        status = work.status()
        assert status.champion.version == 2
        assert [each.outcome for each in status.cycles] == ["promoted", "bootstrapped"]
        assert revision(older) == REVISIONS[-1]
        assert work.run().outcome == "quiet"
        assert work.rollback(reason="doubts").champion.version == 1


def test_it_is_backed_up_as_it_is_before_the_upgrade(older, tmp_path):
    with Workspace.open(older, now=NOW) as work:
        done = work.backup(tmp_path / "backup.tar")
    assert (done.store_revision, revision(older)) == ("0002", "0002")
    Workspace.restore(tmp_path / "backup.tar", tmp_path / "restored")
    assert revision(tmp_path / "restored") == "0002"
    with Workspace.open(tmp_path / "restored", now=NOW) as work:
        assert work.status().champion.version == 2
