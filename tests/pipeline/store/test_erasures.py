"""Erasures in the store: rows go, counts add up, and tombstones keep records out."""

from datetime import UTC, datetime

import pytest
from canary_search import places_of
from hypothesis import given, settings
from hypothesis import strategies as st
from postgres_server import running_postgres
from sqlalchemy import select

from pipeline.store import Fault, FileProgress, Record, Store, Traffic, rewrite
from pipeline.store.tables import metadata
from training.pairs import Pair
from training.unlabelled import Document, ServedQuery, Shown

NOW = datetime(2026, 3, 9, tzinfo=UTC)
ANNA = Pair("7", "where is the parcel of anna berger", "it is on its way", source="shop")
TOM = Pair("8", "where is the parcel of tom", "it is on its way", source="shop")


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


def add(store, kind, *contents, file="a.jsonl", faults=()):
    records = [Record(each, line=line) for line, each in enumerate(contents, 1)]
    return store.add(kind, "recent", records, faults, progress=FileProgress(file))


def erase(store, kind, name, scrub=lambda value: value):
    begun = store.begin_erasure(store.find_erasable(kind, name), "asked", "ada", NOW)
    store.erase_rows(begun.number, scrub)
    store.erase_rows(begun.number, scrub)
    store.settle_erasure(begun.number, "done")
    return store.erasures()[-1]


def adds_up(store) -> bool:
    counts = store.counts()
    rows = sum(sum(of.values()) for of in (counts.pairs, counts.traffic, counts.documents))
    parts = counts.stored + counts.known + counts.quarantined + counts.erased
    return counts.seen == parts and counts.stored == rows


def test_a_pair_goes_and_the_counts_still_add_up(store):
    add(store, "pair", ANNA, TOM)
    done = erase(store, "id", "7")
    assert store.pairs() == [TOM]
    assert (done.records, done.removed["pairs"], done.plan) == (1, 1, None)
    assert (store.counts().stored, store.counts().erased) == (1, 1)
    assert adds_up(store)


@pytest.mark.parametrize("kind", ["id", "text"])
def test_an_erased_record_stays_out_under_any_name_of_its_file(store, kind):
    add(store, "pair", ANNA, TOM)
    erase(store, kind, {"id": "7", "text": "Anna Berger"}[kind])
    for file in ("a.jsonl", "renamed.jsonl"):
        added = add(store, "pair", ANNA, TOM, file=file)
        assert (added.stored, added.known, added.erased) == (0, 1, 1)
    assert adds_up(store)


def test_of_a_record_with_several_positives_only_the_erased_one_stays_out(store):
    other = Pair("7#2", ANNA.query, "ask anna")
    record = Record(ANNA, 1, more=(other,))
    store.add("pair", "recent", [record], progress=FileProgress("a.jsonl"))
    erase(store, "text", "ask anna")
    again = store.add("pair", "recent", [record], progress=FileProgress("b.jsonl"))
    assert [pair.positive for pair in store.pairs()] == [ANNA.positive]
    assert (again.known, again.erased) == (1, 0)


def test_texts_that_others_asked_too_are_not_held_to_be_erased(store):
    first, second = Traffic("where is my card", "1"), Traffic("where is my card", "2")
    add(store, "traffic", first, second)
    plan = store.find_erasable("id", "1")
    assert (plan.texts, plan.words) == ([], [])
    erase(store, "id", "1")
    assert store.traffic() == [second]
    assert add(store, "traffic", first, second).erased == 1


def test_a_served_line_goes_with_its_text(store):
    line = ServedQuery("parcel of anna berger", (Shown("d", "by post"),), id="7", session="s")
    add(store, "served", line, ServedQuery("hours", id="8"))
    erase(store, "text", "anna berger")
    assert [each.query for each in store.served()] == ["hours"]
    assert [each.text for each in store.traffic()] == ["hours"]
    assert add(store, "served", line).erased == 1
    assert adds_up(store)


def test_a_user_is_found_by_name(store):
    add(store, "served", ServedQuery("hours", user="anna@berger.example"), ServedQuery("hours"))
    erase(store, "text", "anna@berger")
    assert [each.user for each in store.served()] == [""]


def test_an_erased_document_goes_from_what_was_shown_and_from_pairs_that_hold_it(store):
    document = Document("d", "call anna berger and she blocks it", title="Lost card")
    add(store, "document", document, Document("e", "by post"), file="d.jsonl")
    shown = (Shown("d", score=1.0), Shown("e", score=0.5))
    add(store, "served", ServedQuery("lost", shown, ("d", "e"), (("d", 1),), id="7"), file="l")
    add(store, "pair", Pair("p", "lost card", document.whole), TOM)
    erase(store, "id", "d")
    (line,) = store.served()
    assert ([each.id for each in line.shown], line.clicked, line.feedback) == (["e"], ("e",), ())
    assert store.pairs() == [TOM]
    assert [each.id for each in store.documents()] == ["e"]
    assert adds_up(store)


