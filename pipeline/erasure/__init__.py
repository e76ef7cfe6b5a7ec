"""Erasing records from all that a workspace keeps, and saying that something was erased."""

from pipeline.erasure.cycle_records import erased_sentences, told
from pipeline.erasure.erase import Affected, affected, finish_erasure
from pipeline.erasure.input_files import input_places, with_lines
from pipeline.erasure.scrub import Scrubber
from pipeline.erasure.trained import ALL_REMEMBER, REMEMBERS

__all__ = [
    "ALL_REMEMBER",
    "REMEMBERS",
    "Affected",
    "Scrubber",
    "affected",
    "erased_sentences",
    "finish_erasure",
    "input_places",
    "told",
    "with_lines",
]
