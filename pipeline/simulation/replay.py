"""The simulation: quiet years, and the same years with drift of each cause and strength."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.results import (
    CAUSES,
    QuietYears,
    SimulatedCause,
    SimulatedDrift,
    SimulationResult,
)
from pipeline.simulation.advice import advice
from pipeline.simulation.corpus import Corpus, held_back
from pipeline.simulation.injections import (
    Injection,
    NewParser,
    NewTopics,
    NewWords,
    OtherSense,
    OwnOutput,
    other_sense,
)
from pipeline.simulation.year import Checked, Year
from pipeline.store import Traffic
from pipeline.workspace import Settings
from training.encoding import Encoder
from training.progress import Progress, no_progress

_FEWEST_WITH_TERM = 26
"""Texts of a week that must have the word whose meaning changes: `term_meaning` needs 20."""
_SECONDS_PER_CHECK = 0.9
_TEXTS_PER_SECOND = 150
_SECONDS_TO_LEARN = 400
"""What checks, encoding and three trainings take on two cores, for `--dry-run`."""


@dataclass(frozen=True)
class Plan:
    """How much is simulated."""

    weeks: int = 52
    """Weeks of a quiet year, a check each."""
    patience: int = 6
    """Checks after which drift counts as missed."""
    strengths: tuple[float, ...] = (0.1, 0.3, 1.0)
    """Strengths of the injected drift, 0 to 1."""
    seeds: int = 3
    """Years that are drawn."""
    texts_per_week: int = 300
    """Texts of each window."""
    learn: bool = True
    """Whether models are trained, too."""

    @property
    def most_checks(self) -> int:
        """Checks that are made at most."""
        drifted = len(CAUSES) * len(self.strengths) * self.patience
        return self.seeds * (self.weeks + drifted)


FULL = Plan()
FAST = Plan(patience=4, seeds=1, learn=False)


@dataclass(frozen=True)
class Trial:
    """What is tried on which texts."""

    settings: Settings
    """The settings that are tried."""
    corpus: Corpus
    """The texts."""
    plan: Plan
    """How much is simulated."""
    told: str
    """Whose settings they are, for people."""
    watches: bool = True
    """Whether a word that nobody watches is watched, so that the cause can be tried."""


def foreseen(trial: Trial) -> SimulationResult:
    """Return what a simulation would compute, and about how long it would take."""
    plan, size = trial.plan, len(trial.corpus.texts)
    texts = size + plan.seeds * plan.patience * plan.texts_per_week * 3
    seconds = (
        plan.most_checks * _SECONDS_PER_CHECK * 0.7
        + texts / _TEXTS_PER_SECOND
        + _SECONDS_TO_LEARN * plan.learn
    )
    return _empty(trial).changed(
        dry_run=True,
        seconds=seconds,
        plan=(
            f"{plan.seeds} quiet year{'s' if plan.seeds > 1 else ''} of {plan.weeks} weekly checks "
            f"with {plan.texts_per_week} texts each, drawn from {size} texts",
            f"drift of {len(CAUSES)} causes at strengths {', '.join(map(str, plan.strengths))}, "
            f"up to {plan.patience} checks each",
            *(
                ("trainings on new topics, new words and wrong answers, if there are enough pairs",)
                if plan.learn
                else ()
            ),
        ),
    )


def simulate(
    trial: Trial, encoder: Encoder, *, progress: Progress = no_progress
) -> SimulationResult:
    """Check quiet years, and the same years with drift of each cause and strength.

    Parameters
    ----------
    trial
        What is tried on which texts.
    encoder
        The encoder of the model that serves.
    progress
        Shows how far it is.
    """
    began = time.monotonic()
    plan = trial.plan
    texts = list(trial.corpus.texts)
    vectors = encoder.unit_vectors([each.text for each in texts], progress=progress)
    new = list(trial.corpus.new)
    if not new:
        known, new = held_back(texts, vectors, trial.settings.tables.observe.seed)
        kept = set(map(id, known))
        vectors = vectors[[id(each) in kept for each in texts]]
        texts = known
    plan = replace(plan, texts_per_week=min(plan.texts_per_week, len(texts) // 2))
    trial = replace(trial, plan=plan)
    sense = _sense(trial, texts, vectors)
    trial = _watching(trial, sense.term if sense else "")
    years = [_year(trial, encoder, texts, seed) for seed in range(plan.seeds)]
    injections: dict[str, Injection] = {
        "concept": NewTopics(tuple(new)),
        "vocabulary": NewWords(),
        "pipeline": NewParser(),
        **({"temporal": sense} if sense else {}),
        "feedback_loop": _own_output(trial, texts),
    }
    with progress("check weeks", plan.most_checks) as step:
        quiet = _quiet(years, plan.weeks, step)
        drifts = tuple(_drifts(years, plan, injections, step))
    found = _empty(trial).changed(
        texts=len(texts),
        term=sense.term if sense else "",
        others=sense.others if sense else (),
        drifts=drifts,
        quiet=quiet,
    )
    return found.changed(
        advice=advice(found, trial.settings, trial.corpus.answers_known),
        seconds=time.monotonic() - began,
    )


def _empty(trial: Trial) -> SimulationResult:
    plan = trial.plan
    return SimulationResult(
        corpus=trial.corpus.name,
        settings=trial.told,
        texts=len(trial.corpus.texts),
        texts_per_week=plan.texts_per_week,
        weeks=plan.weeks,
        patience=plan.patience,
        strengths=plan.strengths,
        seeds=plan.seeds,
    )


def _sense(
    trial: Trial, texts: Sequence[Traffic], vectors: NDArray[np.float32]
) -> OtherSense | None:
    """Return the word that gets another meaning, a watched one if there is."""
    fewest = _FEWEST_WITH_TERM / trial.plan.texts_per_week
    plain = [each.text for each in texts]
    watched = _watched(trial.settings)
    found = other_sense(watched, plain, vectors, fewest) if watched else None
    return found or other_sense((), plain, vectors, fewest)


def _watched(settings: Settings) -> tuple[str, ...]:
    found = settings.tables.triggers.get("term_meaning")
    return tuple(getattr(found.trigger, "watch_terms", ())) if found and found.enabled else ()


def _watching(trial: Trial, term: str) -> Trial:
    """Return the trial with the word watched, where the settings are nobody's."""
    found = trial.settings.tables.triggers.get("term_meaning")
    if not trial.watches or not term or found is None or _watched(trial.settings):
        return trial
    trigger = replace(found.trigger, watch_terms=(term,))  # type: ignore[type-var]
    triggers = {**trial.settings.tables.triggers, "term_meaning": replace(found, trigger=trigger)}
    tables = replace(trial.settings.tables, triggers=triggers)
    return replace(trial, settings=replace(trial.settings, tables=tables))


