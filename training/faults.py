"""The faults that a caller can expect; all others are mistakes of this program.

* AnchorholdError
  + DataFault: data, a name or an argument that cannot be used
  + NonFiniteLoss: a training that diverged
  + further ones beside their owners in `pipeline`: settings, store, registry, lock
"""


class AnchorholdError(Exception):
    """Something that a person can put right; the message says what is wrong and what is allowed."""


class DataFault(AnchorholdError, ValueError):
    """Data that cannot be used; the message names the place, the value and what is allowed."""


class NonFiniteLoss(AnchorholdError, ArithmeticError):
    """A loss, a gradient or a weight is no finite number; the message names the step."""
