"""What anchor sets can support: the drop they detect, and how often they were used."""

from datetime import UTC, datetime

import pytest
from made_verdicts import comparison, verdict

from pipeline.gate.anchor_power import (
    anchor_powers,
    overused,
    reuse_of,
    times_judged,
)
from pipeline.gate.gate import Gate
from pipeline.results import (
    CycleResult,
    DecisionResult,
    IntakeResult,
    PastCycle,
    Serving,
)
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
    compared = [comparison(each.name, queries=len(each.queries), spread=spread) for each in sets]
    made = verdict(*compared, outcome=outcome)
    return finished(number, outcome, made.changed(reuse=reuse_of(sets, times_judged([]))))


def finished(number, outcome, verdict=None):
    result = CycleResult(
        cycle=f"{number:04d}",
        outcome=outcome,
        decision=DecisionResult(train=True, reasons=("r",)),
        champion=Serving(version=1),
        verdict=verdict,
        intake=IntakeResult(),
        seconds={},
        run_id="run",
    )
    return PastCycle(result.cycle, NOW, result)


def test_a_set_too_small_for_any_candidate_says_how_many_it_needs():
    (found,) = anchor_powers([anchor(50)], Gate(), {}, [])
    assert not found.can_vouch
    assert "50 queries are too few for any candidate to pass at max_drop 0.02" in found.reason
    assert f"about {found.needs} queries are needed" in found.reason
    assert "assumed" in found.reason


def test_a_set_that_detects_too_little_is_not_meaningful_and_a_wider_margin_is():
    (found,) = anchor_powers([anchor(150)], Gate(), {}, [])
    assert found.can_vouch
    assert not found.meaningful
    assert "would stay inconclusive" in found.reason
    (wide,) = anchor_powers([anchor(150)], Gate(), {"anchor/past": 0.1}, [])
    assert wide.meaningful
    assert wide.visible == found.visible < 0.1


def test_the_size_asked_for_is_the_smallest_that_detects_the_margin():
    gate = Gate()
    (found,) = anchor_powers([anchor(150)], gate, {}, [])
    assert gate.visible_drop(found.needs, found.spread) <= 0.02
    assert gate.visible_drop(found.needs - 1, found.spread) > 0.02


def test_the_spread_of_the_last_judged_candidate_replaces_the_assumption():
    past = anchor(200)
    cycles = [judged(3, past, spread=0.05), judged(2, past, spread=0.3)]
    (found,) = anchor_powers([past], Gate(), {}, cycles)
    assert (found.spread, found.spread_from) == (0.05, "cycle 0003")
    assert found.visible == Gate().visible_drop(200, 0.05)


def test_every_judgement_on_the_same_queries_is_counted_however_they_are_sliced():
    past, other = anchor(100), anchor(100, word="another")
    cycles = [judged(number, past) for number in range(1, 5)]
    cycles.append(finished(5, "quiet"))
    counted = times_judged(cycles)
    sliced = EvaluationSet(
        past.name, past.queries, past.corpus, past.relevant, {"source=a": ("q1", "q2")}
    )
    assert counted[past.digest] == counted[sliced.digest] == 4
    assert counted[other.digest] == 0


@pytest.mark.parametrize("name", ["anchor/past", "anchor/learned-0003"])
def test_a_set_past_its_budget_is_overused_and_fresh_queries_are_advised(name):
    past, gate = anchor(100, name), Gate(reuse_budget=20)
    earlier = times_judged([judged(number, past) for number in range(1, 20)])
    counts = reuse_of([past], earlier)
    assert (counts[0].judged, overused(counts, gate)) == (20, [])
    earlier.update([past.digest])
    (warning,) = overused(reuse_of([past], earlier), gate)
    assert f"{name} is overused: it has judged 21 candidates (reuse_budget 20)" in warning
    assert "1.05 would have passed by chance on average" in warning
    assert "fresh" in warning


def test_fresh_queries_begin_a_new_count():
    gate = Gate(reuse_budget=1)
    (found,) = anchor_powers([anchor(100)], gate, {}, [judged(n, anchor(100)) for n in (1, 2)])
    assert found.worn
    assert (found.judged, found.budget) == (2, 1)
    (fresh,) = anchor_powers([anchor(100, word="fresh")], gate, {}, [judged(1, anchor(100))])
    assert not fresh.worn
