"""A cycle keeps what its check looked at, for its report, and encodes nothing for it."""

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from made_streams import TRAVEL, sentences, texts_of, write_lines

from pipeline.cycle.check import find, window_of
from pipeline.cycle.checked_texts import checked_texts
from pipeline.cycle.window import gather

LATER = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_the_report_of_a_check_shows_the_map_and_its_twin_holds_it(turned):
    folder = turned / ".anchorhold" / "cycles" / "0002"
    texts = json.loads((folder / "report.json").read_text(encoding="utf-8"))["texts"]
    assert texts["map"]["far"], "travel is new"
    assert texts["memory"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Groups on the map" in page
    assert 'aria-label="Map of ' in page
    assert "No map" not in page


def test_a_picture_of_a_check_encodes_no_text_again(turned, opened):
    rows = [row | {"source": "app"} for row in texts_of(sentences(TRAVEL, 120, 9))]
    write_lines(
        turned / "traffic" / "later.jsonl", [*rows[:60], *texts_of(sentences(TRAVEL, 60, 8))]
    )
    opened.take_in(LATER)
    champion = opened.versions.champion()
    window = window_of(opened, champion)
    gathered = gather(opened.store, window, opened.settings.tables.observe)
    find(opened, champion.number, gathered, LATER)
    missing = []

    @contextmanager
    def counted(name, total):
        missing.append(total)
        yield lambda done=1: None

    texts = checked_texts(replace(opened, progress=counted), window)
    assert texts.map is not None
    assert sum(missing) == 0
    lacking = {each.field: each.recent for each in texts.missing if each.records == "texts"}
    assert lacking["source"] == 0.5


def test_a_window_without_anything_new_has_no_map_and_says_why(opened):
    texts = checked_texts(opened, window_of(opened, opened.versions.champion()))
    assert texts.map is None
    assert texts.reason
