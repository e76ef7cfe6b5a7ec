import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.faults import DataFault
from training.pairs.memory import (
    Memory,
    fair_shares,
    forget,
    memory_digest,
    read_memory,
    write_memory,
)
from training.pairs.pair import Pair


def rows(source, count, **more):
    return [
        Pair(f"{source}{i}", f"{source} query {i}", f"answer {i}", source=source, **more)
        for i in range(count)
    ]


def test_memory_is_bounded_and_every_source_keeps_its_fair_share():
    kept = Memory(capacity=100).absorb(rows("bank", 500), rows("travel", 500) + rows("home", 10))
    counts = {
        source: sum(p.source == source for p in kept) for source in ("bank", "travel", "home")
    }
    assert counts == {"bank": 45, "travel": 45, "home": 10}


def test_what_stays_depends_on_neither_order_nor_on_the_number_of_cycles():
    memory = Memory(capacity=60)
    everything = rows("a", 100) + rows("b", 100) + rows("c", 100)
    at_once = memory.absorb([], everything[::-1])
    step_by_step = memory.absorb(
        memory.absorb(memory.absorb([], rows("c", 100)), rows("b", 100)), rows("a", 100)
    )
    assert at_once == step_by_step
    assert memory.absorb(at_once, everything) == at_once


def test_another_seed_remembers_others():
    assert Memory(capacity=10).absorb([], rows("a", 100)) != Memory(capacity=10, seed=1).absorb(
        [], rows("a", 100)
    )


def test_equal_pairs_are_remembered_once():
    twice = [Pair("1", "Lost card?", "gone"), Pair("2", "lost card", "Gone!")]
    assert [p.id for p in Memory().absorb(twice, twice)] == ["1"]


def stream(count):
    return [
        Pair(
            f"s{i}",
            f"please refund the money for my very last order that is number {i}",
            f"the money for order {i} will be on your account again within a week",
        )
        for i in range(count)
    ]


def test_a_stream_of_one_text_does_not_push_others_out():
    others = rows("", 40)[10:]  # of one length: "query 1" nearly repeats "query 12"
    kept = Memory(capacity=40).absorb(others, stream(900))
    assert len(kept) == 40
    assert {pair.id for pair in others} <= {pair.id for pair in kept}


def test_near_duplicates_stay_where_there_is_room():
    assert len(Memory(capacity=1000).absorb(rows("", 30), stream(900))) == 930


def test_pairs_of_like_queries_with_different_answers_are_different():
    answers = ("at nine", "near the river", "for three weeks", "by train", "my cousin")
    asked = [Pair(str(i), "what did they tell you", text) for i, text in enumerate(answers)]
    kept = Memory(capacity=10).absorb(asked, stream(900))
    assert {pair.id for pair in asked} <= {pair.id for pair in kept}


ALIKE = st.builds(
    lambda text, number, source: Pair(
        f"{text} {number}", f"{text} {number}", f"{text} answer {number}", source=source
    ),
    st.sampled_from(("please refund my very last order", "when do you open on sundays", "card")),
    st.integers(0, 30),
    st.sampled_from(("a", "b")),
)


@given(st.lists(ALIKE, max_size=40), st.integers(1, 12), st.randoms())
def test_near_duplicates_too_are_chosen_whatever_the_order(pairs, capacity, random):
    memory = Memory(capacity=capacity)
    kept = memory.absorb([], pairs)
    shuffled = random.sample(pairs, len(pairs))
    assert memory.absorb(shuffled[:7], shuffled[7:]) == kept
    assert memory.absorb(kept, []) == kept
    assert len(kept) == min(capacity, len({pair.query for pair in pairs}))


def test_fresh_pairs_stay_longer_when_a_half_life_is_set():
    day = 86400.0
    old, fresh = (
        rows("a", 300, timestamp=0.0),
        [Pair(f"f{i}", f"fresh {i}", "x", source="a", timestamp=300 * day) for i in range(300)],
    )
    kept = Memory(capacity=200, half_life_days=100).absorb(old, fresh)
    share = sum(p.id.startswith("f") for p in kept) / 200
    assert 0.75 < share < 0.95  # eight times the weight


def test_self_generated_text_is_capped():
    memory = Memory(capacity=100, generated_sources=("agent",), max_generated_share=0.05)
    kept = memory.absorb(rows("agent", 400), rows("people", 20))
    assert sum(p.source == "agent" for p in kept) == 5
    assert len(kept) == 25


def test_regions_keep_what_is_rare(fake_encoder):
    common = [Pair(f"c{i}", "where is my card", f"answer {i}", source="a") for i in range(500)]
    rare = [Pair(f"r{i}", f"zebra{i} lion{i}", f"rare {i}", source="a") for i in range(40)]
    plain = Memory(capacity=60).absorb(common, rare)
    spread = Memory(capacity=60, regions=4).absorb(common, rare, fake_encoder.encode)
    assert len(spread) == 60
    assert sum(p.id.startswith("r") for p in spread) > 3 * sum(p.id.startswith("r") for p in plain)
    assert spread == Memory(capacity=60, regions=4).absorb(rare, common, fake_encoder.encode)


def test_regions_without_an_encoder_are_refused():
    with pytest.raises(ValueError, match=r"memory\.regions is 2 and no encoder"):
        Memory(capacity=5, regions=2).absorb([], rows("a", 10))


def test_shares_never_exceed_sizes_or_capacity():
    assert fair_shares({"a": 1, "b": 50, "c": 50}, 30) == {"a": 1, "b": 14, "c": 15}
    assert fair_shares({"a": 5}, 0) == {"a": 0}
    assert fair_shares({}, 10) == {}


def test_erasing_a_record_removes_it_and_changes_the_digest():
    pairs = rows("a", 3)
    left = forget(pairs, ["a1"])
    assert [p.id for p in left] == ["a0", "a2"]
    assert memory_digest(left) != memory_digest(pairs)


def test_memory_survives_the_disk(tmp_path):
    pairs = [Pair("1", "où", "ici\n", "non", "s", 1.5, "g"), Pair("2", "q", "p")]
    write_memory(tmp_path / "memory", pairs)
    write_memory(tmp_path / "memory", pairs)
    assert read_memory(tmp_path / "memory") == pairs
    assert [p.name for p in tmp_path.iterdir()] == ["memory"]


def test_an_empty_memory_is_a_memory(tmp_path):
    write_memory(tmp_path / "memory", [])
    assert read_memory(tmp_path / "memory") == []


def test_a_damaged_memory_is_refused_by_name(tmp_path):
    folder = tmp_path / "memory"
    with pytest.raises(DataFault, match="is missing"):
        read_memory(folder)
    write_memory(folder, rows("a", 50))
    file = folder / "pairs.parquet"
    content = bytearray(file.read_bytes())
    file.write_bytes(content[:100])
    with pytest.raises(DataFault, match=r"pairs\.parquet"):
        read_memory(folder)
    place = content.find(b"a query 7")
    content[place] = ord("b")
    file.write_bytes(content)
    with pytest.raises(DataFault, match=r"pairs\.parquet"):
        read_memory(folder)
