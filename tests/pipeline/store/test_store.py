"""The store: one sequence of arrivals, each record once, and counts that add up."""

from dataclasses import replace

import pytest

from pipeline.store import Added, Fault, FileProgress, Record, Store, Traffic
from training.pairs import Pair


@pytest.fixture
def store(tmp_path):
    with Store.open(f"sqlite:///{tmp_path / 'state' / 'store.db'}") as opened:
        yield opened


def pair(number: int, **changes) -> Pair:
    return replace(Pair(f"id-{number}", f"query {number}", f"answer {number}"), **changes)


def records(*contents) -> list[Record]:
    return [Record(content, line) for line, content in enumerate(contents, start=1)]


def test_pairs_and_traffic_share_one_sequence(store):
    store.add("pair", "recent", records(pair(1)))
    cut = store.last_sequence()
    store.add("traffic", "recent", records(Traffic("a"), Traffic("b")))
    store.add("pair", "recent", records(pair(2), pair(3)))
    assert (cut, store.last_sequence()) == (1, 5)
    assert [each.id for each in store.pairs(after=cut)] == ["id-2", "id-3"]
    assert [each.id for each in store.pairs(until=cut)] == ["id-1"]
    assert [each.text for each in store.traffic(after=cut)] == ["a", "b"]
    assert store.count_pairs(after=cut) == 2
    assert store.count_traffic(until=2) == 1


def test_what_goes_in_comes_out_unchanged(store):
    whole = Pair("id", "où? 😀", "la  carte\n", "non", "bank", 1.7e9 + 0.25)
    text = Traffic("où? 😀 \t", "t", "bank", -5.5)
    store.add("pair", "history", records(whole))
    store.add("traffic", "reference", records(text))
    assert store.pairs() == [whole]
    assert store.traffic() == [text]


def test_roles_are_told_apart(store):
    store.add("pair", "history", records(pair(1)))
    store.add("pair", "recent", records(pair(2)))
    assert [each.id for each in store.pairs("history")] == ["id-1"]
    assert [each.id for each in store.pairs(role="recent")] == ["id-2"]
    assert store.count_pairs(role="recent") == 1
    with pytest.raises(ValueError, match="pair: history, recent"):
        store.add("pair", "reference", records(pair(3)))


def test_the_latest_texts_keep_their_order(store):
    store.add("traffic", "recent", records(*(Traffic(str(number)) for number in range(10))))
    assert [each.text for each in store.traffic(latest=3)] == ["7", "8", "9"]
    assert [each.text for each in store.traffic(latest=3, until=5)] == ["2", "3", "4"]


def test_a_pair_with_the_same_id_and_content_is_known(store):
    assert store.add("pair", "history", records(pair(1), pair(1))) == Added(stored=1, known=1)
    later = pair(1, source="elsewhere", timestamp=5.0)
    assert store.add("pair", "recent", records(later)) == Added(known=1)


def test_a_pair_with_the_same_id_and_other_content_is_set_aside_with_its_first_place(store):
    store.add("pair", "history", records(pair(1)), progress=FileProgress("old.jsonl"))
    other = pair(1, positive="something else")
    added = store.add("pair", "recent", [Record(other, 7)], progress=FileProgress("new.csv"))
    assert added == Added(quarantined=1)
    (fault,) = store.quarantine()
    assert str(fault).startswith("new.csv row 7: id 'id-1' is the id of another pair already")
    assert "first seen in old.jsonl line 1)" in fault.reason
    assert store.pairs() == [pair(1)]


def test_pairs_without_id_are_told_apart_by_content(store):
    one, other = pair(1, id=""), pair(1, id="", positive="another right answer")
    assert store.add("pair", "recent", records(one, other, one)) == Added(stored=2, known=1)
    ids = [each.id for each in store.pairs()]
    assert len(set(ids)) == 2
    assert all(ids)


def test_texts_are_not_confused_across_their_borders(store):
    shifted = [Pair("", "ab", "c"), Pair("", "a", "bc"), Pair("", "a", "b", "c")]
    assert store.add("pair", "recent", records(*shifted)).stored == 3


def test_traffic_with_id_is_told_apart_by_id_text_and_time(store):
    seen = Traffic("a", "1", timestamp=1.0)
    variants = [seen, replace(seen, text="b"), replace(seen, timestamp=2.0), replace(seen, id="2")]
    added = store.add("traffic", "recent", records(*variants, seen))
    assert added == Added(stored=4, known=1)


