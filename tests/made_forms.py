"""Made questions for tests of the form of texts, with embeddings that do not depend on it."""

import numpy as np

from drift_triggers.signal import Sample

WORDS = ["card", "money", "where", "my", "transfer", "is", "bank", "why", "PIN", "the", "don't"]


def asked(seed, count, change=lambda text: text):
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(count, 12)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    texts = []
    for number in range(count):
        words = generator.choice(WORDS, int(generator.integers(5, 15)))
        texts.append(change(f"{' '.join(words).capitalize()}, {100 + number % 150}?"))
    return Sample(tuple(texts), rows)
