"""Receivers of promotions, alerts and their kinds, and how often to check for new data."""

from pydantic import Field
from pydantic.dataclasses import dataclass

from pipeline.machine.deliver import Receiver
from pipeline.machine.pace import INTERVAL, seconds_of
from pipeline.results.messages import AlertKind
from training.settings import SETTINGS


@dataclass(frozen=True, config=SETTINGS)
class PromotionReceiver(Receiver):
    """Whom to tell when another version serves: by promotion, rollback or force.

    Examples
    --------
    >>> PromotionReceiver(command=("./load-index.sh",)).ways
    ('command',)
    """

    head_file: str = Field(default="", examples=["/var/log/anchorhold/heads.jsonl"])
    """File that gets a line with the end of the promotion history after each move; "": none.

    `status`, each cycle and each move compare the history with it. Put it where those who can
    change the store and MLflow can only add lines.
    """


@dataclass(frozen=True, config=SETTINGS)
class Alerts(Receiver):
    """Whom to tell when a person is needed; one message per state, until it changes.

    Examples
    --------
    >>> Alerts(silent=("rejected",)).tells("rejected"), Alerts().tells("rejected")
    (False, True)
    """

    silent: tuple[AlertKind, ...] = Field(default=(), strict=False, examples=[["rejected"]])
    """Kinds for which no message is sent."""

    def tells(self, kind: str) -> bool:
        """Say whether a kind is told."""
        return kind not in self.silent


@dataclass(frozen=True, config=SETTINGS)
class Watch:
    """How often `anchorhold watch` runs a cycle.

    Examples
    --------
    >>> Watch(every="2h").every_seconds
    7200.0
    """

    every: str = Field(default="15m", pattern=INTERVAL, examples=["15m"])
    """Time between two checks for new data: a number and its unit, s, m, h or d.

    A cycle is run if something is new.
    """
    records: int = Field(default=0, ge=0)
    """Number of new records that starts a cycle before `every` has passed; 0: off."""
    at_least: str = Field(default="1d", pattern=INTERVAL, examples=["1d"])
    """Time after which a cycle is run although nothing is new, as models age."""
    jitter: float = Field(default=0.1, ge=0, le=0.5)
    """Share by which each wait varies by chance."""
    longest_pause: str = Field(default="6h", pattern=INTERVAL, examples=["6h"])
    """Upper limit of the wait after failures. The wait doubles with each failure in a row."""

    def __post_init__(self) -> None:
        """Refuse times that are none."""
        for name in ("every", "at_least", "longest_pause"):
            seconds_of(getattr(self, name), name)

    @property
    def every_seconds(self) -> float:
        """`every` in seconds."""
        return seconds_of(self.every, "watch.every")

    @property
    def at_least_seconds(self) -> float:
        """`at_least` in seconds."""
        return seconds_of(self.at_least, "watch.at_least")

    @property
    def longest_pause_seconds(self) -> float:
        """`longest_pause` in seconds, or `every` where that is longer."""
        return max(self.every_seconds, seconds_of(self.longest_pause, "watch.longest_pause"))
