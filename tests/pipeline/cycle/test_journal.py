"""The journal: each stage of a cycle is done once, over however many processes."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.cycle.journal import Journal
from pipeline.results.result import Result
from pipeline.store.store import Store


class Found(Result):
    texts: tuple[str, ...] = ()


STARTED = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path):
    with Store.open("sqlite://") as store:
        yield Journal(store, store.begin_cycle(STARTED), tmp_path / "cycle")


def test_a_stage_that_is_done_is_not_done_again(journal):
    found = Found(texts=("a", "b"))
    assert journal.once("look", lambda: found, Found) == found
    assert journal.once("look", lambda: pytest.fail("done again"), Found) == found
    assert journal.known("look")
    assert journal.result("look", Found) == found
    assert journal.result("never", Found) is None


def test_the_stage_that_is_under_way_is_shown(tmp_path):
    shown = []

    @contextmanager
    def progress(label, total):
        shown.append((label, total))
        yield shown.append

    with Store.open("sqlite://") as store:
        journal = Journal(store, store.begin_cycle(STARTED), tmp_path / "c", progress=progress)
        for _ in range(2):
            journal.once("look", Found, Found)
    assert shown == [("look", 0)]


def test_a_stage_that_failed_is_tried_again(journal):
    def fail():
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        journal.once("look", fail, Found)
    assert not journal.known("look")
    assert journal.once("look", Found, Found) == Found()


def test_times_are_summed_by_group_and_in_all(journal):
    journal.once("a", Found, Found)
    journal.once("b", Found, Found)
    spent = journal.seconds({"early": ("a",), "late": ("b", "never")})
    assert set(spent) == {"early", "late", "total"}
    assert spent["total"] == pytest.approx(spent["early"] + spent["late"], abs=0.002)


def test_a_resumed_cycle_keeps_the_present_it_began_with(journal):
    assert journal.started == STARTED
    assert journal.cycle == "0001"


def test_what_outlasts_a_resumed_cycle_begins_when_it_is_resumed(tmp_path):
    resumed = STARTED + timedelta(days=1)
    with Store.open("sqlite://") as store:
        journal = Journal(store, store.begin_cycle(STARTED), tmp_path / "cycle", resumed)
        assert journal.started == STARTED
        assert timedelta(0) <= journal.present - resumed < timedelta(hours=1)
