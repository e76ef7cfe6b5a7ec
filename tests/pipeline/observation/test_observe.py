"""Observation: which texts are compared, and what a version keeps as its reference."""

from dataclasses import replace

import numpy as np
import pytest

import drift_triggers
from drift_triggers import DataQuality, Quality, Space, Trigger
from pipeline.observation.observe import (
    Accepted,
    Arrived,
    KnownQuality,
    Observe,
    changed_copies,
    queries_as_traffic,
)
from pipeline.store import Traffic
from training.pairs.pair import Pair


def texts(word, count):
    return [
        Traffic(text=f"{word} number {number}", timestamp=float(number)) for number in range(count)
    ]


def test_a_short_window_is_stretched_back_to_the_minimum_but_not_past_what_was_learned():
    observe = Observe(window=100, minimum_window=30)
    assert observe.recent(texts("a", 500), since_check=5) == texts("a", 500)[-30:]
    assert observe.recent(texts("a", 500), since_check=60) == texts("a", 500)[-60:]
    assert observe.recent(texts("a", 500), since_check=400) == texts("a", 500)[-100:]
    assert observe.recent(texts("a", 12), since_check=5) == texts("a", 12)


def test_the_reference_stays_bounded_and_in_order_and_learned_ground_gets_half():
    observe = Observe(reference=100)
    kept = observe.remember(texts("known", 300), texts("fresh", 400))
    assert len(kept) == 100
    assert sum(each.text.startswith("fresh") for each in kept) == 50
    times = [each.timestamp for each in kept if each.text.startswith("known")]
    assert times == sorted(times)
    assert observe.remember(texts("known", 40), texts("fresh", 20)) == [
        *texts("known", 40),
        *texts("fresh", 20),
    ]


def test_the_probes_of_a_reference_do_not_depend_on_its_order():
    observe = Observe(probes=8)
    one, other = observe.probe_texts(texts("a", 50)), observe.probe_texts(texts("a", 50)[::-1])
    assert sorted(one) == sorted(other)
    assert len(one) == 8


def test_the_observation_holds_each_span_with_its_own_vectors(fake_encoder):
    observe = Observe(long_window=40)
    since = texts("later", 90)
    pairs = [Pair("1", "a", "b"), Pair("2", "a", "b"), Pair("3", "c", "d")]
    seen = observe.observation(
        fake_encoder,
        Arrived(
            recent=since[-30:],
            spread=since[2::2][: observe.spread(90, 30)],
            pairs=pairs,
            unused_pairs=5,
        ),
        Accepted(
            reference=texts("past", 60),
            age_days=3.0,
            space=Space(fingerprint=fake_encoder.fingerprint),
            probe_texts=["past number 1"],
        ),
    )
    assert (len(seen.reference), len(seen.recent), len(seen.history)) == (60, 30, 40)
    assert np.allclose(seen.recent.embeddings, fake_encoder.encode(seen.recent.texts))
    assert np.allclose(seen.history.embeddings, fake_encoder.encode(seen.history.texts))
    assert (seen.new_pairs, seen.champion_age_days) == (7, 3.0)
    assert len(seen.serving_space.probes) == 1
    assert seen.serving_space.fingerprint == seen.accepted_space.fingerprint
    assert seen.recent.words[0][0] == ("later", 1, False)


def test_there_is_no_long_span_when_everything_is_recent(fake_encoder):
    assert (Observe().spread(30, 30), Observe(long_window=40).spread(90, 30)) == (0, 40)
    arrived = Arrived(recent=texts("later", 30))
    seen = Observe().observation(fake_encoder, arrived, Accepted(reference=texts("past", 30)))
    assert seen.history is None


def test_columns_that_no_pair_fills_are_missing_from_the_facts(fake_encoder):
    known = [Pair(str(n), f"q {n}", "a", source="app", timestamp=1.0) for n in range(4)]
    new = [Pair("8", "q", "b", source="app"), Pair("9", "r", "b")]
    seen = Observe().observation(
        fake_encoder,
        Arrived(recent=texts("later", 30), pairs=new),
        Accepted(reference=texts("past", 30), pairs=known),
    )
    assert seen.reference_pairs.fields == {"query", "positive", "source", "timestamp"}
    assert seen.recent_pairs.fields == {"query", "positive", "source"}
    assert seen.recent_pairs.missing == {"source": 1}


def test_records_that_were_all_refused_reach_the_data_quality_guard(fake_encoder):
    known = [Pair(str(n), f"q {n}", "a", source="app") for n in range(40)]
    accepted = Accepted(reference=texts("past", 30), pairs=known)
    arrived = Arrived(recent=texts("later", 30), refused_pairs=40)
    seen = Observe().observation(fake_encoder, arrived, accepted)
    assert (seen.recent_pairs.records, seen.recent_pairs.quarantined) == (40, 40)
    assert DataQuality().check(seen).blocks
    nothing = Arrived(recent=texts("later", 30))
    quiet = Observe().observation(fake_encoder, nothing, accepted)
    assert quiet.recent_pairs is None
    assert not DataQuality().check(quiet).measured


def test_texts_are_marked_as_self_generated_only_where_such_sources_are_named(fake_encoder):
    recent = [Traffic(text=f"text {n}", source="bot" if n % 2 else "app") for n in range(30)]
    accepted = Accepted(reference=texts("past", 30))
    unnamed = Observe().observation(fake_encoder, Arrived(recent=recent), accepted)
    assert unnamed.self_generated == ()
    arrived = Arrived(recent=recent, generated_sources=("bot",))
    named = Observe().observation(fake_encoder, arrived, accepted)
    assert named.self_generated == (False, True) * 15


