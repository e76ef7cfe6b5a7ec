"""The strictness with which every worker reads its settings."""

from pydantic import ConfigDict

SETTINGS = ConfigDict(extra="forbid", strict=True)
"""For the dataclass of a worker: unknown settings and wrong types are refused."""
