"""Re-evaluation: golden sets measured anew, with a line of scores in MLflow."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import torch
from made_streams import write_lines

from pipeline import Workspace
from pipeline.operations.evaluate import evaluate_again
from pipeline.registry import VersionFolder
from pipeline.workspace.settings_file import load_settings
from pipeline.workspace.workspace import open_workspace
from training.evaluation import Scorecard
from training.faults import DataFault

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def turn(workspace, hours):
    with Workspace.open(workspace, now=NOW + timedelta(hours=hours)) as work:
        return work.run()


def rows_of(found):
    return {row.task: row for row in found.tasks}


def test_an_unchanged_version_scores_what_it_was_accepted_with(opened):
    for file in (opened.settings.state / "cache" / "scores").iterdir():
        file.write_text("never read")
    found = evaluate_again(opened, "champion", NOW)
    assert (found.version, found.fell, found.notes) == (2, (), ())
    rows = rows_of(found)
    # The new task of its own cycle is an anchor set now, and is found again by its content.
    assert set(rows) == {"anchor/bank", "anchor/learned-0002"}
    for row in rows.values():
        assert row.now == pytest.approx(row.accepted)
        assert row.low <= row.difference <= row.high
        assert row.margin == 0.02


def test_a_loss_that_the_settings_cause_is_seen(opened):
    settings = opened.settings.root / "anchorhold.toml"
    settings.write_text(settings.read_text().replace("max_length = 32", "max_length = 8"))
    with open_workspace(
        load_settings(opened.settings.root), doing="x", now=NOW, exclusive=False
    ) as cut:
        found = evaluate_again(cut, "2", NOW)
    assert "anchor/bank" in found.fell
    assert rows_of(found)["anchor/bank"].high < -0.02
    assert "another embedding space" in found.notes[-1]


def test_scores_in_another_number_format_are_not_compared(opened, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    settings = opened.settings.root / "anchorhold.toml"
    settings.write_text(settings.read_text() + '\n[evaluate]\nprecision = "bfloat16"\n')
    loaded = load_settings(opened.settings.root)
    with open_workspace(loaded, doing="x", now=NOW, exclusive=False) as half:
        found = evaluate_again(half, "champion", NOW)
        folders = map(half.versions.folder, half.registry.versions())
        cards = [half.scores.of(each, half.anchor_sets.of(each)) for each in folders]
    assert {row.accepted for row in found.tasks} == {None}
    assert "accepted with scores in float32, and these are in bfloat16" in found.notes[0]
    assert not any("embedding space" in note for note in found.notes)  # what serves is the same
    assert {task.precision for card in cards for task in card.tasks.values()} == {"bfloat16"}


def test_a_set_that_changed_is_scored_but_not_compared(opened):
    corpus = opened.settings.root / "anchors" / "bank" / "corpus.jsonl"
    more = json.dumps({"id": "another", "text": "how the card is gone"})
    corpus.write_text(corpus.read_text() + more + "\n")
    found = evaluate_again(opened, "champion", NOW)
    row = rows_of(found)["anchor/bank"]
    assert row.accepted is row.difference is row.low is None
    assert 0 < row.now <= 1
    assert found.fell == ()
    assert found.notes[0].startswith("anchor/bank: the set changed since")


def test_a_version_that_was_accepted_without_the_metric_is_scored_but_not_compared(
    opened, monkeypatch
):
    settings = opened.settings.root / "anchorhold.toml"
    settings.write_text(settings.read_text() + '\n[gate]\nmetric = "soft_ndcg_at_10"\n')
    loaded = load_settings(opened.settings.root)
    with open_workspace(loaded, doing="x", now=NOW, exclusive=False) as soft:
        now = evaluate_again(soft, "champion", NOW)
        assert (now.metric, now.notes) == ("soft_ndcg_at_10", ())
        stored = VersionFolder.scorecard

        def older(folder):
            card = stored(folder).to_json()
            for task in card["tasks"].values():
                del task["metrics"]["soft_ndcg_at_10"]
            return Scorecard.from_json(card)

        monkeypatch.setattr(VersionFolder, "scorecard", older)
        found = evaluate_again(soft, "champion", NOW)
    assert [row.now for row in found.tasks] == [row.now for row in now.tasks]
    assert {row.accepted for row in found.tasks} == {None}
    assert "accepted without soft_ndcg_at_10 (gate.metric)" in found.notes[0]


def test_the_scores_of_what_serves_are_one_line_over_the_cycles(opened):
    found = evaluate_again(opened, "champion", NOW)
    client = opened.registry.client
    run = client.get_run(found.run_id)
    assert run.info.run_name == "golden sets of the champion"
    assert run.info.status == "FINISHED"
    history = client.get_metric_history(found.run_id, "anchor/bank/ndcg_at_10")
    # The bootstrap, the promotion, and this evaluation after it.
    assert [point.step for point in history] == [1, 2, 2]
    assert history[-1].value == pytest.approx(history[-2].value)
    learned = client.get_metric_history(found.run_id, "anchor/learned-0002/ndcg_at_10")
    assert [point.step for point in learned] == [2, 2]
    assert evaluate_again(opened, "champion", NOW).run_id == found.run_id
    assert evaluate_again(opened, "1", NOW).run_id != found.run_id


def test_a_slice_that_is_declared_later_is_compared_with_the_same_queries_at_acceptance(opened):
    folder = opened.settings.root / "anchors" / "bank"
    rows = [json.loads(line) for line in (folder / "queries.jsonl").read_text().splitlines()]
    tiers = [{**row, "tier": "gold" if i < 60 else "tin"} for i, row in enumerate(rows)]
    write_lines(folder / "queries.jsonl", tiers)
    settings = opened.settings.root / "anchorhold.toml"
    sliced = settings.read_text().replace(
        'path = "anchors/bank"', 'path = "anchors/bank"\nslices = ["tier"]'
    )
    settings.write_text(sliced)
    found = evaluate_again(opened.following(load_settings(opened.settings.root)), "champion", NOW)
    assert found.notes == ()
    row = rows_of(found)["anchor/bank/tier=gold"]
    assert row.queries == 60
    assert row.now == pytest.approx(row.accepted)


@pytest.mark.slow
def test_what_was_learned_from_several_sources_is_compared_with_what_was_accepted(
    workspace, travel_arrives
):
    turn(workspace, 0)
    travel_arrives()
    file = workspace / "pairs" / "travel.jsonl"
    pairs = [json.loads(line) for line in file.read_text().splitlines()]
    write_lines(file, [{**pair, "source": f"s{i % 2}"} for i, pair in enumerate(pairs)])
    result = turn(workspace, 1)
    assert result.outcome == "promoted", result.verdict
    assert {"new/source=s0", "new/source=s1"} <= {each.task for each in result.verdict.comparisons}
    with Workspace.open(workspace, now=NOW) as work:
        found = work.evaluate()
        compared = work.compare("champion", "origin")
        checked = work.check(traffic=workspace / "traffic" / "travel.jsonl")
    assert found.notes == ()
    for row in found.tasks:
        assert row.now == pytest.approx(row.accepted), row.task
    assert not any("changed since" in note for note in compared.notes)
    quality = next(each for each in checked.signals if each.trigger == "quality_drop")
    assert not quality.measured, "neither the sets nor the model changed"


def test_without_a_golden_set_there_is_nothing_to_evaluate_on(opened):
    settings = opened.settings.root / "anchorhold.toml"
    text = settings.read_text().replace('[anchors.bank]\npath = "anchors/bank"\n', "")
    settings.write_text(text)
    with (
        open_workspace(
            load_settings(opened.settings.root), doing="x", now=NOW, exclusive=False
        ) as bare,
        pytest.raises(DataFault, match="no golden set"),
    ):
        evaluate_again(bare, "1", NOW)
