"""Runs of MLflow: found again, and logged so that repeating is safe."""

import json
import shutil
from datetime import UTC, datetime

import pytest

from pipeline.registry.opening import open_tracking
from pipeline.registry.run_files import local_place

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def opened(state, uri=None):
    return open_tracking(
        uri or f"sqlite:///{state}/mlflow.db",
        artifacts=state / "mlartifacts",
        name="support-search",
        workspace_state=state,
    )


@pytest.fixture(scope="module")
def first_state(tmp_path_factory):
    state = tmp_path_factory.mktemp("first") / ".anchorhold"
    opened(state)
    return state


@pytest.fixture
def state(tmp_path, first_state):
    state = tmp_path / ".anchorhold"
    state.mkdir()
    shutil.copy(first_state / "mlflow.db", state / "mlflow.db")
    return state


@pytest.fixture
def tracking(state):
    return opened(state)


def test_the_run_of_a_cycle_is_found_again_and_continued(tracking):
    run = tracking.open_run("0001", name="cycle 0001", started=NOW)
    tracking.close_run(run, status="KILLED")
    assert tracking.open_run("0001", name="cycle 0001", started=NOW) == run
    info = tracking.client.get_run(run).info
    assert info.status == "RUNNING"
    assert info.start_time == int(NOW.timestamp() * 1000)


def test_attempts_are_children_of_their_cycle(tracking):
    cycle = tracking.open_run("0001", name="cycle 0001")
    attempt = tracking.open_run("0001", name="training", parent=cycle, attempt="training")
    other = tracking.open_run("0002", name="cycle 0002")
    assert len({cycle, attempt, other}) == 3
    found = tracking.client.search_runs(
        [tracking.experiment], f"tags.mlflow.parentRunId = '{cycle}'"
    )
    assert [(each.info.run_id, each.info.run_name) for each in found] == [(attempt, "training")]


def test_workspaces_on_one_store_do_not_mistake_each_others_runs(state, tmp_path):
    here = opened(state).open_run("0001", name="here")
    elsewhere = open_tracking(
        f"sqlite:///{state}/mlflow.db",
        artifacts=state / "mlartifacts",
        name="support-search",
        workspace_state=tmp_path / "elsewhere",
    )
    assert elsewhere.open_run("0001", name="elsewhere") != here


def test_metrics_are_logged_once_by_name_of_task_however_many_there_are(tracking):
    run = tracking.open_run("0001", name="cycle 0001")
    metrics = {f"anchor/many/metric_{number}": number for number in range(1100)}
    metrics |= {"anchor/past/ndcg@10": 0.5, "anchor/größe/a'b//mrr_at_10": 0.25}
    for _ in range(2):
        tracking.log_metrics(run, metrics, step=3, at=NOW)
    logged = tracking.client.get_run(run).data.metrics
    assert len(logged) == 1102
    assert logged["anchor/größe/a_b/mrr_at_10"] == 0.25
    (point,) = tracking.client.get_metric_history(run, "anchor/past/ndcg_at_10")
    assert (point.value, point.step) == (0.5, 3)
    assert point.timestamp == int(NOW.timestamp() * 1000)
    found = tracking.client.search_runs(
        [tracking.experiment], "metrics.`anchor/past/ndcg_at_10` > 0.4"
    )
    assert [each.info.run_id for each in found] == [run]


def test_settings_logged_again_keep_their_first_value(tracking):
    run = tracking.open_run("0001", name="cycle 0001")
    tracking.log_params(run, {"gate.max_drop": 0.02, "long": "x" * 9000})
    tracking.log_params(run, {"gate.max_drop": 0.05, "mix.share": 0.5})
    params = tracking.client.get_run(run).data.params
    assert (params["gate.max_drop"], params["mix.share"]) == ("0.02", "0.5")
    assert len(params["long"]) == 6000


def test_files_are_logged_under_their_names(tracking, tmp_path):
    run = tracking.open_run("0001", name="cycle 0001")
    tracking.log_json(run, "verdict.json", {"outcome": "geprüft"})
    tracking.log_text(run, "report.html", "<p>")
    names = {each.path for each in tracking.client.list_artifacts(run)}
    assert names == {"verdict.json", "report.html"}
    (tmp_path / "down").mkdir()
    tracking.client.download_artifacts(run, "verdict.json", str(tmp_path / "down"))
    text = (tmp_path / "down" / "verdict.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"outcome": "geprüft"}


def test_data_sets_are_logged_by_digest_and_purpose_only(tracking):
    run = tracking.open_run("0001", name="cycle 0001")
    for _ in range(2):
        tracking.log_dataset(run, "anchor/past", "ab" * 32, "evaluation", 300)
    (found,) = tracking.client.get_run(run).inputs.dataset_inputs
    assert (found.dataset.name, found.dataset.digest) == ("anchor/past", "ab" * 18)
    assert json.loads(found.dataset.profile) == {"num_rows": 300}
    assert [(tag.key, tag.value) for tag in found.tags] == [("mlflow.data.context", "evaluation")]


def test_a_closed_run_says_what_happened(tracking):
    run = tracking.open_run("0001", name="cycle 0001")
    tracking.close_run(run, note="**promoted**", tags={"anchorhold.outcome": "x" * 9000}, ended=NOW)
    found = tracking.client.get_run(run)
    assert found.info.status == "FINISHED"
    assert found.info.end_time == int(NOW.timestamp() * 1000)
    assert found.data.tags["mlflow.note.content"] == "**promoted**"
    assert len(found.data.tags["anchorhold.outcome"]) == 8000


def test_runs_of_dead_processes_are_ended_and_those_of_live_ones_are_not(tracking):
    dead, resumed, alive = (tracking.open_run(cycle, name=cycle) for cycle in ("1", "2", "3"))
    for run in (dead, resumed):
        # The number of this process, but of one that began at another time.
        tracking.client.set_tag(run, "anchorhold.process_started", "another boot:1")
    assert tracking.reap(resuming="2") == [dead]
    status = [tracking.client.get_run(run).info.status for run in (dead, resumed, alive)]
    assert status == ["KILLED", "RUNNING", "RUNNING"]
    assert tracking.reap() == [resumed]


def test_a_run_that_is_taken_over_has_no_mark_and_no_part_of_a_file_of_a_dead_process(tracking):
    run = tracking.open_run("1", name="1 running")
    tracking.client.set_tag(run, "anchorhold.process_started", "another boot:1")
    tracking.log_text(run, "deep/whole.txt", "whole")
    files = local_place(tracking.client.get_run(run).info.artifact_uri)
    (files / "deep" / ".artifact.uploading.x1").write_text("par")
    assert tracking.reap() == [run]
    assert [each.name for each in (files / "deep").iterdir()] == ["whole.txt"]
    (files / ".artifact.uploading.x2").write_text("")
    assert tracking.open_run("1", name="1 running") == run
    assert [each.name for each in files.iterdir()] == ["deep"]
    tags = tracking.client.get_run(run).data.tags
    assert "anchorhold.reaped" not in tags


def test_cycles_of_another_machine_are_ended_only_where_no_other_machine_runs_one(tracking):
    cycle, other = (tracking.open_run(cycle, name=cycle) for cycle in ("0001", "all"))
    for run in (cycle, other):
        tracking.client.set_tag(run, "anchorhold.host", "another machine")
    assert tracking.reap() == []
    assert tracking.reap(alone=True) == [cycle]
