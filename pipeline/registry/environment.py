"""What MLflow reads from the environment: set for our own commands, left alone for everybody else.

MLflow decides once, when it is imported, whether it reports its use to its makers. All else is read
at each use, so a program that imports anchorhold keeps its own choice.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

_TELEMETRY = "MLFLOW_DISABLE_TELEMETRY"
_BARS = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"
_QUIET = {
    _TELEMETRY: "true",
    "DO_NOT_TRACK": "1",
    # No loader of MLflow is ever called; should one be, it must not unpickle.
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    _BARS: "false",
    # It would print to stdout, which belongs to the result.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_UNLESS_CHOSEN = {
    # A server that is restarted is waited for, for a minute. With MLflow's own seven it is four.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "5",
    # At INFO it reports every table that it creates and every version that it waits for.
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}


def quiet_environment() -> None:
    """Make MLflow private, quiet and quick to give up for the rest of this process.

    For programs that own their process, such as our commands; they call it before anything else.
    """
    os.environ.update(_QUIET)
    for name, value in _UNLESS_CHOSEN.items():
        os.environ.setdefault(name, value)
    # It would print the traceback of what it raises, too.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)


def private_import() -> AbstractContextManager[None]:
    """Keep MLflow from reporting its use when the block imports it; then restore the environment.

    Examples
    --------
    >>> before = dict(os.environ)
    >>> with private_import():
    ...     os.environ["MLFLOW_DISABLE_TELEMETRY"]
    'true'
    >>> dict(os.environ) == before
    True
    """
    return _set(_TELEMETRY, "true")


def without_progress_bars() -> AbstractContextManager[None]:
    """Keep MLflow from drawing bars while the block copies files; then restore the environment."""
    return _set(_BARS, "false")


@contextmanager
def _set(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
