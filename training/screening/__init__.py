"""Screening: pairs that look wrong are found before anything is trained on them."""

from training.screening.dominance import Dominance, dominant_source
from training.screening.floods import repetitions
from training.screening.instructions import speaks_to_a_model
from training.screening.label_noise import NoiseEstimate, estimate_noise
from training.screening.labelled import Finding, LabelledScreens, Past, ScreenedLabels, SourceNoise
from training.screening.ranks import FEWEST, ranks
from training.screening.strangers import strangers

__all__ = [
    "FEWEST",
    "Dominance",
    "Finding",
    "LabelledScreens",
    "NoiseEstimate",
    "Past",
    "ScreenedLabels",
    "SourceNoise",
    "dominant_source",
    "estimate_noise",
    "ranks",
    "repetitions",
    "speaks_to_a_model",
    "strangers",
]
