"""A cycle under another umask and with a key: private files, and a report that can be verified."""

import os
import stat
from datetime import UTC, datetime

import pytest
from canary_search import places_of

from pipeline.operations import Workspace
from pipeline.reports import SIGNATURE_FILE
from training.faults import DataFault

NOW = datetime(2026, 3, 9, tzinfo=UTC)
KEY = "zq-key-of-signatures"


@pytest.fixture
def open_umask():
    before = os.umask(0o000)
    yield
    os.umask(before)


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_signed_report_is_verified_and_the_key_is_nowhere(turned, monkeypatch):
    monkeypatch.setenv("ANCHORHOLD_SIGNING_KEY", KEY)
    with Workspace.open(turned, now=NOW) as workspace:
        done = workspace.run()
        report = workspace.report(verify=True)
        assert report.cycle == done.cycle
        assert report.signature.state == "signed"
        assert workspace.report("0002", verify=True).signature.state == "not signed"
        assert workspace.report().signature is None
        page = turned / ".anchorhold" / "cycles" / done.cycle / "report.html"
        page.write_text(page.read_text(encoding="utf-8") + " ", encoding="utf-8")
        assert workspace.report(verify=True).signature.state == "does not match"
        page.with_name(SIGNATURE_FILE).unlink()
        assert workspace.report(verify=True).signature.state == "does not match"
    assert places_of(KEY, turned) == []
    monkeypatch.delenv("ANCHORHOLD_SIGNING_KEY")
    with (
        Workspace.open(turned, now=NOW) as workspace,
        pytest.raises(DataFault, match="'ANCHORHOLD_SIGNING_KEY'"),
    ):
        workspace.report(verify=True)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.usefixtures("open_umask")
def test_what_a_run_writes_is_private_under_an_open_umask_and_an_export_follows_it(
    turned, tmp_path
):
    with Workspace.open(turned, now=NOW) as workspace:
        workspace.run()
        state = turned / ".anchorhold"
        paths = [state, *state.rglob("*")]
        assert {mode(each) for each in paths if each.is_dir()} == {0o700}
        assert {mode(each) for each in paths if each.is_file()} == {0o600}
        workspace.export("champion", tmp_path / "out")
    exported = [tmp_path / "out", *(tmp_path / "out").rglob("*")]
    assert {mode(each) for each in exported if each.is_dir()} == {0o777}
    assert {mode(each) for each in exported if each.is_file()} == {0o666}
    assert os.umask(0o000) == 0o000
