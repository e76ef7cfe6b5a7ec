"""The result of `anchorhold simulate`: a year with injected drift, and what was noticed of it."""

from typing import Literal, get_args

from pipeline.results.result import Result

SimulatedCause = Literal[
    "concept", "model_version", "vocabulary", "pipeline", "temporal", "feedback_loop"
]
CAUSES: tuple[SimulatedCause, ...] = get_args(SimulatedCause)
"""The causes in their order."""


class SimulatedDrift(Result):
    """Drift of one cause and strength, from one week of one year on.

    Attributes
    ----------
    cause
        What was injected.
    strength
        Share of the texts that changed, or how far the model turned; above 0 to 1.
    seed
        Which year.
    week
        Week in which it began, from 1.
    checks
        Weekly checks until a cause was named: 1 is the first with drift; None: none named one.
    named
        The cause that the first of these named; "none" where none did.
    right
        Whether that is the cause that was injected.
    acts
        What happened without a person: "train", "block" or nothing.
    acts_after
        Weekly checks until it did; None where nothing happened.
    fired
        Triggers that fired when a cause was named.
    why
        The contrast that named it.
    before, after
        A text before and after the injection; empty for the model.
    """

    cause: SimulatedCause
    strength: float
    seed: int
    week: int
    checks: int | None
    named: str
    right: bool
    acts: Literal["", "train", "block"] = ""
    acts_after: int | None = None
    fired: tuple[str, ...] = ()
    why: str = ""
    before: str = ""
    after: str = ""


class QuietYears(Result):
    """The same weeks without drift.

    Attributes
    ----------
    weeks
        Weeks that were checked.
    alarms
        Those in which a cause was named although nothing drifted.
    low, high
        95 % interval of their share (Clopper and Pearson 1934).
    trainings
        Weeks in which a training would have started, or was blocked.
    named
        The causes that were named.
    """

    weeks: int
    alarms: int
    low: float
    high: float
    trainings: int
    named: tuple[str, ...] = ()

    @property
    def per_year(self) -> tuple[float, float, float]:
        """False alarms in 52 weeks: as counted, and the ends of the interval."""
        share = self.alarms / self.weeks if self.weeks else 0.0
        return 52 * share, 52 * self.low, 52 * self.high


class SimulatedTraining(Result):
    """One cycle that learned from drift, in a workspace that was made for it.

    Attributes
    ----------
    cause
        The drift whose labelled pairs it learned from.
    poisoned
        Whether each question had the answer to another one: such a model must not serve.
    outcome
        How the cycle ended, such as "promoted" or "rejected".
    right
        Whether that is what should happen.
    pairs
        Labelled pairs that arrived.
    gain
        How much better the candidate was on held-out new questions; None: none was trained.
    kept
        How much the worst anchor set changed; negative: forgotten. None: none was trained.
    seconds
        What the cycle took.
    why
        The reason for its outcome.
    """

    cause: SimulatedCause
    poisoned: bool
    outcome: str
    right: bool
    pairs: int
    gain: float | None = None
    kept: float | None = None
    seconds: float = 0.0
    why: str = ""


class SimulationResult(Result):
    """A simulated year under the settings: what was tried, noticed and named.

    Attributes
    ----------
    corpus
        Where the texts are from.
    settings
        Whose settings were tried.
    texts
        Distinct quiet texts.
    texts_per_week
        Texts of each weekly window.
    weeks
        Weeks of the year.
    patience
        Weekly checks after which drift that nothing named counts as missed.
    strengths
        Strengths that were tried.
    seeds
        Years that were drawn.
    term
        The word that got another meaning; empty: none is frequent enough.
    others
        The words that it took the place of.
    drifts
        Each injected drift, and what was noticed of it.
    quiet
        The weeks without drift; None with `--dry-run`.
    trainings
        Cycles that learned from drift; empty with `--fast`.
    untrained
        Why nothing was trained; empty where something was.
    advice
        What to change in the settings, a sentence each.
    seconds
        What it took; with `--dry-run`, what it would take, roughly.
    dry_run
        Whether nothing was computed.
    plan
        What is computed, a sentence each.
    page
        The page for people; empty where none was written.
    """

    corpus: str
    settings: str
    texts: int
    texts_per_week: int
    weeks: int
    patience: int
    strengths: tuple[float, ...]
    seeds: int
    term: str = ""
    others: tuple[str, ...] = ()
    drifts: tuple[SimulatedDrift, ...] = ()
    quiet: QuietYears | None = None
    trainings: tuple[SimulatedTraining, ...] = ()
    untrained: str = ""
    advice: tuple[str, ...] = ()
    seconds: float = 0.0
    dry_run: bool = False
    plan: tuple[str, ...] = ()
    page: str = ""

    def of(self, cause: str, strength: float) -> tuple[SimulatedDrift, ...]:
        """Return the drifts of one cause and strength, one per year."""
        return tuple(
            each for each in self.drifts if (each.cause, each.strength) == (cause, strength)
        )
