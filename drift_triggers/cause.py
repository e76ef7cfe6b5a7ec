"""Which cause the evidence points to, and what to do about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from drift_triggers.signal import Signal

ANSWERS = {
    "model_version": (
        "do not mix the vectors of two models: serve the champion's encoder or re-embed the index"
    ),
    "data_quality": "repair or remove the broken records before training",
    "feedback_loop": "limit or remove self-generated text; keep real, older data in the mix",
    "pipeline": "find out what changed in the data pipeline; retrain if quality fell",
    "vocabulary": "retrain with replay; the signal lists the new terms",
    "concept": "retrain with replay",
    "temporal": "retrain on recent data, and on a schedule",
    "retrieval_loss": "retrain; roll back if a promotion came just before",
    "fresh_data": "train on the new labelled pairs",
    "none": "nothing to do",
}
"""What to do, by cause."""


Source = Literal["none", "input", "model", "fine-tuning", "unknown"]
"""Where drift comes from: what arrives, another model that encodes it, or the last training."""

_SOURCES: dict[str, Source] = {
    "none": "none",
    "fresh_data": "none",
    "model_version": "model",
    "data_quality": "input",
    "feedback_loop": "input",
    "pipeline": "input",
    "vocabulary": "input",
    "concept": "input",
    "temporal": "input",
}
"""By cause; a loss of quality alone needs a contrast, and the age of a model is no drift."""

ONLY_TOLD = ("preprocessing",)
"""Triggers that name a cause and never start a training by themselves."""

MOVED_BY_FORM = (
    "text_shape",
    "embedding_shift",
    "out_of_distribution",
    "vocabulary",
    "slow_drift",
    "source_shift",
    "term_meaning",
    "instability",
)
"""Triggers that a changed form of the texts can make fire, whatever the texts are about."""


@dataclass(frozen=True)
class Explanation:
    """The cause that the signals of one check point to."""

    cause: str
    """A key of ``ANSWERS``, or the cause that a trigger of the user's own names."""
    why: str
    """The contrast that decided, in one sentence."""
    answer: str
    """What to do."""
    evidence: tuple[str, ...]
    """Names of the triggers that support it."""
    source: Source = "unknown"
    """Where the drift comes from; "unknown" where no contrast tells, and in older results."""


def explain(signals: Sequence[Signal], *, fine_tuned: bool | None = None) -> Explanation:
    """Name the cause, and its source, by the contrasts that separate them.

    - The same texts get different vectors: model or tokenizer, whatever else changed.
    - Records are broken, or the system reads its own output: the data, whatever else changed.
    - Something else read, cleaned or cut most recent texts: the pipeline.
    - The form changed clearly more (by 0.2) than topics and words: the pipeline. All three effects
      run from 0 to 1: distance of form, share of far texts beyond the usual tenth, share of texts
      that are split into more pieces or contain new terms. New topics and words change form a
      little too.
    - The words changed at least as much as the topics: the vocabulary.
    - Otherwise, if the topics changed: the concepts.
    - Only the long window shifted, or only age: time.
    - Only the scores fell: a silent loss in retrieval. Its source is the last fine-tuning if the
      version before answers the same queries better, otherwise the input.

    Parameters
    ----------
    signals
        What the triggers found.
    fine_tuned
        Whether the loss of quality came with the last training: the version before does not show
        it. False where nothing was ever trained, None where it was not measured.

    Examples
    --------
    >>> from drift_triggers import Signal, explain
    >>> spoken = Signal("text_shape", True, "no capitals", effect=0.9, cause="pipeline")
    >>> shifted = Signal("embedding_shift", True, "shifted", p_value=1e-9, cause="concept")
    >>> explain([spoken, shifted]).cause
    'pipeline'
    >>> explain([]).cause
    'none'
    >>> lost = Signal("quality_drop", True, "worse", p_value=1e-9, cause="retrieval_loss")
    >>> explain([lost], fine_tuned=True).source
    'fine-tuning'
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
    if "preprocessing" in fired:
        why = "most recent texts were made in another way than those that the champion knows"
        moved = tuple(name for name in MOVED_BY_FORM if name in fired)
        return _explanation("pipeline", why, ("preprocessing", *moved))
    topics = tuple(name for name in ("embedding_shift", "out_of_distribution") if name in fired)
    form = _effect(fired, "text_shape")
    novel = beyond_usual(_effect(seen, "out_of_distribution"))
    words = _effect(fired, "vocabulary")
    formed = "text_shape" in fired and fired["text_shape"].cause != "concept"
    if formed and (form >= max(novel, words) + 0.2 or not (words or topics)):
        why = f"form changed more ({form:.2f}) than topics ({novel:.2f}) or words ({words:.2f})"
        return _explanation("pipeline", why, ("text_shape", *topics))
    if "vocabulary" in fired and (words >= novel or not topics):
        why = f"the tokenizer splits the new texts differently ({words:.2f})"
        return _explanation("vocabulary", why, ("vocabulary", *topics))
    if topics:
        why = f"new topics ({novel:.2f}) explain more than form ({form:.2f}) or words"
        return _explanation("concept", why, topics)
    return _alone(fired, fine_tuned)


def beyond_usual(far: float) -> float:
    """Return the share of far texts beyond the usual tenth, 0 to 1.

    Examples
    --------
    >>> beyond_usual(0.05), beyond_usual(1.0)
    (0.0, 1.0)
    """
    return max(0.0, (far - 0.1) / 0.9)


def _alone(fired: Mapping[str, Signal], fine_tuned: bool | None) -> Explanation:
    """Return the cause where neither form nor topics nor words moved."""
    for name, why in (
        ("slow_drift", "the long window shifted although no single window did"),
        ("term_meaning", "a watched term is used in another sense; everything else is unchanged"),
        ("source_shift", "one source shifted; the overall distribution hides it"),
        ("instability", "small changes of a text move its embedding farther than before"),
        ("quality_drop", "scores fell although the input did not change"),
        ("similarity_shift", "answers match their queries less although the input did not change"),
        ("model_age", "nothing shifted, but the champion is old"),
        ("fresh_data", "nothing shifted, but new labelled pairs are available"),
    ):
        if name in fired:
            cause = fired[name].cause or "none"
            if name in ("quality_drop", "similarity_shift"):
                return _lost(cause, why, name, fine_tuned)
            found = _explanation(cause, why, (name,))
            return replace(found, source="none") if name == "model_age" else found
    others = [signal for signal in fired.values() if signal.cause]
    if others:
        return Explanation(
            others[0].cause or "none", others[0].reason, "see the trigger", (others[0].trigger,)
        )
    return _explanation("none", "no trigger fired", ())


def _effect(signals: dict[str, Signal], name: str) -> float:
    signal = signals.get(name)
    return signal.effect if signal is not None and signal.effect is not None else 0.0


def _lost(cause: str, why: str, trigger: str, fine_tuned: bool | None) -> Explanation:
    """Return what a loss without a change of the texts points to."""
    source: Source = "unknown"
    if fine_tuned is not None:
        source = "fine-tuning" if fine_tuned else "input"
    if fine_tuned:
        why = f"{why}, and the version before answers the same queries better"
    return replace(_explanation(cause, why, (trigger,)), source=source)


def _explanation(cause: str, why: str, evidence: tuple[str, ...]) -> Explanation:
    answer = ANSWERS.get(cause, "see the trigger")
    return Explanation(cause, why, answer, evidence, _SOURCES.get(cause, "unknown"))
