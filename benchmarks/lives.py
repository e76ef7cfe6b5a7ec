"""Quiet and drifting years of a service, as its traffic is: sessions, seasons, wandering topics.

Texts of one session are not independent: people ask again in other words. Shares of topics follow
the day of the week and wander slowly, so that after some weeks the mix is not that of the
reference, although every topic is known. None of this is a reason to train.
"""

import argparse
import time
from collections import Counter
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drift_triggers import (
    EmbeddingShift,
    Observation,
    OutOfDistribution,
    PastCheck,
    Policy,
    Sample,
    SlowDrift,
    TextShape,
    Trigger,
    Vocabulary,
)

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


@dataclass(frozen=True)
class Life:
    """One year of daily checks."""

    launched: int | None
    """First day on which the policy launched a training; None when it never did."""
    why: str
    """Its reason."""
    fired: Counter[str]
    """Checks in which each trigger fired."""
    p_values: dict[str, list[float]]
    """Every p-value of each trigger."""


def live(
    world: World, texts: int, *, long_window: int = 600, timed: bool = True, stop: bool = False
) -> Life:
    """Check every day of a year with the product's triggers and its default policy.

    Parameters
    ----------
    texts
        Size of the reference, which stays what it was on day 0.
    long_window
        Texts that are sampled from the days so far, for ``slow_drift``.
    timed
        Whether the records have timestamps.
    stop
        Whether to stop at the first launch.
    """
    triggers: tuple[Trigger, ...] = (
        EmbeddingShift(permutations=199),
        OutOfDistribution(),
        TextShape(),
        Vocabulary(),
        SlowDrift(),
    )

    def seen(sample: Sample) -> Sample:
        return sample if timed else replace(sample, timestamps=None)

    reference, policy = seen(world.reference(texts)), Policy()
    past: list[PastCheck] = []
    days: list[Sample] = []
    life = Life(None, "", Counter(), {trigger.name: [] for trigger in triggers})
    for number in range(world.days):
        today = world.day(number)
        days.append(today)
        observation = Observation(
            seen(today),
            reference,
            history=seen(_spread(days, long_window)) if number else None,
            seed=world.seed,
        )
        signals = tuple(trigger.check(observation) for trigger in triggers)
        decision = policy.decide(signals, past[-2:], 24.0 * number)
        past.append(PastCheck(24.0 * number, signals, decision.train))
        for signal in signals:
            life.fired[signal.trigger] += signal.fired
            if signal.p_value is not None:
                life.p_values[signal.trigger].append(signal.p_value)
        if decision.train and life.launched is None:
            life = replace(life, launched=number, why=decision.reasons[0])
            if stop:
                break
    return life


def _spread(days: list[Sample], texts: int) -> Sample:
    """Sample the days so far evenly, as the product does."""
    size = len(days[0])
    places = np.linspace(0, size * len(days) - 1, min(texts, size * len(days))).astype(int)
    chosen: dict[int, list[int]] = {}
    for place in np.unique(places).tolist():
        chosen.setdefault(place // size, []).append(place % size)
    return joined([_rows(days[day], rows) for day, rows in chosen.items()])


def _rows(sample: Sample, rows: list[int]) -> Sample:
    return Sample(
        texts=tuple(sample.texts[row] for row in rows),
        embeddings=sample.embeddings[rows],
        timestamps=None if sample.timestamps is None else sample.timestamps[rows],
        words=tuple(sample.words[row] for row in rows) if sample.words else None,
        sessions=tuple(sample.sessions[row] for row in rows) if sample.sessions else (),
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a world, under the names of its fields."""
    for each in fields(World):
        if each.name == "seed" or isinstance(each.default, bool):
            continue
        parser.add_argument(f"--{each.name}", type=type(each.default), default=each.default)
    parser.add_argument("--sessions", action="store_true", help="records name their session")
    parser.add_argument("--untimed", action="store_true", help="records have no timestamp")
    parser.add_argument("--years", type=int, default=4, help="simulated years of a service")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first of these years")
    parser.add_argument("--reference", type=int, default=960, help="texts of the reference")


def years(options: argparse.Namespace) -> list[tuple[object, ...]]:
    """Live the years asked for and return a row of the table for each trigger and the policy."""
    chosen = {each.name: getattr(options, each.name) for each in fields(World)}
    started = time.perf_counter()
    lives = []
    for number in range(options.years):
        world = World(**{**chosen, "seed": options.seed + number})
        life = live(world, options.reference, timed=not options.untimed, stop=options.new > 0.0)
        print(
            f"year {world.seed}: first launch on day {life.launched} {life.why[:160]}", flush=True
        )
        lives.append(life)
    checks = sum(len(life.p_values["out_of_distribution"]) for life in lives)
    lines: list[tuple[object, ...]] = []
    for name in lives[0].p_values:
        values = np.array([value for life in lives for value in life.p_values[name]] or [1.0])
        lines.append(
            (
                name,
                f"{(values <= 0.05).mean():.1%}",
                f"{(values <= 0.001).mean():.2%}",
                f"{sum(life.fired[name] for life in lives)} of {checks}",
            )
        )
    days = [life.launched for life in lives if life.launched is not None]
    told = f"{len(days)} of {len(lives)} years" + (f", on days {sorted(days)}" if days else "")
    seconds = 1000 * (time.perf_counter() - started) / checks
    return [*lines, ("policy launched in", told, f"{seconds:.0f} ms per check", "")]
