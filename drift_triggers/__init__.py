"""Should we train now?  Arrays in, decision out: no model, disk, clock or network.

Every name below is imported at its first use, so that ``import drift_triggers`` costs nothing:

>>> from drift_triggers import ModelAge, Policy
>>> Policy().persistence, ModelAge().maximum_days
(2, 180.0)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drift_triggers.backtest import Replay, Score, Window, replay
    from drift_triggers.cause import Explanation, explain
    from drift_triggers.data_quality import DataQuality
    from drift_triggers.embedding_shift import EmbeddingShift
    from drift_triggers.feedback_loop import FeedbackLoop
    from drift_triggers.fresh_data import FreshData
    from drift_triggers.instability import Instability
    from drift_triggers.model_age import ModelAge
    from drift_triggers.out_of_distribution import OutOfDistribution
    from drift_triggers.policy import Decision, PastCheck, Policy
    from drift_triggers.preprocessing import PreprocessingChange
    from drift_triggers.quality_drop import QualityDrop
    from drift_triggers.signal import (
        FieldFacts,
        Observation,
        PairFacts,
        Preprocessing,
        Quality,
        Sample,
        Served,
        Signal,
        Space,
        Stability,
        Trigger,
    )
    from drift_triggers.similarity_shift import SimilarityShift
    from drift_triggers.slow_drift import SlowDrift
    from drift_triggers.source_shift import SourceShift
    from drift_triggers.space_mismatch import SpaceMismatch
    from drift_triggers.statistics.clusters import Cluster, new_clusters
    from drift_triggers.term_meaning import TermMeaning
    from drift_triggers.text_shape import TextShape
    from drift_triggers.vocabulary import Vocabulary

_HOMES = {
    "backtest": ("Replay", "Score", "Window", "replay"),
    "cause": ("Explanation", "explain"),
    "data_quality": ("DataQuality",),
    "embedding_shift": ("EmbeddingShift",),
    "feedback_loop": ("FeedbackLoop",),
    "fresh_data": ("FreshData",),
    "instability": ("Instability",),
    "model_age": ("ModelAge",),
    "out_of_distribution": ("OutOfDistribution",),
    "policy": ("Decision", "PastCheck", "Policy"),
    "preprocessing": ("PreprocessingChange",),
    "quality_drop": ("QualityDrop",),
    "signal": (
        *(
            "FieldFacts",
            "Observation",
            "PairFacts",
            "Quality",
            "Sample",
            "Served",
            "Signal",
            "Space",
        ),
        *("Preprocessing", "Stability", "Trigger"),
    ),
    "similarity_shift": ("SimilarityShift",),
    "slow_drift": ("SlowDrift",),
    "source_shift": ("SourceShift",),
    "space_mismatch": ("SpaceMismatch",),
    "statistics.clusters": ("Cluster", "new_clusters"),
    "term_meaning": ("TermMeaning",),
    "text_shape": ("TextShape",),
    "vocabulary": ("Vocabulary",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Cluster",
    "DataQuality",
    "Decision",
    "EmbeddingShift",
    "Explanation",
    "FeedbackLoop",
    "FieldFacts",
    "FreshData",
    "Instability",
    "ModelAge",
    "Observation",
    "OutOfDistribution",
    "PairFacts",
    "PastCheck",
    "Policy",
    "Preprocessing",
    "PreprocessingChange",
    "Quality",
    "QualityDrop",
    "Replay",
    "Sample",
    "Score",
    "Served",
    "Signal",
    "SimilarityShift",
    "SlowDrift",
    "SourceShift",
    "Space",
    "SpaceMismatch",
    "Stability",
    "TermMeaning",
    "TextShape",
    "Trigger",
    "Vocabulary",
    "Window",
    "explain",
    "new_clusters",
    "replay",
]


def __getattr__(name: str) -> Any:
    """Import the module of a public name at its first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted({*globals(), *__all__})
