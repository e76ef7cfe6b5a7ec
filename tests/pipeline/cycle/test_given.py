"""The given candidate: another encoder goes through the gate as a trained one does."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from conftest import let_travel_arrive, make_workspace
from made_streams import TRAVEL, sentences, write_lines
from odd_models import (
    cross_encoder,
    gpt2,
    sparse_encoder,
    with_dense,
    with_nan_for,
    word_vectors,
)

from pipeline import Workspace
from pipeline.gate import Canary
from pipeline.workspace.settings_file import load_settings
from pipeline.workspace.workspace import open_workspace
from training.faults import DataFault

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture(scope="session")
def words(tmp_path_factory):
    """A model that finds texts by their words: no transformer, vectors of 48 dimensions."""
    return word_vectors(tmp_path_factory.mktemp("words") / "model", 48)


@pytest.fixture(scope="session")
def begun_once(tmp_path_factory, tiny_model, empty_tracking_store):
    """A workspace whose first version serves, to copy."""
    place = tmp_path_factory.mktemp("begun") / "space"
    space = make_workspace(place, tiny_model, empty_tracking_store)
    with Workspace.open(space, now=NOW) as work:
        assert work.run().outcome == "bootstrapped"
    return space


@pytest.fixture
def begun(begun_once, tmp_path):
    return shutil.copytree(begun_once, tmp_path / "begun")


def at(space, hours=1):
    return Workspace.open(space, now=NOW + timedelta(hours=hours))


def facts_of(space, number):
    with open_workspace(load_settings(space), doing="look", now=NOW) as opened:
        version = opened.registry.version(number)
        return version, opened.versions.folder(version)


def test_a_better_encoder_of_another_dimension_is_promoted_on_old_tasks_and_left_by_rollback(
    begun, words
):
    with at(begun) as work:
        result = work.candidate(words)
        assert result.outcome == "promoted", result.verdict
        assert result.champion.version == result.candidate.version == 2
        assert result.verdict.reasons[0].startswith(
            "promoted: no old task got worse, and anchor/bank gained (+"
        )
        assert result.window is None and not result.training.pairs
        assert "what it was trained on is not known" in result.decision.reasons[-1]
        assert work.encoder().dimensions == 48
        version, folder = facts_of(begun, 2)
        _, before = facts_of(begun, 1)
        assert version.tags["anchorhold.parent"] == "1"
        assert version.tags["anchorhold.base"] == str(words)
        assert "is given" in result.decision.reasons[0]
        assert f"The candidate was given, not trained: {words}" in version.description
        assert folder.memory() == before.memory() and folder.reference() == before.reference()
        assert folder.facts().cut == before.facts().cut
        assert folder.probes()[1].shape[1] == 48
        assert work.run().decision.reasons == ("nothing has arrived since the champion learned",)
        assert work.rollback().champion.version == 1
        assert work.encoder().dimensions == 16
        with pytest.raises(DataFault, match=r"is version 2, which was rolled back; only"):
            work.candidate(words)


@pytest.mark.slow
def test_a_dry_run_says_the_same_and_stores_nothing(begun, words, tiny_model):
    write_lines(begun / "pairs" / "travel.jsonl", sentences(TRAVEL, 300, 3))
    with at(begun) as work:
        told = work.candidate(words, dry_run=True)
        assert (told.outcome, told.dry_run, told.cycle) == ("promoted", True, "dry-run")
        status = work.status()
        assert (status.champion.version, status.unfinished) == (1, None)
        assert [each.cycle for each in status.cycles] == ["0001"] and status.waiting.pairs == 0
        result = work.candidate(words)
    assert result.verdict.comparisons == told.verdict.comparisons
    assert [each.rule for each in result.verdict.comparisons] == ["gain", "no worse"]
    assert result.intake.pairs.stored == 300 and result.lesson.recent == 0


@pytest.mark.slow
def test_what_arrived_is_still_new_and_the_next_cycle_learns_it_from_the_new_champion(begun, words):
    let_travel_arrive(begun)
    with at(begun) as work:
        given = work.candidate(words)
        assert given.outcome == "promoted" and given.lesson.held_out_queries
        status = work.status()
        assert (status.waiting.pairs, status.waiting.traffic) == (300, 150)
        learned = work.run()
    assert learned.window.champion == 2 and learned.decision.train
    assert "space_mismatch" not in learned.decision.blocked_by
    assert learned.fresh, "a candidate that is given checks nothing"
    assert learned.training.pairs and learned.candidate.version == 3
    assert {each.rule for each in learned.verdict.comparisons} == {"gain", "no worse", "floor"}
    version, folder = facts_of(begun, 3)
    assert folder.probes()[1].shape[1] == 48
    assert version.tags["anchorhold.parent"] == "2"


def test_a_worse_encoder_is_refused_and_no_candidate_waits(begun, tiny_model, tmp_path):
    with at(begun) as work:
        result = work.candidate(with_dense(tiny_model, tmp_path / "narrow"))
        assert result.outcome in ("rejected", "inconclusive")
        assert (result.champion.version, result.candidate.version) == (1, 2)
        assert result.verdict.suspects == ()
        assert "candidate" not in facts_of(begun, 2)[0].aliases
        assert work.status().unfinished is None


@pytest.mark.slow
def test_with_approval_a_given_candidate_waits_as_others_do(begun, words):
    settings = begun / "anchorhold.toml"
    settings.write_text(settings.read_text() + "\n[gate]\napproval = true\n")
    with at(begun) as work:
        result = work.candidate(words)
        assert result.awaiting_approval and result.champion.version == 1
        assert [each.version for each in work.status().awaiting_approval] == [2]
        assert work.promote(2, reason="looked at it").champion.version == 2


def test_a_candidate_without_embedding_for_what_measures_it_is_rejected(
    begun, tiny_model, tmp_path
):
    given = with_nan_for("menu", tiny_model, tmp_path / "odd")
    let_travel_arrive(begun)
    with at(begun) as work:
        assert work.candidate(given, dry_run=True).outcome == "rejected"
        result = work.candidate(given)
        assert (result.outcome, result.candidate) == ("rejected", None)
        assert "there is no candidate: candidate '" in result.verdict.reasons[0]
        assert "gave NaN for 'where is my" in result.verdict.reasons[0]
        assert work.status().unfinished is None


REFUSED = [
    (lambda tiny, place: place, "is not a folder; give a folder or a hub id"),
    (cross_encoder, "holds a CrossEncoder"),
    (sparse_encoder, "holds a SparseEncoder"),
    (lambda tiny, place: tiny, "is the champion already: version 1 has the same weights"),
    (lambda tiny, place: gpt2(place, padding=False), "has no padding token"),
]


@pytest.mark.parametrize(("make", "why"), REFUSED, ids=["none", "cross", "sparse", "same", "pad"])
def test_what_cannot_be_a_candidate_is_refused_before_a_cycle_begins(
    make, why, begun, tiny_model, tmp_path
):
    for dry_run in (True, False):
        with at(begun) as work, pytest.raises(DataFault, match=why) as fault:
            work.candidate(make(tiny_model, tmp_path / f"given-{dry_run}"), dry_run=dry_run)
        assert "model.base" not in str(fault.value)
    with at(begun) as work:
        status = work.status()
    assert status.unfinished is None and len(status.cycles) == 1
    assert not (begun / ".anchorhold" / "candidate").exists()


@pytest.mark.parametrize(
    ("lengths", "why"),
    [("[12]", r"gives vectors of 8 dimensions: model\.dimensions holds 12"),
     ("[8]", r"gives vectors of 8 dimensions, which model\.dimensions \[8\] holds as a shorter")],
)  # fmt: skip
def test_vectors_that_do_not_have_the_lengths_served_are_refused(
    lengths, why, begun, tiny_model, tmp_path
):
    settings = begun / "anchorhold.toml"
    text = settings.read_text()
    settings.write_text(text.replace("max_length = 32", f"max_length = 32\ndimensions = {lengths}"))
    with at(begun) as work, pytest.raises(DataFault, match=why):
        work.candidate(with_dense(tiny_model, tmp_path / "narrow"))


def test_while_a_canary_runs_a_candidate_is_refused_before_it_is_fetched(begun):
    with open_workspace(load_settings(begun), doing="look", now=NOW) as opened:
        opened.store.begin_canary(2, 1, "0001", dataclasses.asdict(Canary(share=0.5)), NOW)
    with at(begun) as work, pytest.raises(DataFault, match="version 2 is on trial as canary"):
        work.candidate("/no/such/model")


@pytest.mark.slow
def test_another_base_in_the_settings_is_named_with_the_command_that_takes_it(begun, words):
    settings = begun / "anchorhold.toml"
    text, tiny = settings.read_text(), load_settings(begun).tables.model.base
    settings.write_text(text.replace(json.dumps(tiny), json.dumps(str(words))))
    with at(begun) as work:
        (warning,) = work.status().warnings
        assert warning == (
            f"model.base is {str(words)!r}, but version 1 was made from {tiny!r}; the change has "
            f"no effect by itself: `anchorhold candidate {words}` takes it through the gate"
        )
        assert work.candidate(words).outcome == "promoted"
        assert work.status().warnings == ()
    settings.write_text(text)
    with at(begun) as work:
        assert work.status().warnings == (), "what version 1 was made from may stay"


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pipeline import Workspace
from pipeline.store import Store

record = Store.record_stage

def recorded(self, cycle, name, payload):
    record(self, cycle, name, payload)
    if name == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)

Store.record_stage = recorded
with Workspace.open(sys.argv[1], now=datetime(2026, 3, 2, 1, tzinfo=UTC)) as work:
    work.candidate(sys.argv[2])
"""


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["given", "evaluate"])
def test_a_killed_candidate_is_resumed_by_run_or_by_the_same_command(begun, words, stage):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(begun), str(words), stage],
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
    with at(begun) as work:
        with pytest.raises(DataFault, match=r"cycle 0002 with candidate '.*' is unfinished;"):
            work.candidate(begun / "history")
        result = work.candidate(words) if stage == "given" else work.run()
        assert (result.cycle, result.outcome, result.champion.version) == ("0002", "promoted", 2)
        assert [each.version for each in work.status().promotions] == [1, 2]


def test_a_first_version_with_shorter_vectors_than_are_served_now_is_scored_at_its_own(begun):
    settings = begun / "anchorhold.toml"
    longer = settings.read_text().replace(
        "max_length = 32", "max_length = 32\ndimensions = [32, 8]"
    )
    settings.write_text(longer)
    with open_workspace(load_settings(begun), doing="look", now=NOW) as opened:
        origin = opened.versions.folder(opened.versions.champion())
        sets = opened.anchor_sets.of(origin)
        with pytest.raises(DataFault, match="allowed are 1 to 16"):
            opened.scores.of(origin, sets)
        scored = opened.scores.reaching(origin).of(origin, sets)
    assert set(scored.tasks) == {"anchor/bank", "anchor/bank/dim-8"}


def test_a_candidate_needs_a_champion_to_be_compared_with(workspace, words):
    with at(workspace) as work, pytest.raises(DataFault, match="has no champion yet"):
        work.candidate(words)
