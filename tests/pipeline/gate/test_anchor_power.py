"""What anchor sets can vouch for: the drop they see, and how often they were asked."""

from datetime import UTC, datetime

import pytest

from pipeline.gate.anchor_power import identity, reuse_of, times_judged, vouching
from pipeline.gate.gate import Gate
from pipeline.store.store import CycleRow
from training.evaluation.evaluation_set import EvaluationSet

NOW = datetime(2026, 3, 9, tzinfo=UTC)


def anchor(queries, name="anchor/past", word="question"):
    return EvaluationSet(
        name,
        {f"q{i}": f"{word} {i}" for i in range(queries)},
        {f"d{i}": f"answer {i}" for i in range(queries)},
        {f"q{i}": {f"d{i}": 1} for i in range(queries)},
    )


def judged(number, *sets, spread=0.1, outcome="rejected"):
    """A finished cycle in which the gate judged a candidate on these sets."""
    counts, _ = reuse_of(sets, times_judged([]), Gate())
    comparisons = [{"task": each.name, "rule": "no worse", "spread": spread} for each in sets]
    verdict = {"comparisons": comparisons, "reuse": counts}
    return CycleRow(f"{number:04d}", NOW, NOW, outcome, {"verdict": verdict})


def test_a_small_set_can_never_vouch_and_says_what_would():
    (found,) = vouching([anchor(50)], Gate(), {}, [])
    assert not found.can_vouch
    assert "50 queries can never vouch at max_drop 0.02, not even for a candidate" in found.reason
    assert f"about {found.needs} queries would" in found.reason
    assert "assumed" in found.reason


def test_a_set_that_sees_too_little_is_not_meaningful_and_a_wider_margin_is():
    (found,) = vouching([anchor(150)], Gate(), {}, [])
    assert found.can_vouch
    assert not found.meaningful
    assert "the gate is not meaningful here" in found.reason
    (wide,) = vouching([anchor(150)], Gate(), {"anchor/past": 0.1}, [])
    assert wide.meaningful
    assert wide.visible == found.visible < 0.1


def test_the_size_asked_for_is_the_smallest_that_sees_the_margin():
    gate = Gate()
    (found,) = vouching([anchor(150)], gate, {}, [])
    assert gate.visible_drop(found.needs, found.spread) <= 0.02
    assert gate.visible_drop(found.needs - 1, found.spread) > 0.02


def test_the_spread_of_the_last_judged_candidate_replaces_the_assumption():
    past = anchor(200)
    cycles = [judged(3, past, spread=0.05), judged(2, past, spread=0.3)]
    (found,) = vouching([past], Gate(), {}, cycles)
    assert (found.spread, found.spread_from) == (0.05, "cycle 0003")
    assert found.visible == Gate().visible_drop(200, 0.05)


def test_every_judgement_on_the_same_queries_is_counted_however_they_are_sliced():
    past, other = anchor(100), anchor(100, word="another")
    cycles = [judged(number, past) for number in range(1, 5)]
    cycles.append(CycleRow("0005", NOW, NOW, "quiet", {"verdict": None}))
    counted = times_judged(cycles)
    sliced = EvaluationSet(
        past.name, past.queries, past.corpus, past.relevant, {"source=a": ("q1", "q2")}
    )
    assert counted[identity(past)] == counted[identity(sliced)] == 4
    assert counted[identity(other)] == 0


def test_cycles_from_before_the_count_are_counted_by_their_data_sets():
    past = anchor(100)
    data = [["mix", "a", "training", 9], [past.name, past.digest, "evaluation", 100]]
    old = {"verdict": {"comparisons": [{}]}, "lesson": {"data_sets": data}}
    assert times_judged([CycleRow("0002", NOW, NOW, "promoted", old)])[identity(past)] == 1


@pytest.mark.parametrize("name", ["anchor/past", "anchor/learned-0003"])
def test_a_set_past_its_budget_is_worn_out_and_fresh_queries_are_advised(name):
    past, gate = anchor(100, name), Gate(reuse_budget=20)
    earlier = times_judged([judged(number, past) for number in range(1, 20)])
    counts, warnings = reuse_of([past], earlier, gate)
    assert (counts[0]["judged"], warnings) == (20, [])
    earlier.update([identity(past)])
    _, (warning,) = reuse_of([past], earlier, gate)
    assert f"{name} is worn out: it has judged 21 candidates (reuse_budget 20)" in warning
    assert "1.05 would have passed by noise on average at 95 % confidence" in warning
    assert "fresh queries" in warning


def test_fresh_queries_begin_a_new_count():
    gate = Gate(reuse_budget=1)
    (found,) = vouching([anchor(100)], gate, {}, [judged(n, anchor(100)) for n in (1, 2)])
    assert found.worn
    assert (found.judged, found.budget) == (2, 1)
    (fresh,) = vouching([anchor(100, word="fresh")], gate, {}, [judged(1, anchor(100))])
    assert not fresh.worn
