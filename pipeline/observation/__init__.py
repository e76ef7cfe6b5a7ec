"""What the triggers may see of recent data beside the reference."""

from pipeline.observation.observe import Observe, queries_as_traffic

__all__ = ["Observe", "queries_as_traffic"]
