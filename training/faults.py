"""The faults that a caller can expect; all others are bugs.

* AnchorholdError
  + DataFault: data, a name or an argument that cannot be used
    - NoEmbedding: a text for which the model gives no finite numbers
  + NonFiniteLoss: a training that diverged
  + EngineFault: the workers of an engine are lost, or none can be had
  + FolderDamaged (in `manifest`): files that are not those of their manifest
  + further ones beside their owners in `pipeline`: settings, store, registry, lock
"""


class AnchorholdError(Exception):
    """A fault that a person can correct; the message says what is wrong and what is allowed."""


class DataFault(AnchorholdError, ValueError):
    """Data that cannot be used; the message names the place, the value and what is allowed."""


class NoEmbedding(DataFault):
    """A text whose embedding is infinite or not a number; the message names model and text."""


class NonFiniteLoss(AnchorholdError, ArithmeticError):
    """A loss, a gradient or a weight is infinite or not a number; the message names the step."""


class EngineFault(AnchorholdError):
    """Work that was given to other processes or machines was not done; the message says why."""


def first_line(fault: BaseException) -> str:
    """Return the first line of a fault's message, at most 300 characters, or its kind."""
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0][:300]
