import json
from dataclasses import replace

import numpy as np
import pytest
from declared_models import long_vectors
from made_streams import BANK, sentences
from sentence_transformers import SentenceTransformer

from training.encoding.encoder import Encoder
from training.evaluation.evaluate import Evaluate, nearest
from training.evaluation.evaluation_set import EvaluationSet
from training.evaluation.scorecard import Scorecard
from training.faults import DataFault
from training.pairs.pair import Pair


def small_set():
    return EvaluationSet(
        "anchor/cards",
        {"q1": "lost card", "q2": "pay bill", "q3": "nothing alike"},
        {"d1": "i lost my card", "d2": "pay a bill", "d3": "pay the other bill", "d4": "zebra"},
        {"q1": {"d1": 1}, "q2": {"d2": 1, "d3": 1}, "q3": {"d4": 1}},
        {"hard": ("q3",)},
    )


def test_scores_are_those_of_the_definition(fake_encoder):
    given = small_set()
    card = Evaluate().score(fake_encoder, [given])
    scores = card.tasks["anchor/cards"]
    documents = fake_encoder.encode(list(given.corpus.values()))
    for place, query in enumerate(scores.query_ids):
        similarity = documents @ fake_encoder.encode([given.queries[query]])[0]
        ranked = [list(given.corpus)[i] for i in np.argsort(-similarity)]
        gains = [given.relevant[query].get(d, 0) / np.log2(r + 2) for r, d in enumerate(ranked)]
        ideal = sum(1 / np.log2(r + 2) for r in range(len(given.relevant[query])))
        first = next(r for r, d in enumerate(ranked, 1) if d in given.relevant[query])
        assert scores.metrics["ndcg_at_10"][place] == pytest.approx(sum(gains) / ideal)
        assert scores.metrics["mrr_at_10"][place] == pytest.approx(1 / first)
        assert scores.metrics["recall_at_10"][place] == 1.0
    assert scores.query_ids == ("q1", "q2", "q3")
    assert card.fingerprint == fake_encoder.fingerprint


def test_slices_are_tasks_of_their_own(fake_encoder):
    card = Evaluate().score(fake_encoder, [small_set()])
    assert set(card.tasks) == {"anchor/cards", "anchor/cards/hard"}
    assert card.tasks["anchor/cards/hard"].query_ids == ("q3",)
    assert set(card.means()) >= {"anchor/cards/ndcg_at_10", "anchor/cards/hard/recall_at_10"}


def test_chunks_do_not_change_the_scores(fake_encoder):
    whole, parts = (Evaluate(rows_at_once=n).score(fake_encoder, [small_set()]) for n in (100, 2))
    assert whole.to_json() == parts.to_json()


def test_repeated_documents_rank_by_id_and_not_by_place(fake_encoder):
    corpus = {f"d{i:02}": "same text" for i in range(20)}
    forward = EvaluationSet("t", {"q": "same text"}, corpus, {"q": {"d03": 1}})
    backward = EvaluationSet(
        "t", {"q": "same text"}, dict(reversed(corpus.items())), {"q": {"d03": 1}}
    )
    first, second = (Evaluate().score(fake_encoder, [s]).tasks["t"] for s in (forward, backward))
    assert first.mean("mrr_at_10") == second.mean("mrr_at_10") == 0.25
    assert first.set_digest == second.set_digest


def test_a_scorecard_survives_json(fake_encoder):
    card = Evaluate().score(fake_encoder, [small_set()])
    again = Scorecard.from_json(json.loads(json.dumps(card.to_json())))
    assert again.to_json() == card.to_json()
    assert np.array_equal(
        again.tasks["anchor/cards"].metrics["ndcg_at_10"],
        card.tasks["anchor/cards"].metrics["ndcg_at_10"],
    )


def test_the_mean_of_nothing_is_not_a_number(fake_encoder):
    card = Evaluate().score(fake_encoder, [EvaluationSet("empty", {}, {"d": "x"}, {})])
    assert np.isnan(card.tasks["empty"].mean("ndcg_at_10"))


def write(
    folder,
    corpus=None,
    queries=None,
    qrels="query-id\tcorpus-id\tscore\nq1\td1\t1\n",
    place="qrels.tsv",
):
    folder.mkdir(exist_ok=True)
    (folder / "corpus.jsonl").write_text(
        corpus or '{"_id": "d1", "title": "Cards", "text": "lost"}\n{"id": "d2", "text": "x"}\n'
    )
    (folder / "queries.jsonl").write_text(
        queries or '{"id": "q1", "text": "where", "slice": "short"}\n'
    )
    (folder / place).parent.mkdir(exist_ok=True)
    (folder / place).write_text(qrels)
    return folder


