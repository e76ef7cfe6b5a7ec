from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from training.pairs import Caps, Pair


def of_sources(sizes):
    return [
        Pair(f"{source}{row}", f"{source} asks {row}", "answer", source=source)
        for source, size in sizes.items()
        for row in range(size)
    ]


def counted(pairs):
    return Counter(pair.source for pair in pairs)


def test_by_default_no_source_is_cut():
    pairs = of_sources({"desk": 500, "web": 3})
    assert Caps().apply(pairs) == pairs


def test_a_source_that_dominates_is_cut_to_its_share():
    kept = counted(Caps(source=0.5).apply(of_sources({"flood": 1000, "desk": 60, "web": 40})))
    assert kept == {"flood": 100, "desk": 60, "web": 40}


def test_one_source_alone_stays_whole():
    pairs = of_sources({"desk": 50})
    assert Caps(source=0.2).apply(pairs) == pairs


def test_shares_that_cannot_be_met_become_equal_ones():
    assert counted(Caps(source=0.3).apply(of_sources({"a": 90, "b": 10}))) == {"a": 10, "b": 10}


def test_what_the_system_wrote_needs_other_text_beside_it():
    assert Caps().apply(of_sources({"bot": 50}), ["bot"]) == []
    kept = counted(Caps(generated=0.2).apply(of_sources({"bot": 50, "desk": 20}), ["bot"]))
    assert kept == {"desk": 20, "bot": 5}


def test_several_own_sources_share_one_cap():
    pairs = of_sources({"bot": 50, "agent": 50, "desk": 30})
    kept = counted(Caps(generated=0.25).apply(pairs, ["bot", "agent"]))
    assert kept["desk"] == 30
    assert kept["bot"] + kept["agent"] == 10


sizes = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 60), min_size=1)


@given(sizes, st.floats(0.2, 1.0), st.randoms())
def test_no_source_exceeds_its_share_and_the_order_of_rows_does_not_matter(sizes, share, draw):
    pairs = of_sources(sizes)
    kept = Caps(source=share).apply(pairs)
    found = counted(kept)
    assert set(found) == set(sizes)
    if len(sizes) * share >= 1 and len(sizes) > 1:
        # A pair of each source always stays, so that small totals may exceed it by one.
        assert max(found.values()) <= max(share * len(kept) + 1e-6, min(sizes.values()))
    shuffled = draw.sample(pairs, len(pairs))
    assert set(Caps(source=share).apply(shuffled)) == set(kept)
