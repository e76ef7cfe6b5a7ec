"""The cycle: two of them with a real (tiny) model, a real database and a real MLflow store."""

import json
import os
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from made_streams import BANK, TRAVEL, sentences, texts_of, write_lines

from pipeline.cycle.promotion import Champions
from pipeline.cycle.run import run_cycle
from pipeline.operations.discard import Records, discard_records
from pipeline.operations.status import status_now
from pipeline.workspace.settings_file import load_settings
from pipeline.workspace.workspace import open_workspace
from training.faults import DataFault

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("offline")


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def turn(workspace, hours=0):
    now = NOW + timedelta(hours=hours)
    with open_workspace(load_settings(workspace), doing="run", now=now) as opened:
        return run_cycle(opened, now)


def aliases_of(workspace):
    settings = load_settings(workspace)
    with open_workspace(settings, doing="status", now=NOW, exclusive=False) as opened:
        versions = opened.registry.versions()
        return {alias: each.number for each in versions for alias in each.aliases}


def test_two_cycles_learn_what_arrived_and_keep_it(workspace, travel_arrives):
    first = turn(workspace)
    assert first.outcome == "bootstrapped"
    assert first.champion.version == 1
    assert first.candidate is None
    assert turn(workspace, 1).decision.reasons == (
        "nothing has arrived since the champion learned",
    )

    travel_arrives()
    second = turn(workspace, 2)
    assert second.outcome == "promoted", second.verdict
    assert second.champion.version == second.candidate.version == 2
    tasks = {each.task: each for each in second.verdict.comparisons}
    assert set(tasks) == {"new", "anchor/bank"}
    assert all(each.holds for each in tasks.values())
    assert second.lesson.replayed > 0
    assert second.seconds["total"] >= second.seconds["train"] > 0
    sources = {each.source: each for each in second.lesson.sources}
    assert sources["flight"].recent == second.lesson.recent
    assert sources["lost"].replayed == second.lesson.replayed
    changes = {each.task: each for each in second.regressions.changes}
    assert set(changes) == {"new", "anchor/bank"}
    assert changes["new"].better > changes["new"].worse
    twin = json.loads((workspace / ".anchorhold/cycles/0003/report.json").read_text())
    assert twin["regressions"]["changes"] == second.to_json()["regressions"]["changes"]
    told = sum(each.worse for each in changes.values())
    assert len(twin["regressions"]["worst_queries"]) == min(20, told)

    # Known ground now: the same topics are quiet, and what was learned is an anchor set.
    both = [*sentences(BANK, 120, 4000), *sentences(TRAVEL, 120, 5000)]
    write_lines(workspace / "traffic" / "week-2.jsonl", texts_of(both))
    third = turn(workspace, 30)
    assert third.outcome == "quiet"
    again = turn(workspace, 60)
    assert again.outcome == "quiet"
    assert "nothing new since cycle 0004" in again.decision.reasons[0]
    now = NOW + timedelta(hours=61)
    with open_workspace(
        load_settings(workspace), doing="status", now=now, exclusive=False
    ) as opened:
        folder = opened.versions.folder(opened.versions.champion())
        assert [each.name for each in folder.learned_anchors()] == ["anchor/learned-0003"]
        held_out = {*folder.learned_anchors()[0].queries.values()}
        assert not held_out & {pair.query for pair in folder.memory()}
        assert any(text.text.startswith("where is my flight") for text in folder.reference())
        opened.store.verify_promotions()


@pytest.mark.slow
def test_shuffled_answers_are_refused_and_not_tried_again(workspace, travel_arrives):
    turn(workspace)
    travel_arrives()
    path = workspace / "pairs" / "travel.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    answers = [row["positive"] for row in rows]
    random.Random(1).shuffle(answers)
    write_lines(path, [{**row, "positive": text} for row, text in zip(rows, answers, strict=True)])
    refused = turn(workspace, 1)
    assert refused.outcome in ("rejected", "inconclusive")
    assert refused.champion.version == 1
    assert refused.candidate.version == 2
    assert aliases_of(workspace) == {"champion": 1}

    write_lines(workspace / "traffic" / "week-2.jsonl", texts_of(sentences(TRAVEL, 150, 6000)))
    unchanged = turn(workspace, 60)
    assert unchanged.outcome == "quiet"
    assert "no new pairs since cycle 0002" in unchanged.decision.reasons[0]

    # Good pairs end the cool-down, and the refused ones do not keep them from being learned.
    write_lines(workspace / "pairs" / "good.jsonl", sentences(TRAVEL, 900, 7))
    learned = turn(workspace, 61)
    assert learned.outcome == "promoted", learned.verdict or learned.decision