def test_a_refusal_that_quotes_it_goes_and_does_not_come_back(store):
    fault = Fault("a.jsonl", 3, "timestamp is a text ('anna berger'); it must be ISO 8601")
    add(store, "pair", TOM, faults=[fault])
    assert erase(store, "text", "Anna Berger").removed["quarantine"] == 1
    added = add(store, "pair", TOM, faults=[fault])
    assert (store.quarantine(), added.quarantined, added.erased) == ([], 0, 1)
    assert adds_up(store)


def test_what_cycles_and_messages_say_is_scrubbed(store):
    add(store, "pair", ANNA)
    row = store.begin_cycle(NOW)
    store.record_stage(row.id, "texts", {"examples": [ANNA.query]})
    store.finish_cycle(row.id, "quiet", {"examples": [ANNA.query]}, NOW)
    store.settle_alerts({"blocked": {"data": {"examples": [ANNA.query]}}}, NOW)

    def scrub(value):
        return {key: ["gone"] if key == "examples" else each for key, each in value.items()}

    erase(store, "id", "7", scrub)
    assert store.stages(row.id)["texts"] == store.cycles()[0].result == {"examples": ["gone"]}
    assert store.unaddressed()[0].body["examples"] == ["gone"]


def test_a_discard_of_the_record_forgets_its_name(store):
    from pipeline.store import Selection

    add(store, "pair", ANNA, TOM)
    store.discard(Selection("id", "7"), "wrong", "ada", NOW)
    erase(store, "id", "7")
    assert store.discards()[0].name == "[erased]"
    assert store.counts().discarded.pairs == 0


def test_an_erasure_that_was_begun_is_known_until_it_is_done(store):
    add(store, "pair", ANNA)
    begun = store.begin_erasure(store.find_erasable("id", "7"), "asked", "ada", NOW)
    assert store.unfinished_erasure().plan == begun.plan
    store.settle_erasure(begun.number, "to compact")
    assert store.unfinished_erasure().plan is None
    store.settle_erasure(begun.number, "done")
    assert store.unfinished_erasure() is None


def test_what_people_judged_is_scrubbed(store):
    from pipeline.erasure import Scrubber
    from pipeline.store import Judgement

    judging = store.begin_judging(1, 2, "d", "ada", NOW)
    results = {"first": [("d", "a b"), ("e", "by post")], "second": [("e", "by post")]}
    asked = Judgement(0, judging.number, 0, ANNA.query, results, "first", "first", "ada", NOW)
    store.add_judgement(asked)
    add(store, "pair", ANNA)
    add(store, "document", Document("d", "a b"), file="d.jsonl")
    erase(store, "id", "7", Scrubber.of(store.find_erasable("id", "7")).json)
    erase(store, "id", "d", Scrubber.of(store.find_erasable("id", "d")).json)
    (left,) = store.judgements()
    assert left.query == "[erased]"
    assert left.results["first"] == (("[erased]", "[erased]"), ("e", "by post"))


def test_a_sqlite_file_is_written_anew_also_where_little_is_free(tmp_path):
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with Store.open(url) as store:
        add(store, "pair", ANNA, *(Pair(f"p{n}", f"query {n}", "an answer") for n in range(500)))
        erase(store, "id", "7")
        assert rewrite(url) == ""
    assert not places_of("berger", tmp_path)


@pytest.mark.slow
def test_postgresql_erases_the_same():
    with running_postgres() as server:
        url = server.create("erased")
        with Store.open(url) as store:
            fault = Fault("a.jsonl", 3, "not JSON: 'anna berger'")
            add(store, "pair", ANNA, TOM, faults=[fault])
            line = ServedQuery("parcel of anna berger", (Shown("d", "by post"),), id="7")
            add(store, "served", line, file="l.jsonl")
            erase(store, "text", "anna berger")
            assert store.pairs() == [TOM]
            assert add(store, "pair", ANNA, file="b.jsonl", faults=[fault]).erased == 2
            assert adds_up(store)
            assert rewrite(url) == ""
            with store._database.reading() as connection:
                for table in metadata.sorted_tables:
                    rows = connection.execute(select(table)).all()
                    assert "berger" not in str(rows), table.name


odd = st.text(min_size=1, max_size=20).filter(lambda text: "\0" not in text and text.strip())


@settings(max_examples=25)
@given(st.lists(odd, min_size=1, max_size=6, unique=True), st.data())
def test_counts_add_up_and_what_was_erased_stays_out_whatever_the_texts_are(texts, data):
    texts = [each.encode("utf-8", "replace").decode() for each in texts]
    chosen = data.draw(st.sampled_from(texts))
    with Store.open("sqlite://") as store:
        records = [Traffic(each, id=str(number)) for number, each in enumerate(texts)]
        add(store, "traffic", *records)
        erase(store, "id", str(texts.index(chosen)))
        add(store, "traffic", *records, file="b.jsonl")
        assert store.traffic() == [each for each in records if each.text != chosen]
        assert adds_up(store)
