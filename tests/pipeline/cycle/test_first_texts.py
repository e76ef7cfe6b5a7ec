"""A workspace without any pair, history or reference: its first traffic is what it knows."""

from datetime import UTC, datetime, timedelta

import pytest
from made_streams import BANK, TRAVEL, sentences, texts_of, write_lines

from pipeline import Workspace
from pipeline.cycle.first_texts import first_texts
from pipeline.observation import Observe
from pipeline.store import Record, Store, Traffic
from training.faults import DataFault
from training.pairs import Pair

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def traffic_only(workspace):
    """A workspace whose folders hold 400 texts of traffic and nothing else."""
    for file in ("history/bank.jsonl", "reference/bank.jsonl"):
        (workspace / file).unlink()
    settings = workspace / "anchorhold.toml"
    kept = [
        line
        for line in settings.read_text().splitlines()
        if not line.startswith(("[anchors", "path"))
    ]
    settings.write_text("\n".join(kept))
    arrive(workspace, "before", BANK, 400, 1)
    return workspace


def arrive(space, name, words, count, seed):
    write_lines(space / "traffic" / f"{name}.jsonl", texts_of(sentences(words, count, seed)))


def turn(space, hours):
    with Workspace.open(space, now=NOW + timedelta(hours=hours)) as work:
        return work.run()


def stored(*kinds):
    """Return a store with these arrivals, in this order."""
    store = Store.open("sqlite://")
    for number, (kind, role) in enumerate(kinds):
        content = Traffic(f"text {number}")
        if kind == "pair":
            content = Pair("", f"question {number}", f"answer {number}")
        store.add(kind, role, [Record(content)])
    return store


def test_traffic_alone_leads_from_bootstrap_over_quiet_to_drift_with_a_report(traffic_only):
    first = turn(traffic_only, 0)
    assert first.outcome == "bootstrapped"
    assert any("400 texts" in reason for reason in first.decision.reasons)
    assert "wait for the next run" not in " ".join(first.decision.reasons)
    assert "nothing has arrived" in turn(traffic_only, 1).decision.reasons[0]

    arrive(traffic_only, "week-1", BANK, 150, 2)
    assert turn(traffic_only, 2).outcome == "quiet"

    arrive(traffic_only, "week-2", TRAVEL, 250, 3)
    drift = turn(traffic_only, 3)
    assert drift.outcome == "insufficient_data"
    assert drift.decision.train
    with Workspace.open(traffic_only, now=NOW) as work:
        assert work.report().cycle == drift.cycle
        status = work.status()
    assert status.waiting.traffic == 400
    assert status.records.traffic.learned == 400


def test_pairs_that_came_first_wait_and_later_texts_are_known_all_the_same():
    with stored(("pair", "recent"), ("traffic", "recent"), ("traffic", "recent")) as store:
        first = first_texts(store)
    assert [each.text for each in first.texts] == ["text 1", "text 2"]
    assert (first.cut, first.known) == (0, 3)


def test_history_or_a_reference_comes_before_what_has_arrived():
    for known in (("pair", "history"), ("traffic", "reference")):
        with stored(known, ("traffic", "recent")) as store:
            first = first_texts(store)
        assert len(first.texts) == 1
        assert first.texts[0].text in ("question 0", "text 0")
        assert (first.cut, first.known) == (1, 0)


def test_a_small_reference_is_named_as_one():
    with stored(*[("traffic", "recent")] * 30) as store:
        notes = [*first_texts(store).notes(Observe())]
    assert "30 texts are a small reference" in notes[1]


def test_without_any_text_a_first_run_names_all_that_would_do(workspace):
    for file in ("history/bank.jsonl", "reference/bank.jsonl"):
        (workspace / file).unlink()
    with pytest.raises(DataFault, match=r"no text has arrived.*data\.traffic"):
        turn(workspace, 0)
    arrive(workspace, "later", BANK, 60, 1)
    assert turn(workspace, 1).outcome == "bootstrapped", "once some has arrived, it goes on"


@pytest.mark.slow
def test_labelled_pairs_beside_the_first_traffic_wait_for_the_next_run(traffic_only):
    write_lines(traffic_only / "pairs" / "travel.jsonl", sentences(TRAVEL, 40, 3))
    first = turn(traffic_only, 0)
    assert first.decision.reasons[-1] == "40 pairs and 0 texts wait for the next run"
    with Workspace.open(traffic_only, now=NOW) as work:
        status = work.status()
    assert (status.waiting.pairs, status.waiting.traffic) == (40, 0)


@pytest.fixture
def log_only(traffic_only):
    """A workspace of a served log, with neither pairs nor traffic."""
    (traffic_only / "traffic" / "before.jsonl").unlink()
    settings = traffic_only / "anchorhold.toml"
    text = settings.read_text()
    more = 'log = ["log/*.jsonl"]\ncorpus = ["corpus/*.jsonl"]\n'
    settings.write_text(text.replace("traffic = [", f"{more}traffic = ["))
    served(traffic_only, "before", BANK, 300, 1)
    return traffic_only


def served(space, name, words, count, seed):
    lines = [{"query": row["query"]} for row in sentences(words, count, seed)]
    write_lines(space / "log" / f"{name}.jsonl", lines)


@pytest.mark.slow
def test_a_log_alone_is_a_past_too_and_its_drift_has_nothing_to_learn_from(log_only):
    assert turn(log_only, 0).outcome == "bootstrapped"
    served(log_only, "week-1", TRAVEL, 250, 3)
    drift = turn(log_only, 1)
    assert drift.outcome == "insufficient_data"
    assert drift.decision.train


def test_documents_beside_a_log_become_the_first_anchors_and_are_learned_from(log_only):
    documents = [
        {"id": row["id"], "text": f"{row['positive']}. it is {row['source']} {row['id']}."}
        for row in (*sentences(BANK, 300, 5), *sentences(TRAVEL, 300, 6))
    ]
    write_lines(log_only / "corpus" / "all.jsonl", documents)
    first = turn(log_only, 0)
    assert first.outcome == "bootstrapped"
    assert any("known items" in reason for reason in first.decision.reasons)
    served(log_only, "week-1", TRAVEL, 250, 3)
    with Workspace.open(log_only, now=NOW + timedelta(hours=1)) as work:
        decision = work.check()
    assert decision.train
    assert not decision.shortage, "there are documents to make pairs of"
