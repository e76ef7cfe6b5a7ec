"""What to change in the settings after a simulation."""

from collections.abc import Iterator

from pipeline.results import SimulationResult
from pipeline.workspace import Settings

NEEDED = {
    "concept": ("embedding_shift", "out_of_distribution"),
    "model_version": ("space_mismatch",),
    "vocabulary": ("vocabulary",),
    "pipeline": ("text_shape",),
    "temporal": ("term_meaning",),
    "feedback_loop": ("feedback_loop",),
}
"""Triggers that notice each cause."""


def advice(found: SimulationResult, settings: Settings, answers_known: bool) -> tuple[str, ...]:
    """Return what to change so that less is missed, a sentence each.

    Parameters
    ----------
    found
        What was noticed.
    settings
        The settings that were tried.
    answers_known
        Whether the log holds what the system answered.
    """
    return tuple(dict.fromkeys(_advice(found, settings, answers_known)))


def _advice(found: SimulationResult, settings: Settings, answers_known: bool) -> Iterator[str]:
    triggers = settings.tables.triggers
    off = {
        name
        for names in NEEDED.values()
        for name in names
        if name not in triggers or not triggers[name].enabled
    }
    for cause, names in NEEDED.items():
        if off & set(names) and _missed(found, cause, 1.0):
            yield f"Switch on {' and '.join(sorted(off & set(names)))}: without, {cause} is missed."
    watched = getattr(triggers["term_meaning"].trigger, "watch_terms", ())
    if not watched:
        yield (
            "Name the words whose meaning matters in triggers.term_meaning.watch_terms: none is "
            "watched, so that a word with another meaning is not noticed as such."
        )
    elif not found.term:
        yield (
            "No two words are frequent enough to try another meaning: each check needs 20 texts "
            "with a watched word, so let each check see more texts (observe.minimum_window)."
        )
    if not (answers_known or settings.tables.memory.generated_sources):
        yield (
            "Log what the system answers, or name the sources that it writes itself in "
            "memory.generated_sources: without, its own output cannot be recognised."
        )
    elif _missed(found, "feedback_loop", 0.1):
        share = getattr(triggers["feedback_loop"].trigger, "maximum_share", 0.2)
        yield (
            f"Own output is allowed up to {share:.0%} of the texts; lower "
            "triggers.feedback_loop.maximum_share if less than that would harm."
        )
    weak = [
        cause
        for cause in ("concept", "vocabulary", "pipeline", "temporal")
        if _missed(found, cause, min(found.strengths)) and not _missed(found, cause, 1.0)
    ]
    if weak:
        yield (
            f"Weak drift was missed with {found.texts_per_week} texts per check. Checks that see "
            "more texts notice less of it; what is too weak for one check, slow_drift finds when "
            "it grows."
        )
    if found.quiet and found.quiet.alarms:
        named = ", ".join(sorted(set(found.quiet.named)))
        yield (
            f"False alarms named {named}: a lower significance of those triggers makes fewer of "
            "them, and finds weak drift later."
        )


def _missed(found: SimulationResult, cause: str, strength: float) -> bool:
    nearest = min(found.strengths, key=lambda each: abs(each - strength), default=strength)
    return any(not each.right for each in found.of(cause, nearest))