@pytest.mark.slow
def test_with_approval_a_candidate_that_passes_waits_for_a_person(workspace, travel_arrives):
    settings = workspace / "anchorhold.toml"
    settings.write_text(settings.read_text() + "\n[gate]\napproval = true\n")
    turn(workspace)
    travel_arrives()
    result = turn(workspace, 1)
    assert (result.outcome, result.champion.version) == ("inconclusive", 1)
    assert result.awaiting_approval
    assert result.verdict.promote
    assert "awaits approval: anchorhold promote 2" in result.verdict.reasons[-1]
    assert aliases_of(workspace) == {"champion": 1, "candidate": 2}
    assert turn(workspace, 2).outcome == "quiet"
    now = NOW + timedelta(hours=3)
    with open_workspace(load_settings(workspace), doing="promote", now=now) as opened:
        champions = Champions.of(opened)
        champions.promote("2", reason="approved", force=False, now=now)
        assert opened.versions.champion().number == 2
        assert opened.store.promotions()[-1].action == "promote"


@pytest.mark.slow
def test_the_shuffled_source_of_a_refused_batch_is_named_discarded_and_the_rest_tried(workspace):
    settings = workspace / "anchorhold.toml"
    settings.write_text(settings.read_text() + "\n[gate]\nmin_gain = 0.9\n")
    turn(workspace)
    rows = sentences(TRAVEL, 450, 3)
    for number, row in enumerate(rows):
        row["source"] = ("docs", "forum", "shop")[number % 3]
    forum = [row for row in rows if row["source"] == "forum"]
    answers = [row["positive"] for row in forum]
    random.Random(1).shuffle(answers)
    for row, text in zip(forum, answers, strict=True):
        row["positive"] = text
    write_lines(workspace / "pairs" / "mixed.jsonl", rows)
    write_lines(workspace / "traffic" / "travel.jsonl", texts_of(sentences(TRAVEL, 150, 4)))
    refused = turn(workspace, 1)
    assert refused.outcome in ("rejected", "inconclusive")
    suspects = refused.verdict.suspects
    assert suspects[0].name == "forum"
    assert [each.suspected for each in suspects] == [True, False, False]
    assert "anchorhold discard --source forum" in refused.verdict.reasons[-1]
    assert _learned(refused) == {"docs", "forum", "shop"}
    assert turn(workspace, 2).outcome == "quiet"

    now = NOW + timedelta(hours=3)
    with open_workspace(load_settings(workspace), doing="discard", now=now) as opened:
        records = Records(source="forum")
        why = {"reason": "shuffled", "who": "ada", "now": now}
        discard_records(opened.store, opened.versions, records, **why)
    again = turn(workspace, 3)
    assert _learned(again) == {"docs", "shop"}
    assert {each.name for each in again.verdict.suspects} == {"docs", "shop"}


def _learned(result):
    """Return the sources of the recent pairs that a cycle trained on."""
    return {each.source for each in result.lesson.sources if each.recent}


def test_drift_without_enough_labelled_pairs_is_said_and_not_trained_on(workspace):
    turn(workspace)
    write_lines(workspace / "traffic" / "travel.jsonl", texts_of(sentences(TRAVEL, 150, 4000)))
    write_lines(workspace / "pairs" / "travel.jsonl", sentences(TRAVEL, 5, 3000))
    result = turn(workspace, 1)
    assert result.outcome == "insufficient_data"
    assert result.decision.train
    assert "not enough new pairs" in result.decision.reasons[-1]


@pytest.mark.slow
def test_strategies_are_tried_side_by_side_and_one_goes_to_the_gate(workspace, travel_arrives):
    turn(workspace)
    travel_arrives()
    settings = load_settings(workspace).trying(["naive", "replay", "distilled"])
    with open_workspace(settings, doing="run", now=NOW) as opened:
        result = run_cycle(opened, NOW)
        rows = result.training.attempts
        assert [row.strategy for row in rows] == ["naive", "replay", "distilled"]
        assert sum(row.chosen for row in rows) == 1
        chosen = next(row for row in rows if row.chosen)
        assert result.training.strategy == chosen.strategy
        runs = [opened.registry.client.get_run(row.run_id) for row in rows]
        assert {each.data.tags["mlflow.parentRunId"] for each in runs} == {result.run_id}
        assert [each.info.run_name for each in runs] == ["naive", "replay", "distilled"]
        assert opened.registry.versions()[-1].run_id == chosen.run_id
        assert len(opened.registry.versions()) == 2, "only the chosen one becomes a version"
    assert result.outcome == "promoted", result.verdict


def test_a_diverged_training_is_refused_and_the_champion_stays(workspace, travel_arrives):
    settings = workspace / "anchorhold.toml"
    turn(workspace)
    settings.write_text(settings.read_text().replace("0.003", "1.0\nmax_gradient_norm = 1e30"))
    travel_arrives()
    result = turn(workspace, 1)
    assert result.outcome in ("rejected", "inconclusive")
    assert result.champion.version == 1


def test_without_a_past_there_is_nothing_to_begin_with(workspace):
    for folder in ("history", "reference"):
        for file in (workspace / folder).iterdir():
            file.unlink()
    with pytest.raises(DataFault, match="history"):
        turn(workspace)


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from pipeline.cycle import run, run_cycle
from pipeline.store import Store
from pipeline.workspace import load_settings, open_workspace

