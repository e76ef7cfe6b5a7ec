"""The run of all cycles in MLflow: a line for each metric, a point for each cycle."""

from datetime import UTC, datetime

import pytest

from pipeline.cycle.all_cycles import RUN, record_over_cycles
from pipeline.cycle.journal import Journal
from pipeline.results import past_cycles

NOW = datetime(2026, 3, 9, tzinfo=UTC)


def lines_of(opened):
    """Return metric -> [(step, value)] of the run of all cycles, and the run."""
    client, registry = opened.registry.client, opened.registry
    runs = client.search_runs([registry.experiment], f"attributes.run_name = '{RUN}'")
    assert len(runs) == 1
    run = runs[0]
    return run, {
        name: [(each.step, each.value) for each in client.get_metric_history(run.info.run_id, name)]
        for name in run.data.metrics
    }


def test_each_metric_is_a_line_over_the_numbers_of_the_cycles(opened):
    run, lines = lines_of(opened)
    assert lines["champion/version that serves"] == [(1, 1.0), (2, 2.0)]
    assert [step for step, _ in lines["data/pairs in"]] == [1, 2]
    past = past_cycles(opened.store)[0].result
    shift = next(each for each in past.decision.signals if each.trigger == "embedding_shift")
    ((step, multiple),) = lines["drift as a multiple of its limit/embedding_shift"]
    assert (step, multiple) == (2, pytest.approx(shift.effect / shift.threshold))
    new = next(each for each in past.verdict.comparisons if each.task == "new")
    assert lines["gain of the candidate/new"] == [(2, pytest.approx(new.difference))]
    assert [step for step, _ in lines["ndcg_at_10 of the champion/bank"]] == [1, 2]
    assert not [name for name in lines if name.startswith(("mrr", "soft"))]
    assert lines["cost/megabytes on disk"][1][1] > 0.1
    assert "the number of the cycle" in run.data.tags["mlflow.note.content"]
    assert run.info.status == "FINISHED"


def test_cycles_that_are_missing_are_added_once(opened):
    registry, store = opened.registry, opened.store
    run, before = lines_of(opened)
    registry.client.delete_run(run.info.run_id)
    past = past_cycles(store)[0]
    row = store.cycle(past.id)
    journal = Journal(store, row, opened.settings.state / "cycles" / past.id, NOW)
    for _ in range(2):
        record_over_cycles(registry, store, journal, past.result, "ndcg_at_10")
        _, after = lines_of(opened)
        assert after == before


def test_a_cycle_that_is_recorded_again_adds_no_second_point(opened):
    store = opened.store
    past = past_cycles(store)[0]
    journal = Journal(store, store.cycle(past.id), opened.settings.state / "cycles" / past.id, NOW)
    _, before = lines_of(opened)
    again = past.result.changed(peak_memory_megabytes=1.0, disk_bytes=1)
    record_over_cycles(opened.registry, store, journal, again, "ndcg_at_10")
    assert lines_of(opened)[1] == before
