"""Status: who serves, what waits, and what is unfinished."""

from datetime import UTC, datetime

from made_streams import BANK, sentences, texts_of, write_lines

from pipeline.status import status_now

NOW = datetime(2026, 3, 9, tzinfo=UTC)


def test_the_champion_the_waiting_data_and_the_last_cycles_are_shown(wheel):
    write_lines(wheel.settings.root / "traffic" / "b.jsonl", texts_of(sentences(BANK, 40, 61)))
    wheel.take_in(NOW)
    found = status_now(wheel, NOW)
    assert found["champion"]["version"] == 2
    assert found["champion"]["age_days"] > 7
    assert found["waiting"] == {"pairs": 0, "traffic": 40}
    assert [row["outcome"] for row in found["cycles"]] == ["promoted", "bootstrapped"]
    assert [move["version"] for move in found["promotions"]] == [1, 2]
    assert found["unfinished"] is None


def test_an_interrupted_cycle_is_named(wheel):
    row = wheel.store.begin_cycle(NOW)
    found = status_now(wheel, NOW)
    assert found["unfinished"] == row.id
    assert row.id not in {each["cycle"] for each in found["cycles"]}
