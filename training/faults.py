"""The faults of this package that a caller can expect."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


class DataFault(ValueError):
    """Data that cannot be used; the message names the place, the value and what is allowed."""


class NonFiniteLoss(ArithmeticError):
    """A loss, a gradient or a weight is no finite number; the message names the step."""
