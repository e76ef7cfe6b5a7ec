"""Documents in the store: each id as its newest version, each version once."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipeline.store import Added, FileProgress, Record, Selection, Store, Traffic
from training.unlabelled import Document

CARD = Document("7", "Call us and we block it.", "A lost card", "https://x.org/7", "faq", 5.0)


@pytest.fixture
def store(tmp_path):
    with Store.open(f"sqlite:///{tmp_path / 'state' / 'store.db'}") as opened:
        yield opened


def records(*contents) -> list[Record]:
    return [Record(content, line) for line, content in enumerate(contents, start=1)]


def take(store, *contents, file="corpus.jsonl", goes_on=False) -> Added:
    with store.arriving("document", "recent", file) as arrivals:
        arrivals.goes_on = goes_on
        arrivals.add(records(*contents))
    return arrivals.total


def test_what_goes_in_comes_out_unchanged(store):
    plain = Document("8", "où? 😀 \n")
    assert take(store, CARD, plain) == Added(stored=2)
    assert store.documents() == [CARD, plain]
    assert store.documents_named(["8", "9"]) == {"8": plain}


def test_an_unchanged_document_is_known_whatever_its_time(store):
    take(store, CARD)
    assert take(store, replace(CARD, timestamp=9.0)) == Added(known=1)
    assert store.last_sequence() == 1


@pytest.mark.parametrize("change", [{"text": "new"}, {"title": "new"}, {"url": "u"}])
def test_a_changed_document_is_a_new_version_and_what_was_before_can_be_read(store, change):
    take(store, CARD)
    cut = store.last_sequence()
    assert take(store, replace(CARD, **change)) == Added(stored=1)
    assert store.documents() == [replace(CARD, **change)]
    assert store.documents(until=cut) == [CARD]
    assert (store.count_documents(), store.counts().documents) == (1, {"recent": 2})


def test_a_text_that_comes_back_is_the_newest_version_again(store):
    for text in ("one", "two", "one"):
        assert take(store, Document("7", text)) == Added(stored=1)
    assert [each.text for each in store.documents()] == ["one"]


def test_documents_come_in_the_order_in_which_their_newest_version_arrived(store):
    take(store, Document("a", "1"), Document("b", "2"))
    take(store, Document("a", "3"))
    assert [each.id for each in store.documents()] == ["b", "a"]


def test_two_rows_of_a_file_with_one_id_name_both_lines(store):
    assert take(store, CARD, CARD, Document("7", "else")) == Added(1, known=1, quarantined=1)
    (fault,) = store.quarantine()
    assert (fault.line, store.documents()) == (3, [CARD])
    assert "id '7' is the id of another document already (in corpus.jsonl line 1)" in fault.reason


def test_a_row_appended_to_a_file_cannot_change_a_row_that_stands_in_it(store):
    take(store, CARD)
    assert take(store, Document("7", "else"), goes_on=True) == Added(quarantined=1)


def test_a_changed_row_after_an_unchanged_one_of_its_id_is_found_in_a_file_read_again(store):
    take(store, CARD)
    assert take(store, CARD, Document("7", "else")) == Added(known=1, quarantined=1)


def test_a_document_without_id_is_known_by_its_content(store):
    assert take(store, Document("", "same"), Document("", "same")) == Added(1, known=1)
    (found,) = store.documents()
    assert found.id
    assert found.text == "same"


def test_documents_are_no_traffic_and_move_no_cut(store):
    take(store, CARD)
    store.add("traffic", "recent", [Record(Traffic("where is my card"))])
    assert store.sequence_before("recent") == 1
    assert store.count_traffic() == 1


@pytest.mark.parametrize(("kind", "name"), [("source", "new"), ("file", "b.jsonl")])
def test_without_a_discarded_version_the_one_before_counts(store, kind, name):
    take(store, CARD)
    take(store, replace(CARD, text="spoiled", source="new"), file="b.jsonl")
    now = datetime(2024, 5, 1, tzinfo=UTC)
    done = store.discard(Selection(kind, name), "bad export", "me", now)
    assert (done.documents, store.documents()) == (1, [CARD])
    assert store.counts().discarded.documents == 1
    assert store.undo_discard(Selection(kind, name), "good", "me", now).documents == 1
    assert [each.text for each in store.documents()] == ["spoiled"]


def test_counts_of_documents_add_up(store):
    take(store, CARD, Document("8", "b"), Document("8", "c"))
    counts = store.counts()
    assert sum(counts.documents.values()) == counts.stored == 2
    assert counts.seen == counts.stored + counts.known + counts.quarantined == 3


def test_more_documents_than_one_statement_names_are_stored_and_streamed(store):
    many = [Document(str(number), f"text {number}") for number in range(2_500)]
    assert take(store, *many) == Added(stored=2_500)
    assert list(store.each_document()) == many
    assert len(store.documents_named([each.id for each in many])) == 2_500


def test_an_exception_while_arriving_leaves_no_document(store):
    with pytest.raises(RuntimeError), store.arriving("document", "recent", "a") as arrivals:
        arrivals.add([Record(CARD, 1)])
        raise RuntimeError
    assert store.documents() == []
    assert store.add("document", "recent", [Record(CARD)], progress=FileProgress("a")).stored == 1


def test_of_many_documents_those_named_come_with_a_sample_that_stays(store):
    many = [Document(str(row), f"text {row}") for row in range(60)]
    take(store, *many)
    assert store.some_documents(60) == many
    some = store.some_documents(20, ["3", "5", "gone"])
    assert len(some) == 20
    assert some[:2] == [many[3], many[5]]
    until = store.last_document()
    take(store, *(Document(f"new {row}", f"new {row}") for row in range(60)), file="new.jsonl")
    assert store.some_documents(20, ["3", "5", "new 1"], until) == some


def test_a_sample_of_a_sequence_with_gaps_is_of_all_times(store):
    for part in range(340):
        texts = [Traffic(f"question {part} {number}") for number in range(2)]
        store.add("traffic", "recent", [Record(each) for each in texts])
        fresh = [Document(f"{part}-{number}", f"text {part} {number}") for number in range(3)]
        store.add("document", "recent", [Record(each) for each in fresh])
    drawn = [int(each.id.partition("-")[0]) // 85 for each in store.sample_documents(100)]
    assert all(20 <= drawn.count(quarter) <= 30 for quarter in range(4)), drawn


@pytest.mark.parametrize("others", [0, 400])
def test_a_sample_holds_only_documents_as_they_are_now(store, others):
    rows = [Record(Document(f"d{number}", f"text {number}")) for number in range(300)]
    store.add("document", "recent", rows)
    changed = [Record(Document(f"d{number}", f"later {number}")) for number in range(100)]
    store.add("document", "recent", changed)
    texts = [Record(Traffic(f"a question {number}")) for number in range(others)]
    store.add("traffic", "recent", texts)
    now = {each.id: each for each in store.documents()}
    for count in (10, 100):
        found = store.sample_documents(count)
        assert len({each.id for each in found}) == len(found) == count
        assert all(now[each.id] == each for each in found)
        assert store.sample_documents(count) == found


def test_documents_are_new_that_had_no_earlier_version(store):
    store.add("document", "recent", [Record(Document(each, "text")) for each in ("a", "b")])
    known = store.last_sequence()
    later = [Document("b", "changed"), Document("c", "text"), Document("d", "text")]
    store.add("document", "recent", [Record(each) for each in later[:2]])
    until = store.last_sequence()
    store.add("document", "recent", [Record(later[2])])
    assert [each.id for each in store.documents_new(known, until)] == ["c"]
