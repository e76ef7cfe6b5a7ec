"""Proxies: made of what is held out, independent of order, and of nothing that gives pairs."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.pairs import normalised
from training.unlabelled import Corpus, Document, KnownItems, LexicalTruth, Reserved, Structure

NOUNS = ("card", "train", "hotel", "menu", "salt", "bank", "ticket", "insurance", "parcel", "lamp")
VERBS = ("block", "book", "cancel", "find", "order", "repair", "return", "sell", "send", "sign")


def made(count, seed=0, titled=True):
    """Return documents of three sentences each."""
    chance = random.Random(seed)
    documents = []
    for number in range(count):
        noun, verb = NOUNS[number % 10], VERBS[number // 10 % 10]
        words = [chance.choice("abcdefgh") * 3 + str(chance.randrange(500)) for _ in range(24)]
        text = ". ".join(f"we {verb} it with {' '.join(words[i : i + 8])}" for i in (0, 8, 16))
        title = f"{verb} the {noun} {words[0]}" if titled else ""
        documents.append(Document(f"doc/{number}", text + ".", title))
    return documents


@pytest.mark.parametrize("titled", [True, False])
def test_each_known_item_is_asked_for_by_a_part_that_its_document_then_lacks(titled):
    documents = made(300, titled=titled)
    task = KnownItems(minimum=20).make(Corpus(documents)).task
    assert 20 <= len(task.queries) <= 300 * 0.25
    for query, found in task.relevant.items():
        (answer,) = found
        assert normalised(task.queries[query]) not in normalised(task.corpus[answer])


def test_documents_of_known_items_give_no_pair():
    documents = made(300, titled=False)
    items, corpus = KnownItems(minimum=20), Corpus(documents)
    reserved = Reserved(items.protected(documents))
    positives = {pair.positive for pair in Structure().derive(corpus, reserved).pairs}
    proxy = items.make(corpus)
    answers = {proxy.task.corpus[name] for found in proxy.task.relevant.values() for name in found}
    assert positives
    assert not any(answer[:60] in positive for answer in answers for positive in positives)


def test_a_document_keeps_its_side_whatever_arrives_and_shares_it_with_its_translations():
    early, late = made(100), made(400)
    items = KnownItems()
    assert items.protected(early) == items.protected(late) & {each.id for each in early}
    for number in range(50):
        sides = {
            items.holds(Document(name, "any text"))
            for name in (f"help/en/{number}", f"help/de/{number}", f"help/pt/{number}")
        }
        assert len(sides) == 1


def test_documents_with_near_duplicates_and_short_ones_are_not_asked_for():
    documents = made(200)
    copies = [Document(f"copy/{each.id}", each.text + " Thanks.", each.title) for each in documents]
    short = [Document(f"short/{n}", "See above.", f"A note {n}") for n in range(100)]
    assert KnownItems(minimum=1).make(Corpus(documents)).task is not None
    assert KnownItems(minimum=1).make(Corpus([*documents, *copies])).task is None
    proxy = KnownItems(minimum=1).make(Corpus(short))
    assert proxy.task is None
    assert "too short" in proxy.reason


def test_documents_that_no_query_leads_to_are_preferred():
    documents = made(300)
    items = KnownItems(minimum=1, queries=10)
    asked = items.make(Corpus(documents)).task.queries.values()
    others = items.make(Corpus(documents), list(asked)).task.queries.values()
    assert len(asked) == len(others) == 10
    assert not set(asked) & set(others)


def test_the_lexical_proxy_takes_documents_that_stand_out_and_no_copy_of_the_query():
    documents = made(100)
    clear = [" ".join(each.text.split()[5:10:2]) for each in documents[:40]]
    copies = [each.whole for each in documents[40:60]]
    unclear = [f"we {verb} it with" for verb in VERBS]
    corpus = Corpus(documents)
    task = LexicalTruth(floor=0.5).make([*clear, *copies, *unclear], corpus).task
    assert len(set(clear) & set(task.queries.values())) > 30
    for query, found in task.relevant.items():
        (answer,) = found
        asked, text = task.queries[query], task.corpus[answer]
        assert normalised(asked) != normalised(text)
        assert asked not in clear or set(asked.split()) <= set(text.split())


def test_what_models_find_is_searched_in_but_never_an_answer():
    documents = made(400)
    corpus = Corpus(documents)
    queries = [" ".join(each.text.split()[5:10:2]) for each in documents[:60]]
    small = LexicalTruth(documents=200)
    found = np.arange(len(corpus) - 60, len(corpus))
    without, beside = small.make(queries, corpus), small.make(queries, corpus, found[:, None])
    assert without.task.queries == beside.task.queries
    assert without.task.relevant == beside.task.relevant
    assert {corpus.texts[row] for row in found} <= set(beside.task.corpus.values())
    assert len(beside.task.corpus) <= 200


@settings(max_examples=10)
@given(st.integers(0, 99))
def test_proxies_depend_on_no_order_of_the_input(seed):
    documents = made(120)
    mixed = random.Random(seed).sample(documents, len(documents))
    queries = [each.text.split(". ")[1] for each in documents[:50]]
    first, second = Corpus(documents), Corpus(mixed)
    assert KnownItems(minimum=5).make(first) == KnownItems(minimum=5).make(second)
    assert LexicalTruth().make(queries, first) == LexicalTruth().make(queries, second)


def test_too_few_queries_make_no_set_and_say_so():
    proxy = LexicalTruth(minimum=30).make(["block the card"], Corpus(made(20)))
    assert proxy.task is None
    assert "30" in proxy.reason


def test_a_query_that_its_document_quotes_is_asked_of_the_rest():
    documents = made(60)
    queries = [each.text.split(". ")[0] for each in documents]
    task = LexicalTruth(floor=0.5).make(queries, Corpus(documents)).task
    for query, found in task.relevant.items():
        (answer,) = found
        assert task.queries[query] not in task.corpus[answer]
        assert not any(task.queries[query] in text for text in task.corpus.values())


def test_short_documents_are_asked_for_by_a_few_of_their_words():
    chance = random.Random(0)
    texts = [" ".join(chance.sample([*NOUNS, *VERBS], 9)) for _ in range(400)]
    task = KnownItems().make(Corpus(Document(text, text) for text in texts)).task
    for query, found in task.relevant.items():
        (answer,) = found
        asked = task.queries[query].split()
        assert len(asked) == 6
        assert set(asked) < set(task.corpus[answer].split())


def test_documents_beyond_the_sample_that_repeats_are_counted_in_are_asked_for(monkeypatch):
    corpus = Corpus(made(300))
    every = KnownItems().make(corpus).task
    monkeypatch.setattr("training.unlabelled.passages._COUNTED", 10)
    assert KnownItems().make(corpus).task == every
