"""The hold-out: a query has one side, whatever else arrives."""

from training.pairs.hold_out import HoldOut
from training.pairs.pair import Pair, normalised


def numbered(count, prefix="question"):
    return [Pair(str(i), f"{prefix} number {i}", f"answer {i}") for i in range(count)]


def test_a_query_is_never_on_both_sides():
    pairs = numbered(100) + [
        Pair(f"b{i}", f"Question number {i}!", f"other {i}") for i in range(100)
    ]
    training, held_out = HoldOut().split(pairs)
    assert not {normalised(p.query) for p in training} & {normalised(p.query) for p in held_out}
    assert len(training) + len(held_out) == 200


def test_the_side_depends_on_neither_order_nor_what_else_arrives():
    few, many = numbered(300), numbered(400)
    held_first = {p.id for p in HoldOut().split(few)[1]}
    held_later = {p.id for p in HoldOut().split(many[::-1])[1]}
    assert held_first == {i for i in held_later if int(i) < 300}


def test_holding_out_respects_minimum_and_maximum():
    assert len(HoldOut(minimum=30).split(numbered(80))[1]) >= 30
    assert len(HoldOut(minimum=30).split(numbered(20))[1]) == 10
    assert len(HoldOut(maximum=25).split(numbered(1000))[1]) == 25
    assert HoldOut(share=0.0).split(numbered(50))[1] == []


def test_a_query_of_a_log_stays_on_its_side_whatever_else_the_log_holds():
    queries = [f"question {number}" for number in range(2000)]
    held = [query for query in queries if HoldOut().holds(query)]
    assert 300 <= len(held) <= 500
    assert all(HoldOut().holds(f"  {query.upper()}? ") for query in held)
    assert not any(HoldOut(share=0.0).holds(query) for query in queries)
