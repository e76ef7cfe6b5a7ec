"""Messages and alerts: what waits to be sent, and what watching a workspace tells."""

from typing import Literal, get_args

from pipeline.results.cycle import CycleResult
from pipeline.results.moment import Moment
from pipeline.results.result import Result

AlertKind = Literal[
    "insufficient_data",
    "blocked",
    "rejected",
    "inconclusive",
    "awaiting_approval",
    "awaiting_index",
    "awaiting_canary",
    "rolled_back",
    "overused_anchors",
    "drift",
    "changed_data",
    "failed_run",
]
"""What a person may have to know of."""
ALERT_KINDS: tuple[AlertKind, ...] = get_args(AlertKind)


class MessagesStatus(Result):
    """Messages to the receivers of `[promotion]` and `[alerts]`.

    Attributes
    ----------
    waiting
        Messages that will be sent, or sent again.
    given_up
        Messages that were too old when their last attempt failed; after a month they are forgotten.
    error
        Why the latest attempt failed; empty where none did.
    """

    waiting: int = 0
    given_up: int = 0
    error: str = ""


class DeliveryResult(Result):
    """One attempt to deliver: where to, and why it failed; an empty error means that it did not."""

    channel: str
    error: str = ""


class DeliveriesResult(Result):
    """What became of a test message, for each receiver that is set."""

    deliveries: tuple[DeliveryResult, ...]

    @property
    def failed(self) -> bool:
        """Whether a receiver did not take it."""
        return any(each.error for each in self.deliveries)


class WatchEvent(Result):
    """What `anchorhold watch` tells, one per line.

    Attributes
    ----------
    event
        "started", "run" (a cycle ended), "failed" (a cycle could not be run), "busy" (somebody else
        is using the workspace), "settings" (they were read again, or could not be), "messages"
        (sent, or not), or "stopped".
    at
        When.
    message
        In one sentence.
    result
        The cycle, where one ended.
    failures
        Failures in a row.
    next_seconds
        Time until the next check for new data; None where that is not known.
    """

    event: Literal["started", "run", "failed", "busy", "settings", "messages", "stopped"]
    at: Moment
    message: str
    result: CycleResult | None = None
    failures: int = 0
    next_seconds: float | None = None
