"""What MLflow says of a fault, in one sentence with what helps."""

import re

from pipeline.machine import disk_fault
from pipeline.store import shows_damage

_DAMAGED = "MLflow's database (tracking.uri) is damaged: restore a backup (`anchorhold restore`)"
_OF_MLFLOW = ("mlflow", "sqlalchemy", "alembic", "sqlite3")


def raised_by_mlflow(fault: BaseException) -> bool:
    """Say whether a fault was raised inside of MLflow, or below it.

    What MLflow reads from a damaged database makes it raise anything.
    """
    trace, module = fault.__traceback__, ""
    while trace is not None:
        named = str(trace.tb_frame.f_globals.get("__name__", ""))
        # What Python's own modules raise, their callers asked for.
        module = named if named.partition(".")[0] in (*_OF_MLFLOW, "pipeline") else module
        trace = trace.tb_next
    return module.partition(".")[0] in _OF_MLFLOW


def in_short(fault: BaseException) -> str:
    """Return the first line of what MLflow says, and what helps where that is known."""
    if (of_disk := disk_fault(fault)) is not None:
        return str(of_disk)
    said = (str(fault).strip() or type(fault).__name__).splitlines()[0]
    if shows_damage(said):
        return f"{without_password(said)}; {_DAMAGED}"
    return _of_server(said)


def _of_server(said: str) -> str:
    r"""Return what MLflow said; a server that does not answer is named with the reason alone.

    Examples
    --------
    >>> _of_server("API request to http://me:secret@host:1/api/2.0/x failed with exception "
    ...     "HTTPConnectionPool(host='host', port=1): Max retries exceeded with url: /api/2.0/x "
    ...     "(Caused by NewConnectionError('Failed: [Errno 111] Connection refused'))")
    'the server http://…@host:1 does not answer ([Errno 111] Connection refused); nothing that ...'
    """
    said = without_password(said)
    asked = re.match(r"API request to (\w+://[^/\s]+)\S* failed with (?:timeout )?exception", said)
    if asked is None:
        return said
    reason = re.search(r"\[Errno [^'\")]*|[Rr]ead timed out|too many \d+ error responses", said)
    return (
        f"the server {asked[1]} does not answer ({reason[0] if reason else 'connection cut'}); "
        "nothing that was stored is lost: once it answers, run the same command again"
    )


def without_password(uri: str) -> str:
    """Return a URI as it may be shown."""
    return re.sub(r"//[^/@]*@", "//…@", uri)
