"""Taking records in from files and data sets, or into quarantine."""

from pipeline.intake.benchmarks import benchmark_sets
from pipeline.intake.intake import Intake

__all__ = ["Intake", "benchmark_sets"]
