"""Workspace: one verb per command, typed results, and clear errors."""

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from pipeline import AnchorholdError, Workspace
from pipeline.machine.lock import WorkspaceBusy, hold_workspace

NOW = datetime(2026, 3, 9, tzinfo=UTC)

STABLE_KEYS = {
    "status": {
        "model", "champion", "waiting", "records", "quarantined", "anchors", "gate", "cycles",
        "awaiting_approval", "rolled_back", "unfinished", "promotions",
    },
    "compare": {
        "metric", "confidence", "versions", "sets", "tasks", "regressions", "notes",
    },
    "evaluate": {"version", "aliases", "metric", "tasks", "fell", "notes", "run_id"},
    "backtest": {"champion", "windows", "scores"},
    "report": {"cycle", "report"},
    "check": {"train", "reasons", "blocked_by", "signals"},
}  # fmt: skip


@pytest.fixture
def space(tmp_path, turned_once):
    """A workspace in which version 2 was promoted over version 1."""
    return Path(shutil.copytree(turned_once, tmp_path / "turned"))


@pytest.fixture
def work(space):
    with Workspace.open(str(space), now=NOW) as workspace:
        yield workspace


def test_each_verb_that_reads_returns_the_json_of_its_command(work):
    found = {
        "status": work.status(),
        "compare": work.compare("origin", "champion"),
        "evaluate": work.evaluate(),
        "backtest": work.backtest(),
        "report": work.report(),
        "check": work.check(),
    }
    for name, result in found.items():
        assert STABLE_KEYS[name] <= set(result.to_json()), name
    assert found["status"].to_json()["promotions"][0]["at"] == "2026-03-01T12:00:00+00:00"
    assert found["report"].cycle == "0002"


def test_the_champion_moves_back_and_forward(work):
    back = work.rollback(reason="a complaint")
    assert (back.champion.version, back.previous.version, back.action) == (1, 2, "rollback")
    with pytest.raises(AnchorholdError, match="rolled back"):
        work.promote(2, reason="try again")
    assert work.promote(2, reason="it was fine", force=True).champion.version == 2
    assert work.status().champion.version == 2


def test_records_are_excluded_and_included_again(work):
    done = work.discard(cycle="0002", reason="doubts", who="ada")
    assert (done.pairs, done.kind, done.who) == (300, "cycle", "ada")
    undone = work.discard(cycle="0002", reason="fine", undo=True)
    assert (undone.pairs, undone.discarded.pairs) == (300, 0)


def test_a_comparison_becomes_a_table(work, tmp_path):
    pandas = pytest.importorskip("pandas")
    result = work.compare("origin", 2, page=tmp_path / "page.html")
    assert result.page == str(tmp_path / "page.html")
    frame = result.to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame["task"]) == [task.task for task in result.tasks]
    assert np.allclose(frame["mean"] - frame["baseline_mean"], frame["difference"])
    assert set(frame["version"]) == {2}


def test_without_pandas_a_table_is_refused_with_the_extra_that_brings_it(work, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(AnchorholdError, match=r"anchorhold\[demo\]"):
        work.compare(1, 2).to_frame()


def test_the_encoder_of_a_version_is_that_of_its_exported_folder(work, tmp_path):
    work.export("champion", tmp_path / "model")
    texts = ["where is my card", "book the hotel"]
    vectors = work.encoder("champion").encode(texts)
    assert vectors.shape == (2, 16)
    assert not np.allclose(vectors, work.encoder("origin").encode(texts))
    assert (tmp_path / "model" / "model.safetensors").exists()


def test_strategies_are_chosen_per_run_and_unknown_ones_refused(work):
    with pytest.raises(AnchorholdError, match="no strategy 'magic'"):
        work.run(strategies=["magic"])
    assert work.run(strategies=["all"]).outcome == "quiet"
    assert work.settings.strategies == ("configured",)


def test_a_closed_workspace_refuses_its_verbs(space):
    with Workspace.open(space) as workspace:
        pass
    with pytest.raises(AnchorholdError, match="is closed"):
        workspace.status()
    unmanaged = Workspace.open(space)
    unmanaged.close()
    with pytest.raises(AnchorholdError, match="is closed"):
        unmanaged.run()


def test_reading_needs_no_lock_and_writing_does(space):
    first, second = Workspace.open(space), Workspace.open(space)
    first.status()  # The fixture is a copy: what MLflow records of its place is rewritten once.
    with hold_workspace(space / ".anchorhold", doing="run", now=NOW):
        assert first.status() == second.status()
        assert first.compare(1, 2).versions[1].version == 2
        with pytest.raises(WorkspaceBusy):
            second.rollback()
    assert second.rollback().champion.version == 1
    assert first.status().champion.version == 1, "what the other wrote is seen"


def test_two_workspaces_in_one_process_do_not_meet(space, tmp_path, turned_once):
    other = shutil.copytree(turned_once, tmp_path / "other")
    with Workspace.open(space) as left, Workspace.open(other) as right:
        left.rollback()
        assert (left.status().champion.version, right.status().champion.version) == (1, 2)


def test_what_is_no_workspace_is_refused_with_the_way_to_make_one(tmp_path):
    (tmp_path / "file").touch()
    for place in (tmp_path / "missing", str(tmp_path), tmp_path / "file"):
        with pytest.raises(AnchorholdError, match="anchorhold init"):
            Workspace.open(place)


def test_a_new_workspace_is_made_and_opened(tmp_path):
    made = Workspace.create(tmp_path / "new")
    folders = {"history", "reference", "pairs", "traffic", "corpus", "log", "anchors"}
    assert set(made.folders) == folders
    with Workspace.open(made.workspace) as workspace, pytest.raises(AnchorholdError, match="run"):
        workspace.status()
    assert not (tmp_path / "new" / ".anchorhold").exists(), "reading makes nothing"
    with pytest.raises(AnchorholdError, match="exists already"):
        Workspace.create(str(tmp_path / "new"))


def test_the_present_may_be_given_as_a_moment_or_a_clock(space):
    later = datetime(2026, 3, 11, tzinfo=UTC)
    with Workspace.open(space, now=NOW) as one, Workspace.open(space, now=lambda: later) as two:
        ages = [each.status().champion.age_days for each in (one, two)]
    assert ages[1] - ages[0] == pytest.approx(2)
    with pytest.raises(AnchorholdError, match="time zone"):
        Workspace.open(space, now=datetime(2026, 3, 9))