def _year(trial: Trial, encoder: Encoder, texts: list[Traffic], seed: int) -> Year:
    """Return a year whose reference and windows share no text."""
    order = np.random.default_rng([seed, 16]).permutation(len(texts))
    size = min(trial.settings.tables.observe.reference, len(texts) // 3)
    return Year(
        trial.settings,
        encoder,
        reference=[texts[row] for row in order[:size]],
        pool=[texts[row] for row in order[size:]],
        texts=trial.plan.texts_per_week,
        own_answers=trial.corpus.answers if trial.corpus.answers_known else (),
        seed=seed,
    )


def _own_output(trial: Trial, texts: list[Traffic]) -> OwnOutput:
    """Return what comes back: answers, or where there are none, what was asked before."""
    sources = sorted(trial.settings.tables.memory.generated_sources)
    answers = trial.corpus.answers or tuple(f"You asked: {each.text}" for each in texts[:200])
    return OwnOutput(answers, source=sources[0] if sources else "")


def _quiet(years: list[Year], weeks: int, step: Callable[[int], None]) -> QuietYears:
    checks: list[Checked] = []
    for year in years:
        for week in range(weeks):
            checks.append(year.quiet(week))
            step(1)
    named = [each.cause.cause for each in checks if each.cause.cause != "none"]
    total = len(checks)
    # Imported here: commands that only move the champion import no statistics.
    from scipy import stats

    interval = stats.binomtest(len(named), total).proportion_ci(0.95, method="exact")
    return QuietYears(
        weeks=total,
        alarms=len(named),
        low=float(interval.low),
        high=float(interval.high),
        trainings=sum(bool(each.acts) for each in checks),
        named=tuple(named),
    )


def _drifts(
    years: list[Year], plan: Plan, injections: dict[str, Injection], step: Callable[[int], None]
) -> Iterator[SimulatedDrift]:
    latest = plan.weeks - plan.patience
    for year in years:
        for place, cause in enumerate(CAUSES):
            # Each cause begins in another week, so that one odd week cannot decide all.
            start = min(latest, 4 + (7 * place + 5 * year.seed) % max(1, latest - 4))
            for strength in plan.strengths:
                if cause == "model_version" or cause in injections:
                    yield _drift(
                        year, cause, strength, (start, plan.patience), injections.get(cause)
                    )
                step(plan.patience)


def _drift(
    year: Year,
    cause: SimulatedCause,
    strength: float,
    span: tuple[int, int],
    injection: Injection | None,
) -> SimulatedDrift:
    """Let drift begin in a week, and check until it is named and acted on, or patience ends."""
    start, patience = span

    def window(week: int) -> list[Traffic]:
        texts = year.window(week)
        if injection is None or week < start:
            return texts
        return injection.inject(texts, strength, year.seed * 1000 + week)

    past = [year.quiet(week) for week in range(start)]
    named: Checked | None = None
    acted: Checked | None = None
    for week in range(start, start + patience):
        model = (strength, year.seed) if injection is None else (0.0, 0)
        past.append(year.check(week, window, past, model=model))
        now = past[-1]
        named = named or (now if now.cause.cause != "none" else None)
        acted = acted or (now if now.acts else None)
        if named and (acted or named.cause.cause == "pipeline"):
            break
    before, after = _example(year.window(start), window(start))
    return SimulatedDrift(
        cause=cause,
        strength=strength,
        seed=year.seed,
        week=start + 1,
        checks=named.week - start + 1 if named else None,
        named=named.cause.cause if named else "none",
        right=named is not None and named.cause.cause == cause,
        acts=acted.acts if acted else "",
        acts_after=acted.week - start + 1 if acted else None,
        fired=named.fired if named else (),
        why=named.cause.why if named else "",
        before=before,
        after=after,
    )


def _example(before: list[Traffic], after: list[Traffic]) -> tuple[str, str]:
    for old, new in zip(before, after, strict=True):
        if old.text != new.text:
            return old.text, new.text
    return "", ""