def test_beir_folders_are_read_with_either_spelling(tmp_path):
    given = EvaluationSet.from_folder("anchor/a", write(tmp_path / "a"))
    assert given.corpus == {"d1": "Cards lost", "d2": "x"}
    assert given.slices == {"short": ("q1",)}
    other = EvaluationSet.from_folder(
        "b", write(tmp_path / "b", place="qrels/test.tsv", qrels="q1\t0\td1\t2\n")
    )
    assert other.relevant == {"q1": {"d1": 2}}


def test_a_saved_set_is_read_back_equal(tmp_path):
    given = small_set()
    given.save(tmp_path / "set")
    given.save(tmp_path / "set")
    assert EvaluationSet.from_folder("x", tmp_path / "set").digest == given.digest
    assert [p.name for p in tmp_path.iterdir()] == ["set"]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"corpus": "no json\n"}, r"corpus\.jsonl:1: .* is not JSON"),
        ({"corpus": "[1]\n"}, r"corpus\.jsonl:1: .* is not an object"),
        ({"corpus": '{"_id": "d1"}\n'}, r"corpus\.jsonl:1: `text` is None"),
        ({"corpus": '{"text": "x"}\n'}, r"corpus\.jsonl:1: `_id` is None"),
        (
            {"corpus": '{"_id": "d1", "text": "x"}\n' * 2},
            r"corpus\.jsonl:2: duplicate id 'd1'",
        ),
        ({"queries": "\n"}, r"queries\.jsonl is empty"),
        (
            {"qrels": "q1\td9\t1\n"},
            r"qrels\.tsv: no query has a relevant .*1 judgements of documents that are not in",
        ),
        ({"qrels": "h\th\ts\nq7\td1\t1\n"}, "1 judgements of queries that are not there"),
        (
            {"qrels": "q1 d1 1\n"},
            r"qrels\.tsv:1: .* has 1 columns|no query has a relevant",
        ),
        (
            {"qrels": "h\th\ts\nq1\td1\tgood\n"},
            r"qrels\.tsv:2: the grade is 'good'",
        ),
        ({"qrels": "h\th\ts\nq1\td1\t0.5\n"}, r"the grade is '0.5'; it must be a whole number"),
        ({"qrels": "q1\td1\t0\n"}, "no query has a relevant document"),
        ({"qrels": "q1\td1\t-1\n"}, "no query has a relevant document"),
        ({"corpus": '{"_id": "d1", "text": " "}\n'}, "1 documents without text are left out"),
    ],
)
def test_faults_name_the_file_and_the_line(tmp_path, broken, message):
    with pytest.raises(DataFault, match=message):
        EvaluationSet.from_folder("a", write(tmp_path / "a", **broken))


