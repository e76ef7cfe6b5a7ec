"""Quiet and drifting years of a service, as its traffic is: sessions, seasons, wandering topics.

Texts of one session are not independent: people ask again in other words. Shares of topics follow
the day of the week and wander slowly, so that after some weeks the mix is not that of the
reference, although every topic is known. None of this is a reason to train.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drift_triggers import Sample

DAY = 86400.0
COMMON = tuple(f"the{number}" for number in range(40))


@dataclass(frozen=True)
class World:
    """One service with its topics; every day of it can be drawn in any order."""

    seed: int
    reworded: float = 0.3
    """Share of texts that reword the one before in the same session, 0 to 1."""
    topics: int = 60
    dimensions: int = 32
    window: int = 120
    """Texts per day."""
    noise: float = 0.8
    """Length of what a text adds to the centre of its topic, which has length 1."""
    season: float = 0.4
    """Standard deviation of the logarithm of a topic's share over the days of the week."""
    spread: float = 10.0
    """Ratio of the largest to the smallest share of a topic, before season and wandering."""
    wander: float = 0.5
    """Standard deviation of the logarithm of a topic's share over the years."""
    memory_days: float = 60.0
    """Time constant of this wandering."""
    bursts: float = 0.15
    """Share of texts in runs of ``burst`` on one topic."""
    burst: int = 4
    concurrent: int = 1
    """Sessions that are open at the same time: their texts are interleaved."""
    sessions: bool = False
    """Whether the records say to which session a text belongs."""
    new: float = 0.0
    """Share of new topics from day ``since`` on, 0 to 1."""
    since: int = 0
    days_before: int = 60
    days: int = 365

    @cached_property
    def _centres(self) -> NDArray[np.float64]:
        rows = np.random.default_rng([self.seed, 1]).normal(size=(2 * self.topics, self.dimensions))
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))

    @cached_property
    def _shares(self) -> NDArray[np.float64]:
        """Share of each known topic per day, shape ``(days_before + days, topics)``."""
        generator = np.random.default_rng([self.seed, 2])
        count = self.days_before + self.days
        logs = np.empty((count, self.topics))
        state = generator.normal(size=self.topics)
        kept = np.exp(-1.0 / self.memory_days)
        for day in range(count):
            logs[day] = state
            state = kept * state + np.sqrt(1.0 - kept**2) * generator.normal(size=self.topics)
        week = self.season * generator.normal(size=(7, self.topics))
        base = np.log(generator.permutation(np.geomspace(1.0, self.spread, self.topics)))
        shares = np.exp(base + self.wander * logs + week[np.arange(count) % 7])
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def day(self, number: int) -> Sample:
        """Draw the texts of one day; those before day 0 are the past of the reference."""
        generator = np.random.default_rng([self.seed, 3, number + self.days_before])
        shares = self._shares[number + self.days_before]
        new = self.new if number >= self.since else 0.0
        open_sessions: list[list[int]] = [[0, -1, 0] for _ in range(self.concurrent)]
        rows = np.empty((self.window, self.dimensions))
        last = np.zeros((self.concurrent, self.dimensions))
        topics, names, started = [], [], 0
        # A run of four begins as often as gives the share of texts asked for.
        begins = self.bursts / (self.bursts + self.burst * (1.0 - self.bursts))
        for place in range(self.window):
            slot = int(generator.integers(self.concurrent))
            session = open_sessions[slot]
            if session[1] >= 0 and generator.random() < self.reworded:
                rows[place] = last[slot] + 0.35 * self._step(generator)
            else:
                if session[0] == 0:
                    topic = int(generator.choice(self.topics, p=shares))
                    if generator.random() < new:
                        topic = self.topics + topic % 6
                    session[:] = [
                        self.burst if generator.random() < begins else 1,
                        topic,
                        started,
                    ]
                    started += 1
                session[0] -= 1
                rows[place] = self._centres[session[1]] + self.noise * self._step(generator)
            last[slot] = rows[place]
            topics.append(session[1])
            names.append(f"{number}-{session[2]}")
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        moments = (number + np.sort(generator.random(self.window))) * DAY
        texts = [self._text(generator, topic) for topic in topics]
        return Sample(
            texts=tuple(texts),
            embeddings=rows.astype(np.float32),
            timestamps=moments,
            words=tuple(
                tuple((word, 1 + (len(word) > 6), False) for word in text.split()) for text in texts
            ),
            sessions=tuple(names) if self.sessions else (),
        )

    def _step(self, generator: np.random.Generator) -> NDArray[np.float64]:
        return np.asarray(generator.normal(size=self.dimensions) / np.sqrt(self.dimensions))

    def _text(self, generator: np.random.Generator, topic: int) -> str:
        own = [f"w{topic}x{word}" for word in generator.integers(30, size=3 + topic % 5)]
        common = [COMMON[word] for word in generator.integers(40, size=3 + topic % 3)]
        return " ".join([*own, *common]) + ("?" if topic % 2 else "")

    def reference(self, texts: int) -> Sample:
        """Return whole days, evenly spread over the two months before day 0."""
        count = max(1, texts // self.window)
        days = np.linspace(-self.days_before, -1, count).round().astype(int)
        return joined([self.day(int(day)) for day in days])


def joined(samples: list[Sample]) -> Sample:
    """Return the texts of several days as one sample."""
    return Sample(
        texts=tuple(text for each in samples for text in each.texts),
        embeddings=np.vstack([each.embeddings for each in samples]),
        timestamps=np.concatenate(
            [each.timestamps for each in samples if each.timestamps is not None]
        ),
        words=tuple(words for each in samples for words in each.words or ()),
        sessions=tuple(name for each in samples for name in each.sessions),
    )
