"""Parts of many rows: fair to each source, of all times, and the same when more arrives."""

import pytest

from pipeline.store import Record, Store, Traffic
from training.pairs import Pair, PerSource


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


def arrive(store, source, count, first=0, query="{source} {number}"):
    found = [
        Pair(
            f"{source}-{number}",
            query.format(source=source, number=number),
            f"answer {number}",
            source=source,
        )
        for number in range(first, first + count)
    ]
    store.add("pair", "recent", [Record(pair) for pair in found])


def ids(store, most, **between):
    return [pair.id for pair in store.pairs("recent", most=most, **between)]


def test_each_source_gives_its_newest_pairs_and_some_of_all_older_ones(store):
    arrive(store, "slow", 5)
    arrive(store, "fast", 400)
    chosen = ids(store, PerSource(newest=20, spread=40))
    assert [each for each in chosen if each.startswith("slow")] == [f"slow-{n}" for n in range(5)]
    fast = [int(each.removeprefix("fast-")) for each in chosen if each.startswith("fast")]
    assert fast == sorted(fast), "in the order of their arrival"
    assert len(fast) == 60
    assert fast[-20:] == [*range(380, 400)]
    # Forty of 380 drawn by a hash: each quarter has some.
    assert all(any(at <= each < at + 95 for each in fast) for at in range(0, 380, 95))


def test_what_more_arrives_displaces_few_of_the_older_pairs(store):
    arrive(store, "fast", 400)
    before = set(ids(store, PerSource(newest=20, spread=40)))
    arrive(store, "fast", 20, first=400)
    after = set(ids(store, PerSource(newest=20, spread=40)))
    assert len(after - before) <= 20 + 10
    older = {f"fast-{number}" for number in range(380)}
    assert len(before & after & older) >= 30


def test_a_query_that_is_asked_again_takes_no_place_from_others(store):
    arrive(store, "desk", 30)
    arrive(store, "desk", 30, first=100, query="the same {source}")
    chosen = ids(store, PerSource(newest=31, spread=0))
    assert chosen == [*(f"desk-{number}" for number in range(30)), "desk-129"]
    assert len(ids(store, PerSource(newest=31, spread=9))) == 40, "where there is room, they count"


def test_without_division_all_sources_share_the_places(store):
    arrive(store, "slow", 5)
    arrive(store, "fast", 50)
    chosen = ids(store, PerSource(newest=10, spread=0, divided=False))
    assert chosen == [f"fast-{number}" for number in range(40, 50)]


def test_only_pairs_between_the_cuts_count(store):
    arrive(store, "a", 10)
    cut = store.last_sequence()
    arrive(store, "a", 10, first=10)
    until = store.last_sequence()
    arrive(store, "a", 10, first=20)
    between = {"after": cut, "until": until}
    assert ids(store, PerSource(newest=2, spread=1), **between)[-2:] == ["a-18", "a-19"]
    assert len(ids(store, PerSource(newest=2, spread=1), **between)) == 3
    assert store.pair_sources("recent", **between) == {"a": 10}


def test_texts_and_pairs_are_read_evenly_over_their_time(store):
    store.add("traffic", "recent", [Record(Traffic(f"text {number}")) for number in range(50)])
    arrive(store, "a", 50)
    found = store.traffic("recent", after=10, spread=4)
    assert [each.text for each in found] == ["text 19", "text 29", "text 39", "text 49"]
    assert [each.id for each in store.pairs("recent", spread=2)] == ["a-24", "a-49"]
    assert len(store.pairs("recent", spread=49)) == 49
    assert store.pairs("recent", spread=60) == store.pairs("recent")
    assert [each.id for each in store.pairs("recent", latest=2)] == ["a-48", "a-49"]
