"""Reading records from files and data sets into the store, or into quarantine."""

from pipeline.intake.benchmarks import benchmark_sets
from pipeline.intake.intake import Intake
from pipeline.intake.report import IntakeReport
from pipeline.results import IntakeResult

__all__ = ["Intake", "IntakeReport", "IntakeResult", "benchmark_sets"]
