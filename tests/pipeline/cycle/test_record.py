"""MLflow shows what happened by the names of its runs, and a version's worth on its own page."""

from datetime import UTC, datetime

import pytest

from pipeline.cycle.notes import run_name, version_note
from pipeline.cycle.record import record_decision
from pipeline.results import CycleResult

HOSTILE = "a | b <script>alert(1)</script> [x](http://y)"
COMPARISON = {
    "task": f"new/{HOSTILE}", "metric": "ndcg_at_10", "champion": 0.7, "candidate": 0.6,
    "difference": -0.1, "low": -0.2, "high": 0.0, "queries": 200, "holds": False, "needs": None,
    "rule": "gain", "margin": 0.0, "spread": 0.1, "visible": 0.02, "reason": "r",
}  # fmt: skip


def result(outcome, candidate=3, comparisons=(), **more):
    reasons = [f"rejected: {HOSTILE}", "version 3 awaits approval"]
    verdict = {"promote": False, "outcome": "rejected", "reasons": reasons}
    return CycleResult.model_validate(
        {
            "cycle": "0004",
            "outcome": outcome,
            "decision": {"train": True, "reasons": ["why"]},
            "champion": {"version": 2},
            "candidate": {"version": candidate} if candidate else None,
            "verdict": {**verdict, "comparisons": comparisons} if candidate else None,
            "intake": {},
            "seconds": {},
            "run_id": "abc",
            **more,
        }
    )


@pytest.mark.parametrize(
    ("finished", "name"),
    [
        (result("quiet", candidate=None), "0004 quiet"),
        (result("insufficient_data", candidate=None), "0004 insufficient data"),
        (result("rejected"), "0004 rejected v3"),
        (result("promoted"), "0004 promoted v3"),
        (result("inconclusive", awaiting_approval=True), "0004 waiting v3"),
        (result("bootstrapped", candidate=None), "0004 bootstrapped v2"),
    ],
)
def test_the_name_of_a_run_tells_the_outcome_and_the_version(finished, name):
    assert run_name(finished) == name


def test_a_version_is_described_by_its_verdict_and_texts_of_users_stay_plain():
    note = version_note(result("rejected", comparisons=[COMPARISON]))
    assert note.startswith("rejected: a \\| b \\<script\\>alert(1)")
    row = next(line for line in note.splitlines() if line.startswith("| new/"))
    assert row.endswith("| 0.7000 | 0.6000 | -0.1000 | -0.2000 | > +0.0000 | **no** |")
    assert "<script>" not in note and "[x](" not in note


def test_a_version_that_waits_is_described_with_what_approves_it():
    note = version_note(result("inconclusive", awaiting_approval=True))
    assert note.startswith("passed, awaiting approval: a \\| b")
    assert "set the tag `anchorhold.approval` to `approved`" in note
    assert "awaits approval" not in note


def test_the_page_and_the_run_of_a_version_that_waited_tell_what_was_decided(opened):
    registry, now = opened.registry, datetime(2026, 3, 2, tzinfo=UTC)
    registry.describe(
        registry.version(2), version_note(result("inconclusive", awaiting_approval=True))
    )
    record_decision(registry, registry.version(2), "approved", "promoted: by Ann", now)
    page = registry.version(2).description
    assert page.startswith("2026-03-02, promoted: by Ann.\n\npassed: ")
    assert "waits" not in page
    (run,) = registry.client.search_runs(
        [registry.experiment],
        "tags.`anchorhold.cycle` = '0002' and tags.`anchorhold.attempt` = 'cycle'",
    )
    assert run.info.run_name == "0002 approved v2"
    record_decision(registry, registry.version(2), "approved", "promoted: by Ann", now)
    assert registry.version(2).description == page


def test_a_description_that_mlflow_would_not_take_is_cut_at_a_line():
    note = version_note(result("rejected", comparisons=[COMPARISON] * 100))
    assert 4000 < len(note) < 5000
    assert note.splitlines()[-1] == "The rest is in the report of the cycle's run."


def test_mlflow_lists_cycles_by_outcome_with_columns_to_sort_by(opened):
    found = opened.registry.client.search_runs([opened.registry.experiment])
    runs = {each.info.run_name: each for each in found}
    assert {"0001 bootstrapped v1", "0002 promoted v2"} < set(runs)
    promoted = runs["0002 promoted v2"].data
    assert set(promoted.params) == {
        "strategy",
        "learning_rate",
        "epochs",
        "pairs",
        "replayed_share",
    }
    assert promoted.params["learning_rate"] == "0.003"
    for name in ("drift/embedding_shift/effect", "drift/embedding_shift/p_value"):
        assert 0 <= promoted.metrics[name] <= 1
    assert promoted.metrics["anchor/bank/ndcg_at_10"] > 0.9


def test_the_scores_of_a_version_hang_on_its_logged_model_and_their_data_sets(opened):
    client, version = opened.registry.client, opened.registry.version(2)
    model = client.get_logged_model(version.logged_model)
    assert str(model.status) == "READY"
    scorecard = opened.versions.folder(version).scorecard()
    measured = {each.key: each for each in model.metrics}
    scores = {name: each.value for name, each in measured.items() if "/cosine_" not in name}
    assert scores == pytest.approx(scorecard.means())
    assert 0 < measured["anchor/bank/cosine_relevant_p50"].value <= 1
    anchor = measured["anchor/bank/ndcg_at_10"]
    assert anchor.dataset_name == "anchor/bank"
    assert scorecard.tasks["anchor/bank"].set_digest.startswith(anchor.dataset_digest)
    data_sets = client.get_run(anchor.run_id).inputs.dataset_inputs
    assert (anchor.dataset_name, anchor.dataset_digest) in {
        (each.dataset.name, each.dataset.digest) for each in data_sets
    }


def test_the_page_of_a_version_shows_its_verdict(opened):
    client = opened.registry.client
    described = client.get_model_version("tiny-search", "2").description
    assert described.startswith("promoted: ")
    assert "| anchor/bank | 0." in described
    model = client.get_logged_model(opened.registry.version(2).logged_model)
    assert (
        model.tags["mlflow.note.content"] == f"Load it as `models:/tiny-search/2`.\n\n{described}"
    )
    assert "base model" in client.get_model_version("tiny-search", "1").description