def test_a_missing_or_unreadable_file_is_named(tmp_path):
    folder = write(tmp_path / "a")
    (folder / "corpus.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(DataFault, match=r"corpus\.jsonl is not valid UTF-8"):
        EvaluationSet.from_folder("a", folder)
    (folder / "corpus.jsonl").unlink()
    with pytest.raises(DataFault, match=r"corpus\.jsonl is missing"):
        EvaluationSet.from_folder("a", folder)
    folder = write(tmp_path / "b")
    (folder / "qrels.tsv").unlink()
    with pytest.raises(DataFault, match="neither"):
        EvaluationSet.from_folder("b", folder)


def test_held_out_pairs_make_a_set_with_all_their_labels():
    held = [Pair("1", "Lost card", "gone"), Pair("2", "lost card!", "missing")]
    others = [
        Pair("3", "lost  card", "stolen"),
        *(Pair(f"o{i}", f"other {i}", f"text {i}") for i in range(50)),
    ]
    given = EvaluationSet.from_pairs("new", held, others, maximum_documents=20)
    assert list(given.queries.values()) == ["Lost card"]
    assert len(given.corpus) == 20
    (documents,) = given.relevant.values()
    assert {given.corpus[d] for d in documents} == {"gone", "missing", "stolen"}
    assert (
        given.digest
        == EvaluationSet.from_pairs("new", held[::-1], others[::-1], maximum_documents=20).digest
    )


def test_documents_of_the_same_meaning_answer_the_query_too():
    others = [
        Pair("2", "card gone", "card missing"),
        Pair("3", "card missing", "my card is away"),
        Pair("4", "zoo", "animals"),
    ]
    given = EvaluationSet.from_pairs("new", [Pair("1", "lost card", "card gone")], others)
    (documents,) = given.relevant.values()
    assert {given.corpus[d] for d in documents} == {"card gone", "card missing", "my card is away"}


def test_no_held_out_pairs_make_no_set():
    with pytest.raises(DataFault, match="no held-out pairs"):
        EvaluationSet.from_pairs("new", [], [Pair("1", "a", "b")])


def units(count, seed):
    vectors = np.random.default_rng(seed).standard_normal((count, 8)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_the_documents_of_highest_cosine_come_first():
    queries, documents = units(7, 1), units(30, 2)
    places, cosines = nearest(queries, documents, depth=10, rows_at_once=3)
    every = queries @ documents.T
    for row in range(7):
        assert places[row].tolist() == np.argsort(-every[row])[:10].tolist()
        np.testing.assert_allclose(cosines[row], every[row][places[row]], rtol=1e-6)


def test_documents_of_equal_cosine_keep_their_order():
    documents = np.repeat(units(1, 1), 5, axis=0)
    places, _ = nearest(documents[:1], documents, depth=3, rows_at_once=10)
    assert places.tolist() == [[0, 1, 2]]


def test_many_documents_rank_as_if_all_were_sorted():
    # Few different values, so that many documents are equal around the last place.
    generator = np.random.default_rng(0)
    queries, documents = (
        generator.integers(0, 3, (rows, 4)).astype(np.float32) for rows in (20, 900)
    )
    places, similarities = nearest(queries, documents, depth=10, rows_at_once=7)
    every = queries @ documents.T
    expected = np.argsort(-every, axis=1, kind="stable")[:, :10]
    assert (places == expected).all()
    assert (similarities == np.take_along_axis(every, expected, axis=1)).all()


def test_a_small_corpus_is_ranked_whole():
    places, cosines = nearest(units(2, 1), units(4, 2), depth=10, rows_at_once=10)
    assert places.shape == cosines.shape == (2, 4)


def by_the_served_similarity(model, given):
    """Return nDCG@10 per query, for one relevant document each, of what a plain model ranks."""
    ids, names = sorted(given.corpus), sorted(given.queries)
    similar = model.similarity(
        model.encode_query([given.queries[each] for each in names]),
        model.encode_document([given.corpus[each] for each in ids]),
    ).numpy()
    own = [ids.index(next(iter(given.relevant[each]))) for each in names]
    ranks = (similar > similar[range(len(names)), own][:, None]).sum(axis=1)
    return np.where(ranks < 10, 1 / np.log2(ranks + 2), 0)


@pytest.mark.parametrize("name", ["cosine", "dot", "euclidean", "manhattan"])
def test_scores_at_each_length_are_those_of_the_similarity_that_the_model_serves(
    tiny_model, tmp_path, name
):
    rows = sentences(BANK, 40, 1)
    given = EvaluationSet(
        "anchor/bank",
        {row["id"]: row["query"] for row in rows},
        {row["id"]: row["positive"] for row in rows},
        {row["id"]: {row["id"]: 1} for row in rows},
    )
    folder = long_vectors(tiny_model, tmp_path / "model", name)
    card = Evaluate().score(Encoder.load(folder), [given], dimensions=[16, 6])
    assert list(card.tasks) == ["anchor/bank", "anchor/bank/dim-6"]
    for task, length in (("anchor/bank", None), ("anchor/bank/dim-6", 6)):
        plain = SentenceTransformer(str(folder), device="cpu", truncate_dim=length)
        served = by_the_served_similarity(plain, given)
        assert card.tasks[task].metrics["ndcg_at_10"] == pytest.approx(served)


def test_a_length_that_the_vectors_do_not_have_is_refused(fake_encoder):
    with pytest.raises(DataFault, match=r"model\.dimensions holds 65; allowed are 1 to 64"):
        Evaluate().score(fake_encoder, [small_set()], dimensions=[32, 65])


def test_a_slice_with_the_name_of_a_length_is_refused(fake_encoder):
    given = replace(small_set(), slices={"dim-32": ("q3",)})
    with pytest.raises(DataFault, match="give the slice another name"):
        Evaluate().score(fake_encoder, [given], dimensions=[32])
