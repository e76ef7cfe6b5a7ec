"""The hold-out: a query has one side, whatever else arrives."""

import math

from hypothesis import given
from hypothesis import strategies as st

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


def queries_of(pairs):
    return {normalised(pair.query) for pair in pairs}


def test_as_many_are_held_out_as_are_needed_but_never_more_than_half():
    many = numbered(1000)
    assert len(HoldOut().parted(many, 120).held_out) == 120
    assert len(HoldOut().parted(many[:150], 120).held_out) == 75
    assert len(HoldOut().parted(many, 5).held_out) == 30, "the minimum"
    assert len(HoldOut().parted(many, 5000).held_out) == 200, "the maximum"


def test_a_share_or_a_maximum_of_the_settings_wins_over_what_is_needed():
    many = numbered(1000)
    for worker in (HoldOut(share=0.1), HoldOut(share=0.0)):
        assert worker.parted(many, 120).held_out == worker.split(many)[1]
    assert len(HoldOut(maximum=50).parted(many, 120).held_out) == 50


@given(st.integers(2, 400), st.integers(0, 300), st.integers(0, 400), st.integers(0, 300))
def test_what_was_held_out_is_not_learned_when_more_pairs_arrive(first, needed, more, later):
    few, many = numbered(first), numbered(first + more)
    before = HoldOut().parted(few, needed)
    held = queries_of(before.held_out)
    after = HoldOut().parted(many, later, held)
    assert not held & queries_of(after.training)
    assert after.held_out == HoldOut().parted(many, later).held_out, "a fair sample all the same"
    left = queries_of(many) - queries_of(after.training) - queries_of(after.held_out)
    assert left <= held, "nothing else is lost"
    assert len(after.held_out) <= len(many) // 2


@given(st.integers(2, 400), st.integers(0, 300))
def test_the_reach_tells_which_queries_are_held_out(size, needed):
    worker, pairs = HoldOut(), numbered(size)
    split = worker.parted(pairs, needed)
    far = {key for key in queries_of(pairs) if worker.position(key) <= split.reach}
    assert far == queries_of(split.held_out)


PAIRS = st.lists(
    st.builds(
        Pair,
        id=st.just(""),
        query=st.integers(0, 40).map("question {}".format),
        positive=st.integers(0, 40).map("answer {}".format),
        group=st.sampled_from(["", "ann", "bob", "cem", "dee", "eve", "fay", "gil", "hal"]),
        timestamp=st.one_of(st.none(), st.floats(-1e9, 4e9)),
    ),
    max_size=80,
)
SHARED = {"document": lambda pair: normalised(pair.positive), "group": lambda pair: pair.group}


@given(PAIRS, st.sampled_from([*SHARED]), st.one_of(st.none(), st.integers(0, 100)), st.integers())
def test_no_document_and_no_group_straddles_the_split(pairs, by, needed, seed):
    worker = HoldOut(by=by, seed=seed)
    split = worker.parted(pairs, needed)
    assert not queries_of(split.training) & queries_of(split.held_out)
    learned, held = (
        {SHARED[by](pair) for pair in side} - {""} for side in (split.training, split.held_out)
    )
    assert not learned & held
    assert len(split.training) + len(split.held_out) == len(pairs)
    assert len(queries_of(split.held_out)) <= len(queries_of(pairs)) // 2
    again = worker.parted(pairs[::-1], needed)
    assert queries_of(again.held_out) == queries_of(split.held_out), "in any order"
    kept = worker.apart(pairs, split.held_out)
    assert not {SHARED[by](pair) for pair in kept} & held


@given(PAIRS, PAIRS, st.sampled_from([*SHARED]), st.integers(0, 40))
def test_a_unit_that_was_held_out_has_such_a_position_when_more_arrives(pairs, more, by, needed):
    worker = HoldOut(by=by)
    before = worker.parted(pairs, needed)
    after = worker.positions([*pairs, *more])
    held = queries_of(before.held_out)
    # What joins too many queries by then has none.
    assert all(after[query] <= before.reach for query in held & after.keys())


@given(PAIRS, st.integers(0, 100))
def test_nothing_learned_is_newer_than_what_is_held_out_by_time(pairs, needed):
    split = HoldOut(by="time").parted(pairs, needed)
    assert not queries_of(split.training) & queries_of(split.held_out)
    moments = {}
    for pair in split.held_out:
        moment = -math.inf if pair.timestamp is None else pair.timestamp // 1
        query = normalised(pair.query)
        moments[query] = max(moments.get(query, moment), moment)
    cut = min(moments.values(), default=math.inf)
    for pair in split.training:
        assert cut == math.inf or pair.timestamp is None or pair.timestamp // 1 <= cut


def test_a_document_of_most_queries_is_learned_and_the_others_are_held_out():
    common = [Pair(f"c{i}", f"common {i}", "see the manual") for i in range(60)]
    split = HoldOut(by="document").parted([*common, *numbered(40)], 30)
    assert set(common) <= set(split.training)
    assert len(split.held_out) == 30


def test_a_query_that_gets_a_group_later_stays_held_out():
    pairs = [Pair(str(i), f"question {i}", "answer") for i in range(40)]
    worker = HoldOut(by="group")
    before = worker.parted(pairs, 10)
    later = [Pair(f"l{p.id}", p.query, "other", group=f"group {p.id}") for p in before.held_out]
    after = worker.positions([*pairs, *later])
    assert all(after[query] <= before.reach for query in queries_of(before.held_out))
