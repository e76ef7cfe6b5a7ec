"""Made windows that any trigger can read: quiet ones, and for each trigger one that fires it."""

from dataclasses import replace
from typing import ClassVar

import numpy as np

import drift_triggers
from drift_triggers import (
    Observation,
    PairFacts,
    Preprocessing,
    Quality,
    Sample,
    Served,
    Signal,
    Space,
    Stability,
)


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
    """Everything that any trigger reads; nothing changed but what is given."""
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
        preprocessing={"texts": Preprocessing({"a": 400}, {"a": 200})},
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
    "EmbeddingShift": world(asked(9, 200, (4, 5, 6, 7))),
    "OutOfDistribution": world(asked(9, 200, (4, 5, 6, 7))),
    "Vocabulary": world(asked(9, 200, words=FOREIGN)),
    "TextShape": world(asked(9, 200, spoken=True)),
    "SimilarityShift": world(served_recently=Served(COSINES - 0.2)),
    "QualityDrop": world(quality={"golden": Quality(SCORES, SCORES * 0.7)}),
    "SpaceMismatch": world(serving_space=Space("f" * 64, "t" * 64, -PROBES)),
    "FeedbackLoop": world(LOOP, own_answers=ANSWER),
    "DataQuality": world(recent_pairs=facts(quarantined=40)),
    "PreprocessingChange": world(
        preprocessing={"texts": Preprocessing({"a": 400}, {"a": 40, "b": 160}, {"b": "cleaner 4"})}
    ),
    "FreshData": world(new_pairs=4000),
    "ModelAge": world(champion_age_days=400.0),
    "SlowDrift": world(history=drifting_history()),
    "TermMeaning": world(
        with_server(asked(2, 200), asked(9, 200, (2, 3))),
        reference=with_server(REFERENCE, asked(11, 200, (0, 1))),
    ),
    "SourceShift": world(
        from_sources(asked(2, 200), asked(9, 200, (2, 3))),
        reference=from_sources(REFERENCE, asked(11, 200, (0, 1))),
    ),
    "Instability": world(recent_stability=replace(STABLE, cosines=STABLE.cosines - 0.2)),
    "LongWords": world(replace_texts(asked(2, 200), {0: "word " * 200})),
}
SWITCHES = {"TermMeaning": {"watch_terms": ("server",)}, "SourceShift": {"inside": True}}


def made(name):
    """The trigger of this class name, switched on where it is off by default."""
    if name == "LongWords":
        return LongWords()
    return getattr(drift_triggers, name)(**SWITCHES.get(name, {}))
