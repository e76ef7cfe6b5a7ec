"""Recent data and the champion's reference, as the triggers read them."""

from pipeline.observation.click_quality import click_quality
from pipeline.observation.fields import fields_of, lacking
from pipeline.observation.measures import data_age, measures_of
from pipeline.observation.observe import (
    Accepted,
    Arrived,
    KnownQuality,
    Observe,
    changed_copies,
    queries_as_traffic,
    served_as_traffic,
)
from pipeline.observation.served import Answered, answered
from pipeline.observation.text_map import text_map

__all__ = [
    "Accepted",
    "Answered",
    "Arrived",
    "KnownQuality",
    "Observe",
    "answered",
    "changed_copies",
    "click_quality",
    "data_age",
    "fields_of",
    "lacking",
    "measures_of",
    "queries_as_traffic",
    "served_as_traffic",
    "text_map",
]