stage, moment = sys.argv[2], sys.argv[3]
record, finish, tell = Store.record_stage, Store.finish_cycle, run.finish_and_tell

def kill():
    os.kill(os.getpid(), signal.SIGKILL)

def recorded(self, cycle, name, payload):
    if (name, moment) == (stage, "before"):
        kill()
    record(self, cycle, name, payload)
    if (name, moment) == (stage, "after"):
        kill()

def finished(self, *arguments, **named):
    if stage == "finish" and moment == "before":
        kill()
    finish(self, *arguments, **named)
    if (stage, moment) == ("finish", "during"):  # before alerts, in the same transaction
        kill()

def told(*arguments):
    tell(*arguments)
    if (stage, moment) == ("finish", "after"):
        kill()

Store.record_stage, Store.finish_cycle, run.finish_and_tell = recorded, finished, told
now = datetime(2026, 3, 1, 13, tzinfo=UTC)
with open_workspace(load_settings(Path(sys.argv[1])), doing="run", now=now) as opened:
    run_cycle(opened, now)
"""


def killed_run(workspace, stage, moment):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(workspace), stage, moment],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]


def summary(workspace):
    with open_workspace(
        load_settings(workspace), doing="status", now=NOW, exclusive=False
    ) as opened:
        champion = opened.versions.champion()
        folder = opened.versions.folder(champion)
        row = opened.store.cycles(limit=1)[0]
        return {
            "versions": [version.number for version in opened.registry.versions()],
            "champion": champion.number,
            "fingerprint": folder.facts().fingerprint,
            "memory": sorted(pair.id for pair in folder.memory()),
            "outcome": (row.id, row.outcome),
            "verdict": row.result["verdict"],
            "regressions": row.result.get("regressions"),
            "decision": row.result["decision"],
            "promotions": [move.version for move in opened.store.promotions()],
            "counts": opened.store.counts().stored,
        }


@pytest.fixture(scope="session")
def undisturbed():
    return {}


BOUNDARIES = [
    ("intake", "before"),
    ("window", "after"),
    ("decision", "before"),
    ("texts", "before"),
    ("strategies", "before"),
    ("train/configured", "before"),
    ("evaluate", "before"),
    ("verdict", "before"),
    ("regressions", "before"),
    ("promote", "before"),
    ("promote", "after"),
    ("finish", "before"),
    ("finish", "during"),
    ("finish", "after"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("stage", "moment"), BOUNDARIES)
def test_a_run_that_is_killed_ends_as_if_it_had_not_been(
    workspace, travel_arrives, undisturbed, stage, moment
):
    turn(workspace)
    travel_arrives()
    killed_run(workspace, stage, moment)
    if (stage, moment) != ("finish", "after"):
        turn(workspace, 1)
    found = summary(workspace)
    # Every case must agree with every other one, and with a run that nobody disturbed.
    if not undisturbed:
        undisturbed.update(found)
        assert found["versions"] == [1, 2]
        assert found["champion"] == 2
        assert found["promotions"] == [1, 2]
    assert found == undisturbed


@pytest.mark.slow
def test_what_lies_in_pairs_and_traffic_before_the_first_run_is_learned_by_the_second(
    workspace, travel_arrives
):
    travel_arrives()
    first = turn(workspace)
    assert first.outcome == "bootstrapped"
    assert first.decision.reasons[-1] == "300 pairs and 150 texts wait for the next run"
    with open_workspace(load_settings(workspace), doing="status", now=NOW) as opened:
        waiting = status_now(opened, NOW).waiting
        known = opened.versions.folder(opened.versions.champion())
        assert (waiting.pairs, waiting.traffic) == (300, 150)
        assert {pair.source for pair in known.memory()} == {"lost"}
        assert not {text.text for text in known.reference()} & {
            text.text for text in opened.store.traffic(role="recent")
        }
    second = turn(workspace, 1)
    assert second.outcome == "promoted", second.verdict
    assert second.window.after == 350
    assert second.fresh


def test_pairs_without_a_past_are_named_when_the_first_run_is_refused(workspace, travel_arrives):
    travel_arrives()
    (workspace / "traffic" / "travel.jsonl").unlink()
    file = workspace / "anchorhold.toml"
    text = file.read_text()
    for key in ("history", "reference"):
        text = text.replace(f'{key} = ["{key}/*.jsonl"]', f"{key} = []")
    file.write_text(text)
    with pytest.raises(
        DataFault, match=r"no text has arrived.*; 300 pairs of data.pairs wait until then"
    ):
        turn(workspace)


@pytest.mark.slow
def test_a_bootstrap_that_is_killed_is_continued(workspace):
    killed_run(workspace, "bootstrap", "before")
    result = turn(workspace, 1)
    assert result.outcome == "bootstrapped"
    found = summary(workspace)
    assert found["versions"] == [1]
    assert found["promotions"] == [1]
