"""The demonstration on the documentation of the installed packages."""

from pipeline.demo.demo import FAST, FULL, Sizes, Stage, lay_out, run_demo
from pipeline.demo.simulated import simulate_demo

__all__ = ["FAST", "FULL", "Sizes", "Stage", "lay_out", "run_demo", "simulate_demo"]
