"""Regressions: the worst queries of all tasks, and relevant documents that nobody finds."""

import json
from dataclasses import asdict

import numpy as np

from training.evaluation.evaluate import Ranking, scores_of_ranking
from training.evaluation.evaluation_set import EvaluationSet
from training.evaluation.regressions import regressions
from training.evaluation.scorecard import Scorecard

DOCUMENTS = [f"d{number:02}" for number in range(30)]
LONG = "<b>many words</b> " * 100


def made(name, found, corpus=None, relevant=None):
    """A set whose query `qN` is answered by document `dN`, and what one model finds for each."""
    queries = {f"q{row}": f"query {row}" for row in range(len(found))}
    given = EvaluationSet(
        name,
        queries,
        corpus or {document: f"text of {document}" for document in DOCUMENTS},
        relevant or {query: {f"d0{query[1:]}": 1} for query in queries},
    )
    return given, ranked(found)


def ranked(found):
    places = np.array(found, dtype=np.int32)
    cosines = np.tile(np.linspace(0.9, 0.1, places.shape[1], dtype=np.float32), (len(found), 1))
    return Ranking(tuple(f"q{row}" for row in range(len(found))), tuple(DOCUMENTS), places, cosines)


def model(sets, rankings):
    tasks = {}
    for given in sets:
        tasks |= scores_of_ranking(given, rankings[given.name])
    return Scorecard("space", tasks), rankings


def compared(before, after, most=20, **given):
    kept, first = made("anchor/past", before, **given)
    old, new = ({kept.name: ranking} for ranking in (first, ranked(after)))
    return regressions(
        [kept], model([kept], old), model([kept], new), metric="ndcg_at_10", most=most
    )


def test_the_same_answers_are_no_regression():
    found = compared([[0, 5], [1, 6]], [[0, 5], [1, 6]])
    assert found.worst_queries == found.dark_documents == ()
    change = found.changes[0]
    assert (change.worse, change.better, change.ties, change.dark, change.vanished) == (
        0,
        0,
        2,
        0,
        0,
    )


def test_the_query_that_fell_most_comes_first_with_the_documents_of_both():
    found = compared([[0, 5], [1, 6], [7, 8]], [[5, 0], [6, 7], [2, 8]])
    assert [each.query for each in found.worst_queries] == ["q1", "q0"]
    worst = found.worst_queries[0]
    assert (worst.before, worst.after) == (1.0, 0.0)
    assert (worst.rank_before, worst.rank_after) == (1, None)
    assert [(hit.document, hit.relevant) for hit in worst.old] == [("d01", True), ("d06", False)]
    assert [(hit.document, hit.relevant) for hit in worst.new] == [("d06", False), ("d07", False)]
    assert worst.old[0].similarity == 0.9
    assert found.worst_queries[1].rank_after == 2
    assert (found.changes[0].worse, found.changes[0].better) == (2, 1)


def test_a_relevant_document_goes_dark_only_when_none_of_its_queries_finds_it():
    both = {"q0": {"d00": 1}, "q1": {"d00": 1, "d01": 1}}
    # d00 is lost by q0 but still found by q1; d01 is lost by its only query.
    found = compared([[0, 1], [0, 1]], [[2, 3], [0, 2]], relevant=both)
    assert [each.document for each in found.dark_documents] == ["d01"]
    dark = found.dark_documents[0]
    assert (dark.rank, dark.query, dark.text) == (2, "query 1", "text of d01")
    change = found.changes[0]
    assert (change.dark, change.found, change.vanished) == (1, 0, 1)


def test_a_document_that_the_new_model_finds_for_the_wrong_query_is_dark_all_the_same():
    found = compared([[0, 5], [1, 6]], [[5, 6], [0, 1]])
    assert [each.document for each in found.dark_documents] == ["d00"]
    assert found.changes[0].vanished == 0


def test_the_best_rank_before_is_told():
    both = {"q0": {"d03": 1}, "q1": {"d03": 1}}
    found = compared([[1, 3], [3, 1]], [[1, 2], [1, 2]], relevant=both)
    assert [(each.rank, each.query) for each in found.dark_documents] == [(1, "query 1")]


def test_all_are_counted_and_the_worst_are_listed_over_all_tasks():
    one, first = made("anchor/one", [[0, 5], [1, 6]])
    two, second = made("anchor/two", [[0, 5], [1, 6]])
    old = {one.name: first, two.name: second}
    new = {one.name: ranked([[5, 0], [6, 1]]), two.name: ranked([[5, 6], [6, 5]])}
    sets = [one, two]
    found = regressions(sets, model(sets, old), model(sets, new), metric="ndcg_at_10", most=3)
    assert [each.task for each in found.worst_queries] == ["anchor/two", "anchor/two", "anchor/one"]
    assert [change.worse for change in found.changes] == [2, 2]
    assert [change.dark for change in found.changes] == [0, 2]


def test_texts_are_cut_and_the_whole_is_plain_json():
    corpus = {document: LONG for document in DOCUMENTS}
    found = compared([[0, 5]], [[5, 6]], corpus=corpus)
    texts = [hit.text for hit in found.worst_queries[0].old]
    assert all(len(text) == 160 and text.endswith("…") for text in texts)
    plain = json.loads(json.dumps(asdict(found)))
    assert set(plain) == {"changes", "worst_queries", "dark_documents"}
    assert plain["worst_queries"][0]["new"][0]["document"] == "d05"
