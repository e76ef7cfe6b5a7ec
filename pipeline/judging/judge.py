"""How two versions are judged by people: the settings of `anchorhold judge`."""

from pydantic import Field
from pydantic.dataclasses import dataclass

from training.faults import DataFault
from training.settings import SETTINGS


@dataclass(frozen=True, config=SETTINGS)
class Judge:
    """Ask people which of two versions returns better results, where the results differ.

    Examples
    --------
    >>> Judge().results
    1
    """

    results: int = Field(default=1, ge=1, le=10)
    """Ranks that are compared: where both versions return the same there, nothing is asked."""
    shown: int = Field(default=3, ge=1, le=10)
    """Results that are shown on each side; those beyond `results` are context."""
    lines: int = Field(default=5000, ge=10)
    """Newest lines of the log from which questions are drawn."""
    margin: float = Field(default=0.05, gt=0, lt=1)
    """Smallest relevant preference, as a share of the lines of the log."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Confidence of the interval, two-sided, whenever people stop."""

    def __post_init__(self) -> None:
        """Refuse to compare what is not shown."""
        if self.results > self.shown:
            raise DataFault(
                f"judge.results must be at most judge.shown, got {self.results} of {self.shown}"
            )
