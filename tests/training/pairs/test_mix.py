"""The mix: what is replayed, and by what chance."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from training.pairs.mix import Mix
from training.pairs.pair import Pair


def rows(name, count, sources=("s",)):
    return [
        Pair(f"{name}{i}", f"{name} query {i}", f"{name} {i}", source=sources[i % len(sources)])
        for i in range(count)
    ]


def test_the_share_of_the_mix_is_replayed():
    mixture = Mix(share=0.25).draw(rows("new", 300), rows("old", 1000))
    assert (mixture.recent, mixture.replayed) == (300, 100)


def test_a_small_memory_is_replayed_whole_and_none_is_fine():
    assert Mix(share=0.5).draw(rows("new", 100), rows("old", 10)).replayed == 10
    assert Mix(share=0.5).draw(rows("new", 100), []).replayed == 0
    assert Mix(share=0.0).draw(rows("new", 100), rows("old", 10)).replayed == 0


def test_the_mix_does_not_depend_on_the_order_of_reading():
    new, old = rows("new", 100), rows("old", 500)
    assert Mix().draw(new, old) == Mix().draw(new[::-1], old[::-1])
    assert Mix().draw(new, old).digest != Mix(seed=1).draw(new, old).digest


def test_other_recent_pairs_replay_other_old_ones():
    old = rows("old", 500)
    first, second = Mix().draw(rows("one", 50), old), Mix().draw(rows("two", 50), old)
    replayed = [
        {p.id for p, was in zip(m.pairs, m.from_memory, strict=True) if was}
        for m in (first, second)
    ]
    assert replayed[0] != replayed[1]


def test_replay_is_fair_to_the_sources_of_the_memory():
    old = rows("big", 1000, ("bank",)) + rows("small", 40, ("travel",))
    mixture = Mix().draw(rows("new", 60), old)
    assert sum(p.source == "travel" for p in mixture.pairs) == 30


def test_every_stretch_of_the_mix_holds_both():
    mixture = Mix().draw(rows("new", 320), rows("old", 1000))
    for start in range(0, 640, 64):
        assert 10 < sum(mixture.from_memory[start : start + 64]) < 54


def test_a_pair_that_is_recent_and_remembered_counts_as_recent():
    new = rows("new", 70)
    mixture = Mix().draw(new, new)
    assert (mixture.recent, mixture.replayed) == (70, 0)


def test_the_size_of_a_mix_is_bounded():
    mixture = Mix(share=0.5, maximum_pairs=100).draw(rows("new", 1000), rows("old", 1000))
    assert (mixture.recent, mixture.replayed) == (50, 50)


def test_too_few_pairs_are_said_to_be_too_few():
    assert Mix().shortage(rows("new", 1) * 100) == "not enough new pairs: 1 < 64"
    assert Mix().shortage(rows("new", 63))
    assert Mix().shortage(rows("new", 64)) == ""


def test_a_share_of_one_is_refused():
    with pytest.raises(ValidationError, match="less than 1"):
        Mix(share=1.0)


def test_a_recent_pair_is_drawn_with_each_of_its_negatives_and_counts_once():
    recent = [
        Pair(f"{n}#{letter}", f"question {n}", f"answer {n}", f"other {letter}")
        for n in range(3)
        for letter in "ab"
    ]
    mixture = Mix(share=0.5, minimum_pairs=4).draw(recent, recent[:2])
    assert sorted(pair.id for pair in mixture.pairs) == sorted(pair.id for pair in recent)
    assert mixture.replayed == 0
    assert Mix(minimum_pairs=4).shortage(recent) == "not enough new pairs: 3 < 4"
    assert Mix(share=0.5).draw(recent[::-1], []).digest == mixture.digest


def dated(name, count, day):
    return [replace(pair, timestamp=day * 86400.0) for pair in rows(name, count)]


def test_newer_pairs_are_drawn_more_often_when_a_half_life_is_set():
    recent = [*dated("new", 300, 360), *dated("older", 300, 180)]
    memory = [*dated("kept", 300, 170), *dated("oldest", 300, -10)]

    def drawn(mix):
        ids = [pair.id for pair in mix.draw(recent, memory).pairs]
        return [sum(each.startswith(name) for each in ids) for name in ("new", "older", "kept")]

    even = drawn(Mix(maximum_pairs=200))
    assert abs(even[0] - even[1]) < 30
    new, older, kept = drawn(Mix(maximum_pairs=200, half_life_days=180.0))
    assert new + older == 100
    # Twice the chance, and of the memory as well.
    assert 55 <= new <= 80
    assert 55 <= kept <= 80


def test_pairs_without_a_time_count_as_old_as_the_oldest():
    recent = [*dated("new", 300, 3600), *dated("older", 1, 0), *rows("undated", 300)]
    ids = [pair.id for pair in Mix(maximum_pairs=200, half_life_days=180.0).draw(recent, []).pairs]
    assert sum(each.startswith("undated") for each in ids) < 3
    mixed = Mix(half_life_days=180.0).draw(rows("new", 300), rows("old", 300))
    assert mixed == Mix().draw(rows("new", 300), rows("old", 300))
