"""How far a version moves known texts: distance, neighbours, results, and pairs of texts."""

import numpy as np
import pytest

from pipeline.search import Encoders, space_movement
from training.evaluation import EvaluationSet


class Turned:
    """The space of another encoder, rotated: every distance stays."""

    def __init__(self, encoder):
        self._encoder, self.fingerprint = encoder, "turned"
        self.similarity = encoder.similarity
        normal = np.random.default_rng(0).standard_normal((encoder.dimensions,) * 2)
        self._rotation = np.linalg.qr(normal)[0].astype(np.float32)

    def encode(self, texts, **asked):
        return self._encoder.encode(texts, **asked) @ self._rotation


@pytest.fixture
def given():
    words = [f"{a}{b}" for a in "abcdefghij" for b in "klmnopqrst"]
    corpus = {f"d{n}": f"{words[n % 100]} {words[n * 7 % 100]} {n}" for n in range(400)}
    queries = {f"q{n}": f"{words[n]} where" for n in range(60)}
    return EvaluationSet("anchor/past", queries, corpus, {q: {f"d{q[1:]}": 1} for q in queries})


def test_the_same_model_moves_nothing(fake_encoder, given):
    found = space_movement(1, 2, Encoders(fake_encoder, fake_encoder), [given])
    (one,) = found.sets
    assert (one.task, one.digest, one.texts) == ("anchor/past", given.digest, 460)
    assert one.cosine == pytest.approx(1.0, abs=1e-5)
    assert (one.neighbours, one.results) == (1.0, 1.0)
    assert one.pair_correlation == pytest.approx(1.0)
    assert one.pair_change == pytest.approx(0.0, abs=1e-6)


def test_a_turned_space_moves_every_text_and_keeps_every_relation(fake_encoder, given):
    found = space_movement(1, 2, Encoders(fake_encoder, Turned(fake_encoder)), [given])
    (one,) = found.sets
    assert abs(one.cosine) < 0.3
    assert one.neighbours > 0.99
    assert one.results > 0.99
    assert one.pair_correlation > 0.999
    assert found.aligned_mean > 0.999


def test_another_model_keeps_few_neighbours_and_no_rotation_brings_them_back(
    fake_encoder, make_fake_encoder, given
):
    found = space_movement(1, 2, Encoders(fake_encoder, make_fake_encoder(salt="x")), [given])
    assert found.aligned_mean < 0.9
    assert found.sets[0].neighbours < 0.9
    longer = space_movement(1, 2, Encoders(fake_encoder, make_fake_encoder(512)), [given])
    assert (longer.sets[0].cosine, longer.sets[0].quantiles) == (None, ())
    assert longer.aligned_mean is None
