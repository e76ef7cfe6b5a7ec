"""The journal: each stage of a cycle is done once, over however many processes."""

from datetime import UTC, datetime

import pytest

from pipeline.cycle.journal import Journal
from pipeline.store.store import Store

STARTED = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path):
    with Store.open("sqlite://") as store:
        yield Journal(store, store.begin_cycle(STARTED), tmp_path / "cycle")


def test_a_stage_that_is_done_is_not_done_again(journal):
    assert journal.once("look", lambda: {"found": 1}) == {"found": 1}
    assert journal.once("look", lambda: pytest.fail("done again")) == {"found": 1}
    assert journal.known("look")


def test_a_stage_that_failed_is_tried_again(journal):
    def fail():
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        journal.once("look", fail)
    assert not journal.known("look")
    assert journal.once("look", lambda: {"found": 2}) == {"found": 2}


def test_times_are_summed_by_group_and_in_all(journal):
    journal.once("a", dict)
    journal.once("b", dict)
    spent = journal.seconds({"early": ("a",), "late": ("b", "never")})
    assert set(spent) == {"early", "late", "total"}
    assert spent["total"] == pytest.approx(spent["early"] + spent["late"], abs=0.002)


def test_a_continued_cycle_keeps_the_present_it_began_with(journal):
    assert journal.started == STARTED
    assert journal.cycle == "0001"
