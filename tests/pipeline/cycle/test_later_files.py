"""Files of the quiet past that are added after the first run: used from the next check on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from made_streams import sentences, texts_of, write_lines

from pipeline import Workspace
from pipeline.cycle.window import later_reference
from pipeline.store import Record, Store, Traffic
from pipeline.workspace import load_settings, open_workspace
from training.faults import DataFault
from training.pairs import Pair

NOW = datetime(2026, 3, 2, tzinfo=UTC)
COOKING = ("cook", "recipe", "salt", "menu")


def turn(space, hours):
    with Workspace.open(space, now=NOW + timedelta(hours=hours)) as work:
        return work.run()


def fired(decision):
    return {"embedding_shift", "out_of_distribution", "vocabulary"} & set(decision.fired)


def test_texts_added_to_the_reference_are_known_ground_from_then_on(workspace):
    turn(workspace, 0)
    write_lines(workspace / "traffic" / "cooking.jsonl", texts_of(sentences(COOKING, 150, 5)))
    assert fired(turn(workspace, 1).decision)
    write_lines(workspace / "reference" / "kitchen.jsonl", texts_of(sentences(COOKING, 300, 6)))
    with Workspace.open(workspace, now=NOW + timedelta(hours=2)) as work:
        assert not fired(work.check()), "before they are stored, too"
    known = turn(workspace, 3)
    assert known.intake.reference.stored == 300
    assert not fired(known.decision)


@pytest.mark.slow
def test_a_new_version_keeps_what_was_added_to_history_and_reference(workspace, travel_arrives):
    turn(workspace, 0)
    travel_arrives()
    write_lines(workspace / "history" / "cooking.jsonl", sentences(COOKING, 100, 5))
    write_lines(workspace / "reference" / "kitchen.jsonl", texts_of(sentences(COOKING, 90, 6)))
    result = turn(workspace, 1)
    assert result.outcome == "promoted", result.verdict
    settings = load_settings(workspace)
    with open_workspace(settings, doing="test", now=NOW, exclusive=False) as opened:
        folder = opened.versions.folder(opened.versions.champion())
        assert sum(pair.source == "cook" for pair in folder.memory()) > 50
        assert sum("salt" in each.text or "recipe" in each.text for each in folder.reference()) > 50


def test_what_a_first_version_knows_is_not_added_to_it_again(workspace, travel_arrives):
    """Pairs that were there before history was named lie before it in the store."""
    file = workspace / "anchorhold.toml"
    text = file.read_text()
    rows = text.splitlines(keepends=True)
    file.write_text(
        "".join(row for row in rows if "history/*" not in row and "reference/*" not in row)
    )
    travel_arrives()
    (workspace / "traffic" / "travel.jsonl").unlink()
    with pytest.raises(DataFault, match="no text has arrived"):
        turn(workspace, 0)
    file.write_text(text)
    turn(workspace, 1)
    settings = load_settings(workspace)
    with open_workspace(settings, doing="test", now=NOW, exclusive=False) as opened:
        folder = opened.versions.folder(opened.versions.champion())
        added = later_reference(opened.store, folder.facts().cut)
        assert len(added) == len(folder.reference()) == 150
        assert settings.tables.observe.extend(folder.reference(), added) == folder.reference()


def test_later_history_is_reference_only_where_no_reference_was_ever_given():
    pair = Pair("", "where is my card", "it is gone")
    with Store.open("sqlite://") as store:
        store.add("pair", "history", [Record(pair)])
        cut = store.last_sequence()
        assert later_reference(store, cut) == []
        store.add("pair", "history", [Record(replace(pair, query="where is my money"))])
        assert [each.text for each in later_reference(store, cut)] == ["where is my money"]
        store.add("traffic", "reference", [Record(Traffic("where is my bank"))])
        assert [each.text for each in later_reference(store, cut)] == ["where is my bank"]
        assert later_reference(store, store.last_sequence()) == []
