import json
import re
import time

import numpy as np
import pytest
from answering import answering, completion
from pydantic import ValidationError

from pipeline.generation import Generate
from training.unlabelled import Corpus, Document, Reserved

TOPICS = ["card", "flight", "mortgage", "passport", "kitchen", "harbour", "lantern", "orchard"]
CORPUS = Corpus(
    Document(str(number), f"Whoever has lost the {topic} should call the {topic} office at once.")
    for number, topic in enumerate(TOPICS)
)
NOBODY = Reserved()


def nothing(queries, k):
    return np.full((len(queries), k), -1)


def about(body):
    text = re.search(r"<text>\n(.*?)\n</text>", body["messages"][1]["content"], re.DOTALL)[1]
    topic = text.split()[4]
    return completion(f"1. who finds my {topic}\n2. weather forecast tomorrow")


def derived(url, folder, reserved=NOBODY, asked=(), **settings):
    generate = Generate(url=url, model="local", parallel=2, **settings)
    return generate.derive(CORPUS, reserved, asked, nothing, folder)


def test_queries_that_lead_back_to_their_document_become_pairs(tmp_path):
    with answering(about) as (url, got):
        found = derived(url, tmp_path)
    assert len(got) == len(TOPICS)
    assert {(pair.query, pair.positive) for pair in found.pairs} == {
        (f"who finds my {topic}", text)
        for topic in TOPICS
        for text in CORPUS.texts
        if f"the {topic} office" in text
    }
    assert {pair.source for pair in found.pairs} == {"generated"}
    assert found.reason.startswith("16 queries were written for 8 documents; 8 lead back")


def test_what_the_champion_finds_counts_too(tmp_path):
    with answering(lambda _: completion("no word in common")) as (url, _):
        generate = Generate(url=url, model="local", documents=1, round_trip=1)
        everything = Corpus([Document("1", "Whoever lost it should call.")])
        search = lambda queries, k: np.zeros((len(queries), k), dtype=int)  # noqa: E731
        assert len(generate.derive(everything, NOBODY, (), search, tmp_path).pairs) == 1


def test_an_answer_is_asked_for_once_whatever_the_log_holds(tmp_path):
    with answering(about) as (url, got):
        first = derived(url, tmp_path, asked=["lost my card"])
        asked = len(got)
        second = derived(url, tmp_path, asked=["other queries", "of another month"])
    assert len(got) == asked
    assert second == first


def test_a_damaged_answer_is_asked_for_again(tmp_path):
    with answering(about) as (url, got):
        first = derived(url, tmp_path)
        next(tmp_path.rglob("*.json")).write_text('{"answer": ')
        assert derived(url, tmp_path) == first
    assert len(got) == len(TOPICS) + 1


def test_real_queries_show_the_style_but_never_held_out_ones(tmp_path):
    reserved = Reserved(queries=frozenset({"secret question"}))
    with answering(about) as (url, got):
        derived(url, tmp_path, reserved, ["lost my card", "Secret question"])
    sent = json.dumps([one["messages"] for one in got])
    assert "lost my card" in sent
    assert "ecret question" not in sent


def test_reserved_documents_are_not_sent(tmp_path):
    with answering(about) as (url, got):
        found = derived(url, tmp_path, Reserved(documents=frozenset({"0"})))
    assert "the card office" not in json.dumps(got)
    assert len(found.pairs) == len(TOPICS) - 1


def test_the_cost_is_told_before_and_nothing_is_sent(tmp_path):
    with answering(about) as (url, got):
        generate = Generate(url=url, model="local", price_in=1.0, price_out=2.0)
        cost = generate.cost(CORPUS, NOBODY, (), tmp_path)
        assert got == []
        assert (cost.documents, cost.known, cost.requests) == (8, 0, 8)
        assert cost.price == (cost.tokens_in + 2 * cost.tokens_out) / 1e6
        generate.ask(CORPUS, NOBODY, (), tmp_path)
        assert generate.cost(CORPUS, NOBODY, (), tmp_path).requests == 0


def test_out_of_reach_the_cached_answers_are_used_and_the_url_is_named(tmp_path):
    with answering(about) as (url, _):
        derived(url, tmp_path, documents=3)
    started = time.monotonic()
    found = derived("http://127.0.0.1:1/v1", tmp_path)
    assert len(found.pairs) == 3
    assert "5 documents have no queries: http://127.0.0.1:1/v1/chat" in found.reason
    assert time.monotonic() - started < 20


def test_after_three_faults_in_a_row_the_server_is_left_alone(tmp_path):
    with answering(lambda _: (400, "not today")) as (url, got):
        found = derived(url, tmp_path)
    assert found.pairs == ()
    assert len(got) <= 5
    assert "8 documents have no queries" in found.reason


def test_a_url_without_a_model_and_a_path_without_a_protocol_are_refused():
    with pytest.raises(ValidationError, match=r"generate\.model must name a model"):
        Generate(url="http://127.0.0.1:8000/v1")
    with pytest.raises(ValidationError, match="url"):
        Generate(url="127.0.0.1:8000", model="local")
