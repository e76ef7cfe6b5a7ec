"""Approval by a tag in MLflow: the next run promotes what waits, and nothing else."""

import logging
from datetime import UTC, datetime

import pytest

from pipeline.cycle.approval import approvals, settle_approvals
from pipeline.cycle.promotion import Champions
from pipeline.cycle.run import run_cycle
from pipeline.operations.status import status_now
from pipeline.store import Store
from training.faults import DataFault

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def champions(opened):
    return Champions.of(opened)


def tag(opened, version, **tags):
    """Set tags as a person does on MLflow's page of a version."""
    for name, value in tags.items():
        number = str(version.number)
        opened.registry.client.set_model_version_tag(
            "tiny-search", number, f"anchorhold.{name}", value
        )


def test_the_next_run_promotes_what_was_approved_in_mlflow_and_records_who(opened, registered):
    waiting = registered("0070", verdict="promoted")
    tag(opened, waiting, approval=" Approved ", approved_by="Ann Lee\n")
    told = status_now(opened, NOW)
    assert told.approvals == (
        f"version {waiting.number} is approved in MLflow by Ann Lee: the next `anchorhold run` "
        "promotes it",
    )
    result = run_cycle(opened, NOW)
    assert (result.approved.version, result.champion.version) == (waiting.number, waiting.number)
    last = opened.store.promotions()[-1]
    assert (last.version, last.previous, last.action) == (waiting.number, 2, "promote")
    assert last.reason == "approved in MLflow by Ann Lee"
    assert opened.registry.version("champion").number == waiting.number
    assert status_now(opened, NOW).approvals == ()
    page = opened.registry.version(waiting.number).description
    assert page.startswith("2026-03-02, promoted: approved in MLflow by Ann Lee.")
    assert run_cycle(opened, NOW).approved is None


def test_an_approval_is_told_by_the_next_run_if_its_own_was_cut_off(
    opened, registered, monkeypatch
):
    waiting = registered("0070", verdict="promoted")
    tag(opened, waiting, approval="approved")
    with monkeypatch.context() as patched:
        patched.setattr(Store, "begin_cycle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run_cycle(opened, NOW)
    assert opened.versions.champion().number == waiting.number
    assert run_cycle(opened, NOW).approved.version == waiting.number
    assert run_cycle(opened, NOW).approved is None


def test_without_a_name_the_history_says_that_a_tag_approved(opened, champions, registered):
    tag(opened, registered("0070", verdict="promoted"), approval="approved")
    assert settle_approvals(champions, opened.store, NOW) is not None
    assert opened.store.promotions()[-1].reason == "approved in MLflow by MLflow tag"


def test_a_verdict_that_somebody_edited_in_mlflow_is_not_believed(opened, champions, registered):
    row = opened.store.begin_cycle(NOW)
    refused = registered(row.id, verdict="rejected")
    judged = {"candidate": {"version": refused.number}, "verdict": {"promote": False}}
    opened.store.finish_cycle(row.id, "rejected", {"outcome": "rejected", **judged})
    tag(opened, refused, verdict="promoted", approval="approved")
    assert champions.awaiting_approval() == []
    assert settle_approvals(champions, opened.store, NOW) is None
    with pytest.raises(DataFault, match="rejected; the tag"):
        champions.promotable(refused.number, force=False)


def test_of_two_approved_versions_the_newest_serves(opened, champions, registered, caplog):
    first, second = (registered(cycle, verdict="promoted") for cycle in ("0070", "0071"))
    for each in (first, second):
        tag(opened, each, approval="approved")
    assert settle_approvals(champions, opened.store, NOW).version == second.number
    assert settle_approvals(champions, opened.store, NOW) is None
    assert f"passed against version 2, but the champion is now {second.number}" in caplog.text


def test_rejecting_in_mlflow_ends_the_wait(opened, champions, registered):
    waiting = registered("0070", verdict="promoted")
    tag(opened, waiting, approval="rejected", approved_by="Bo")
    assert champions.awaiting_approval() == []
    assert settle_approvals(champions, opened.store, NOW) is None
    assert "candidate" not in {
        alias for each in opened.registry.versions() for alias in each.aliases
    }
    assert approvals(champions) == [f"version {waiting.number} was rejected in MLflow by Bo"]
    with pytest.raises(DataFault, match="was rejected in MLflow"):
        champions.promote(waiting.number, reason="after all", force=False, now=NOW)


@pytest.mark.parametrize(
    ("verdict", "parent", "says"),
    [
        ("rejected", "2", "did not pass the gate (verdict: rejected)"),
        ("inconclusive", "2", "did not pass the gate (verdict: inconclusive)"),
        ("promoted", "1", "passed against version 1, but the champion is now 2"),
    ],
)
def test_a_tag_on_a_version_that_does_not_wait_changes_nothing(
    opened, champions, registered, caplog, verdict, parent, says
):
    version = registered("0070", verdict=verdict, parent=parent)
    tag(opened, version, approval="approved")
    history = opened.store.promotions()
    assert settle_approvals(champions, opened.store, NOW) is None
    assert opened.registry.champion().number == 2
    assert opened.store.promotions() == history
    assert f"version {version.number} has the tag" in caplog.text
    assert says in caplog.text


def test_a_version_barred_by_a_rollback_is_not_approved_by_a_tag(opened, champions, registered):
    child = registered("0070", verdict="promoted")
    champions.roll_back(None, reason="complaints", now=NOW)
    grandchild = registered("0071", verdict="promoted", parent="1")
    tag(opened, child, approval="approved")
    tag(opened, opened.registry.version(2), approval="approved")
    assert settle_approvals(champions, opened.store, NOW) is None
    tag(opened, grandchild, approval="approved")
    assert settle_approvals(champions, opened.store, NOW).version == grandchild.number


def test_another_value_is_named_with_those_that_are_allowed(opened, champions, registered, caplog):
    waiting = registered("0070", verdict="promoted")
    tag(opened, waiting, approval="yes")
    with caplog.at_level(logging.WARNING):
        assert settle_approvals(champions, opened.store, NOW) is None
    assert "anchorhold.approval = 'yes'; allowed are approved and rejected" in caplog.text
    assert [each.number for each in champions.awaiting_approval()] == [waiting.number]


def test_an_unfinished_cycle_is_finished_before_an_approval_counts(opened, champions, registered):
    tag(opened, registered("0070", verdict="promoted"), approval="approved")
    opened.store.begin_cycle(NOW)
    assert run_cycle(opened, NOW).approved is None
    assert run_cycle(opened, NOW).approved is not None
