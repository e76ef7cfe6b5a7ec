"""A key that is in the environment only."""

import os


def key_from(variable: str) -> bytes | None:
    """Return the key that an environment variable holds; None where it is not set or empty.

    Parameters
    ----------
    variable
        Its name; "" names none.
    """
    return os.environ.get(variable, "").encode("utf-8", "surrogateescape") or None
