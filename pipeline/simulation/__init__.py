"""A simulated year: injected drift of each cause, and what the settings notice of it."""

from pipeline.simulation.corpus import Corpus, distinct
from pipeline.simulation.replay import FAST, FULL, Plan, Trial, foreseen, simulate

__all__ = ["FAST", "FULL", "Corpus", "Plan", "Trial", "distinct", "foreseen", "simulate"]
