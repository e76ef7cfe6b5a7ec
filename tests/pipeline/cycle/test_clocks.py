"""Clocks that jump, zones and odd days: nothing is lost, counted twice or promoted out of order."""

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from conftest import make_workspace
from made_files import LENIENT, line
from made_streams import BANK, TRAVEL, sentences, texts_of, write_lines

from pipeline.operations import Workspace
from pipeline.results import past_cycles
from pipeline.store import Store

NOW = datetime(2028, 2, 29, 12, tzinfo=UTC)
ODD_MOMENTS = {
    "2026-03-29T02:30:00": 1774751400,  # it does not exist in Berlin
    "2026-10-25T02:30:00": 1792895400,  # it exists twice in Berlin
    "2026-10-25T02:30:00+02:00": 1792888200,
    "2026-10-25T02:30:00+01:00": 1792891800,
    "2028-02-29T00:00:00": 1835395200,
    "2027-12-31T23:59:59.999999Z": 1830297599.999999,
    "2028-01-01T00:30:00+01:00": 1830295800,
}


@pytest.fixture
def in_zone(monkeypatch):
    """Return what sets the zone of this machine."""
    yield lambda zone: (monkeypatch.setenv("TZ", zone), time.tzset())
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati"])
def test_moments_without_a_zone_are_utc_whatever_the_zone_of_the_machine(tmp_path, in_zone, zone):
    in_zone(zone)
    lines = [line(text="a text", timestamp=moment) for moment in ODD_MOMENTS]
    (tmp_path / "a.jsonl").write_bytes(b"".join(lines) + line(text="b", timestamp="2027-02-29"))
    with Store.open("sqlite://") as store:
        report = LENIENT.read(store, "traffic", "recent", ["a.jsonl"], tmp_path, NOW)
        assert [text.timestamp for text in store.traffic()] == list(ODD_MOMENTS.values())
        (fault,) = store.quarantine()
    assert (report.stored, report.quarantined) == (len(lines), 1)
    assert "2027-02-29" in fault.reason


CLOCKS = {
    "calm": [timedelta(days=7 * week) for week in range(5)],
    "back and forth": [
        timedelta(0),
        timedelta(days=-400),
        timedelta(days=800),
        timedelta(days=-9_000),
        timedelta(days=7),
    ],
    "an hour back each time": [timedelta(hours=-week) for week in range(5)],
}


def live(space, clock):
    """Run a cycle per moment of a clock; texts arrive before each, and a new topic before three."""
    for week, moment in enumerate(CLOCKS[clock]):
        if week:
            texts = texts_of(sentences(BANK if week < 3 else TRAVEL, 60, 100 + week))
            write_lines(space / "traffic" / f"{week}.jsonl", texts)
        if week == 3:
            write_lines(space / "pairs" / "travel.jsonl", sentences(TRAVEL, 300, 3))
        with Workspace.open(space, now=NOW + moment) as workspace:
            workspace.run()
    with Workspace.open(space, now=NOW + moment) as workspace:
        status = workspace.status()
        with workspace._opened("test") as opened:
            cycles = list(past_cycles(opened.store))[::-1]
            promotions = [(each.version, each.cycle) for each in opened.store.promotions()]
    return cycles, promotions, status


@pytest.mark.slow
def test_cycles_under_a_clock_that_jumps_are_those_under_a_calm_one(
    tmp_path, tiny_model, empty_tracking_store
):
    told = {}
    for clock in CLOCKS:
        space = make_workspace(tmp_path / clock, tiny_model, empty_tracking_store)
        with (space / "anchorhold.toml").open("a", encoding="utf-8") as settings:
            settings.write("\n[triggers.model_age]\nenabled = false\n")  # it follows the clock
        cycles, promotions, status = live(space, clock)
        assert [each.id for each in cycles] == [f"000{n}" for n in range(1, 6)]
        windows = [each.result.window for each in cycles[1:]]
        assert all(each.until > before.until for before, each in pairwise(windows))
        assert status.champion.age_days >= 0
        assert status.history.verified
        records = status.records
        told[clock] = (
            [each.result.outcome for each in cycles],
            promotions,
            [(each.known, each.until, each.champion) for each in windows],
            (records.pairs, records.traffic, status.read),
        )
    outcomes = told["calm"][0]
    assert "promoted" in outcomes[3:]
    assert told["back and forth"] == told["an hour back each time"] == told["calm"]