def test_texts_are_changed_and_encoded_again_only_where_it_is_asked_for(fake_encoder):
    arrived = Arrived(recent=[*texts("later", 30), *texts("later", 30)])
    spans = (arrived, Accepted(reference=texts("past", 60)))
    assert Observe().observation(fake_encoder, *spans).recent_stability is None
    seen = Observe(perturbed=20).observation(fake_encoder, *spans)
    assert len(seen.reference_stability.rows) == 20
    assert len({seen.recent.texts[row] for row in seen.recent_stability.rows}) == 20
    assert (seen.recent_stability.cosines <= 1.0 + 1e-6).all()
    again = Observe(perturbed=20).observation(fake_encoder, *spans)
    assert (again.recent_stability.rows == seen.recent_stability.rows).all()


@pytest.mark.parametrize("text", ["", "   ", "one", "Where is my Card", "a b\nc"])
def test_changed_copies_drop_repeat_and_respace_words(text):
    words = text.split()
    dropped, doubled, spaced = changed_copies(text)
    assert changed_copies(text) == (dropped, doubled, spaced)
    if not words:
        assert (dropped, doubled, spaced) == (text, text, text)
        return
    assert len(dropped.split()) == max(1, len(words) - 1)
    assert len(doubled.split()) == len(words) + 1
    assert spaced.split() == [word.lower() for word in words]


def test_the_queries_of_anchor_sets_come_with_their_vectors(fake_encoder):
    seen = Observe().observation(
        fake_encoder,
        Arrived(recent=texts("later", 30)),
        Accepted(reference=texts("past", 30)),
        KnownQuality(anchor_queries=["where is my card", "what does it cost"]),
    )
    assert seen.anchor_queries.texts == ("where is my card", "what does it cost")
    assert np.allclose(
        seen.anchor_queries.embeddings, fake_encoder.encode(seen.anchor_queries.texts)
    )


UNFED = {"similarity_shift", "preprocessing"}
"""Triggers whose input comes from elsewhere: what a service answered, what read the records."""
SWITCHED_ON = {"term_meaning": {"watch_terms": ("number",)}}


def test_the_product_can_feed_every_built_in_trigger_but_those_named_here(fake_encoder):
    since = [replace(each, source="app") for each in texts("later", 300)]
    pairs = [Pair(str(n), f"question {n}", f"answer {n}", source="app") for n in range(40)]
    scores = np.linspace(0.2, 0.9, 30)
    seen = Observe(perturbed=60).observation(
        fake_encoder,
        Arrived(recent=since[-100:], spread=since, pairs=pairs, generated_sources=("bot",)),
        Accepted(
            reference=[replace(each, source="app") for each in texts("past", 200)],
            pairs=pairs,
            age_days=3.0,
            space=Space(fingerprint=fake_encoder.fingerprint),
            probe_texts=["past number 1"],
        ),
        KnownQuality(scores={"anchor/bank": Quality(scores, scores)}),
    )
    offered = (getattr(drift_triggers, name) for name in drift_triggers.__all__)
    workers = [each for each in offered if hasattr(each, "check") and each is not Trigger]
    assert len(workers) == 16
    signals = [worker(**SWITCHED_ON.get(worker.name, {})).check(seen) for worker in workers]
    assert {signal.trigger for signal in signals if not signal.measured} == UNFED


def test_queries_of_pairs_stand_for_traffic_where_there_is_none():
    pair = Pair("7", "where is my card", "in the post", source="bank", timestamp=5.0)
    assert queries_as_traffic([pair]) == [
        Traffic(text="where is my card", id="7", source="bank", timestamp=5.0)
    ]


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="window"):
        Observe(window=1)


class CasedEncoder:
    """Encodes as another encoder does, and moves texts in capitals together, or each its way."""

    fingerprint = tokenizer = "cased"

    def __init__(self, encoder, scattering):
        self.encoder, self.scattering = encoder, scattering

    def unit_vectors(self, texts, **_):
        rows = self.encoder.unit_vectors([text.lower() for text in texts])
        for row, text in enumerate(texts):
            if text.isupper():
                seed, size = (len(text) * 1000 + row, 0.5) if self.scattering else (0, 0.02)
                rows[row] += np.random.default_rng(seed).normal(size=rows.shape[1]) * size
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def words(self, texts):
        return self.encoder.words(texts)


@pytest.mark.parametrize("scattering", [False, True])
def test_capitals_alone_are_undone_where_the_neighbours_stay(fake_encoder, scattering):
    draw = np.random.default_rng(0)
    words = [f"w{number}" for number in range(40)]
    known, recent = (
        [Traffic(" ".join(draw.choice(words, 6))) for _ in range(count)] for count in (300, 120)
    )
    shouted = [replace(each, text=each.text.upper()) for each in recent]
    encoder = CasedEncoder(fake_encoder, scattering)
    seen = Observe().observation(encoder, Arrived(recent=shouted), Accepted(reference=known))
    assert seen.recent.texts == tuple(each.text for each in shouted), "people see what arrived"
    fired = {
        each.trigger
        for each in (
            drift_triggers.TextShape().check(seen),
            drift_triggers.EmbeddingShift().check(seen),
        )
        if each.fired
    }
    if scattering:
        assert seen.form_kept is None
        assert fired == {"text_shape", "embedding_shift"}
    else:
        assert seen.form_kept > 0.8
        plain = fake_encoder.unit_vectors([each.text for each in recent])
        assert np.allclose(seen.recent.embeddings, plain, atol=1e-6)
        assert not fired
    quiet = Observe().observation(encoder, Arrived(recent=recent), Accepted(reference=known))
    assert quiet.form_kept is None
