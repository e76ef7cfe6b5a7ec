"""Scrubbing: erased texts go from sentences and results, also where only their beginning is."""

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.erasure import Scrubber
from pipeline.store import ERASED, Erasable, Store, Traffic
from pipeline.store.records import Record
from training.pairs import normalised

LONG = "where did the parcel of anna berger go that was sent on monday to the old address"


def test_a_text_goes_from_a_sentence_whole_or_cut():
    scrubber = Scrubber(texts=(LONG,))
    assert scrubber.sentence(f"the first: {LONG!r}; look") == f"the first: '{ERASED}'; look"
    assert scrubber.sentence(f"the first: {LONG[:60]}…") == f"the first: {ERASED}…"
    assert scrubber.sentence(f"near {LONG.upper()} now") == f"near {ERASED} now"


def test_another_text_that_begins_alike_stays():
    other = "where did the parcel of tom go"
    assert Scrubber(texts=(LONG,)).sentence(f"it was {other}, yes") == f"it was {other}, yes"


def test_our_own_words_stay_although_a_record_had_no_others():
    scrubber = Scrubber(texts=("promoted", "recent texts"), words=frozenset({"promoted"}))
    told = {"outcome": "promoted", "reason": "it was promoted on recent texts", "text": "promoted"}
    assert scrubber.json(told) == {**told, "text": ERASED}


def test_a_word_that_only_erased_texts_held_goes_from_lists_of_terms():
    scrubber = Scrubber(texts=(LONG,), words=frozenset({"berger"}))
    found = {"trigger": "vocabulary", "examples": ["berger (2 pieces, 1 texts)", "card (1 piece)"]}
    assert scrubber.json(found)["examples"] == [f"{ERASED} (2 pieces, 1 texts)", "card (1 piece)"]
    moved = {"trigger": "term_meaning", "reason": "'card' now stands near berger, bank"}
    assert scrubber.json(moved)["reason"] == f"'card' now stands near {ERASED}, bank"


def test_ids_go_where_they_name_records_and_numbers_of_cycles_stay():
    scrubber = Scrubber(names=frozenset({"0002", "ticket-7"}))
    told = {"cycle": "0002", "reasons": ["id 'ticket-7' is taken"], "id": "0002"}
    left = {"cycle": "0002", "reasons": [f"id '{ERASED}' is taken"], "id": ERASED}
    assert scrubber.json(told) == left


def test_what_must_be_nowhere_is_nowhere_in_any_notation():
    scrubber = Scrubber(needles=(normalised("Anna Berger"),))
    for text in (
        "anna BERGER asked",
        "to anna-berger!",
        "ＡＮＮＡ ＢＥＲＧＥＲ",
        "Anna\tBergers card",
    ):
        assert scrubber.needles[0] not in normalised(scrubber.text(text))


letters = st.text(alphabet=string.ascii_letters + string.digits + "äöéñ漢字жщ", min_size=4)
anything = st.text(max_size=30)


@settings(max_examples=30)
@given(anything, letters, anything)
def test_a_part_of_a_text_is_found_and_scrubbed_whatever_stands_around_it(before, part, after):
    text = f"{before} {part} {after}"
    if not normalised(part):
        return
    with Store.open("sqlite://") as store:
        store.add("traffic", "recent", [Record(Traffic(text, id="1")), Record(Traffic("else"))])
        plan = store.find_erasable("text", part)
        assert plan.rows["traffic"][0] == 1
    scrubbed = Scrubber.of(plan).json({"text": text, "reason": f"the first: {text}"})
    assert not any(normalised(part) in normalised(each) for each in scrubbed.values())


@given(st.lists(anything, max_size=4), st.dictionaries(st.text(max_size=5), anything))
def test_without_anything_to_erase_nothing_changes(texts, told):
    value = {"examples": texts, **told}
    assert Scrubber.of(Erasable("id", "none")).json(value) == value
