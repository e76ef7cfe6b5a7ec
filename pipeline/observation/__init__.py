"""Recent data and the champion's reference, as the triggers read them."""

from pipeline.observation.observe import (
    Accepted,
    Arrived,
    KnownQuality,
    Observe,
    queries_as_traffic,
)

__all__ = ["Accepted", "Arrived", "KnownQuality", "Observe", "queries_as_traffic"]
