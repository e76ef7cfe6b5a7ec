"""Accepting drifted texts by a person's word: they do not alarm twice, and it can be undone."""

from datetime import UTC, datetime, timedelta

import pytest
from made_streams import sentences, texts_of, write_lines

from pipeline import Workspace
from training.faults import DataFault

NOW = datetime(2026, 3, 2, tzinfo=UTC)
COOKING = ("cook", "recipe", "salt", "menu")


@pytest.fixture
def drifted(turned):
    """A workspace whose last cycle found texts about cooking and had nothing to learn from."""
    arrive(turned, "cooking", 5, 300)
    assert turn(turned, 48).outcome == "insufficient_data"
    return turned


def arrive(space, name, seed, count=150):
    rows = texts_of(sentences(COOKING, count, seed))
    write_lines(space / "traffic" / f"{name}.jsonl", rows)


def turn(space, hours):
    with at(space, hours) as work:
        return work.run()


def at(space, hours):
    return Workspace.open(space, now=NOW + timedelta(hours=hours))


def test_accepted_texts_do_not_alarm_twice_and_an_undo_brings_the_alarm_back(drifted):
    with at(drifted, 49) as work:
        done = work.accept(reason="a new product line", who="ann")
        assert (done.action, done.texts, done.cycle) == ("accept", 300, "0003")
        assert done.fired
        assert done.champion.version == 2
        assert "reference" in work.check().reasons[0], "nothing is left to check"
        status = work.status()
    assert status.waiting.traffic == 0
    assert [(each.who, each.reason) for each in status.acceptances] == [
        ("ann", "a new product line")
    ]
    arrive(drifted, "cooking-2", 6)
    quiet = turn(drifted, 50)
    assert quiet.outcome == "quiet", quiet.decision.reasons
    assert quiet.window.accepted == quiet.window.known

    with at(drifted, 51) as work:
        undone = work.accept(undo=True, reason="it was not")
        assert (undone.action, undone.texts) == ("undo", 300)
        assert work.check().fired, "the same texts are checked again"


def test_what_arrived_after_the_last_check_is_not_accepted(drifted):
    arrive(drifted, "cooking-2", 6, 40)
    with at(drifted, 49) as work:
        work.check()
        done = work.accept()
    assert done.texts == 300
    later = turn(drifted, 50)
    assert later.window.known < later.window.until


def test_there_must_be_something_to_accept_or_to_take_back(turned):
    with at(turned, 48) as work:
        with pytest.raises(DataFault, match="no cycle has checked"):
            work.accept()
        with pytest.raises(DataFault, match="nothing to take back"):
            work.accept(undo=True)
        with pytest.raises(DataFault, match="reason is empty"):
            work.accept(reason=" ")