def test_repeated_traffic_without_id_is_real_traffic(store):
    twice = records(Traffic("a"), Traffic("a"))
    file = FileProgress("log.jsonl")
    assert store.add("traffic", "recent", twice, progress=file) == Added(stored=2)
    assert store.add("traffic", "recent", twice, progress=file) == Added(known=2)
    changed = [Record(Traffic("another text on the same line"), 1)]
    assert store.add("traffic", "recent", changed, progress=file) == Added(stored=1)


def test_served_texts_without_a_file_are_all_stored(store):
    named = Traffic("a", id="1")
    for _ in range(3):
        store.add("traffic", "recent", records(named, Traffic("a"), named, Traffic("a")))
    assert store.count_traffic() == 1 + 3 * 2


def test_the_same_fault_is_set_aside_once(store):
    fault = Fault("a.jsonl", 3, "text is empty; it must hold something to read")
    file = FileProgress("a.jsonl")
    first = store.add("traffic", "recent", [], [fault], file)
    again = store.add("traffic", "recent", [], [fault, replace(fault, line=4)], file)
    assert (first, again) == (Added(quarantined=1), Added(known=1, quarantined=1))
    assert store.quarantine(limit=1) == [replace(fault, line=4)]


def test_counts_add_up_per_file_and_in_all(store):
    fault = Fault("a.jsonl", 9, "bad")
    store.add("pair", "recent", records(pair(1), pair(1)), [fault], FileProgress("a.jsonl"))
    store.add("pair", "recent", records(pair(1), pair(2)), progress=FileProgress("a.jsonl"))
    store.add("traffic", "reference", records(Traffic("x")), progress=FileProgress("b.jsonl"))
    counts = store.counts()
    assert counts.pairs == {"recent": 2}
    assert counts.traffic == {"reference": 1}
    assert counts.quarantine == counts.quarantined == 1
    assert counts.stored == 3
    assert counts.seen == 6
    for row in [counts, *counts.files]:
        assert row.seen == row.stored + row.known + row.quarantined
    assert [row.file for row in counts.files] == ["a.jsonl", "b.jsonl"]


def test_counts_are_plain_json(store):
    fault = Fault("a.jsonl", 9, "bad")
    store.add("pair", "recent", records(pair(1)), [fault], FileProgress("a.jsonl"))
    one = {"seen": 2, "stored": 1, "known": 0, "quarantined": 1, "erased": 0}
    assert store.counts().model_dump(mode="json") == {
        "pairs": {"recent": 1},
        "traffic": {},
        "documents": {},
        "served": {},
        "quarantine": 1,
        "discarded": {"pairs": 0, "traffic": 0, "documents": 0, "served": 0},
        **one,
        "files": [{"file": "a.jsonl", "kind": "pair", "role": "recent", **one, "became": {}}],
    }


def test_an_empty_store_answers(store):
    assert store.pairs() == []
    assert store.traffic(latest=5) == []
    assert store.last_sequence() == store.count_pairs() == store.count_traffic() == 0
    assert store.quarantine() == store.cycles() == store.promotions() == []
    assert store.counts().seen == 0
    assert store.add("pair", "recent", []) == Added()


def test_an_exception_while_arriving_leaves_nothing(store):
    with (
        pytest.raises(KeyError),
        store.arriving("pair", "recent", "a.jsonl") as arrivals,
    ):
        arrivals.add(records(pair(1)), [Fault("a.jsonl", 2, "bad")])
        arrivals.progress = FileProgress("a.jsonl", "stamp")
        raise KeyError
    assert store.last_sequence() == 0
    assert store.counts().seen == 0
    assert store.progress("pair", "recent", "a.jsonl") is None


def test_progress_is_kept_with_the_rows(store):
    progress = FileProgress("a.jsonl", "stamp", 10, 2, "digest")
    store.add("pair", "recent", records(pair(1)), progress=progress)
    assert store.progress("pair", "recent", "a.jsonl") == progress
    assert store.progress("pair", "history", "a.jsonl") is None
    store.add("pair", "recent", [], progress=replace(progress, done=20))
    assert store.progress("pair", "recent", "a.jsonl") == replace(progress, done=20)


def test_more_rows_than_one_statement_holds_are_stored(store):
    many = records(*(pair(number) for number in range(5_001)))
    assert store.add("pair", "recent", many + many) == Added(stored=5_001, known=5_001)
    assert [each.id for each in store.pairs()] == [f"id-{number}" for number in range(5_001)]


def test_a_rehearsal_is_undone(store):
    with store.rehearsal():
        store.add("pair", "recent", records(pair(1)))
        with pytest.raises(KeyError), store.arriving("pair", "recent", "a.jsonl") as arrivals:
            arrivals.add(records(pair(2)))
            raise KeyError
        assert store.pairs() == [pair(1)]
    assert store.last_sequence() == 0
    assert store.add("pair", "recent", records(pair(1))).stored == 1
