"""A simulated year: quiet windows of real texts, each checked as a run would check it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from drift_triggers.cause import Explanation, explain
from drift_triggers.policy import Decision, PastCheck
from drift_triggers.signal import Observation, Sample, Space
from pipeline.observation import Accepted, Answered, Arrived
from pipeline.simulation.injections import turned
from pipeline.store import Traffic
from pipeline.workspace import Settings
from training.encoding import Encoder

WEEK = 7 * 86400.0
"""Seconds."""
REFERENCE_WEEKS = 8
"""Weeks before the year over which the texts of the reference are spread."""


@dataclass(frozen=True)
class Checked:
    """One check of one window."""

    week: int
    """Its week of the year, from 0."""
    cause: Explanation
    """What the product names as the cause."""
    decision: Decision
    """What the policy decides."""

    @property
    def fired(self) -> tuple[str, ...]:
        """Names of the triggers that fired."""
        return tuple(each.trigger for each in self.decision.signals if each.fired)

    @property
    def acts(self) -> str:
        """What happens without a person: `train`, `block` or nothing."""
        if self.decision.blocked_by:
            return "block"
        return "train" if self.decision.train else ""


@dataclass
class Year:
    """The windows of a year without drift, and what the triggers say of them.

    Attributes
    ----------
    settings
        The settings that are tried.
    encoder
        The encoder of the champion.
    reference
        Texts that the champion is accepted with.
    pool
        Texts that the windows are drawn from, without drift.
    texts
        Texts per week.
    own_answers
        What the system is known to have answered.
    seed
        How the windows are drawn.
    start
        When the year begins, in seconds since the epoch.
    """

    settings: Settings
    encoder: Encoder
    reference: Sequence[Traffic]
    pool: Sequence[Traffic]
    texts: int
    own_answers: tuple[str, ...] = ()
    seed: int = 0
    start: float = 0.0
    _quiet: dict[int, list[Traffic]] = field(default_factory=dict)
    _known: Sample | None = None
    _accepted: Accepted | None = None
    _checked: list[Checked] = field(default_factory=list)

    def window(self, week: int) -> list[Traffic]:
        """Return the quiet texts of a week: none twice, all used before one is used again."""
        for each in range(len(self._quiet), week + 1):
            self._quiet[each] = self._drawn(each)
        return self._quiet[week]

    def quiet(self, week: int) -> Checked:
        """Return the check of a quiet week; the weeks before it are checked first."""
        for each in range(len(self._checked), week + 1):
            self._checked.append(self.check(each, self.window, self._checked))
        return self._checked[week]

    def check(
        self,
        week: int,
        window: Callable[[int], list[Traffic]],
        past: Sequence[Checked],
        *,
        model: tuple[float, int] = (0.0, 0),
    ) -> Checked:
        """Check one week as a run would.

        Parameters
        ----------
        window
            Returns the texts of a week, injected drift included.
        past
            The checks of the weeks before, oldest first.
        model
            How far the vectors of the model turn, and which way.
        """
        tables = self.settings.tables
        seen = self._observation(week, window)
        if model[0]:
            seen = self._with_model(seen, *model)
        signals = tuple(trigger.check(seen) for trigger in self.settings.triggers)
        decision = tables.policy.decide(
            signals,
            [PastCheck(self._hours(one.week), one.decision.signals, False) for one in past],
            hours=self._hours(week),
        )
        return Checked(week, explain(signals), decision)

    def _observation(self, week: int, window: Callable[[int], list[Traffic]]) -> Observation:
        observe = self.settings.tables.observe
        recent = observe.recent(self._dated(window(week), week), self.texts)
        spread = observe.spread(self.texts * (week + 1), len(recent))
        since = [text for each in range(week + 1) for text in self._dated(window(each), each)]
        rows = np.unique(np.linspace(0, len(since) - 1, spread).astype(np.int64))
        seen = observe.observation(
            self.encoder,
            Arrived(
                recent=recent,
                spread=[since[row] for row in rows],
                generated_sources=self.settings.tables.memory.generated_sources,
            ),
            self._accepts(),
            answered=Answered(answers=self.own_answers),
        )
        if seen.form_kept is not None:
            return seen
        # One object for all weeks: triggers keep what they compute of a sample.
        self._known = self._known or seen.reference
        return replace(seen, reference=self._known)

    def _accepts(self) -> Accepted:
        if self._accepted is None:
            probes = self.settings.tables.observe.probe_texts(self.reference)
            self._accepted = Accepted(
                reference=self._dated(self.reference, -REFERENCE_WEEKS, REFERENCE_WEEKS),
                space=Space(
                    self.encoder.fingerprint,
                    self.encoder.tokenizer,
                    self.encoder.unit_vectors(probes),
                ),
                probe_texts=probes,
            )
        return self._accepted

    def _with_model(self, seen: Observation, strength: float, seed: int) -> Observation:
        """Return what is seen when another model serves under the name of the champion.

        All texts are encoded by it alike: only the stored vectors of the probes tell.
        """
        serving = seen.serving_space
        if serving is None or serving.probes is None:
            return seen
        probes = turned(serving.probes, strength, seed)
        return replace(seen, serving_space=replace(serving, probes=probes))

    def _hours(self, week: int) -> float:
        return (self.start + (week + 1) * WEEK) / 3600

    def _dated(self, texts: Sequence[Traffic], week: int, weeks: int = 1) -> list[Traffic]:
        """Return texts with times evenly spread over weeks."""
        step = weeks * WEEK / max(1, len(texts))
        return [
            replace(each, timestamp=self.start + week * WEEK + at * step)
            for at, each in enumerate(texts)
        ]

    def _drawn(self, week: int) -> list[Traffic]:
        size = len(self.pool)
        taken: dict[int, None] = {}
        turn, place = divmod(week * self.texts, size)
        while len(taken) < min(self.texts, size):
            order = np.random.default_rng([self.seed, 15, turn]).permutation(size)
            for row in order[place:].tolist():
                taken[row] = None
                if len(taken) == min(self.texts, size):
                    break
            turn, place = turn + 1, 0
        return [self.pool[row] for row in taken]
