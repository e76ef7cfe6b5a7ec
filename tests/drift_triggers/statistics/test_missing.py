"""Which fields are missing more often, and that chance is not taken for a change."""

import numpy as np
from made_windows import world

from drift_triggers import DataQuality, FieldFacts
from drift_triggers.statistics.missing import field_changes


def changes(facts):
    return {each.field: each.change for each in field_changes(facts)}


def test_fields_that_went_came_or_thinned_out_are_named():
    facts = FieldFacts(
        400,
        200,
        {"gone": (4, 200), "new": (400, 10), "thinner": (20, 90), "same": (100, 52)},
    )
    assert changes(facts) == {
        "gone": "gone",
        "new": "new",
        "thinner": "more missing",
        "same": "",
    }


def test_chance_is_taken_for_a_change_no_more_often_than_stated():
    chance = np.random.default_rng(0)
    found = 0
    for _ in range(400):
        before, now = (int(chance.binomial(size, 0.3)) for size in (400, 200))
        facts = FieldFacts(400, 200, {"a": (before, now), "b": (before, now)})
        found += any(each.p_value <= 0.05 for each in field_changes(facts))
    assert found / 400 <= 0.05


def test_without_records_on_a_side_nothing_is_compared():
    (only,) = field_changes(FieldFacts(0, 50, {"session": (0, 10)}))
    assert (only.missing, only.p_value, only.change) == ((None, 0.2), None, "")


def test_texts_without_a_field_that_they_had_are_told_and_block_only_where_asked():
    facts = {"texts": FieldFacts(400, 200, {"session": (0, 200)})}
    told = DataQuality().check(world(fields=facts))
    assert not told.fired
    assert "texts: 'session' is gone (missing in 0% of 400 known and 100% of 200" in told.reason
    blocked = DataQuality(block_on=("texts",)).check(world(fields=facts))
    assert blocked.fired and blocked.blocks
    alone = DataQuality().check(world(fields=facts, recent_pairs=None))
    assert alone.measured
    few = {"texts": FieldFacts(400, 10, {"session": (0, 10)})}
    assert not DataQuality().check(world(fields=few, recent_pairs=None)).measured
