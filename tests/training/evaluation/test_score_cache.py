"""Scores: each model is scored once on each evaluation set."""

import json

import numpy as np
import pytest

from training.evaluation.evaluate import Evaluate
from training.evaluation.evaluation_set import EvaluationSet
from training.evaluation.score_cache import damaged_scores, rankings, scorecard

SET = EvaluationSet(
    "anchor/past",
    {"q1": "lost my card", "q2": "book a flight"},
    {"d1": "my card is lost", "d2": "a flight to book"},
    {"q1": {"d1": 1}, "q2": {"d2": 1}},
    {"bank": ("q1",)},
)


def scored(encoder, cache, dimensions=()):
    return scorecard(
        encoder.fingerprint,
        lambda: encoder,
        [SET],
        evaluate=Evaluate(),
        cache=cache,
        dimensions=dimensions,
    )


def test_a_model_is_loaded_and_scored_once_for_each_set(tmp_path, fake_encoder):
    first = scored(fake_encoder, tmp_path)
    again = scorecard(
        fake_encoder.fingerprint,
        lambda: pytest.fail("loaded again"),
        [SET],
        evaluate=Evaluate(),
        cache=tmp_path,
    )
    assert again.to_json() == first.to_json()
    assert set(first.tasks) == {"anchor/past", "anchor/past/bank"}


def test_another_set_or_another_model_is_scored_anew(tmp_path, make_fake_encoder):
    encoder, other = make_fake_encoder(), make_fake_encoder(salt="other")
    changed = EvaluationSet(
        SET.name, SET.queries, {**SET.corpus, "d3": "a new document"}, SET.relevant
    )
    loads = []
    for model, sets in ((encoder, [SET]), (encoder, [SET, changed]), (other, [SET])):
        scorecard(
            model.fingerprint,
            lambda model=model: loads.append(model) or model,
            sets,
            evaluate=Evaluate(),
            cache=tmp_path,
        )
    assert loads == [encoder, encoder, other]


def test_a_damaged_cache_entry_is_scored_anew(tmp_path, fake_encoder):
    first = scored(fake_encoder, tmp_path)
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:40])
    assert scored(fake_encoder, tmp_path).to_json() == first.to_json()


def test_scores_in_which_one_digit_changed_are_told_and_measured_anew(tmp_path, fake_encoder):
    first = scored(fake_encoder, tmp_path)
    (file,) = tmp_path.glob("*.json")
    text = file.read_text()
    changed = text.replace("1.0", "0.0", 1)
    assert changed != text
    file.write_text(changed)
    assert damaged_scores(tmp_path) == [file]
    assert scored(fake_encoder, tmp_path).to_json() == first.to_json()
    assert damaged_scores(tmp_path) == []


def test_what_a_model_found_is_kept_beside_its_scores(tmp_path, fake_encoder):
    def found(load):
        return rankings(fake_encoder.fingerprint, load, [SET], evaluate=Evaluate(), cache=tmp_path)

    scored(fake_encoder, tmp_path)
    kept = found(lambda: pytest.fail("loaded again"))[SET.name]
    fresh = Evaluate().rank(fake_encoder, SET)
    assert (kept.query_ids, kept.document_ids) == (("q1", "q2"), ("d1", "d2"))
    assert kept.places.tolist() == fresh.places.tolist() == [[0, 1], [1, 0]]
    assert kept.similarities.tolist() == fresh.similarities.tolist()


def test_a_length_that_is_served_later_is_scored_without_scoring_the_rest_anew(
    tmp_path, fake_encoder
):
    def score(*dimensions):
        del fake_encoder.encoded[:]
        return scored(fake_encoder, tmp_path, dimensions)

    whole = score()
    further = score(32, 8)
    assert set(further.tasks) - set(whole.tasks) == {"anchor/past/dim-32", "anchor/past/dim-8"}
    assert fake_encoder.encoded
    assert further.to_json() == score(32, 8).to_json()
    assert not fake_encoder.encoded
    assert set(score(8).tasks) == {*whole.tasks, "anchor/past/dim-8"}
    assert not fake_encoder.encoded


def test_what_was_kept_without_the_soft_metric_is_scored_anew(tmp_path, fake_encoder):
    whole = scored(fake_encoder, tmp_path)
    for file in tmp_path.glob("*.json"):
        card = json.loads(file.read_text())
        for task in card["tasks"].values():
            del task["metrics"]["soft_ndcg_at_10"]
        file.write_text(json.dumps(card))
    assert scored(fake_encoder, tmp_path).to_json() == whole.to_json()
    for file in tmp_path.iterdir():
        if file.suffix == ".json":
            file.unlink()
        else:
            with np.load(file) as kept:
                older = {name: kept[name] for name in ("places", "similarities")}
            np.savez(file, **older)
    assert scored(fake_encoder, tmp_path).to_json() == whole.to_json()
