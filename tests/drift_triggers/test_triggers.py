"""What every trigger owes: pure, deterministic, quiet when nothing changed, clear if it speaks."""

import copy
import importlib
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from drift_triggers.backtest import Window, replay
from drift_triggers.cause import ANSWERS, explain
from drift_triggers.policy import Policy
from drift_triggers.signal import (
    Observation,
    PairFacts,
    Quality,
    Sample,
    Served,
    Signal,
    Space,
    Stability,
    Trigger,
)
from drift_triggers.statistics.clusters import new_clusters


def words_of(line):
    return line.split(" ")


TOPICS = (
    words_of("card payment money account bank transfer balance fee cash loan"),
    words_of("pin code lost stolen blocked activate replace arrive deliver card"),
    words_of("exchange rate currency euro dollar abroad country travel charge limit"),
    words_of("app login password phone update crash screen button verify email"),
)
FOREIGN = words_of("pancreatic cirrhosis hepatitis dialysis nephritis serotonin insulin biopsy")
SMALL = words_of("how do i get the my is when can why")
CENTRES = np.random.default_rng(5).normal(size=(8, 16))
LENGTH = 5


def asked(seed, count, topics=(0, 1, 2, 3), *, spoken=False, words=None):
    """Questions on some topics: a text, its place in a space of topics, its pieces."""
    generator = np.random.default_rng(seed)
    chosen = generator.choice(topics, size=count)
    texts, pieces = [], []
    for topic in chosen:
        vocabulary = words or TOPICS[topic % 4]
        middle = [*generator.choice(SMALL, 4), *generator.choice(vocabulary, 4)]
        text = f"{middle[0].title()} {' '.join(middle[1:4])}, {' '.join(middle[4:])}?"
        text = f"um {' '.join(middle)} okay" if spoken else text
        texts.append(f"{text} {generator.choice(TOPICS[topic % 4])}")
        pieces.append(tuple((word, -(-len(word) // LENGTH), False) for word in middle))
    rows = CENTRES[chosen] + 0.6 * generator.normal(size=(count, 16)) + 0.3 * spoken
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return Sample(tuple(texts), rows.astype(np.float32), (), np.arange(count) * 60.0, tuple(pieces))


def facts(**changes):
    pairs = tuple((f"query {n}", f"positive {n}") for n in range(100))
    sources = tuple("web" if n % 2 else "mail" for n in range(100))
    fields = frozenset({"query", "positive", "source"})
    return replace(PairFacts(pairs, (), sources, 100, 0, fields, {}), **changes)


def from_sources(sample, moved=None):
    """The sample with two sources; the smaller one may bring texts of another sample."""
    sources = ("mail",) * 60 + ("app",) * (len(sample) - 60)
    if moved is not None:
        rows = np.vstack([moved.embeddings[:60], sample.embeddings[60:]])
        texts = moved.texts[:60] + sample.texts[60:]
        sample = replace(sample, embeddings=rows, texts=texts)
    return replace(sample, sources=sources)


def with_server(sample, moved=None):
    """The sample with the word "server" in a few of its texts, which may be those of another."""
    named = from_sources(sample, moved)
    texts = tuple(f"{text} server" if row < 60 else text for row, text in enumerate(named.texts))
    return replace(named, texts=texts, sources=())


REFERENCE = asked(1, 400)
ANCHORS = asked(7, 40)
COSINES = np.random.default_rng(1).uniform(0.5, 0.9, 300)
DOCUMENTS = tuple(f"d{n}" for n in np.random.default_rng(2).integers(300, size=300))
PROBES = np.eye(4, 16, dtype=np.float32)
STABLE = Stability(np.arange(200), np.random.default_rng(6).uniform(0.8, 1.0, 200))
SCORES = np.random.default_rng(3).uniform(0.3, 1.0, 60)


def world(recent=None, **changes):
    """All that any trigger may look at, nothing changed but what is given."""
    quiet = Observation(
        recent or asked(2, 200),
        REFERENCE,
        new_pairs=10,
        champion_age_days=20.0,
        seed=7,
        history=asked(3, 600),
        recent_stability=replace(STABLE, cosines=STABLE.cosines[::-1]),
        reference_stability=STABLE,
        anchor_queries=ANCHORS,
        accepted_space=Space("f" * 64, "t" * 64, PROBES),
        serving_space=Space("f" * 64, "t" * 64, PROBES + 1e-5),
        index_fingerprints=("f" * 64,),
        served_before=Served(COSINES, DOCUMENTS),
        served_recently=Served(np.flip(COSINES) - 0.001, DOCUMENTS[::-1]),
        quality={"golden": Quality(SCORES, np.roll(SCORES, 0), queries=("q",) * 60)},
        hit_rates={"golden": (0.9, 0.9)},
        self_generated=(False,) * len(recent or asked(2, 200)),
        own_answers=("Please activate the card in the settings of the app",),
        recent_pairs=facts(),
        reference_pairs=facts(),
    )
    return replace(quiet, **changes)


def drifting_history():
    generator = np.random.default_rng(4)
    old, new = asked(5, 900), asked(6, 900, (4, 5, 6, 7))
    rows = np.where(generator.random(900) < np.linspace(0.0, 0.6, 900), 900, 0) + np.arange(900)
    embeddings = np.vstack([old.embeddings, new.embeddings])[rows]
    texts = tuple(np.array(old.texts + new.texts)[rows].tolist())
    return Sample(texts, embeddings, (), np.arange(900) * 3600.0)


class LongWords:
    """A trigger of the user's own."""

    name: ClassVar[str] = "long_words"

    def check(self, observation: Observation) -> Signal:
        observation.require_texts()
        longest = max(map(len, observation.recent.texts))
        fired = longest > 500
        return Signal(self.name, fired, f"longest: {longest}", cause="pipeline" if fired else None)


def looping():
    answer = "to replace a lost card open the app and choose the replace button on the first screen"
    sample = asked(8, 200)
    return replace_texts(sample, {row: f"{answer} {row}" for row in range(100)}), (answer,)


def replace_texts(sample, changed):
    texts = tuple(changed.get(row, text) for row, text in enumerate(sample.texts))
    return Sample(texts, sample.embeddings, sample.sources, sample.timestamps, sample.words)


LOOP, ANSWER = looping()
CASES = {
    "embedding_shift:EmbeddingShift": world(asked(9, 200, (4, 5, 6, 7))),
    "out_of_distribution:OutOfDistribution": world(asked(9, 200, (4, 5, 6, 7))),
    "vocabulary:Vocabulary": world(asked(9, 200, words=FOREIGN)),
    "text_shape:TextShape": world(asked(9, 200, spoken=True)),
    "similarity_shift:SimilarityShift": world(served_recently=Served(COSINES - 0.2)),
    "quality_drop:QualityDrop": world(quality={"golden": Quality(SCORES, SCORES * 0.7)}),
    "space_mismatch:SpaceMismatch": world(serving_space=Space("f" * 64, "t" * 64, -PROBES)),
    "feedback_loop:FeedbackLoop": world(LOOP, own_answers=ANSWER),
    "data_quality:DataQuality": world(recent_pairs=facts(quarantined=40)),
    "fresh_data:FreshData": world(new_pairs=4000),
    "model_age:ModelAge": world(champion_age_days=400.0),
    "slow_drift:SlowDrift": world(history=drifting_history()),
    "term_meaning:TermMeaning": world(
        with_server(asked(2, 200), asked(9, 200, (2, 3))),
        reference=with_server(REFERENCE, asked(11, 200, (0, 1))),
    ),
    "source_shift:SourceShift": world(
        from_sources(asked(2, 200), asked(9, 200, (2, 3))),
        reference=from_sources(REFERENCE, asked(11, 200, (0, 1))),
    ),
    "instability:Instability": world(
        recent_stability=replace(STABLE, cosines=STABLE.cosines - 0.2)
    ),
    "test:LongWords": world(replace_texts(asked(2, 200), {0: "word " * 200})),
}
CAUSES = {
    "embedding_shift": "concept",
    "out_of_distribution": "concept",
    "vocabulary": "vocabulary",
    "text_shape": "pipeline",
    "similarity_shift": "retrieval_loss",
    "quality_drop": "retrieval_loss",
    "space_mismatch": "model_version",
    "feedback_loop": "feedback_loop",
    "data_quality": "data_quality",
    "fresh_data": "fresh_data",
    "model_age": "temporal",
    "slow_drift": "temporal",
    "term_meaning": "temporal",
    "source_shift": "concept",
    "instability": "vocabulary",
    "long_words": "pipeline",
}
GUARDS = {"space_mismatch", "feedback_loop", "data_quality"}


SWITCHES = {"TermMeaning": {"watch_terms": ("server",)}, "SourceShift": {"inside": True}}


def made(name):
    module, kind = name.split(":")
    if module == "test":
        return LongWords()
    worker = getattr(importlib.import_module(f"drift_triggers.{module}"), kind)
    return worker(**SWITCHES.get(kind, {}))


every_trigger = pytest.mark.parametrize("name", CASES)


@every_trigger
def test_it_is_a_trigger(name):
    assert isinstance(made(name), Trigger)


@every_trigger
def test_it_stays_quiet_on_identical_data_and_says_why(name):
    for observation in (world(), world(REFERENCE, self_generated=())):
        signal = made(name).check(observation)
        assert not signal.fired
        assert not signal.blocks
        assert signal.reason
        assert signal.cause is None


@every_trigger
def test_it_fires_on_an_obvious_change_with_reason_and_cause(name):
    signal = made(name).check(CASES[name])
    assert signal.fired, signal.reason
    assert signal.reason
    assert signal.cause == CAUSES[signal.trigger]
    assert signal.trigger == made(name).name
    assert signal.blocks == (signal.trigger in GUARDS)
    assert signal.p_value is None or 0.0 < signal.p_value <= 1.0
    if signal.effect is not None and signal.threshold is not None:
        assert signal.effect >= signal.threshold or signal.trigger in GUARDS


@every_trigger
def test_it_is_deterministic_and_changes_nothing(name):
    observation = CASES[name]
    before = copy.deepcopy(observation.recent.embeddings), observation.recent.texts
    first, second = made(name).check(observation), made(name).check(observation)
    assert first == second
    assert (observation.recent.embeddings == before[0]).all()
    assert observation.recent.texts == before[1]
    again = replace(observation, recent=copy.deepcopy(observation.recent))
    assert made(name).check(again) == first


@every_trigger
def test_it_has_nothing_to_say_where_only_texts_are_given(name):
    signal = made(name).check(Observation(asked(2, 200), REFERENCE))
    assert not signal.fired


@every_trigger
def test_it_refuses_empty_input_or_does_not_need_it(name):
    none = Sample((), np.empty((0, 16), np.float32))
    for observation in (world(none, self_generated=()), world(reference=none)):
        try:
            assert made(name).check(observation).reason
        except ValueError as error:
            assert "at least one text, got none" in str(error)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("similarity_shift:SimilarityShift", {"served_recently": Served(COSINES * np.nan)}),
        ("quality_drop:QualityDrop", {"quality": {"golden": Quality(SCORES, SCORES * np.nan)}}),
        ("quality_drop:QualityDrop", {"quality": {"golden": Quality(SCORES, SCORES[:30])}}),
        ("space_mismatch:SpaceMismatch", {"serving_space": Space("", "", PROBES * np.nan)}),
        ("feedback_loop:FeedbackLoop", {"self_generated": (True,)}),
        ("data_quality:DataQuality", {"recent_pairs": facts(quarantined=400)}),
        ("instability:Instability", {"recent_stability": Stability(np.arange(2), np.ones(2) * 2)}),
        ("model_age:ModelAge", {"champion_age_days": float("nan")}),
    ],
)
def test_numbers_that_are_none_are_refused(name, changes):
    with pytest.raises(ValueError, match=r"must|finite"):
        made(name).check(world(**changes))


# One made case for each cause: the right trigger fires, the others stay quiet where they should,
# and the cause is named.
ALL = [made(name) for name in CASES if not name.startswith("test")]
ROWS = [
    (
        "new topics",
        CASES["embedding_shift:EmbeddingShift"],
        {"embedding_shift", "out_of_distribution"},
        {"embedding_shift", "out_of_distribution"},
        "concept",
    ),
    (
        "another encoder",
        world(serving_space=Space("0" * 64, "1" * 64, PROBES)),
        {"space_mismatch"},
        {"space_mismatch"},
        "model_version",
    ),
    (
        "new words",
        CASES["vocabulary:Vocabulary"],
        {"vocabulary"},
        {"vocabulary", "text_shape"},
        "vocabulary",
    ),
    (
        "another form",
        CASES["text_shape:TextShape"],
        {"text_shape"},
        {"text_shape", "embedding_shift", "out_of_distribution"},
        "pipeline",
    ),
    (
        "little by little",
        CASES["slow_drift:SlowDrift"],
        {"slow_drift"},
        {"slow_drift"},
        "temporal",
    ),
    (
        "another sense of a word",
        CASES["term_meaning:TermMeaning"],
        {"term_meaning"},
        {"term_meaning"},
        "temporal",
    ),
    (
        "one source",
        CASES["source_shift:SourceShift"],
        {"source_shift"},
        {"source_shift"},
        "concept",
    ),
    (
        "unsteady embeddings",
        CASES["instability:Instability"],
        {"instability"},
        {"instability"},
        "vocabulary",
    ),
    ("old age", CASES["model_age:ModelAge"], {"model_age"}, {"model_age"}, "temporal"),
    (
        "own answers",
        CASES["feedback_loop:FeedbackLoop"],
        {"feedback_loop"},
        {"feedback_loop", "text_shape"},
        "feedback_loop",
    ),
    (
        "silent loss",
        world(
            served_recently=Served(COSINES - 0.2),
            quality={"golden": Quality(SCORES, SCORES * 0.7)},
        ),
        {"similarity_shift", "quality_drop"},
        {"similarity_shift", "quality_drop"},
        "retrieval_loss",
    ),
    (
        "broken records",
        world(recent_pairs=facts(missing={"positive": 30})),
        {"data_quality"},
        {"data_quality"},
        "data_quality",
    ),
    ("nothing", world(), set(), set(), "none"),
]


@pytest.mark.parametrize(
    ("observation", "must", "may", "cause"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_each_cause_is_caught_by_its_trigger_and_named(observation, must, may, cause):
    signals = [trigger.check(observation) for trigger in ALL]
    fired = {signal.trigger for signal in signals if signal.fired}
    assert must <= fired <= may
    explanation = explain(signals)
    assert explanation.cause == cause
    assert explanation.why
    assert explanation.answer == ANSWERS[cause]
    assert set(explanation.evidence) <= fired


def test_a_cause_of_the_users_own_trigger_is_passed_on():
    assert explain([Signal("own", True, "seen", cause="moon")]).cause == "moon"


def test_new_clusters_name_share_terms_and_the_nearest_known_texts():
    observation = world(asked(9, 200, (0, 1, 6, 7), words=FOREIGN))
    clusters = new_clusters(observation)
    assert clusters
    assert 0.2 < sum(cluster.share for cluster in clusters) < 0.8
    assert set(clusters[0].terms) & set(FOREIGN)
    assert all(text in REFERENCE.texts for text in clusters[0].nearest)
    assert all(cluster.intra_cluster_distance > 0 for cluster in clusters)
    assert all(text in ANCHORS.texts for text in clusters[0].anchor_queries)
    assert len(clusters[0].anchor_queries) == 3


def test_clusters_can_be_named_without_anchor_sets():
    observation = world(asked(9, 200, (0, 1, 6, 7)), anchor_queries=None)
    assert {cluster.anchor_queries for cluster in new_clusters(observation)} == {()}


def test_a_quiet_window_has_no_large_new_cluster():
    assert sum(cluster.share for cluster in new_clusters(world())) < 0.2


def test_a_replay_counts_false_alarms_misses_and_delay_for_triggers_and_policy():
    quiet, moved = world(), CASES["embedding_shift:EmbeddingShift"]
    plan = [(quiet, False), (quiet, False), (quiet, True), (moved, True), (moved, True)]
    plan += [(moved, None), (moved, False), (quiet, True)]
    windows = [
        Window(f"day {day}", 24.0 * day, observation, drifted)
        for day, (observation, drifted) in enumerate(plan)
    ]
    result = replay(windows, [made("embedding_shift:EmbeddingShift")], Policy(cooldown_hours=0.0))
    assert [score.name for score in result.scores] == ["embedding_shift", "any trigger", "policy"]
    for score in result.scores:
        assert (score.quiet, score.false_alarms) == (3, 1)
        assert (score.drifted, score.misses) == (4, 2)
        assert score.delays == (24.0, None)
    assert result.names[0] == "day 0"
    assert [decision.train for decision in result.decisions] == [False] * 3 + [True] * 4 + [False]


def test_a_replay_needs_windows_in_order_of_time():
    with pytest.raises(ValueError, match="at least one window"):
        replay([], ALL, Policy())
    with pytest.raises(ValueError, match="order of time"):
        replay([Window("b", 2.0, world()), Window("a", 1.0, world())], [], Policy())
