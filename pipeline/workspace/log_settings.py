"""The table `[log]`: what of the answers of a service is kept, and how soon it is written."""

from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.settings import SETTINGS


@dataclass(frozen=True, config=SETTINGS)
class LogSettings:
    """The log of what `anchorhold serve`, or an application of your own, answers."""

    share: float = Field(default=1.0, ge=0, le=1)
    """Share of the sessions that are logged, each as a whole.

    Queries without a session are sampled one by one. 0 logs none.
    """
    flush_lines: int = Field(default=500, ge=1, le=100_000)
    """Lines after which a batch is written, before its time is up."""
    flush_seconds: float = Field(default=2.0, ge=0.05, le=3600)
    """Longest that a line waits for its batch, in seconds; a killed process loses what waits."""
    queue_lines: int = Field(default=10_000, ge=1, le=1_000_000)
    """Most lines that wait while the database is busy; further ones are dropped and counted."""
    redact: Literal["mask", "tag", "off"] = "mask"
    """What becomes of e-mail addresses, phone and card numbers, IBANs and IP addresses in texts.

    "mask" writes their kind, such as [e-mail]; "tag" adds letters that tell two values apart.
    """
    redactor: str = Field(default="", pattern=r"^$|^[\w.]+:\w+$")
    """Your own function "module:function", from text to text, called after `redact`."""
