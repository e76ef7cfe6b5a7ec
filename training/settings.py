"""How every worker reads its settings."""

from pydantic import ConfigDict

SETTINGS = ConfigDict(extra="forbid", strict=True)
"""How every worker of this package reads its TOML table."""
