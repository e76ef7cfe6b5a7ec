"""Reading records from files and data sets into the store, or into quarantine."""

from pipeline.intake.benchmarks import benchmark_sets
from pipeline.intake.found import Found, find_data
from pipeline.intake.intake import DATA_KEYS, Intake
from pipeline.intake.redaction import Mode as RedactionMode
from pipeline.intake.redaction import Redaction
from pipeline.intake.report import IntakeReport
from pipeline.intake.sources import find_sources, matches
from pipeline.intake.tables import is_saved
from pipeline.intake.unread import missing_files, unread_files
from pipeline.results import IntakeResult

__all__ = [
    "DATA_KEYS",
    "Found",
    "Intake",
    "IntakeReport",
    "IntakeResult",
    "Redaction",
    "RedactionMode",
    "benchmark_sets",
    "find_data",
    "find_sources",
    "is_saved",
    "matches",
    "missing_files",
    "unread_files",
]
