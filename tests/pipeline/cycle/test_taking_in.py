"""The intake of a cycle that was interrupted counts what was stored before."""

import pytest
from conftest import let_travel_arrive
from made_streams import write_lines

from pipeline.cycle.journal import Journal
from pipeline.cycle.taking_in import take_in
from pipeline.intake import Intake


@pytest.fixture
def journal(opened):
    row = opened.store.begin_cycle(opened.store.cycles(limit=1)[0].started)
    return Journal(opened.store, row, opened.settings.state / "cycles" / row.id)


def more(opened) -> None:
    """Let one pair and forty texts arrive, and a line that cannot be read."""
    root = opened.settings.root
    write_lines(root / "pairs" / "more.jsonl", [{"query": "where", "positive": "there"}])
    write_lines(root / "traffic" / "more.jsonl", [{"text": f"{n}"} for n in range(40)])
    with (root / "traffic" / "more.jsonl").open("a", encoding="utf-8") as file:
        file.write("{")
        file.write("\n")


def counted(found):
    return {
        name: (getattr(found, name).files, getattr(found, name).stored)
        for name in ("pairs", "traffic")
    }


def test_what_an_interrupted_process_stored_counts(opened, journal, monkeypatch):
    let_travel_arrive(opened.settings.root)
    opened.take_in(journal.started)
    more(opened)
    take = Intake._take

    def stop(self, store, kind, role, source, now, **more):
        # Pairs are read after texts.
        if (kind, role) == ("pair", "recent"):
            raise KeyboardInterrupt
        return take(self, store, kind, role, source, now, **more)

    with monkeypatch.context() as patched:
        patched.setattr(Intake, "_take", stop)
        with pytest.raises(KeyboardInterrupt):
            take_in(opened, journal)
    found = take_in(opened, journal)
    assert counted(found) == {"pairs": (1, 1), "traffic": (1, 40)}
    assert found.traffic.quarantined == 1
    assert take_in(opened, journal) == found
    assert not journal.known("before intake")


def test_without_an_interruption_it_is_what_was_read(opened, journal):
    opened.take_in(journal.started)
    more(opened)
    assert counted(take_in(opened, journal)) == {"pairs": (1, 1), "traffic": (1, 40)}
    assert not journal.known("before intake")
