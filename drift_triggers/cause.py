"""Which cause the evidence points to, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass

from drift_triggers.signal import Signal

ANSWERS = {
    "model_version": "do not mix the spaces: serve the champion's encoder, or re-embed the index",
    "data_quality": "mend or drop the data before anything is trained on them",
    "feedback_loop": "cap or drop self-generated text; keep real, older data in the mix",
    "pipeline": "name what changed in the data pipeline; retrain if quality fell",
    "vocabulary": "retrain with replay; the terms are listed",
    "concept": "retrain with replay",
    "temporal": "retrain on recent data, and on a schedule",
    "retrieval_loss": "retrain; roll back if a promotion came just before",
    "fresh_data": "train on the labelled pairs that wait",
    "none": "nothing to do",
}
"""What to do, by cause."""


@dataclass(frozen=True)
class Explanation:
    """The cause that the signals of one look point to."""

    cause: str
    """A key of ``ANSWERS``."""
    why: str
    """The contrast that decided, in one sentence."""
    answer: str
    """What to do."""
    evidence: tuple[str, ...]
    """Triggers that speak for it."""


def explain(signals: Sequence[Signal]) -> Explanation:
    """Name the cause by the contrasts that separate the causes.

    - The same texts get other vectors: model or tokenizer, whatever else moved.
    - Broken records, own output: the data, whatever else moved.
    - The form moved clearly (by 0.2) farther than ground and words: the pipeline. The three effects
      all run from 0 to 1: distance of form, share of new ground beyond the usual tenth, share of
      texts cut finer or with new shattered terms. New topics and words change form a little too.
    - The words moved at least as far as the ground: the vocabulary.
    - Else, if the ground moved: the concepts.
    - Only the long window moved, or only age: time.
    - Only the scores fell: a silent loss in retrieval.

    Examples
    --------
    >>> spoken = Signal("text_shape", True, "no capitals", effect=0.9, cause="pipeline")
    >>> moved = Signal("embedding_shift", True, "moved", p_value=1e-9, cause="concept")
    >>> explain([spoken, moved]).cause
    'pipeline'
    """
    fired = {signal.trigger: signal for signal in signals if signal.fired}
    seen = {signal.trigger: signal for signal in signals}
    for guard, why in (
        ("space_mismatch", "the same texts no longer get the same vectors"),
        ("data_quality", "the records themselves are broken"),
        ("feedback_loop", "the system reads its own output"),
    ):
        if guard in fired:
            return _explanation(fired[guard].cause or guard, why, (guard,))
    ground = tuple(name for name in ("embedding_shift", "out_of_distribution") if name in fired)
    form = _effect(fired, "text_shape")
    novel = max(0.0, (_effect(seen, "out_of_distribution") - 0.1) / 0.9)
    words = _effect(fired, "vocabulary")
    if "text_shape" in fired and (form >= max(novel, words) + 0.2 or not (words or ground)):
        why = (
            f"the form moved farther ({form:.2f}) than ground ({novel:.2f}) or words ({words:.2f})"
        )
        return _explanation("pipeline", why, ("text_shape", *ground))
    if "vocabulary" in fired and (words >= novel or not ground):
        why = f"the tokenizer cuts the new texts differently ({words:.2f})"
        return _explanation("vocabulary", why, ("vocabulary", *ground))
    if ground:
        why = f"new ground (share {novel:.2f}) explains more than form ({form:.2f}) or words"
        return _explanation("concept", why, ground)
    for name, why in (
        ("slow_drift", "no single window moved, but the long one did"),
        ("term_meaning", "a watched term is used in another sense, the rest is as before"),
        ("source_shift", "one source moved, the whole hides it"),
        ("instability", "harmless changes of a text move its embedding farther than before"),
        ("quality_drop", "scores fell though the input looks the same"),
        ("similarity_shift", "answers fit less well though the input looks the same"),
        ("model_age", "nothing moved; the champion is old"),
        ("fresh_data", "nothing moved; labelled pairs wait"),
    ):
        if name in fired:
            return _explanation(fired[name].cause or "none", why, (name,))
    others = [signal for signal in fired.values() if signal.cause]
    if others:
        return Explanation(
            others[0].cause or "none", others[0].reason, "see the trigger", (others[0].trigger,)
        )
    return _explanation("none", "no trigger fired", ())


def _effect(signals: dict[str, Signal], name: str) -> float:
    signal = signals.get(name)
    return signal.effect if signal is not None and signal.effect is not None else 0.0


def _explanation(cause: str, why: str, evidence: tuple[str, ...]) -> Explanation:
    return Explanation(cause, why, ANSWERS.get(cause, "see the trigger"), evidence)
